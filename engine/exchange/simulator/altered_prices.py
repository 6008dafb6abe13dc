"""Prices of one instrument after gaps and changes of its terms."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import pairwise

import numpy as np

from engine.exchange.simulator.grid import Grid
from engine.exchange.simulator.market import BookRow, CandleRow, PriceRow
from engine.exchange.simulator.params import ceil_to, floor_to
from engine.exchange.simulator.specs import InstrumentSpec
from engine.exchange.simulator.world import Terms
from engine.model import FloatArray, IntArray

Extremes = Callable[[str, int, int], tuple[float, float]]


class AlteredPrices:
    """`shifts` are (since, factor): prices from `since` on are multiplied by the latest factor; each change of `terms`
    puts what follows on its own grids. Both oldest first."""

    def __init__(self, spec: InstrumentSpec, shifts: Sequence[tuple[int, float]], terms: Sequence[Terms]) -> None:
        self._since = [since for since, _ in shifts]
        self._factors = [1.0, *(factor for _, factor in shifts)]
        self._terms_since = [term.since for term in terms]
        self._ticks = [spec.tick_sz, *(term.tick_sz for term in terms)]
        self._lots = [spec.lot_sz, *(term.lot_sz for term in terms)]
        self._cuts = sorted({*self._since, *self._terms_since})

    def _factor(self, t_ms: int) -> float:
        return self._factors[bisect_right(self._since, t_ms)]

    def _tick(self, t_ms: int) -> Decimal:
        return self._ticks[bisect_right(self._terms_since, t_ms)]

    def price(self, price: Decimal, t_ms: int) -> Decimal:
        """The nearest price on the grid of that moment."""
        return Grid.of(self._tick(t_ms)).decimal_of(float(price) * self._factor(t_ms))

    def on_grid(self, price: float) -> Decimal:
        return Grid.of(self._ticks[-1]).decimal_of(price)

    def prices(self, times: IntArray, prices: FloatArray) -> FloatArray:
        """Of a path; both of shape (n,)."""
        factors = np.array(self._factors)[np.searchsorted(self._since, times, "right")]
        moved: FloatArray = prices * factors
        places = np.searchsorted(self._terms_since, times, "right")
        for place in np.unique(places):
            here = places == place
            moved[here] = Grid.of(self._ticks[place]).snap(moved[here])
        return moved

    def extremes(self, plain: Extremes, inst_id: str, from_ms: int, to_ms: int) -> tuple[float, float]:
        """(low, high), stretch by stretch between the changes."""
        lows, highs = [], []
        edges = [from_ms, *(cut for cut in self._cuts if from_ms < cut <= to_ms), to_ms]
        for begin, end in pairwise(edges):
            low, high = plain(inst_id, begin, end - 1 if end in self._cuts and end != begin else end)
            factor, grid = self._factor(begin), Grid.of(self._tick(begin))
            lows.append(float(grid.decimal_of(low * factor)))
            highs.append(float(grid.decimal_of(high * factor)))
        return min(lows), max(highs)

    def side(self, levels: Sequence[BookRow], t_ms: int, *, up: bool) -> list[BookRow]:
        """One side of a book, best first: prices rounded away from the other side, levels that meet added up."""
        factor, tick = Decimal(repr(self._factor(t_ms))), self._tick(t_ms)
        lot = self._lots[bisect_right(self._terms_since, t_ms)]
        merged: dict[Decimal, BookRow] = {}
        for level in levels:
            price = (ceil_to if up else floor_to)(level.price * factor, tick)
            known = merged.get(price, BookRow(price, Decimal(0), 0))
            merged[price] = BookRow(price, known.contracts + level.contracts, known.orders + level.orders)
        sized = [row._replace(contracts=floor_to(row.contracts, lot)) for row in merged.values()]
        return [row for row in sized if row.contracts > 0]

    def candle(self, row: CandleRow, length: int, now_ms: int, plain: Extremes, inst_id: str) -> CandleRow:
        ts, opened, high, low, close, volume, base, quote, confirm = row
        prices = self._bar((opened, high, low, close), int(ts), length, now_ms, plain, inst_id)
        turnover = Decimal(quote) * Decimal(repr(self._factor(min(int(ts) + length - 1, now_ms))))
        return (ts, *prices, volume, base, format(turnover.quantize(Decimal("0.0001")), "f"), confirm)

    def price_candle(self, row: PriceRow, length: int, now_ms: int, plain: Extremes, inst_id: str) -> PriceRow:
        ts, opened, high, low, close, confirm = row
        return (ts, *self._bar((opened, high, low, close), int(ts), length, now_ms, plain, inst_id), confirm)

    def _bar(
        self, texts: tuple[str, str, str, str], begin: int, length: int, now_ms: int, plain: Extremes, inst_id: str
    ) -> tuple[str, str, str, str]:
        """Open, high, low, close. A bar in which something changed takes its extremes from the path."""
        end = min(begin + length - 1, now_ms)
        if not self._cuts or end < self._cuts[0]:
            return texts
        opened, high, low, close = (Decimal(one) for one in texts)
        first, last = self.price(opened, begin), self.price(close, end)
        if any(begin < cut <= end for cut in self._cuts):
            bounds = self.extremes(plain, inst_id, begin, end)
            highest, lowest = self.on_grid(max(bounds[1], float(first))), self.on_grid(min(bounds[0], float(first)))
        else:
            highest, lowest = self.price(high, begin), self.price(low, begin)
        ordered = (first, max(highest, first, last), min(lowest, first, last), last)
        return tuple(format(one, "f") for one in ordered)  # type: ignore[return-value]
