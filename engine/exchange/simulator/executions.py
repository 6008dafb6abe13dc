"""What happens when an order trades or ends: position, cash, order, protection and news in one step."""

from __future__ import annotations

from decimal import Decimal

from engine.exchange.simulator.accounts import closable
from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.ledger import Execution, book_trade, trading_fee
from engine.exchange.simulator.params import Row, plain
from engine.exchange.simulator.positions import enlarge, money, new_position, reduce
from engine.exchange.simulator.protection import Protection
from engine.exchange.simulator.records import Algo, Attachment, Fill, Order, Position
from engine.exchange.simulator.rows import algo_row, order_push
from engine.exchange.simulator.trailing import move_trigger

ZERO = Decimal(0)


class Executions:
    """Applies trades and ends to the floor's records."""

    def __init__(self, floor: Floor, protection: Protection) -> None:
        self._floor = floor
        self._protection = protection
        self.trades: list[Row] = []
        self.cause = "filled"
        self.flattened: list[Position] = []

    # ------------------------------------------------------------ trades

    def trade(self, order: Order, price: Decimal, contracts: Decimal, exec_type: str) -> Decimal:
        """Trades up to `contracts`; a reduce-only order never more than its position. Returns what traded."""
        reducible = closable(self._floor, order)
        traded = min(contracts, reducible) if order.reduce_only else contracts
        if traded <= 0:
            return ZERO
        closing = min(traded, reducible)
        closed = self._close_part(order, price, closing)
        execution = Execution(price, traded, exec_type, closed.pnl_now if closed else ZERO)
        fee = trading_fee(self._floor.spec(order.inst_id).units, execution)
        fill = book_trade(self._floor, order, execution, fee)
        if fill.fee_ccy != "USDT":
            fee = ZERO
        closing_fee = money(fee * closing / traded)
        if closed:
            self._settle(closed.position, order, fill, closing_fee)
        if traded > closing:
            self._open_part(order, fill, traded - closing, fee - closing_fee)
        self._account(order, fill)
        if closed and not closed.position.contracts:
            self._went_flat(closed.position, order)
        return traded

    def _close_part(self, order: Order, price: Decimal, contracts: Decimal) -> _Closed | None:
        position = self._floor.position(order.inst_id, order.td_mode, order.pos_side)
        if position is None or not contracts:
            return None
        return _Closed(position, reduce(position, contracts, price))

    def _open_part(self, order: Order, fill: Fill, contracts: Decimal, fee: Decimal) -> None:
        position = self._floor.position(order.inst_id, order.td_mode, order.pos_side) or new_position(
            self._floor, order
        )
        enlarge(position, contracts, fill.px)
        self._settle(position, order, fill, fee)
        self._protection.opened(order, position)

    def _settle(self, position: Position, order: Order, fill: Fill, fee: Decimal) -> None:
        position.fee += fee
        if not order.silent:
            position.trade_id = fill.trade_id
        position.u_time = self._floor.now_ms
        self._floor.keep(position)
        self._floor.touched.add(position.inst_id)

    def _account(self, order: Order, fill: Fill) -> None:
        if order.shuffle_ms and not order.filled:
            fill.listed_wall = self._floor.wall_ms() + order.shuffle_ms
        order.filled += fill.sz
        order.fill_value += fill.sz * fill.px
        order.fill_px, order.fill_sz, order.fill_time = fill.px, fill.sz, fill.ts
        order.trade_id, order.exec_type = fill.trade_id, fill.exec_type
        order.fee += fill.fee
        order.pnl += fill.pnl
        order.state = "partially_filled" if order.remaining else "filled"
        self.trades.append({"instId": order.inst_id, "tradeId": fill.trade_id})
        self._note_child(order)
        self.changed(order)

    def _note_child(self, order: Order) -> None:
        """The algo that sent this order shows what became of it."""
        algo = self._floor.algos.get(order.algo_id) if order.algo_id else None
        if algo is not None and order.ord_id in algo.ord_ids:
            algo.actual_sz, algo.actual_px = order.filled, order.avg_px
            self._floor.keep(algo)

    # ------------------------------------------------------------ ends

    def cancel(self, order: Order, source: str) -> None:
        """Ends a live order; `source` is OKX's cancelSource."""
        order.state = "canceled"
        order.cancel_source = source
        self.changed(order)

    def changed(self, order: Order, request_id: str = "", amend_result: str = "") -> None:
        """Stores and announces an order; wakes its attachments later when it has ended with something filled."""
        order.u_time = self._floor.now_ms
        if not order.live and order.filled and order.wake_wall is None and any(map(_asleep, order.attachments)):
            order.wake_wall = self._floor.wall_ms() + self._floor.attach_delay_ms(order.ord_id)
        self._floor.keep(order)
        self._floor.touched.add(order.inst_id)
        if order.silent:
            return
        units, last = self._floor.spec(order.inst_id).units, self._floor.last(order.inst_id)
        row = order_push(order, units, last, request_id, amend_result)
        self._floor.tell("orders", order.inst_id, row)

    def end_algo(self, algo: Algo, state: str, cancel_source: str = "") -> None:
        algo.state = state
        algo.cancel_source = cancel_source
        self.algo_changed(algo)

    def algo_changed(self, algo: Algo) -> None:
        algo.u_time = self._floor.now_ms
        self._floor.keep(algo)
        self._floor.touched.add(algo.inst_id)
        channel = "algo-advance" if algo.ord_type == "move_order_stop" else "orders-algo"
        row = algo_row(algo, self._floor.last(algo.inst_id), move_trigger(algo))
        self._floor.tell(channel, algo.inst_id, row)

    def _went_flat(self, position: Position, closing: Order) -> None:
        """Reduce-only orders and linked algos end with their position; ordinary algos and plain orders do not."""
        self.flattened.append(position)
        for order in list(self._floor.resting[position.inst_id].values()):
            if order is not closing and order.reduce_only and _same_book(order, position):
                self.cancel(order, "22")
        for algo in list(self._floor.armed[position.inst_id].values()):
            if (algo.cxl_on_close or algo.close_all) and _same_book(algo, position):
                self.end_algo(algo, "canceled", "21")


class _Closed:
    """A position after part of it was closed, and the profit of that part."""

    __slots__ = ("pnl_now", "position")

    def __init__(self, position: Position, pnl_now: Decimal) -> None:
        self.position = position
        self.pnl_now = pnl_now


def _asleep(attachment: Attachment) -> bool:
    return not attachment.algo_id and not attachment.fail_code


def _same_book(record: Order | Algo, position: Position) -> bool:
    return record.td_mode == position.mgn_mode and record.pos_side == position.pos_side


def acknowledgement(record: Order | Algo, now_ms: int) -> Row:
    """The accepted item of a trade endpoint."""
    ids = (
        {"ordId": record.ord_id, "clOrdId": record.client_id}
        if isinstance(record, Order)
        else {"algoId": record.algo_id, "algoClOrdId": record.client_id, "clOrdId": ""}
    )
    return {**ids, "tag": record.tag, "ts": plain(Decimal(now_ms)), "sCode": "0", "sMsg": "", "subCode": ""}
