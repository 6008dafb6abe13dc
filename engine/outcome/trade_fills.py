"""An open trade as the sum of its booked fills."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from engine.db import Transaction
from engine.execution.intent import number
from engine.model import Side

ZERO = Decimal(0)
LIQUIDATION, ADL = 1, 2  # what the column `liquidation` of a fill says; 0 = nobody forced it
FOR_EVER = 1 << 62


@dataclass(frozen=True, slots=True)
class TradeFills:
    """An open trade's executions: signed quantity in contracts, money in USDT."""

    trade_id: str
    ticker: str
    inst_id: str
    contract_units: Decimal
    strength: float | None
    opened_at: int
    opened: Decimal
    bought: Decimal
    sold: Decimal
    buy_value: Decimal
    sell_value: Decimal
    pnl: Decimal
    fees: Decimal
    liquidated: bool
    deleveraged: bool
    last_sell_price: Decimal | None
    last_sell_client_id: str
    last_sell_at: int | None

    @property
    def quantity(self) -> Decimal:
        return self.bought - self.sold

    @property
    def ended(self) -> bool:
        """Flat, or turned into a short by one order of a stranger, which is a position of theirs."""
        turned = self.quantity < 0 and self.bought >= self.opened > 0
        return self.bought > 0 and (self.quantity == 0 or turned)


async def fills_of(tx: Transaction, trade_id: str, until: int = FOR_EVER) -> TradeFills:
    trade = await tx.fetch_one("SELECT * FROM trades WHERE trade_id = ?", (trade_id,))
    assert trade is not None
    rows = await tx.fetch_all(
        "SELECT * FROM fills WHERE booked_to = ? AND ts <= ? ORDER BY ts, rowid", (trade_id, until)
    )
    buys = [row for row in rows if row["side"] == Side.BUY.value]
    sells = [row for row in rows if row["side"] == Side.SELL.value]
    last = sells[-1] if sells else None
    bought, sold = _sum(buys, "contracts"), _sum(sells, "contracts")
    # What a last sell closed beyond the trade is not of it, and neither is its share of the fee.
    beyond = ZERO
    if last is not None and sold > bought >= Decimal(trade["contracts"]) > 0:
        beyond = Decimal(last["fee"]) * min(Decimal(1), (sold - bought) / Decimal(last["contracts"]))
    return TradeFills(
        trade_id=trade_id,
        ticker=trade["ticker"],
        inst_id=trade["inst_id"],
        contract_units=Decimal(trade["contract_units"]),
        strength=trade["strength"],
        opened_at=trade["opened_at"],
        opened=Decimal(trade["contracts"]),
        bought=bought,
        sold=sold,
        buy_value=sum((Decimal(r["contracts"]) * Decimal(r["price"]) for r in buys), ZERO),
        sell_value=sum((Decimal(r["contracts"]) * Decimal(r["price"]) for r in sells), ZERO),
        pnl=_sum(rows, "pnl"),
        fees=_sum(rows, "fee") - beyond,
        liquidated=any(r["liquidation"] == LIQUIDATION for r in sells),
        deleveraged=any(r["liquidation"] == ADL for r in sells),
        last_sell_price=number(last["price"]) if last else None,
        last_sell_client_id=last["client_id"] if last else "",
        last_sell_at=last["ts"] if last else None,
    )


def _sum(rows: Iterable[sqlite3.Row], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), ZERO)
