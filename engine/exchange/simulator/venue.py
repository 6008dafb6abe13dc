"""The simulated venue: OKX's trading and account endpoints as plain synchronous methods, without sockets.

A method takes the request's parameters as received and returns OKX's rows. Reads and settings raise OkxError;
trade endpoints put a refusal into the item (`sCode`, `sMsg`) instead. Whatever a call changed is on disk before
it returns and before anybody is told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from engine.exchange.simulator.account_desk import AccountDesk
from engine.exchange.simulator.account_rows import balance_row, flash_row, position_row
from engine.exchange.simulator.accounts import wallet
from engine.exchange.simulator.algo_desk import AlgoDesk
from engine.exchange.simulator.dead_man import DeadManSwitch
from engine.exchange.simulator.door import lift, status_rows, turned_away
from engine.exchange.simulator.executions import Executions
from engine.exchange.simulator.faults.orders import AttachFails, OrderFaults
from engine.exchange.simulator.faults.plan import FaultPlan
from engine.exchange.simulator.faults.spec import Fault, FaultKind, When
from engine.exchange.simulator.floor import Floor, PrivateEvent
from engine.exchange.simulator.ledger_report import ledger_report
from engine.exchange.simulator.market import Market
from engine.exchange.simulator.okx_errors import OkxError, parameter, refusal
from engine.exchange.simulator.order_desk import OrderDesk
from engine.exchange.simulator.outside import Outside
from engine.exchange.simulator.params import Params, Row, text
from engine.exchange.simulator.protection import Protection
from engine.exchange.simulator.queries import Queries
from engine.exchange.simulator.store import StateStore
from engine.exchange.simulator.timeline import Timeline

__all__ = ["OkxError", "PrivateEvent", "Venue"]

Handler = Callable[[Params], Row]
BATCH, ALGO_BATCH = 20, 10


class Venue:
    """One account at one market.

    `wall_ms` reads the wall clock: attached stops wake and dead-man switches fire by it; everything else runs in
    venue time. `seed` spreads the waking delays. A store with records restores the venue they describe. `faults` is
    the plan of what goes wrong with orders, and of what is done to the venue when.
    """

    def __init__(
        self,
        market: Market,
        equity: Decimal,
        wall_ms: Callable[[], int],
        store: StateStore,
        seed: int,
        faults: FaultPlan | None = None,
    ) -> None:
        self._plan = faults if faults is not None else FaultPlan(seed, wall_ms)
        self._floor = Floor(market, equity, wall_ms, store, seed)
        self._protection = Protection(self._floor)
        self._executions = Executions(self._floor, self._protection)
        order_faults = OrderFaults(self._plan)
        self._orders = OrderDesk(self._floor, self._executions, order_faults)
        self._algos = AlgoDesk(self._floor, self._executions, self._orders, order_faults)
        self._timeline = Timeline(self._floor, self._executions, self._orders, self._algos)
        self._account = AccountDesk(self._floor)
        self._outside = Outside(self._floor, self._executions, self._orders, self._account, self._timeline)
        self._dead_man = DeadManSwitch(self._floor, self._orders)
        self._sinks: list[Callable[[PrivateEvent], None]] = []
        queries = Queries(self._floor)
        self.order = queries.order
        self.orders_pending = queries.orders_pending
        self.orders_history = queries.orders_history
        self.fills = queries.fills
        self.bills = queries.bills
        self.algos_pending = queries.algos_pending
        self.algos_history = queries.algos_history
        self.algo = queries.algo
        self.positions = self._account.positions
        self.positions_history = self._account.positions_history
        self.trade_fee = self._account.trade_fee
        self.max_size = self._account.max_size
        self.max_avail_size = self._account.max_avail_size
        self.leverage_info = self._account.leverage_info
        self.price_limit = self._account.price_limit
        self.position_tiers = self._account.position_tiers

    # ------------------------------------------------------------ time

    @property
    def now_ms(self) -> int:
        """Venue time, ms since 1970-01-01 UTC."""
        return self._floor.now_ms

    def advance(self, to_ms: int) -> None:
        """Goes to `to_ms` through every trigger, fill, settlement and liquidation; never back."""
        if to_ms > self._floor.now_ms:
            with self._writing():
                self._timeline.advance(to_ms)

    def tick(self, wall_ms: int) -> None:
        """Does what is due at this wall time: attached TP/SL wake, held-back orders go on, dead-man switches fire,
        triggers hear again, ordered acts happen."""
        floor = self._floor
        waking = [one for one in floor.asleep.values() if one.wake_wall is not None and one.wake_wall <= wall_ms]
        resuming = [one for one in floor.paced.values() if one.rest_wall is not None and one.rest_wall <= wall_ms]
        hearing = 0 < floor.world.deaf_until <= wall_ms
        acts = self._plan.due(wall_ms)
        if not (waking or resuming or hearing or acts or self._dead_man.due(wall_ms)):
            return
        with self._writing():
            for order in waking:
                self._algos.wake(order)
            for order in resuming:
                self._orders.go_on(order)
            self._dead_man.fire(wall_ms)
            if hearing:
                self._timeline.hear_again()
        for act in acts:
            with self._writing():
                self._outside.act(act)

    def close(self) -> None:
        """Stores and closes the state file."""
        self._floor.close()

    # ------------------------------------------------------------ the house

    @property
    def market(self) -> Market:
        """The market as it is traded here: with gaps, changed terms and intervals."""
        return self._floor.market

    @property
    def skew_ms(self) -> int:
        """How far the gateway's clock is ahead of the wall."""
        return self._floor.world.skew_ms

    def turned_away(self, method: str, path: str, *, signed: bool) -> OkxError | None:
        """The refusal that such a request meets at the door, whatever it asks for."""
        return turned_away(self._floor, method, path, signed=signed)

    def lift(self) -> None:
        """Ends what an ordered fault left closed; prices and contract terms stay as they have become."""
        with self._writing():
            lift(self._floor)

    def system_status(self, params: Params) -> list[Row]:
        """GET /api/v5/system/status."""
        return status_rows(self._floor, params)

    # ------------------------------------------------------------ what is told

    def subscribe(self, sink: Callable[[PrivateEvent], None]) -> None:
        """`sink` hears every private change, in order, after it is on disk."""
        self._sinks.append(sink)

    def ledger_report(self) -> dict[str, Any]:
        """GET /sim/ledger: what happened here and how well it was protected; the totals balance."""
        return ledger_report(self._floor, self._protection)

    def balance_and_position_snapshot(self) -> Row:
        return flash_row(self._floor, "snapshot", list(self._floor.positions.values()), [])

    def fail_attached(self, code: str, count: int = 1) -> None:
        """The attached TP/SL of the next `count` orders that have one fail to be created with this failCode."""
        self._plan.arm([Fault(FaultKind.ATTACH_FAILS, AttachFails(code=code), When(times=count))])

    # ------------------------------------------------------------ account

    def account_config(self, _params: Params) -> list[Row]:
        return self._account.config()

    def balance(self, params: Params) -> list[Row]:
        row = balance_row(self._floor)
        if text(params, "ccy") and "USDT" not in text(params, "ccy").split(","):
            row["details"] = []
        return [row]

    def set_position_mode(self, params: Params) -> list[Row]:
        with self._writing():
            return self._account.set_position_mode(params)

    def set_leverage(self, params: Params) -> list[Row]:
        with self._writing():
            return self._account.set_leverage(params)

    def margin_balance(self, params: Params) -> list[Row]:
        with self._writing():
            return self._account.margin_balance(params)

    # ------------------------------------------------------------ trade

    def place_order(self, params: Params) -> list[Row]:
        return self._items(self._orders.place, [params])

    def place_orders(self, items: Sequence[Params]) -> list[Row]:
        return self._items(self._orders.place, items)

    def amend_order(self, params: Params) -> list[Row]:
        return self._items(self._orders.amend, [params])

    def amend_orders(self, items: Sequence[Params]) -> list[Row]:
        return self._items(self._orders.amend, items)

    def cancel_order(self, params: Params) -> list[Row]:
        return self._items(self._orders.cancel, [params])

    def cancel_orders(self, items: Sequence[Params]) -> list[Row]:
        return self._items(self._orders.cancel, items)

    def close_position(self, params: Params) -> list[Row]:
        with self._writing():
            return [self._orders.close_position(params)]

    def cancel_all_after(self, params: Params) -> list[Row]:
        with self._writing():
            return [self._dead_man.arm(params)]

    def place_algo(self, params: Params) -> list[Row]:
        return self._items(self._algos.place, [params], "algoId", "algoClOrdId")

    def amend_algo(self, params: Params) -> list[Row]:
        return self._items(self._algos.amend, [params], "algoId", "algoClOrdId")

    def cancel_algos(self, items: Sequence[Params]) -> list[Row]:
        return self._items(self._algos.cancel, items, "algoId", "algoClOrdId", most=ALGO_BATCH)

    # ------------------------------------------------------------ one change

    def _items(
        self,
        handler: Handler,
        items: Sequence[Params],
        id_name: str = "ordId",
        client_name: str = "clOrdId",
        most: int = BATCH,
    ) -> list[Row]:
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            raise refusal("50002")
        if not 1 <= len(items) <= most:
            raise parameter("data")
        rows = []
        with self._writing():
            for params in items:
                try:
                    rows.append(handler(params))
                except OkxError as refused:
                    rows.append(self._refused(params, refused, id_name, client_name))
        return rows

    def _refused(self, params: Params, refused: OkxError, id_name: str, client_name: str) -> Row:
        return {
            id_name: text(params, id_name),
            client_name: text(params, client_name),
            "tag": text(params, "tag"),
            "ts": str(self._floor.now_ms),
            "sCode": refused.code,
            "sMsg": refused.msg,
            "subCode": "",
        }

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Afterwards: cover compared, everything stored in one transaction, then told."""
        try:
            yield
        finally:
            self._protection.observe(self._floor.touched)
            self._announce()
            self._floor.flush()
            news, self._floor.news = self._floor.news, []
            for event in news:
                for sink in self._sinks:
                    sink(event)

    def _announce(self) -> None:
        """Positions and account after a change, merged as the venue's pushes are."""
        floor = self._floor
        flattened, self._executions.flattened = self._executions.flattened, []
        trades, self._executions.trades = self._executions.trades, []
        cause, self._executions.cause = self._executions.cause, "filled"
        funded, self._timeline.funded = self._timeline.funded, False
        touched = [one for inst_id in sorted(floor.touched) for one in floor.positions_of(inst_id)]
        floor.touched.clear()
        if not (trades or funded or touched or flattened):
            return
        moved = [*touched, *flattened]
        now = wallet(floor)
        for position in moved:
            floor.tell("positions", position.inst_id, position_row(floor, position, now))
        floor.tell("account", "", balance_row(floor))
        if trades or funded:
            floor.tell("balance_and_position", "", flash_row(floor, cause if trades else "funding_fee", moved, trades))
