"""Every decided ticker-bar's signals beside its close, so that what came after can be compared with them."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Mapping, Sequence

import numpy as np

from engine.db import Database
from engine.experts.signal_values import signal_values
from engine.model import MarketSnapshot, Timeframe
from engine.model.signals import GatherResult
from engine.risk.signal_quality import SignalTable

KEPT_MS = 45 * 86_400_000
"""About 73,000 rows of the whole watchlist: enough for 30 returns over 24 h that do not overlap."""
PRUNE_EVERY = 500
DIGITS = 6
NAN = float("nan")


class SignalLog:
    """Raises sqlite3.Error when the database refuses."""

    def __init__(self, db: Database, kept_ms: int = KEPT_MS, prune_every: int = PRUNE_EVERY) -> None:
        self._db = db
        self._kept_ms = kept_ms
        self._prune_every = prune_every
        self._since_prune = 0
        self._sets: dict[tuple[str, ...], int] = {}

    async def put(self, snapshot: MarketSnapshot, gathered: GatherResult) -> None:
        """One row a ticker and bar; a bar that is decided again keeps its newest signals. Without the bar's own close
        there is no row."""
        close, ticker = close_of(snapshot), snapshot.instrument.ticker
        if close is None:
            return
        values = signal_values(gathered)
        set_id = await self._set_id(tuple(values))
        await self._db.execute(
            "INSERT OR REPLACE INTO signal_rows VALUES (?, ?, ?, ?, ?)",
            (ticker, snapshot.bar_ts, close, set_id, packed(values)),
        )
        await self._prune(snapshot.bar_ts)

    async def table(self, since_ms: int = 0) -> SignalTable:
        """All rows from `since_ms` on. A signal that an older version did not measure is n/a in its rows."""
        rows = await self._db.fetch_all(
            "SELECT ticker, bar_ts, close, set_id, vals FROM signal_rows WHERE bar_ts >= ? ORDER BY bar_ts, ticker",
            (since_ms,),
        )
        sets = await self._db.fetch_all("SELECT id, names FROM signal_sets ORDER BY id")
        return await asyncio.to_thread(table_of, rows, {row["id"]: tuple(json.loads(row["names"])) for row in sets})

    async def _set_id(self, names: tuple[str, ...]) -> int:
        if names not in self._sets:
            line = json.dumps(names, allow_nan=False)
            await self._db.execute("INSERT OR IGNORE INTO signal_sets (names) VALUES (?)", (line,))
            row = await self._db.fetch_one("SELECT id FROM signal_sets WHERE names = ?", (line,))
            assert row is not None, "the set of signals was written just now"
            self._sets[names] = int(row["id"])
        return self._sets[names]

    async def _prune(self, newest_ts: int) -> None:
        self._since_prune += 1
        if self._since_prune >= self._prune_every:
            self._since_prune = 0
            await self._db.execute("DELETE FROM signal_rows WHERE bar_ts < ?", (newest_ts - self._kept_ms,))


def close_of(snapshot: MarketSnapshot) -> float | None:
    """The close of the very bar that is decided; None when its candle is not there."""
    window = snapshot.candles.get(Timeframe.M15)
    if window is None or not len(window) or int(window.ts[-1]) != snapshot.bar_ts:
        return None
    close = float(window.close[-1])
    return close if 0 < close < float("inf") else None


def packed(values: Mapping[str, float | None]) -> str:
    """Values alone, as a JSON array in the order of their names, to six significant digits; n/a is null."""
    return "[" + ",".join("null" if value is None else f"{value:.{DIGITS}g}" for value in values.values()) + "]"


def table_of(rows: Sequence[sqlite3.Row], sets: Mapping[int, tuple[str, ...]]) -> SignalTable:
    """Columns are the names of all sets that occur, the newest set's first."""
    used = [sets[number] for number in sorted({row["set_id"] for row in rows}, reverse=True)]
    names = tuple(dict.fromkeys(name for names in used for name in names))
    column = {name: place for place, name in enumerate(names)}
    tickers = {ticker: number for number, ticker in enumerate(sorted({row["ticker"] for row in rows}))}
    values = np.full((len(rows), len(names)), NAN)
    places = {number: [column[name] for name in sets[number]] for number in {row["set_id"] for row in rows}}
    for place, row in enumerate(rows):
        values[place, places[row["set_id"]]] = [NAN if value is None else value for value in json.loads(row["vals"])]
    return SignalTable(
        names=names,
        ticker=np.array([tickers[row["ticker"]] for row in rows], dtype=np.int64),
        bar=np.array([row["bar_ts"] // Timeframe.M15.ms for row in rows], dtype=np.int64),
        close=np.array([row["close"] for row in rows], dtype=np.float64),
        values=values,
    )
