"""Faults in what becomes of an order: how much of it trades, what of its brackets comes to life, what is told of it.

What a fault ordered is written on the order itself when it is placed, so that it survives the venue's restart.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.exchange.simulator.faults.plan import FaultPlan
from engine.exchange.simulator.faults.spec import ORDER_KINDS, Code, DelayMs, FaultKind, Params, Share
from engine.exchange.simulator.params import floor_to
from engine.exchange.simulator.records import Algo, Order

ALGO_PATH = "/api/v5/trade/order-algo"
_PLACED = ORDER_KINDS - {FaultKind.ALGO_CHILD_REJECTED}
_BRACKETED = frozenset({FaultKind.ATTACH_FAILS, FaultKind.ONE_LEG})
"""These concern orders with attached TP/SL only."""
_CHILD = frozenset({FaultKind.ALGO_CHILD_REJECTED})

CancelSource = Annotated[str, Field(pattern=r"^\d{1,2}$")]


class PartialFill(Params):
    """`share` of the order trades at once, the rest `rest_after_ms` of wall time later at the prices of then."""

    share: Share = 0.5
    rest_after_ms: DelayMs = 1_000


class FillThenCancel(Params):
    """`share` of the order trades, the rest is cancelled (27: the slippage guard)."""

    share: Share = 0.5
    cancel_source: CancelSource = "27"


class AttachFails(Params):
    """The attached TP/SL cannot be created after the fill: `code` becomes its failCode."""

    code: Code = "51008"


class ChildRejected(Params):
    """An algo triggers and the order that it sends is refused with `code`."""

    code: Code = "51008"


class OneLeg(Params):
    """Only this leg of the attached TP/SL comes to life."""

    leg: Literal["sl", "tp"] = "tp"


class OutOfOrder(Params):
    """The order trades in at least two fills; they are told last first, and the first is listed `late_ms` of wall
    time after the others."""

    late_ms: DelayMs = 1_500


class FeeCurrency(Params):
    """The fee of every fill is taken in this currency instead of USDT."""

    ccy: Annotated[str, Field(pattern=r"^[A-Z0-9]{2,10}$")] = "OKB"


PARAMS: Mapping[FaultKind, type[Params]] = {
    FaultKind.PARTIAL_FILL: PartialFill,
    FaultKind.FILL_THEN_CANCEL: FillThenCancel,
    FaultKind.ATTACH_FAILS: AttachFails,
    FaultKind.ALGO_CHILD_REJECTED: ChildRejected,
    FaultKind.ONE_LEG: OneLeg,
    FaultKind.FILLS_OUT_OF_ORDER: OutOfOrder,
    FaultKind.FEE_CCY: FeeCurrency,
}


class OrderFaults:
    """What the plan has in store for orders."""

    def __init__(self, plan: FaultPlan) -> None:
        self._plan = plan

    def mark(self, order: Order, lot: Decimal, path: str, request: Mapping[str, Any]) -> None:
        """Writes on a new order what will become of it. `path` and `request` say how it came."""
        kinds = _PLACED if order.attachments else _PLACED - _BRACKETED
        fault = self._plan.take(kinds, method="POST", path=path, inst=order.inst_id, body=request)
        if fault is None:
            return
        match fault.params:
            case PartialFill(share=share, rest_after_ms=rest_ms):
                order.allowance, order.rest_ms = _part(order, share, lot), rest_ms
            case FillThenCancel(share=share, cancel_source=source):
                order.allowance, order.cut_source = _part(order, share, lot), source
            case AttachFails(code=code):
                for attachment in order.attachments:
                    attachment.doom = code
            case OneLeg(leg=leg):
                for attachment in order.attachments:
                    attachment.only = leg
            case OutOfOrder(late_ms=late_ms):
                order.shuffle_ms = late_ms
            case FeeCurrency(ccy=ccy):
                order.fee_ccy = ccy

    def child_code(self, algo: Algo, facts: Mapping[str, Any]) -> str:
        """The code with which the order of an algo that triggers now is refused, "" when it is not."""
        fault = self._plan.take(_CHILD, method="POST", path=ALGO_PATH, inst=algo.inst_id, body=facts)
        return fault.params.code if fault is not None and isinstance(fault.params, ChildRejected) else ""


def _part(order: Order, share: float, lot: Decimal) -> Decimal:
    """That share on the lot grid, at least one lot: an order of one lot trades whole."""
    return max(lot, floor_to(order.sz * Decimal(repr(share)), lot))
