"""Reading trading records: filters, retention and pages as OKX has them (okx.md §5). Newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from engine.exchange.simulator.algos import TYPES, find_algo
from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.okx_errors import parameter, refusal
from engine.exchange.simulator.orders import find_order
from engine.exchange.simulator.params import Params, Row, required, text
from engine.exchange.simulator.records import Algo, Order
from engine.exchange.simulator.rows import algo_row, bill_row, fill_row, order_row
from engine.exchange.simulator.trailing import move_trigger

_T = TypeVar("_T")

UNFILLED_MEMORY_MS = 2 * 3_600_000
"""Orders cancelled without a fill vanish from history after two hours."""


def whole(params: Params, name: str) -> int | None:
    """A non-negative integer, None when absent. Raises 51000."""
    value = text(params, name)
    if not value:
        return None
    if not value.isdecimal():
        raise parameter(name)
    return int(value)


def page(records: Iterable[_T], params: Params, cursor: Callable[[_T], int]) -> list[_T]:
    """`after` = older than, `before` = newer than, both exclusive; `limit` 1–100."""
    after, before, limit = whole(params, "after"), whole(params, "before"), whole(params, "limit")
    if limit == 0:
        raise parameter("limit")
    kept = [
        record
        for record in records
        if (after is None or cursor(record) < after) and (before is None or cursor(record) > before)
    ]
    kept.sort(key=cursor, reverse=True)
    return kept[: min(limit or 100, 100)]


def between(records: Iterable[_T], params: Params, at: Callable[[_T], int]) -> list[_T]:
    """`begin` and `end` in ms, inclusive."""
    begin, end = whole(params, "begin"), whole(params, "end")
    return [
        record for record in records if (begin is None or at(record) >= begin) and (end is None or at(record) <= end)
    ]


def matching(records: Iterable[_T], params: Params, fields: dict[str, str]) -> list[_T]:
    """Those whose attributes equal the given parameters (parameter name → attribute); absent ones filter nothing."""
    wanted = [
        (attribute, set(text(params, name).split(","))) for name, attribute in fields.items() if text(params, name)
    ]
    return [record for record in records if all(getattr(record, attribute) in values for attribute, values in wanted)]


def swaps(params: Params, *, mandatory: bool = False) -> bool:
    """Whether `instType` asks for swaps, the only kind here. Raises 50014 when it must be given."""
    inst_type = required(params, "instType") if mandatory else text(params, "instType")
    return inst_type in {"", "SWAP"}


class Queries:
    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    def order(self, params: Params) -> list[Row]:
        """Raises 51603 when there is none."""
        self._floor.spec_of(params)
        order = find_order(self._floor, params)
        if order is None or self._forgotten(order):
            raise refusal("51603")
        return [order_row(order)]

    def orders_pending(self, params: Params) -> list[Row]:
        if not swaps(params):
            return []
        resting = [order for orders in self._floor.resting.values() for order in orders.values()]
        fields = {"instId": "inst_id", "ordType": "ord_type", "state": "state"}
        return [order_row(order) for order in page(matching(resting, params, fields), params, _order_cursor)]

    def orders_history(self, params: Params, *, archive: bool = False) -> list[Row]:
        if not swaps(params, mandatory=True):
            return []
        ended = [
            order for order in self._floor.orders.values() if not order.live and (archive or not self._forgotten(order))
        ]
        fields = {"instId": "inst_id", "ordType": "ord_type", "state": "state", "category": "category"}
        found = between(matching(ended, params, fields), params, lambda order: order.c_time)
        return [order_row(order) for order in page(found, params, _order_cursor)]

    def _forgotten(self, order: Order) -> bool:
        old = self._floor.now_ms - order.u_time > UNFILLED_MEMORY_MS
        return old and order.state == "canceled" and not order.filled

    def fills(self, params: Params) -> list[Row]:
        if not swaps(params):
            return []
        fields = {"instId": "inst_id", "ordId": "ord_id", "subType": "sub_type"}
        wall = self._floor.wall_ms()
        listed = [fill for fill in self._floor.fills.values() if fill.listed_wall <= wall]
        found = between(matching(listed, params, fields), params, lambda fill: fill.ts)
        return [fill_row(fill) for fill in page(found, params, lambda fill: int(fill.bill_id))]

    def bills(self, params: Params) -> list[Row]:
        if not swaps(params):
            return []
        fields = {"instId": "inst_id", "type": "type", "subType": "sub_type", "mgnMode": "mgn_mode"}
        found = between(matching(self._floor.bills.values(), params, fields), params, lambda bill: bill.ts)
        return [bill_row(bill) for bill in page(found, params, lambda bill: int(bill.bill_id))]

    def algos_pending(self, params: Params) -> list[Row]:
        algos = [algo for drawer in self._floor.armed.values() for algo in drawer.values()]
        return self._algo_page(algos, params)

    def algos_history(self, params: Params) -> list[Row]:
        """`state` xor `algoId`. Raises 50015."""
        if bool(text(params, "state")) == bool(text(params, "algoId")):
            raise refusal("50015", name="state", other="algoId")
        return self._algo_page([algo for algo in self._floor.algos.values() if not algo.live], params)

    def _algo_page(self, algos: list[Algo], params: Params) -> list[Row]:
        asked = set(required(params, "ordType").split(","))
        if not asked <= TYPES | {"chase", "iceberg", "twap", "smart_iceberg"}:
            raise parameter("ordType")
        if not swaps(params):
            return []
        fields = {"ordType": "ord_type", "instId": "inst_id", "algoId": "algo_id", "algoClOrdId": "client_id",
                  "state": "state"}  # fmt: skip
        found = page(matching(algos, params, fields), params, lambda algo: int(algo.algo_id))
        return [self.algo_row(algo) for algo in found]

    def algo(self, params: Params) -> list[Row]:
        """Raises 51603 when there is none."""
        algo = find_algo(self._floor, params)
        if algo is None:
            raise refusal("51603")
        return [self.algo_row(algo)]

    def algo_row(self, algo: Algo) -> Row:
        return algo_row(algo, self._floor.last(algo.inst_id), move_trigger(algo))


def _order_cursor(order: Order) -> int:
    return int(order.ord_id)
