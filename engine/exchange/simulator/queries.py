"""Reading trading records: filters, retention and pages as OKX has them (okx.md §5). Newest first."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from engine.exchange.simulator.algos import TYPES, find_algo
from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.okx_errors import parameter, refusal
from engine.exchange.simulator.orders import find_order
from engine.exchange.simulator.params import Params, Row, required, text
from engine.exchange.simulator.records import Algo, Bill, Fill, Order
from engine.exchange.simulator.rows import algo_row, bill_row, fill_row, order_row
from engine.exchange.simulator.trailing import move_trigger

_T = TypeVar("_T")
_Kept = TypeVar("_Kept", Order, Algo, Fill, Bill)

MOST = 100
"""Rows on a page."""

FILLS_MS = 3 * 86_400_000
"""How far back trade/fills goes; fills-history goes further."""

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
        fields = {"instId": "inst_id", "ordType": "ord_type", "state": "state", "category": "category"}

        def chosen(orders: Iterable[Order]) -> list[Order]:
            ended = [one for one in orders if not one.live and (archive or not self._forgotten(one))]
            return between(matching(ended, params, fields), params, lambda order: order.c_time)

        found = self._search(Order, self._floor.orders, params, chosen, lambda one: one.c_time, archive)
        return [order_row(order) for order in found]

    def _search(
        self,
        kind: type[_Kept],
        at_hand: Mapping[str, _Kept],
        params: Params,
        chosen: Callable[[Iterable[_Kept]], list[_Kept]],
        at: Callable[[_Kept], int],
        archive: bool,
    ) -> list[_Kept]:
        """A page of what is at hand and, in an archive, of what is older."""
        found = page(chosen(at_hand.values()), params, _cursor)
        if not archive:
            return found
        begin = whole(params, "begin") or 0
        missing = min(whole(params, "limit") or MOST, MOST) - len(found)
        older = self._floor.archive.older(
            kind,
            at_hand,
            wanted=lambda one: bool(page(chosen([one]), params, _cursor)),
            still=lambda one: at(one) >= begin,
            most=missing,
        )
        return sorted(found + older, key=_cursor, reverse=True)

    def _forgotten(self, order: Order) -> bool:
        old = self._floor.now_ms - order.u_time > UNFILLED_MEMORY_MS
        return old and order.state == "canceled" and not order.filled

    def fills(self, params: Params, *, archive: bool = False) -> list[Row]:
        """Three days; as an archive, all."""
        if not swaps(params):
            return []
        fields = {"instId": "inst_id", "ordId": "ord_id", "subType": "sub_type"}
        wall, oldest = self._floor.wall_ms(), 0 if archive else self._floor.now_ms - FILLS_MS

        def chosen(fills: Iterable[Fill]) -> list[Fill]:
            listed = [one for one in fills if one.listed_wall <= wall and one.ts >= oldest]
            return between(matching(listed, params, fields), params, lambda fill: fill.ts)

        found = self._search(Fill, self._floor.fills, params, chosen, lambda fill: fill.ts, archive)
        return [fill_row(fill) for fill in found]

    def bills(self, params: Params, *, archive: bool = False) -> list[Row]:
        """A week; as an archive, all."""
        if not swaps(params):
            return []
        fields = {"instId": "inst_id", "type": "type", "subType": "sub_type", "mgnMode": "mgn_mode"}

        def chosen(bills: Iterable[Bill]) -> list[Bill]:
            return between(matching(bills, params, fields), params, lambda bill: bill.ts)

        found = self._search(Bill, self._floor.bills, params, chosen, lambda bill: bill.ts, archive)
        return [bill_row(bill) for bill in found]

    def algos_pending(self, params: Params) -> list[Row]:
        algos = [algo for drawer in self._floor.armed.values() for algo in drawer.values()]
        return self._algo_page(algos, params)

    def algos_history(self, params: Params) -> list[Row]:
        """`state` xor `algoId`. Raises 50015."""
        if bool(text(params, "state")) == bool(text(params, "algoId")):
            raise refusal("50015", name="state", other="algoId")
        return self._algo_page(self._floor.algos.values(), params, history=True)

    def _algo_page(self, algos: Iterable[Algo], params: Params, *, history: bool = False) -> list[Row]:
        asked = set(required(params, "ordType").split(","))
        if not asked <= TYPES | {"chase", "iceberg", "twap", "smart_iceberg"}:
            raise parameter("ordType")
        if not swaps(params):
            return []
        fields = {"ordType": "ord_type", "instId": "inst_id", "algoId": "algo_id", "algoClOrdId": "client_id",
                  "state": "state"}  # fmt: skip

        def chosen(some: Iterable[Algo]) -> list[Algo]:
            return matching([one for one in some if one.live != history], params, fields)

        at_hand = {algo.algo_id: algo for algo in algos}
        found = self._search(Algo, at_hand, params, chosen, lambda algo: algo.c_time, history)
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


def _cursor(record: Order | Fill | Bill | Algo) -> int:
    return int(record.key)
