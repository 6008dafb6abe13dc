"""The account beside its baselines: an identity that must hold to the cent, and says by how much it does not."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.clock import utc_day
from engine.db import Database
from engine.execution.intent import text
from engine.model import AccountView, Balance
from engine.outcome.totals import Totals

FIRST = "total"
"""The baseline from the first start ever; days are named YYYY-MM-DD."""


@dataclass(frozen=True, slots=True)
class Baseline:
    """Where a window begins: equity, unrealised and the ledger's sums at one moment."""

    equity: Decimal
    unrealised: Decimal
    totals: Totals


@dataclass(frozen=True, slots=True)
class Tally:
    """Counts that stand beside the money."""

    entries_today: int
    consecutive_losses: int
    open_positions: int


class Baselines:
    """Written once, never moved: a restart in the middle of a day keeps the day's beginning."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def get_or_set(self, name: str, now_ms: int, balance: Balance, totals: Totals) -> Baseline:
        row = await self._db.fetch_one("SELECT * FROM baselines WHERE day = ?", (name,))
        if row is None:
            await self._db.execute(
                "INSERT INTO baselines VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (name, now_ms, text(balance.equity), text(balance.unrealised), text(totals.realised),
                 text(totals.fees), text(totals.funding), text(totals.transfers)),
            )  # fmt: skip
            return Baseline(balance.equity, balance.unrealised, totals)
        sums = Totals(*(Decimal(row[key]) for key in ("realised", "fees", "funding", "transfers")))
        return Baseline(Decimal(row["equity"]), Decimal(row["unrealised"]), sums)


def account_view(
    balance: Balance, totals: Totals, day: Baseline, first: Baseline, tally: Tally, now_ms: int
) -> AccountView:
    """Pure. P&L excludes money moved in or out; `balanced_to` is what the ledger does not explain."""
    today, ever = totals.minus(day.totals), totals.minus(first.totals)
    day_pnl = balance.equity - day.equity - today.transfers
    total_pnl = balance.equity - first.equity - ever.transfers
    explained = ever.realised + ever.fees + ever.funding + (balance.unrealised - first.unrealised)
    return AccountView(
        equity=balance.equity,
        cash=balance.cash,
        available=balance.available,
        day=utc_day(now_ms),
        day_baseline=day.equity,
        day_pnl=day_pnl,
        day_pnl_pct=float(day_pnl / day.equity) if day.equity > 0 else 0.0,
        day_realised=today.realised,
        day_unrealised=balance.unrealised - day.unrealised,
        day_fees=today.fees,
        day_funding=today.funding,
        total_baseline=first.equity,
        total_pnl=total_pnl,
        total_realised=ever.realised,
        total_fees=ever.fees,
        total_funding=ever.funding,
        unrealised=balance.unrealised,
        balanced_to=total_pnl - explained,
        entries_today=tally.entries_today,
        consecutive_losses=tally.consecutive_losses,
        open_positions=tally.open_positions,
        margin_ratio=balance.margin_ratio,
        ts=now_ms,
    )
