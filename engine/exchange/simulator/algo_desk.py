"""Algo orders: placed, amended, cancelled, triggered; TP/SL attached to an entry wake up here."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from engine.exchange.simulator.accounts import closable
from engine.exchange.simulator.algos import SOURCES, Level, check_legs, find_algo, levels, read_algo
from engine.exchange.simulator.executions import Executions, acknowledgement
from engine.exchange.simulator.faults.orders import ALGO_PATH, OrderFaults
from engine.exchange.simulator.floor import Floor, opposite
from engine.exchange.simulator.legs import check_side, read_leg
from engine.exchange.simulator.okx_errors import OkxError, parameter, refusal, worded
from engine.exchange.simulator.order_desk import OrderDesk
from engine.exchange.simulator.orders import admit, check_size
from engine.exchange.simulator.params import Params, Row, number, plain, text
from engine.exchange.simulator.records import Algo, Attachment, Leg, Order
from engine.exchange.simulator.trailing import first_fire
from engine.model import FloatArray

ZERO = Decimal(0)


class AlgoDesk:
    def __init__(self, floor: Floor, executions: Executions, orders: OrderDesk, faults: OrderFaults) -> None:
        self._floor = floor
        self._executions = executions
        self._orders = orders
        self._faults = faults

    # ------------------------------------------------------------ placing, amending, cancelling

    def place(self, params: Params) -> Row:
        algo = read_algo(self._floor, params)
        self._executions.algo_changed(algo)
        return acknowledgement(algo, self._floor.now_ms)

    def cancel(self, params: Params) -> Row:
        """Raises 51416 when it has triggered, 51400 when it is gone or never was."""
        self._floor.spec_of(params)
        algo = find_algo(self._floor, params)
        if algo is not None and algo.state in {"effective", "order_failed"}:
            raise refusal("51416")
        if algo is None or not algo.live or algo.inst_id != text(params, "instId"):
            raise refusal("51400")
        self._executions.end_algo(algo, "canceled", "1")
        return acknowledgement(algo, self._floor.now_ms)

    def amend(self, params: Params) -> Row:
        """New sizes and prices of a live algo, all or nothing. Raises OkxError."""
        spec = self._floor.spec_of(params)
        algo = find_algo(self._floor, params)
        if algo is None or not algo.live or algo.inst_id != spec.inst_id:
            raise refusal("51503")
        self._floor.tradable(spec.inst_id, reduces=algo.reduce_only)
        before = (algo.sz, algo.tp, algo.sl, algo.trigger)
        try:
            self._amend(algo, params)
        except OkxError:
            algo.sz, algo.tp, algo.sl, algo.trigger = before
            raise
        self._executions.algo_changed(algo)
        return {**acknowledgement(algo, self._floor.now_ms), "reqId": text(params, "reqId")}

    def _amend(self, algo: Algo, params: Params) -> None:
        spec = self._floor.spec(algo.inst_id)
        size = number(params, "newSz")
        if size is not None:
            if algo.close_all:
                raise parameter("newSz")
            check_size(spec, size, spec.max_mkt_sz, "51202")
            algo.sz = size
        if algo.ord_type == "move_order_stop":
            if size is None:
                raise refusal("51500")
            return
        legs = [_amended(params, kind, leg) for kind, leg in (("tp", algo.tp), ("sl", algo.sl))]
        if size is None and legs == [None, None]:
            raise refusal("51500")
        if legs[0]:
            algo.tp = read_leg(legs[0], spec, "tp")
        if legs[1]:
            algo.sl = read_leg(legs[1], spec, "sl")
        check_legs(self._floor, algo)

    # ------------------------------------------------------------ triggering

    @property
    def deaf(self) -> bool:
        """Whether no price triggers anything now."""
        return self._floor.world.deaf_until > self._floor.wall_ms()

    def touch(self, inst_id: str, px_type: str, price: float) -> None:
        """The price of that type stands at `price`: algos that waited for it fire, oldest first."""
        if self.deaf:
            return
        for algo in list(self._floor.armed[inst_id].values()):
            level = next((one for one in levels(algo) if one.leg.px_type == px_type and one.crossed(price)), None)
            if algo.live and level is not None:
                self._fire(algo, level.leg.order_px, level)

    def trail(self, algo: Algo, prices: FloatArray) -> None:
        """A trailing stop after one more stretch of prices, the last of which is now."""
        if algo.live and not self.deaf and first_fire(algo, prices) is not None:
            self._fire(algo, None, None)

    def _fire(self, algo: Algo, order_px: Decimal | None, level: Level | None) -> None:
        """Sends the algo's order. It is `effective` when that was accepted, `order_failed` when not."""
        algo.trigger_time = self._floor.now_ms
        algo.actual_side = level.kind if level is not None and level.kind in {"tp", "sl"} else ""
        algo.state = "effective"
        self._floor.keep(algo)
        child = self._child(algo, order_px)
        try:
            code = self._faults.child_code(algo, _facts(algo))
            if code:
                raise worded(code)
            self._fit(algo, child)
            admit(self._floor, child)
        except OkxError as refused:
            algo.fail_code = refused.code
            self._executions.end_algo(algo, "order_failed")
            return
        self._faults.mark(child, self._floor.spec(algo.inst_id).lot_sz, ALGO_PATH, _facts(algo))
        algo.ord_ids.append(child.ord_id)
        self._orders.enter(child)
        self._executions.algo_changed(algo)

    def _fit(self, algo: Algo, child: Order) -> None:
        """A reduce-only child is no larger than what there is to close. Raises 51169 when that is nothing."""
        if not algo.reduce_only:
            return
        reducible = closable(self._floor, child)
        if not reducible:
            position = self._floor.position(algo.inst_id, algo.td_mode, algo.pos_side)
            raise refusal("51169" if position is None else "51170")
        child.sz = reducible if algo.close_all else min(child.sz, reducible)

    def _child(self, algo: Algo, order_px: Decimal | None) -> Order:
        return Order(
            ord_id=self._floor.next_id(),
            client_id="",
            tag=algo.tag,
            inst_id=algo.inst_id,
            td_mode=algo.td_mode,
            side=algo.side,
            pos_side=algo.pos_side,
            ord_type="market" if order_px is None else "limit",
            sz=algo.sz or ZERO,
            px=order_px,
            reduce_only=algo.reduce_only,
            lever=self._floor.leverage(algo.inst_id, algo.td_mode, algo.pos_side),
            c_time=self._floor.now_ms,
            u_time=self._floor.now_ms,
            source=SOURCES[algo.ord_type],
            algo_id=algo.algo_id,
            algo_client_id=algo.client_id,
            attachments=[replace(one) for one in algo.attachments],
        )

    # ------------------------------------------------------------ attached TP/SL

    def wake(self, parent: Order) -> None:
        """The parent has ended: its attached TP/SL become algos of their own, or fail with a reason on the parent."""
        parent.wake_wall = None
        for attachment in parent.attachments:
            size = parent.filled if attachment.sz is None else min(attachment.sz, parent.filled)
            try:
                algo = self._awakened(parent, attachment, size)
            except OkxError as refused:
                attachment.fail_code, attachment.fail_reason = refused.code, refused.msg
                continue
            attachment.algo_id = algo.algo_id
            self._executions.algo_changed(algo)
        self._executions.changed(parent)

    def _awakened(self, parent: Order, attachment: Attachment, size: Decimal) -> Algo:
        """Raises OkxError: prices already passed, or no position left to protect."""
        if attachment.doom:
            raise OkxError(attachment.doom, "The attached TP/SL order could not be created.")
        side = opposite(parent.side)
        position = self._floor.position(parent.inst_id, parent.td_mode, parent.pos_side)
        if position is None or position.sign != parent.sign:
            raise refusal("51169")
        tp = attachment.tp if attachment.only != "sl" else None
        sl = attachment.sl if attachment.only != "tp" else None
        for kind, leg in (("tp", tp), ("sl", sl)):
            check_side(self._floor, parent.inst_id, side, kind, leg)
        return Algo(
            algo_id=self._floor.next_id(),
            client_id=attachment.client_id,
            tag=parent.tag,
            inst_id=parent.inst_id,
            td_mode=parent.td_mode,
            side=side,
            pos_side=parent.pos_side,
            ord_type="oco" if tp and sl else "conditional",
            sz=size,
            close_all=False,
            reduce_only=True,
            cxl_on_close=False,
            lever=parent.lever,
            c_time=self._floor.now_ms,
            u_time=self._floor.now_ms,
            tp=tp,
            sl=sl,
            linked_ord_id=parent.ord_id,
        )


def _facts(algo: Algo) -> Row:
    return {"instId": algo.inst_id, "side": algo.side, "ordType": algo.ord_type, "algoClOrdId": algo.client_id}


def _amended(params: Params, kind: str, leg: Leg | None) -> Row | None:
    """A leg's parameters with the new values in place of the old; None when nothing is new."""
    prefix = f"new{kind.capitalize()}"
    new = {name: text(params, f"{prefix}{name}") for name in ("TriggerPx", "OrdPx", "TriggerPxType")}
    if not any(new.values()):
        return None
    if leg is None:
        raise parameter(f"{prefix}TriggerPx")
    old = {
        "TriggerPx": plain(leg.trigger_px),
        "OrdPx": "-1" if leg.order_px is None else plain(leg.order_px),
        "TriggerPxType": leg.px_type,
    }
    return {f"{kind}{name}": new[name] or value for name, value in old.items()}
