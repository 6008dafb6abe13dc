"""Orders: placed, matched, amended, cancelled; positions closed at market."""

from __future__ import annotations

from decimal import Decimal

from engine.exchange.simulator.accounts import opening_part, wallet
from engine.exchange.simulator.executions import Executions, acknowledgement
from engine.exchange.simulator.faults.orders import OrderFaults
from engine.exchange.simulator.floor import Floor, opposite
from engine.exchange.simulator.legs import check_attached, read_leg
from engine.exchange.simulator.matching import crosses, hit, in_parts, market_bound, take
from engine.exchange.simulator.okx_errors import OkxError, parameter, refusal
from engine.exchange.simulator.orders import (
    MARKET_TYPES,
    admit,
    check_free,
    check_order_size,
    check_price,
    check_reducing,
    find_order,
    position_side,
    read_order,
)
from engine.exchange.simulator.params import Params, Row, choice, client_id, flag, number, on_grid, plain, tag_of, text
from engine.exchange.simulator.records import Attachment, Order, Position

SHALLOW, DEEP = 20, 400
PLACE, CLOSE = "/api/v5/trade/order", "/api/v5/trade/close-position"


class OrderDesk:
    def __init__(self, floor: Floor, executions: Executions, faults: OrderFaults) -> None:
        self._floor = floor
        self._executions = executions
        self._faults = faults

    # ------------------------------------------------------------ placing

    def place(self, params: Params) -> Row:
        """The acknowledged item. Raises OkxError."""
        order = read_order(self._floor, params)
        admit(self._floor, order)
        self._faults.mark(order, self._floor.spec(order.inst_id).lot_sz, PLACE, params)
        self.enter(order)
        return acknowledgement(order, self._floor.now_ms)

    def enter(self, order: Order) -> None:
        """An admitted order goes live, takes what it crosses, and rests or ends."""
        self._executions.changed(order)
        if order.ord_type == "post_only" and self._would_take(order):
            self._executions.cancel(order, "31")
            return
        self._match(order)
        if order.live and order.allowance is not None and order.filled >= order.allowance:
            self._hold(order)
        elif order.live:
            self._end_unless_it_rests(order)

    def _hold(self, order: Order) -> None:
        """As was ordered: the rest of it comes later, or never."""
        if order.cut_source:
            self._executions.cancel(order, order.cut_source)
            return
        order.rest_wall = self._floor.wall_ms() + order.rest_ms
        self._executions.changed(order)

    def go_on(self, order: Order) -> None:
        """The rest of an order that was held back trades now."""
        order.allowance = order.rest_wall = None
        self._match(order)
        if order.live:
            self._executions.changed(order)
            self._end_unless_it_rests(order)

    def _end_unless_it_rests(self, order: Order) -> None:
        if order.ord_type in MARKET_TYPES:
            self._executions.cancel(order, "27")
        elif order.ord_type in {"ioc", "fok"}:
            self._executions.cancel(order, "14")
        elif order.reduce_only:
            self._end_if_nothing_to_reduce(order)

    def _would_take(self, order: Order) -> bool:
        best = next(iter(self._floor.levels(order.inst_id, order.side, 1)), None)
        return best is not None and order.px is not None and crosses(order.side, order.px, best.price)

    def _match(self, order: Order) -> None:
        wanted = _wanted(order)
        levels = self._floor.levels(order.inst_id, order.side, SHALLOW)
        if sum(level.contracts for level in levels) < wanted:
            levels = self._floor.levels(order.inst_id, order.side, DEEP)
        if not levels:
            return
        limit = market_bound(order.side, levels[0].price) if order.px is None else order.px
        matches = take(levels, order.side, wanted, limit)
        if order.ord_type == "fok" and sum(match.sz for match in matches) < wanted:
            return
        told = len(self._floor.news)
        if order.shuffle_ms:
            matches = in_parts(matches, self._floor.spec(order.inst_id).lot_sz)
        if matches:
            self._avoid_self_trade(order, matches[-1].px)
        for match in matches:
            if not self._executions.trade(order, match.px, match.sz, "T"):
                break
        if order.shuffle_ms:
            self._shuffle(order, told)

    def _shuffle(self, order: Order, told: int) -> None:
        """What has been told of this order since `told` is told last first."""
        news = self._floor.news
        places = [
            place
            for place in range(told, len(news))
            if news[place].channel == "orders" and news[place].row["ordId"] == order.ord_id
        ]
        for place, event in zip(places, [news[place] for place in reversed(places)], strict=True):
            news[place] = event

    def _avoid_self_trade(self, order: Order, worst: Decimal) -> None:
        """Own resting orders that this one would meet are cancelled (stpMode cancel_maker)."""
        for own in list(self._floor.resting[order.inst_id].values()):
            if own.side != order.side and own.px is not None and crosses(order.side, worst, own.px):
                self._executions.cancel(own, "32")

    def _end_if_nothing_to_reduce(self, order: Order) -> None:
        position = self._floor.position(order.inst_id, order.td_mode, order.pos_side)
        if position is None or position.sign == order.sign:
            self._executions.cancel(order, "22")

    # ------------------------------------------------------------ resting

    def touch(self, inst_id: str, price: float) -> None:
        """The market trades at `price`: resting orders that it reaches fill at their own price."""
        for order in list(self._floor.resting[inst_id].values()):
            if not order.live or order.rest_wall is not None or order.px is None or not reached(order, price):
                continue
            bids, asks = self._floor.market.book(inst_id, self._floor.now_ms, SHALLOW)
            levels, own = (asks, bids) if order.side == "buy" else (bids, asks)
            size = hit(levels, own[0] if own else None, order.side, order.remaining, order.px)
            self._executions.trade(order, order.px, size, "M")
            if order.live and order.reduce_only:
                self._end_if_nothing_to_reduce(order)

    # ------------------------------------------------------------ amending and cancelling

    def amend(self, params: Params) -> Row:
        """Raises OkxError; with `cxlOnFail` a failed amendment cancels the order as well."""
        order = find_order(self._floor, params)
        if order is None or not order.live:
            raise refusal("51503")
        self._floor.tradable(order.inst_id, reduces=order.reduce_only)
        try:
            changed = self._amended(order, params)
        except OkxError:
            if flag(params, "cxlOnFail"):
                self._executions.cancel(order, "0")
            raise
        request_id = text(params, "reqId")
        self._executions.changed(order, request_id, "0")
        if not order.remaining:
            order.state = "filled"
            self._executions.changed(order)
        elif changed:
            self._match(order)
        return {**acknowledgement(order, self._floor.now_ms), "reqId": request_id}

    def _amended(self, order: Order, params: Params) -> bool:
        """Applies newSz (the total, filled part included), newPx and attached prices; all or nothing."""
        spec = self._floor.spec(order.inst_id)
        size, price = number(params, "newSz"), number(params, "newPx")
        attached = params.get("attachAlgoOrds") or []
        if size is None and price is None and not attached:
            raise refusal("51500")
        if price is not None and (price <= 0 or not on_grid(price, spec.tick_sz)):
            raise parameter("newPx")
        if size is not None:
            check_order_size(spec, order.ord_type, size)
            if size < order.filled:
                raise refusal("51526")
        before = order.sz, order.px
        order.sz, order.px = size or order.sz, price or order.px
        try:
            self._check_amended(order)
            self._amend_attached(order, attached)
        except OkxError:
            order.sz, order.px = before
            raise
        return size is not None or price is not None

    def _check_amended(self, order: Order) -> None:
        """The order as it would be from now on: the wallet already counts it."""
        check_price(self._floor, self._floor.spec(order.inst_id), order)
        if order.reduce_only:
            check_reducing(self._floor, order)
        elif opening_part(self._floor, order, order.remaining) and wallet(self._floor).free < 0:
            raise refusal("51008", ccy="USDT")

    def _amend_attached(self, order: Order, elements: object) -> None:
        """New trigger prices for attached TP/SL that still sleep. Raises 51527 when there is no such one."""
        if not isinstance(elements, list) or not all(isinstance(element, dict) for element in elements):
            raise parameter("attachAlgoOrds")
        for element in elements:
            wanted = {text(element, "attachAlgoId"), text(element, "attachAlgoClOrdId")} - {""}
            found = [one for one in order.attachments if wanted & {one.attach_algo_id, one.client_id}]
            if not found:
                raise refusal("51527")
            self._amend_legs(order, found[0], element)

    def _amend_legs(self, order: Order, attachment: Attachment, element: Params) -> None:
        spec = self._floor.spec(order.inst_id)
        reference = order.px or self._floor.last(order.inst_id)
        for kind, name in (("tp", "Tp"), ("sl", "Sl")):
            if not text(element, f"new{name}TriggerPx"):
                continue
            leg = read_leg({f"new{name}OrdPx": "-1", **element}, spec, f"new{name}")
            check_attached(order, reference, kind, leg)
            if kind == "tp":
                attachment.tp = leg
            else:
                attachment.sl = leg

    def cancel(self, params: Params) -> Row:
        """Raises 51400 when it is no longer there, or never was."""
        self._floor.spec_of(params)
        order = find_order(self._floor, params)
        if order is None or not order.live:
            raise refusal("51400")
        self._executions.cancel(order, "1")
        return acknowledgement(order, self._floor.now_ms)

    def cancel_tagged(self, tag: str) -> None:
        """cancel-all-after has run out: every resting order, or those with its tag. Stops stay."""
        for orders in list(self._floor.resting.values()):
            for order in list(orders.values()):
                if not tag or order.tag == tag:
                    self._executions.cancel(order, "20")

    # ------------------------------------------------------------ closing

    def close_position(self, params: Params) -> Row:
        """Market-closes the whole position; the answer has no order id. Raises 51023, 51108, 51115, 51016."""
        spec = self._floor.spec_of(params)
        mode = choice(params, "mgnMode", frozenset({"isolated", "cross"}))
        position = self._floor.position(spec.inst_id, mode, position_side(self._floor, params))
        name, tag = client_id(params, "clOrdId"), tag_of(params)
        if position is None:
            raise refusal("51023")
        self._floor.tradable(spec.inst_id, reduces=True)
        if position.size > spec.max_mkt_sz:
            raise refusal("51108", limit=plain(spec.max_mkt_sz))
        check_free(self._floor, name)
        resting = self._closing_orders(position)
        if resting and not flag(params, "autoCxl"):
            raise refusal("51115")
        for order in resting:
            self._executions.cancel(order, "17")
        order = closing_order(self._floor, position, position.size, name=name, tag=tag)
        self._faults.mark(order, spec.lot_sz, CLOSE, params)
        self.enter(order)
        return {"instId": spec.inst_id, "posSide": position.pos_side, "clOrdId": name, "tag": tag}

    def _closing_orders(self, position: Position) -> list[Order]:
        book = (position.mgn_mode, position.pos_side, -position.sign)
        resting = self._floor.resting[position.inst_id].values()
        return [order for order in resting if (order.td_mode, order.pos_side, order.sign) == book]


def _wanted(order: Order) -> Decimal:
    """Contracts that may trade now."""
    return order.remaining if order.allowance is None else min(order.remaining, order.allowance - order.filled)


def reached(order: Order, price: float) -> bool:
    """Whether a trade at `price` touches a resting order."""
    limit = float(order.px or 0)
    return price <= limit if order.side == "buy" else price >= limit


def closing_order(floor: Floor, position: Position, contracts: Decimal, *, name: str = "", tag: str = "") -> Order:
    """A reduce-only market order against `position`."""
    return Order(
        ord_id=floor.next_id(),
        client_id=name,
        tag=tag,
        inst_id=position.inst_id,
        td_mode=position.mgn_mode,
        side=opposite("buy" if position.sign > 0 else "sell"),
        pos_side=position.pos_side,
        ord_type="market",
        sz=contracts,
        px=None,
        reduce_only=True,
        lever=position.lever,
        c_time=floor.now_ms,
        u_time=floor.now_ms,
    )
