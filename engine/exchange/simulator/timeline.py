"""Venue time, walked in order: across instruments, whatever happens first happens first.

An advance is cut at funding settlements and into spans; in a span each watched instrument is asked for its next
hit (the first step of its path that reaches an order, a trigger or a liquidation price) and the earliest one is
acted on, until no instrument has one left. Spans whose extremes reach nothing are skipped without a path.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from engine.exchange.simulator import funding_settlement, liquidation
from engine.exchange.simulator.algo_desk import AlgoDesk
from engine.exchange.simulator.algos import levels
from engine.exchange.simulator.altered import SUSPENDED
from engine.exchange.simulator.executions import Executions
from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.order_desk import OrderDesk
from engine.exchange.simulator.records import Algo
from engine.exchange.simulator.trailing import first_fire, peaks_along
from engine.model import FloatArray, IntArray

SPAN_MS = 3_600_000
CROSS_SPAN_MS = 300_000
"""With cross margin every position moves the others' liquidation prices: they are looked at again this often."""

SHORT_MS = 120_000
"""Below this the path itself costs no more than its extremes."""


@dataclass(slots=True)
class Band:
    """Prices between `low` and `high` touch nothing."""

    low: float = -np.inf
    high: float = np.inf

    def wait(self, price: float, above: bool) -> None:
        if above:
            self.high = min(self.high, price)
        else:
            self.low = max(self.low, price)

    def holds(self, low: float, high: float) -> bool:
        return self.low < low and high < self.high

    def touched(self, prices: FloatArray) -> np.ndarray:
        return (prices <= self.low) | (prices >= self.high)


@dataclass(slots=True)
class Watch:
    """What one instrument waits for."""

    bands: dict[str, Band] = field(default_factory=lambda: {"last": Band(), "mark": Band(), "index": Band()})
    trailing: list[Algo] = field(default_factory=list)
    indexed: bool = False


@dataclass(slots=True)
class Stretch:
    """An instrument's path through a span. `index` is read only when something waits for it."""

    times: IntArray
    last: FloatArray
    mark: FloatArray
    index: FloatArray | None


class Timeline:
    def __init__(self, floor: Floor, executions: Executions, orders: OrderDesk, algos: AlgoDesk) -> None:
        self._floor = floor
        self._executions = executions
        self._orders = orders
        self._algos = algos
        self._funding = funding_settlement.FundingSchedule(floor)
        self.funded = False

    def advance(self, to_ms: int) -> None:
        """Moves the floor's time to `to_ms` with all that happens on the way."""
        while self._floor.now_ms < to_ms:
            watched = self._watched()
            if not watched:
                self._floor.now_ms = to_ms
                self.expire()
                return
            until = min(
                to_ms,
                self._floor.now_ms + self._span(),
                *map(self._funding.next_ms, watched),
                *self._expiries_ahead(),
            )
            self._walk(watched, until)
            self._settle()
            self.expire()
            self._liquidate_cross()

    def strike(self, inst_id: str) -> None:
        """Lets happen now what the prices of this moment bring about: they have just jumped, or count again."""
        if self._suspended(inst_id):
            return
        last = float(self._floor.last(inst_id))
        self._algos.touch(inst_id, "last", last)
        self._algos.touch(inst_id, "mark", float(self._floor.mark(inst_id)))
        self._algos.touch(inst_id, "index", float(self._floor.index(inst_id)))
        for algo in list(self._floor.armed[inst_id].values()):
            if algo.ord_type == "move_order_stop":
                self._algos.trail(algo, np.array([last]))
        self._orders.touch(inst_id, last)
        self._liquidate_due(inst_id)

    def hear_again(self) -> None:
        """Triggers were deaf for a while: what was passed meanwhile fires now."""
        self._floor.world.deaf_until = 0
        self._floor.keep(self._floor.world)
        for inst_id in self._watched():
            self.strike(inst_id)

    def reschedule(self, inst_id: str) -> None:
        """Its fundings fall on other moments from now on."""
        self._funding.forget(inst_id)

    def expire(self) -> None:
        """Contracts whose time has come: orders and algos end, positions are settled."""
        for inst_id, at in self._floor.world.expiries.items():
            if at > self._floor.now_ms:
                continue
            for order in list(self._floor.resting[inst_id].values()):
                self._executions.cancel(order, "0")
            for position in self._floor.positions_of(inst_id):
                liquidation.deliver(self._floor, self._executions, position)
            for algo in list(self._floor.armed[inst_id].values()):
                self._executions.end_algo(algo, "canceled", "0")

    def _expiries_ahead(self) -> list[int]:
        return [at for at in self._floor.world.expiries.values() if at > self._floor.now_ms]

    def _suspended(self, inst_id: str) -> bool:
        return self._floor.world.closed.get(inst_id) == SUSPENDED

    def _watched(self) -> list[str]:
        """What trades and waits for a price, or is charged funding. Nothing happens in a suspended contract."""
        floor = self._floor
        busy = {inst_id for inst_id, orders in floor.resting.items() if orders}
        busy |= {inst_id for inst_id, algos in floor.armed.items() if algos}
        busy |= {inst_id for inst_id, _, _ in floor.positions}
        return sorted(inst_id for inst_id in busy if not self._suspended(inst_id))

    def _span(self) -> int:
        crossed = sum(position.mgn_mode == "cross" for position in self._floor.positions.values())
        return CROSS_SPAN_MS if crossed > 1 else SPAN_MS

    def _settle(self) -> None:
        """Charges whoever holds a position of an instrument that settles now."""
        for inst_id in sorted({inst_id for inst_id, _, _ in self._floor.positions}):
            if not self._suspended(inst_id) and self._funding.due(inst_id):
                self.funded |= funding_settlement.settle(self._floor, inst_id)

    def _liquidate_cross(self) -> None:
        for position in list(self._floor.positions.values()):
            if position.mgn_mode == "cross" and position.contracts and liquidation.due(self._floor, position):
                liquidation.liquidate(self._floor, self._executions, position)

    # ------------------------------------------------------------ one span

    def _walk(self, watched: list[str], until: int) -> None:
        stretches: dict[str, Stretch] = {}
        hits = {inst_id: self._next_hit(inst_id, until, stretches) for inst_id in watched}
        while due := [(at, inst_id) for inst_id, at in hits.items() if at is not None]:
            at, inst_id = min(due)
            self._floor.now_ms = at
            self._act(inst_id, stretches[inst_id])
            again = watched if self._span() == CROSS_SPAN_MS else [inst_id]
            hits.update({one: self._next_hit(one, until, stretches) for one in again})
        self._floor.now_ms = until
        for inst_id, stretch in stretches.items():
            self._follow(inst_id, stretch)

    def _next_hit(self, inst_id: str, until: int, stretches: dict[str, Stretch]) -> int | None:
        """Time of the first step after now at which something of this instrument happens."""
        now = self._floor.now_ms
        watch = self._watch(inst_id)
        if inst_id not in stretches:
            if until - now > SHORT_MS and self._quiet(inst_id, watch, until):
                return None
            stretches[inst_id] = self._stretch(inst_id, watch, until)
        stretch = stretches[inst_id]
        start = int(np.searchsorted(stretch.times, now, "right"))
        touched = watch.bands["last"].touched(stretch.last[start:]) | watch.bands["mark"].touched(stretch.mark[start:])
        if stretch.index is not None:
            touched |= watch.bands["index"].touched(stretch.index[start:])
        found = np.flatnonzero(touched)
        times = [int(stretch.times[start + found[0]])] if len(found) else []
        for algo in watch.trailing:
            begin = int(np.searchsorted(stretch.times, algo.peak_ms, "right"))
            fired = first_fire(algo, stretch.last[begin:])
            if fired is not None and stretch.times[begin + fired] > now:
                times.append(int(stretch.times[begin + fired]))
        return min(times, default=None)

    def _watch(self, inst_id: str) -> Watch:
        watch = Watch()
        for order in self._floor.resting[inst_id].values():
            if order.px is not None:
                watch.bands["last"].wait(float(order.px), order.side == "sell")
        for algo in () if self._algos.deaf else self._floor.armed[inst_id].values():
            if algo.ord_type == "move_order_stop":
                watch.trailing.append(algo)
            for level in levels(algo):
                watch.bands[level.leg.px_type].wait(float(level.leg.trigger_px), level.above)
                watch.indexed |= level.leg.px_type == "index"
        for position in self._floor.positions_of(inst_id):
            price = liquidation.level(self._floor, position)
            if price is not None:
                watch.bands["mark"].wait(price, position.sign < 0)
        return watch

    def _quiet(self, inst_id: str, watch: Watch, until: int) -> bool:
        if watch.trailing or watch.indexed:
            return False
        now, market = self._floor.now_ms, self._floor.market
        if not watch.bands["last"].holds(*market.extremes(inst_id, now, until)):
            return False
        return watch.bands["mark"].holds(*market.mark_extremes(inst_id, now, until))

    def _stretch(self, inst_id: str, watch: Watch, until: int) -> Stretch:
        now, market = self._floor.now_ms, self._floor.market
        times, last = market.path(inst_id, now, until)
        _, mark = market.mark_path(inst_id, now, until)
        index = None
        if watch.indexed:
            index = np.array([float(market.index_price(inst_id, int(at))) for at in times])
        return Stretch(times, last, mark, index)

    def _act(self, inst_id: str, stretch: Stretch) -> None:
        """Triggers, then resting orders, then liquidation, all at the floor's present moment."""
        now = self._floor.now_ms
        step = int(np.searchsorted(stretch.times, now))
        self._algos.touch(inst_id, "last", float(stretch.last[step]))
        self._algos.touch(inst_id, "mark", float(stretch.mark[step]))
        if stretch.index is not None:
            self._algos.touch(inst_id, "index", float(stretch.index[step]))
        for algo in list(self._floor.armed[inst_id].values()):
            if algo.ord_type == "move_order_stop":
                begin = int(np.searchsorted(stretch.times, algo.peak_ms, "right"))
                self._algos.trail(algo, stretch.last[begin : step + 1])
        self._orders.touch(inst_id, float(stretch.last[step]))
        self._liquidate_due(inst_id)

    def _liquidate_due(self, inst_id: str) -> None:
        for position in self._floor.positions_of(inst_id):
            if position.contracts and liquidation.due(self._floor, position):
                liquidation.liquidate(self._floor, self._executions, position)

    def _follow(self, inst_id: str, stretch: Stretch) -> None:
        """Trailing stops remember the best price of the span."""
        for algo in self._floor.armed[inst_id].values():
            if algo.ord_type != "move_order_stop":
                continue
            begin = int(np.searchsorted(stretch.times, algo.peak_ms, "right"))
            peaks = peaks_along(algo, stretch.last[begin:])
            algo.peak_ms = self._floor.now_ms
            if len(peaks) and not np.isnan(peaks[-1]) and peaks[-1] != algo.peak:
                algo.peak = float(peaks[-1])
                self._floor.keep(algo)
