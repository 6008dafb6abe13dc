"""The direction streaks, across restarts."""

from __future__ import annotations

from engine.db import Database
from engine.experts.streak import Streak


class StreakStore:
    """One row a ticker."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def all(self) -> dict[str, Streak]:
        rows = await self._db.fetch_all("SELECT ticker, value, bar_ts FROM streaks")
        return {row["ticker"]: Streak(row["value"], row["bar_ts"]) for row in rows}

    async def put(self, ticker: str, streak: Streak) -> None:
        """An older bar never replaces a newer one."""
        await self._db.execute(
            "INSERT INTO streaks VALUES (?, ?, ?) ON CONFLICT (ticker) DO UPDATE SET value = excluded.value,"
            " bar_ts = excluded.bar_ts WHERE excluded.bar_ts >= streaks.bar_ts",
            (ticker, streak.value, streak.bar_ts),
        )
