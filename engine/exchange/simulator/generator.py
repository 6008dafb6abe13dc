"""A market made of numbers: bars cut from the latent days, on the tick grid, day after day, for ever.

The state at each midnight is kept, so that a day can be made again at any time and comes out the same;
the days themselves live in a bounded cache. The history is priced day by day when somebody asks: most venues start
long before anybody looks at all of it.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

import numpy as np

from engine.exchange.simulator.bars import Bars
from engine.exchange.simulator.grid import Grids
from engine.exchange.simulator.latent import Cast, LatentDay, first_state, next_day
from engine.exchange.simulator.noise import key_of, normal
from engine.exchange.simulator.seasons import BAR_MS, BARS_A_DAY, DAY_MS
from engine.exchange.simulator.specs import SPECS, InstrumentSpec
from engine.exchange.simulator.wild_days import is_wild
from engine.model import FloatArray

START_MS = 1_772_542_800_000
"""Tuesday 2026-03-03 13:00 UTC, an hour and a half before New York opens."""
HISTORY_DAYS = 126
_CACHED_DAYS = 150
_FEWEST_TICKS = 50

_Block = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]
"""Open, high, low, close, volume of one UTC day, each (n, 288)."""


class GeneratedBars:
    """5-minute bars of every listed instrument, a pure function of (seed, time). See `BarSource`."""

    def __init__(self, seed: int, start_ms: int = START_MS) -> None:
        self._seed = seed
        self._start_ms = start_ms
        self._specs = dict(SPECS)
        self._rows = {inst_id: row for row, inst_id in enumerate(self._specs)}
        self._cast = Cast.of(tuple(self._specs.values()))
        self._grids = Grids.of([spec.tick_sz for spec in self._specs.values()])
        self._first_day = start_ms // DAY_MS - HISTORY_DAYS
        self._states = [first_state(self._cast, seed)]
        self._unpriced: dict[int, LatentDay] = {}
        self._blocks: OrderedDict[int, _Block] = OrderedDict()
        self._home = np.zeros(len(self._specs))
        self._settle()

    @property
    def specs(self) -> Mapping[str, InstrumentSpec]:
        return self._specs

    @property
    def identity(self) -> str:
        begun = "" if self._start_ms == START_MS else f"@{self._start_ms}"
        return f"seed:{self._seed}{begun}"

    @property
    def seed(self) -> int:
        return self._seed

    @property
    def history_start_ms(self) -> int:
        return self._first_day * DAY_MS

    @property
    def start_ms(self) -> int:
        return self._start_ms

    @property
    def end_ms(self) -> int | None:
        return None

    def interval_ms(self, inst_id: str) -> int:  # noqa: ARG002 - the same for all
        return BAR_MS

    def recorded_funding(self, inst_id: str, settle_ms: int) -> float | None:  # noqa: ARG002 - none recorded
        return None

    def bars(self, inst_id: str, from_ms: int, to_ms: int) -> Bars:
        row = self._rows[inst_id]
        first = max(-(-from_ms // BAR_MS), self.history_start_ms // BAR_MS)
        last = max(first, -(-to_ms // BAR_MS))
        ts = np.arange(first, last, dtype=np.int64) * BAR_MS
        pieces = [
            tuple(column[row, start:stop] for column in self._block(day))
            for day, start, stop in _day_spans(first, last)
        ]
        if len(pieces) == 1:
            return Bars(ts, *pieces[0])
        columns = [np.concatenate(column) for column in zip(*pieces, strict=True)] or [np.zeros(0)] * 5
        return Bars(ts, *columns)

    def close_before(self, inst_id: str, t_ms: int) -> float:
        row, bar = self._rows[inst_id], -(-t_ms // BAR_MS) - 1
        if bar * BAR_MS < self.history_start_ms:
            return float(self._block(self._first_day)[0][row, 0])
        day, place = divmod(bar, BARS_A_DAY)
        return float(self._block(day)[3][row, place])

    def _settle(self) -> None:
        """Writes the history and shifts it so that prices at the start are near the typical ones."""
        first, last = self._first_day, self._start_ms // DAY_MS
        self._unpriced = {day: self._latent(day) for day in range(first, last + 1)}
        today = self._unpriced[last]
        bars_in = (self._start_ms % DAY_MS) // BAR_MS
        reached = today.log_open + today.move[:, :bars_in].sum(axis=1)
        key = key_of(self._seed, "home")
        around = np.array([0.05 * normal(key, row) for row in range(len(self._specs))])
        self._home = np.log([spec.typical_price for spec in self._specs.values()]) + around - reached

    def _latent(self, day: int) -> LatentDay:
        """The latent day, after every day before it has left its state."""
        while True:
            known = len(self._states) - 1
            current = min(self._first_day + known, day)
            wild = is_wild(self._seed, current, self._first_day, self._start_ms // DAY_MS)
            latent, left = next_day(self._cast, self._seed, current, self._states[current - self._first_day], wild)
            if current == self._first_day + known:
                self._states.append(left)
            if current == day:
                return latent

    def _block(self, day: int) -> _Block:
        block = self._blocks.get(day)
        if block is None:
            latent = self._unpriced.pop(day, None) or self._latent(day)
            block = self._blocks[day] = self._priced(latent)
            while len(self._blocks) > _CACHED_DAYS:
                self._blocks.popitem(last=False)
        else:
            self._blocks.move_to_end(day)
        return block

    def _priced(self, latent: LatentDay) -> _Block:
        """Bars on the tick grid: each opens where the last one closed."""
        log_close = (self._home + latent.log_open)[:, None] + np.cumsum(latent.move, axis=1)
        log_open = log_close - latent.move
        prices = np.exp(np.stack((log_open, log_open + latent.up, log_open - latent.down, log_close)))
        opened, high, low, close = self._grids.values(np.maximum(self._grids.ticks(prices), _FEWEST_TICKS))
        opened[:, 1:] = close[:, :-1]
        high = np.maximum(high, np.maximum(opened, close))
        low = np.minimum(low, np.minimum(opened, close))
        return opened, high, low, close, self._volumes(latent.log_volume, close)

    def _volumes(self, log_volume: FloatArray, close: FloatArray) -> FloatArray:
        """Base units, in whole lots, at least one."""
        specs = self._specs.values()
        lots = np.array([float(spec.lot_sz * spec.units) for spec in specs])[:, None]
        turnover = np.array([spec.turnover_5m for spec in specs])[:, None] * np.exp(log_volume)
        return np.asarray(np.maximum(np.rint(turnover / close / lots), 1.0) * lots)


def _day_spans(first: int, last: int) -> list[tuple[int, int, int]]:
    """(day, start, stop) of the bars numbered [first, last) since 1970, day by day."""
    spans = []
    while first < last:
        day, start = divmod(first, BARS_A_DAY)
        stop = min(BARS_A_DAY, start + last - first)
        spans.append((day, start, stop))
        first += stop - start
    return spans
