"""The shadow books in SQLite: one transaction a ticker and bar, so that a crash leaves a bar measured or not at all."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from engine.clock import utc_day
from engine.db import Database, Transaction
from engine.model import ClosedTrade, Funding
from engine.model.worth import Answerer, Policy
from engine.outcome.worth.book import Book
from engine.outcome.worth.position import ShadowPosition
from engine.outcome.worth.turn import Managed
from engine.risk.history import FORTNIGHT_MS

KEPT_DAYS = 400
KEPT_TRADES_MS = 90 * 86_400_000
COUNTS = ("by_model", "by_rules", "failed", "skipped", "parted")

OTHERS_SPOKE = {
    Answerer.MODEL: "by_rules > 0 AND by_model + failed = 0",
    Answerer.RULES: "by_model + failed > 0",
    Answerer.NOBODY: "0",
}
"""Days that say nothing about this answerer: another one spoke."""


@dataclass(frozen=True, slots=True)
class Seen:
    """The last bar that was measured for a ticker, and the funding schedule as known then."""

    bar_ts: int
    funding: Funding | None


@dataclass(frozen=True, slots=True)
class Change:
    """One policy's book after a ticker's bar, and the book before it."""

    before: Book
    managed: Managed
    after: Book


@dataclass(frozen=True, slots=True)
class Days:
    """What finished days show: the days, oldest first, each policy's return on them and the trades that it closed in
    all, and what came of all questions."""

    days: tuple[str, ...]
    returns: Mapping[Policy, tuple[float, ...]]
    closed: Mapping[Policy, int]
    counts: Mapping[str, int]


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def prepare_books() -> None:
    """Builds the schemas of what is kept: a book's alone takes 100 ms, for which the first decision of a new home
    would hold up the loop."""
    for kind in (Book, ShadowPosition, ClosedTrade, Funding):
        _adapter(kind)


def _dump(kind: Any, value: object) -> str:
    return json.dumps(_adapter(kind).dump_python(value, mode="json"), allow_nan=False, separators=(",", ":"))


class ShadowStore:
    """Everything here raises sqlite3.Error when the database refuses; nothing is then half written."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def books(self) -> dict[Policy, Book]:
        """Those that exist, the model's first, with their open positions and the trades of the last 14 days."""
        rows = await self._db.fetch_all("SELECT policy, book FROM shadow_books")
        found: dict[Policy, Book] = {}
        for row in rows:
            book: Book = _adapter(Book).validate_json(row["book"])
            policy = Policy(row["policy"])
            found[policy] = replace(book, positions=await self._positions(policy), recent=await self._recent(policy))
        return {policy: found[policy] for policy in Policy if policy in found}

    async def _positions(self, policy: Policy) -> dict[str, ShadowPosition]:
        rows = await self._db.fetch_all(
            "SELECT ticker, position FROM shadow_positions WHERE policy = ?", (policy.value,)
        )
        return {row["ticker"]: _adapter(ShadowPosition).validate_json(row["position"]) for row in rows}

    async def _recent(self, policy: Policy) -> tuple[ClosedTrade, ...]:
        rows = await self._db.fetch_all(
            "SELECT trade FROM shadow_trades WHERE policy = ? AND closed_at >"
            " (SELECT max(closed_at) FROM shadow_trades WHERE policy = ?) - ? ORDER BY closed_at, rowid",
            (policy.value, policy.value, FORTNIGHT_MS),
        )
        return tuple(_adapter(ClosedTrade).validate_json(row["trade"]) for row in rows)

    async def seen(self) -> dict[str, Seen]:
        rows = await self._db.fetch_all("SELECT ticker, bar_ts, funding FROM shadow_seen")
        return {
            row["ticker"]: Seen(row["bar_ts"], row["funding"] and _adapter(Funding).validate_json(row["funding"]))
            for row in rows
        }

    async def put(
        self, ticker: str, seen: Seen, changes: Iterable[Change], day: str, counted: str, parted: bool
    ) -> None:
        """All that one ticker's bar changed. `counted` is the column of what came of the question."""
        async with self._db.transaction() as tx:
            for change in changes:
                await _put_change(tx, ticker, change)
            funding = None if seen.funding is None else _dump(Funding, seen.funding)
            await tx.execute("INSERT OR REPLACE INTO shadow_seen VALUES (?, ?, ?)", (ticker, seen.bar_ts, funding))
            numbers = [int(name == counted or (name == "parted" and parted)) for name in COUNTS]
            added = ", ".join(f"{name} = {name} + excluded.{name}" for name in COUNTS)
            await tx.execute(
                f"INSERT INTO shadow_days VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (day) DO UPDATE SET {added}",  # noqa: S608
                (day, *numbers),
            )

    async def days(self, before: str, answerer: Answerer) -> Days:
        """Days before `before` (YYYY-MM-DD) on which something was measured, less those on which only the other kind
        of answerer spoke; a policy without a line earned 0."""
        others = OTHERS_SPOKE[answerer]
        rows = await self._db.fetch_all(
            "SELECT day FROM (SELECT day FROM shadow_days UNION SELECT day FROM shadow_returns) WHERE day < ?"  # noqa: S608
            f" AND day NOT IN (SELECT day FROM shadow_days WHERE {others}) ORDER BY day",
            (before,),
        )
        days = tuple(str(row["day"]) for row in rows)
        lines = await self._db.fetch_all("SELECT policy, day, earned, closed FROM shadow_returns")
        known = {(row["policy"], row["day"]): (float(row["earned"]), int(row["closed"])) for row in lines}
        found = {policy: [known.get((policy.value, day), (0.0, 0)) for day in days] for policy in Policy}
        returns = {policy: tuple(earned for earned, _ in of_days) for policy, of_days in found.items()}
        closed = {policy: sum(count for _, count in of_days) for policy, of_days in found.items()}
        return Days(days, returns, closed, await self.counts())

    async def counts(self, day: str = "") -> dict[str, int]:
        """What came of the questions: of one day, or of all that is kept."""
        sums = ", ".join(f"coalesce(sum({name}), 0) AS {name}" for name in COUNTS)
        where, parameters = ("WHERE day = ?", (day,)) if day else ("", ())
        row = await self._db.fetch_one(f"SELECT {sums} FROM shadow_days {where}", parameters)  # noqa: S608
        return {name: 0 if row is None else int(row[name]) for name in COUNTS}

    async def latest_answerer(self) -> Answerer:
        """Who answered on the newest day that had an answer."""
        row = await self._db.fetch_one(
            "SELECT by_model + failed AS model FROM shadow_days WHERE by_model + failed + by_rules > 0"
            " ORDER BY day DESC LIMIT 1"
        )
        if row is None:
            return Answerer.NOBODY
        return Answerer.MODEL if row["model"] else Answerer.RULES

    async def prune(self, oldest_day: str, oldest_trade_ms: int) -> None:
        async with self._db.transaction() as tx:
            await tx.execute("DELETE FROM shadow_days WHERE day < ?", (oldest_day,))
            await tx.execute("DELETE FROM shadow_returns WHERE day < ?", (oldest_day,))
            await tx.execute("DELETE FROM shadow_trades WHERE closed_at < ?", (oldest_trade_ms,))


async def _put_change(tx: Transaction, ticker: str, change: Change) -> None:
    """Only what differs: most bars change nothing of most books."""
    after, policy = change.after, change.after.policy.value
    if after != change.before:
        bare = replace(after, positions={}, recent=())
        await tx.execute("INSERT OR REPLACE INTO shadow_books VALUES (?, ?)", (policy, _dump(Book, bare)))
    position = after.positions.get(ticker)
    if position is None:
        await tx.execute("DELETE FROM shadow_positions WHERE policy = ? AND ticker = ?", (policy, ticker))
    elif position != change.before.positions.get(ticker):
        await tx.execute(
            "INSERT OR REPLACE INTO shadow_positions VALUES (?, ?, ?)",
            (policy, ticker, _dump(ShadowPosition, position)),
        )
    for trade in change.managed.closed:
        await tx.execute(
            "INSERT INTO shadow_trades VALUES (?, ?, ?, ?)",
            (policy, trade.trade_id, trade.closed_at, _dump(ClosedTrade, trade)),
        )
    ended = Counter(utc_day(trade.closed_at - 1) for trade in change.managed.closed)
    for day in change.managed.earned.keys() | ended.keys():
        await tx.execute(
            "INSERT INTO shadow_returns VALUES (?, ?, ?, ?) ON CONFLICT (policy, day)"
            " DO UPDATE SET earned = earned + excluded.earned, closed = closed + excluded.closed",
            (policy, day, change.managed.earned.get(day, 0.0), ended[day]),
        )
