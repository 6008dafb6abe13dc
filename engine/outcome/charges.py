"""The liquidation fee: a ledger line of its own, which belongs to the trade whose position the venue took."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from functools import partial

from engine.db import Transaction
from engine.outcome.trade_fills import LIQUIDATION, ZERO

SLACK_MS = 1_000
"""The line may carry a moment just before its fill's."""

# A liquidation's own executions are lines of the same kind: those have a fill, and carry its profit.
_CHARGES = "FROM bills WHERE kind = 'liquidation' AND bill_id NOT IN (SELECT bill_id FROM fills)"


async def claim_charges(tx: Transaction, inst_id: str) -> str | None:
    """Gives each charge on an instrument to the trade of the forced fill nearest to it, a stranger's to nobody; the
    last trade that got one, None = none did. Also right when the charge was told before its fill."""
    trade_id: str | None = None
    rows = await tx.fetch_all(
        f"SELECT bill_id, pnl, ts {_CHARGES} AND inst_id = ? AND booked_to IS NULL ORDER BY ts", (inst_id,)
    )
    for row in rows:
        forced = await tx.fetch_all(
            "SELECT booked_to, bill_id, ts FROM fills WHERE inst_id = ? AND liquidation = ? AND ts <= ?",
            (inst_id, LIQUIDATION, row["ts"] + SLACK_MS),
        )
        owner = min(forced, key=partial(_apart, row), default=None)
        if Decimal(row["pnl"]) != 0 or owner is None or owner["booked_to"] is None:
            continue
        trade_id = str(owner["booked_to"])
        await tx.execute("UPDATE bills SET booked_to = ? WHERE bill_id = ?", (trade_id, row["bill_id"]))
    return trade_id


def _apart(charge: sqlite3.Row, fill: sqlite3.Row) -> tuple[int, int]:
    """By time, and in the same moment by the venue's ids, which are numbers that grow."""
    ids = [str(row["bill_id"]) for row in (fill, charge)]
    between = abs(int(ids[0]) - int(ids[1])) if all(bill_id.isdigit() for bill_id in ids) else 0
    return abs(fill["ts"] - charge["ts"]), between


async def charged(tx: Transaction, trade_id: str) -> Decimal:
    """What the venue charged a trade for its liquidation, in USDT, negative or 0."""
    rows = await tx.fetch_all(f"SELECT change {_CHARGES} AND booked_to = ?", (trade_id,))
    return sum((Decimal(row["change"]) for row in rows), ZERO)
