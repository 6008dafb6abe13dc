"""Questions about closed trades: what gates, calibration, the prompt and the daily review need to know."""

from __future__ import annotations

import math
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from engine.clock import Clock
from engine.db import Database
from engine.execution.controls import CONSECUTIVE_FROM
from engine.execution.states import HOLDING, IntentState
from engine.model import ClosedTrade
from engine.reasons import Reason
from engine.risk.calibration import Outcome
from engine.risk.history import FORTNIGHT_MS, consecutive_losses, outcomes_of, ticker_return_14d
from engine.synthesis.port import Performance

DAY_MS = 86_400_000
YEAR_MS = 365 * DAY_MS
RECENT = 500


@dataclass(frozen=True, slots=True)
class Unprotected:
    """Seconds from the send of an entry to its verified bracket, at most, over `entries` measured entries."""

    entries: int
    longest_s: float | None
    p99_s: float | None


class TradeHistory:
    """Read-only."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def closed_trades(self, limit: int = RECENT) -> tuple[ClosedTrade, ...]:
        """The newest `limit`, oldest first."""
        rows = await self._db.fetch_all(
            "SELECT * FROM trades WHERE state = 'closed' ORDER BY closed_at DESC, rowid DESC LIMIT ?", (limit,)
        )
        return tuple(_closed(row) for row in reversed(rows))

    async def ticker_return(self, ticker: str) -> float:
        """Σ net ÷ mean deployed notional over 14 days, a fraction; negative = loss."""
        now = self._clock.now_ms()
        rows = await self._db.fetch_all(
            "SELECT * FROM trades WHERE state = 'closed' AND ticker = ? AND closed_at > ?", (ticker, now - FORTNIGHT_MS)
        )
        return ticker_return_14d([_closed(row) for row in rows], ticker, now)

    async def consecutive_losses(self) -> int:
        """The run of losses at the end, since a person last resumed."""
        since = await self._db.meta(CONSECUTIVE_FROM)
        return consecutive_losses(await self.closed_trades(), int(since) if since else 0)

    async def outcomes(self) -> tuple[Outcome, ...]:
        """The calibrator's table."""
        return outcomes_of(await self.closed_trades(5000))

    async def performance(self) -> Performance:
        return performance_of(await self.closed_trades())

    async def entries_on(self, now_ms: int) -> int:
        """Entries of the UTC day of `now_ms` that were filled."""
        states = [*sorted(HOLDING), IntentState.CLOSED.value]
        start = now_ms - now_ms % DAY_MS
        marks = ", ".join("?" * len(states))
        row = await self._db.fetch_one(
            f"SELECT count(*) FROM intents WHERE kind = 'entry' AND state IN ({marks})"  # noqa: S608
            " AND created_at >= ? AND created_at < ?",
            (*states, start, start + DAY_MS),
        )
        return int(row[0]) if row is not None else 0

    async def unprotected(self) -> Unprotected:
        rows = await self._db.fetch_all("SELECT unprotected_ms FROM intents WHERE unprotected_ms IS NOT NULL")
        seconds = sorted(float(row[0]) / 1000 for row in rows)
        if not seconds:
            return Unprotected(0, None, None)
        return Unprotected(len(seconds), seconds[-1], seconds[math.ceil(0.99 * len(seconds)) - 1])


def performance_of(trades: Sequence[ClosedTrade]) -> Performance:
    """Win rate in [0, 1]; Sharpe of net ÷ notional per trade, annualised by the rate at which trades closed.

    None where undefined: no trade, fewer than two, no spread, or no time between them.
    """
    count = len(trades)
    if not count:
        return Performance(0, None, None)
    wins = sum(trade.net > 0 for trade in trades) / count
    returns = [float(t.net / t.notional) for t in trades if t.notional > 0]
    span = trades[-1].closed_at - trades[0].opened_at
    if len(returns) < 2 or span <= 0:
        return Performance(count, None, wins)
    mean = math.fsum(returns) / len(returns)
    deviation = math.sqrt(math.fsum((r - mean) ** 2 for r in returns) / (len(returns) - 1))
    if deviation == 0:
        return Performance(count, None, wins)
    return Performance(count, mean / deviation * math.sqrt(len(returns) * YEAR_MS / span), wins)


def _closed(row: sqlite3.Row) -> ClosedTrade:
    return ClosedTrade(
        trade_id=row["trade_id"],
        ticker=row["ticker"],
        inst_id=row["inst_id"],
        contracts=Decimal(row["contracts"]),
        entry_price=Decimal(row["entry_price"]),
        exit_price=Decimal(row["exit_price"]),
        pnl=Decimal(row["pnl"]),
        fees=Decimal(row["fees"]),
        funding=Decimal(row["funding"]),
        net=Decimal(row["net"]),
        notional=Decimal(row["notional"]),
        strength=row["strength"],
        reason=Reason(row["reason"]),
        opened_at=row["opened_at"],
        closed_at=row["closed_at"],
    )
