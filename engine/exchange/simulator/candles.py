"""Candles of every bar size, cut from base bars or, below them, from the path; text rows for the wire.

Pages of finished rows are cached: a bar that closed never changes. The running bar is built from the path
up to now. 6H, 12H and 1D count from midnight in UTC+8 unless their name ends in "utc", as at the venue.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from engine.exchange.simulator.bars import Bars, joined
from engine.exchange.simulator.grid import Grid
from engine.exchange.simulator.market import CandleRow, PriceRow
from engine.exchange.simulator.price_feed import PriceFeed
from engine.model import FloatArray, IntArray

_MINUTE, _HOUR, _DAY = 60_000, 3_600_000, 86_400_000
_HONG_KONG_MIDNIGHT = 16 * _HOUR
BAR_MS = {
    "1m": _MINUTE, "3m": 3 * _MINUTE, "5m": 5 * _MINUTE, "15m": 15 * _MINUTE, "30m": 30 * _MINUTE,
    "1H": _HOUR, "2H": 2 * _HOUR, "4H": 4 * _HOUR, "6H": 6 * _HOUR, "12H": 12 * _HOUR, "1D": _DAY,
    "6Hutc": 6 * _HOUR, "12Hutc": 12 * _HOUR, "1Dutc": _DAY,
}  # fmt: skip
"""Length of each bar that the venue knows."""
_SHORT_PAGE = 4 * _HOUR
_LONG_PAGE = 5 * _DAY
"""A page costs as much as thirty of its rows; what of it lies ahead must be generated first, 8 ms a day."""
_CACHED_ROWS = 60_000
"""About 40 MB of text. What a client with a full watchlist reads each cycle is a third of it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Where bars of one size begin: at `origin` + k × `length`, cached `page` ms at a time."""

    length: int
    origin: int
    page: int

    @classmethod
    def of(cls, bar: str) -> Shape:
        """Raises KeyError for a bar that the venue does not know."""
        length = BAR_MS[bar]
        shifted = length >= 6 * _HOUR and not bar.endswith("utc")
        page = _SHORT_PAGE if length <= 3 * _MINUTE else max(_DAY, 8 * length, min(32 * length, _LONG_PAGE))
        return cls(length, _HONG_KONG_MIDNIGHT if shifted else 0, page)

    def opening(self, t_ms: int) -> int:
        """Open time of the bar that `t_ms` falls into."""
        return (t_ms - self.origin) // self.length * self.length + self.origin

    def page_of(self, t_ms: int) -> int:
        return (t_ms - self.origin) // self.page

    def page_start(self, number: int) -> int:
        return number * self.page + self.origin


def group(bars: Bars, shape: Shape) -> Bars:
    """Bars of a longer shape; time without any bar yields none."""
    if len(bars) == 0:
        return bars
    opening = (bars.ts - shape.origin) // shape.length * shape.length + shape.origin
    starts = np.concatenate([[0], np.flatnonzero(np.diff(opening)) + 1])
    ends = np.concatenate([starts[1:], [len(bars)]]) - 1
    return Bars(
        ts=opening[starts],
        open=bars.open[starts],
        high=np.maximum.reduceat(bars.high, starts),
        low=np.minimum.reduceat(bars.low, starts),
        close=bars.close[ends],
        volume=np.add.reduceat(bars.volume, starts),
    )


def _turnover(bars: Bars) -> FloatArray:
    return bars.volume * (bars.high + bars.low + bars.close) / 3


@dataclass(frozen=True, slots=True)
class Window:
    """Which bars are asked for: exclusive bounds on the open time, newest `limit`, as known at `now_ms`."""

    before_ms: int | None
    after_ms: int | None
    limit: int
    now_ms: int

    def newest(self, shape: Shape) -> int:
        """Open time of the newest bar that may be told."""
        last = shape.opening(self.now_ms)
        return last if self.after_ms is None else min(last, shape.opening(self.after_ms - 1))

    def admits(self, ts: int) -> bool:
        return self.before_ms is None or ts > self.before_ms


_Row = tuple[str, ...]
_Page = tuple[IntArray, list[_Row]]


class CandleBook:
    """Candles of every instrument of one feed."""

    def __init__(self, feed: PriceFeed) -> None:
        self._feed = feed
        self._pages: OrderedDict[tuple[str, str, str, int], _Page] = OrderedDict()
        self._cached = 0

    def rows(self, inst_id: str, bar: str, window: Window) -> list[CandleRow]:
        """Trade candles, newest first."""
        return self._collect("last", inst_id, bar, window)  # type: ignore[return-value]

    def price_rows(self, inst_id: str, bar: str, window: Window, *, index: bool = False) -> list[PriceRow]:
        """Mark (or index) candles, newest first."""
        return self._collect("index" if index else "mark", inst_id, bar, window)  # type: ignore[return-value]

    def _collect(self, kind: str, inst_id: str, bar: str, window: Window) -> list[_Row]:
        shape = Shape.of(bar)
        newest = window.newest(shape)
        running = shape.opening(window.now_ms)
        rows: list[_Row] = []
        if newest == running and window.admits(running):
            rows += self._running(kind, inst_id, shape, window.now_ms)
        oldest = max(self._feed.source.history_start_ms, (window.before_ms or 0) + 1)
        newest = min(newest, running - shape.length)
        for number in range(shape.page_of(newest), shape.page_of(oldest) - 1, -1):
            times, page = self._page(kind, inst_id, bar, shape, number)
            first, last = np.searchsorted(times, (oldest, newest + 1))
            rows += reversed(page[first:last])
            if len(rows) >= window.limit:
                break
        return rows[: window.limit]

    def _page(self, kind: str, inst_id: str, bar: str, shape: Shape, number: int) -> _Page:
        key = (kind, inst_id, bar, number)
        page = self._pages.get(key)
        if page is None:
            bars = self._cut(kind, inst_id, shape, shape.page_start(number), shape.page_start(number + 1))
            page = self._pages[key] = (bars.ts, self._told(kind, inst_id, bars, "1"))
            self._cached += len(page[1])
            while self._cached > _CACHED_ROWS and len(self._pages) > 1:
                self._cached -= len(self._pages.popitem(last=False)[1][1])
        else:
            self._pages.move_to_end(key)
        return page

    def _running(self, kind: str, inst_id: str, shape: Shape, now_ms: int) -> list[_Row]:
        """The bar that is still forming, from what traded up to now; none when nothing did."""
        opening = shape.opening(now_ms)
        base = self._feed.source.interval_ms(inst_id)
        finished = opening if shape.length % base else max(opening, now_ms // base * base)
        tail = self._ticks(kind, inst_id, finished - 1, now_ms)
        head = self._cut_base(kind, inst_id, opening, finished)
        if len(head) + len(tail) == 0:
            return []
        return self._told(kind, inst_id, group(joined([head, tail]), shape), "0")

    def _cut(self, kind: str, inst_id: str, shape: Shape, from_ms: int, to_ms: int) -> Bars:
        base = self._feed.source.interval_ms(inst_id)
        if shape.length == base and kind == "last":
            return self._feed.source.bars(inst_id, from_ms, to_ms)
        if shape.length % base:
            return group(self._ticks(kind, inst_id, from_ms - 1, to_ms - 1), shape)
        return group(self._cut_base(kind, inst_id, from_ms, to_ms), shape)

    def _cut_base(self, kind: str, inst_id: str, from_ms: int, to_ms: int) -> Bars:
        """Finished pieces to build longer bars from: base bars, or the mark path itself."""
        if kind == "last":
            return self._feed.source.bars(inst_id, from_ms, to_ms)
        return self._ticks(kind, inst_id, from_ms - 1, to_ms - 1)

    def _ticks(self, kind: str, inst_id: str, from_ms: int, to_ms: int) -> Bars:
        """Every step in (from_ms, to_ms] as a bar of its own."""
        if kind == "last":
            path = self._feed.trades(inst_id, from_ms, to_ms)
            return Bars(path.ts, path.price, path.price, path.price, path.price, path.volume)
        ts, prices = self._feed.marks(inst_id, from_ms, to_ms, index=kind == "index")
        return Bars(ts, prices, prices, prices, prices, np.zeros(len(ts)))

    def _told(self, kind: str, inst_id: str, bars: Bars, confirm: str) -> list[_Row]:
        text: Callable[[float], str] = self._feed.grid(inst_id).text
        columns: list[list[str]] = [[str(ts) for ts in bars.ts.tolist()]]
        columns += [list(map(text, side.tolist())) for side in (bars.open, bars.high, bars.low, bars.close)]
        if kind == "last":
            columns += self._volumes(inst_id, bars)
        columns.append([confirm] * len(bars))
        return list(zip(*columns, strict=True))

    def _volumes(self, inst_id: str, bars: Bars) -> list[list[str]]:
        """Contracts, base units and USDT as text."""
        spec = self._feed.source.specs[inst_id]
        lots = Grid.of(spec.lot_sz)
        base = Grid.of((spec.lot_sz * spec.units).normalize())
        contracts = lots.snap(bars.volume / float(spec.units))
        return [
            [f"{value:.{lots.decimals}f}" for value in contracts.tolist()],
            [f"{value:.{base.decimals}f}" for value in base.snap(bars.volume).tolist()],
            [f"{value:.2f}" for value in _turnover(bars).tolist()],
        ]
