"""The cash ledger: every change of cash is a bill, and the totals always balance with it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.exchange.simulator.accounts import MAKER, TAKER
from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.positions import money
from engine.exchange.simulator.records import Bill, Fill, Order, Position

ZERO = Decimal(0)

TRADE, DELIVERY, LIQUIDATION, FUNDING, ADL = "2", "3", "5", "8", "9"
FUNDING_PAID, FUNDING_RECEIVED = "173", "174"
LIQUIDATION_FEE = "109"
_KINDS = {"full_liquidation": LIQUIDATION, "partial_liquidation": LIQUIDATION, "adl": ADL, "delivery": DELIVERY}
"""Bill type by the category of the order; a normal one is a trade."""

_SIDES = (("sell", "long"), ("buy", "short"), ("buy", "net"), ("sell", "net"))
_SUBTYPES = {
    "normal": {
        ("buy", "net"): "1",
        ("sell", "net"): "2",
        ("buy", "long"): "3",
        ("sell", "short"): "4",
        ("sell", "long"): "5",
        ("buy", "short"): "6",
    },
    "partial_liquidation": dict(zip(_SIDES, ("100", "101", "102", "103"), strict=True)),
    "full_liquidation": dict(zip(_SIDES, ("104", "105", "106", "107"), strict=True)),
    "adl": dict(zip(_SIDES, ("125", "126", "127", "128"), strict=True)),
    "delivery": dict(zip(_SIDES, ("112", "113", "113", "112"), strict=True)),
}
FOREIGN_USDT = Decimal(50)
"""What one coin of another fee currency is taken for."""


@dataclass(frozen=True, slots=True)
class Execution:
    """A part of an order that traded: `exec_type` T taker or M maker, `pnl` the profit of what it closed."""

    px: Decimal
    sz: Decimal
    exec_type: str
    pnl: Decimal

    @property
    def fee_rate(self) -> Decimal:
        """As OKX writes it: negative = paid."""
        return -MAKER if self.exec_type == "M" else -TAKER


def trading_fee(units: Decimal, execution: Execution) -> Decimal:
    """USDT, negative = paid."""
    return money(execution.sz * units * execution.px * execution.fee_rate)


def book_trade(floor: Floor, order: Order, execution: Execution, fee: Decimal) -> Fill:
    """Books one trade: cash, bill and fill. A fee in another currency touches no USDT."""
    trade_id = floor.next_id()
    at_home = order.fee_ccy == "USDT"
    told = fee if at_home else money(fee / FOREIGN_USDT)
    fee = fee if at_home else ZERO
    bill = _bill(
        floor,
        kind=_KINDS.get(order.category, TRADE),
        sub_type=_SUBTYPES[order.category][(order.side, order.pos_side)],
        inst_id=order.inst_id,
        mgn_mode=order.td_mode,
        pnl=execution.pnl,
        fee=fee,
    )
    bill.sz, bill.px, bill.exec_type = execution.sz, execution.px, execution.exec_type
    bill.ord_id, bill.client_id, bill.tag, bill.trade_id = order.ord_id, order.client_id, order.tag, trade_id
    floor.account.realised += execution.pnl
    floor.account.fees += fee
    fill = Fill(
        trade_id=trade_id,
        bill_id=bill.bill_id,
        ord_id=order.ord_id,
        client_id=order.client_id,
        tag=order.tag,
        inst_id=order.inst_id,
        side=order.side,
        pos_side=order.pos_side,
        px=execution.px,
        sz=execution.sz,
        exec_type=execution.exec_type,
        fee=told,
        fee_rate=execution.fee_rate,
        pnl=execution.pnl,
        sub_type=bill.sub_type,
        mark_px=bill.mark_px,
        idx_px=floor.index(order.inst_id),
        ts=floor.now_ms,
        fee_ccy=order.fee_ccy,
    )
    floor.keep(bill)
    floor.keep(fill)
    return fill


def book_funding(floor: Floor, position: Position, amount: Decimal) -> Bill:
    """`amount` in USDT, negative = paid."""
    bill = _bill(
        floor,
        kind=FUNDING,
        sub_type=FUNDING_PAID if amount < 0 else FUNDING_RECEIVED,
        inst_id=position.inst_id,
        mgn_mode=position.mgn_mode,
        pnl=amount,
        fee=ZERO,
    )
    bill.sz, bill.px = position.size, bill.mark_px
    floor.account.funding += amount
    floor.keep(bill)
    return bill


def book_penalty(floor: Floor, position: Position, amount: Decimal) -> Bill:
    """The liquidation fee, negative; it counts among the fees."""
    bill = _bill(
        floor,
        kind=LIQUIDATION,
        sub_type=LIQUIDATION_FEE,
        inst_id=position.inst_id,
        mgn_mode=position.mgn_mode,
        pnl=ZERO,
        fee=amount,
    )
    floor.account.fees += amount
    floor.account.penalties += amount
    floor.keep(bill)
    return bill


def _bill(floor: Floor, *, kind: str, sub_type: str, inst_id: str, mgn_mode: str, pnl: Decimal, fee: Decimal) -> Bill:
    """Moves cash by `pnl` + `fee` and writes the line; the caller adds what it is about and keeps it."""
    change = pnl + fee
    floor.account.cash += change
    floor.keep(floor.account)
    return Bill(
        bill_id=floor.next_id(),
        type=kind,
        sub_type=sub_type,
        inst_id=inst_id,
        mgn_mode=mgn_mode,
        sz=ZERO,
        px=ZERO,
        pnl=pnl,
        fee=fee,
        bal_chg=change,
        bal=floor.account.cash,
        ord_id="",
        client_id="",
        trade_id="",
        exec_type="",
        tag="",
        mark_px=floor.mark(inst_id),
        ts=floor.now_ms,
    )
