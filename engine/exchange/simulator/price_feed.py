"""Bars and the path inside them, for one source: prices at any moment, spans, extremes. Everything that
venue and server see is built on these."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from engine.exchange.simulator.bars import BarSource
from engine.exchange.simulator.grid import Grid
from engine.exchange.simulator.noise import key_of, smooths
from engine.exchange.simulator.path import PathSlice, build_path, step_ms
from engine.model import FloatArray, IntArray

CHUNK_MS = 4 * 3_600_000
_CACHED_CHUNKS = 160
_INDEX_STEPS = 12
_INDEX_MEMORY = 3.5
"""The index averages the last dozen steps with exponential weights of this memory, in steps."""
_BASIS = 1.2e-4
"""Standard deviation of mark over index, a fraction."""
_BASIS_CAP = 3e-4
_BASIS_MS = 2_700_000


def _index_weights() -> FloatArray:
    weights = np.exp(-np.arange(_INDEX_STEPS) / _INDEX_MEMORY)
    return np.asarray(weights / weights.sum(), dtype=np.float64)


_WEIGHTS = _index_weights()


@dataclass(frozen=True, slots=True)
class _Chunk:
    """Four hours of path with the index and mark prices at the same times."""

    trades: PathSlice
    index: FloatArray
    mark: FloatArray


class PriceFeed:
    """Prices of every instrument of one source, with the paths of recent hours cached."""

    def __init__(self, source: BarSource) -> None:
        self.source = source
        self._grids = {inst_id: Grid.of(spec.tick_sz) for inst_id, spec in source.specs.items()}
        self._keys = {inst_id: key_of(source.seed, "path", inst_id) for inst_id in source.specs}
        self._chunks: OrderedDict[tuple[str, int], _Chunk] = OrderedDict()
        self._raw: OrderedDict[tuple[str, int], PathSlice] = OrderedDict()

    def grid(self, inst_id: str) -> Grid:
        return self._grids[inst_id]

    def trades(self, inst_id: str, from_ms: int, to_ms: int) -> PathSlice:
        """Path steps in (from_ms, to_ms]."""
        if to_ms <= from_ms:
            return PathSlice(np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(0))
        numbers = range(from_ms // CHUNK_MS, to_ms // CHUNK_MS + 1)
        if len(numbers) == 1:
            return self._path(inst_id, numbers[0]).between(from_ms, to_ms)
        slices = [self._path(inst_id, number).between(from_ms, to_ms) for number in numbers]
        return PathSlice(*(np.concatenate([getattr(s, name) for s in slices]) for name in ("ts", "price", "volume")))

    def marks(self, inst_id: str, from_ms: int, to_ms: int, *, index: bool = False) -> tuple[IntArray, FloatArray]:
        """Times in (from_ms, to_ms] and mark (or index) prices there."""
        times, prices = [], []
        for number in range(from_ms // CHUNK_MS, to_ms // CHUNK_MS + 1):
            chunk = self._chunk(inst_id, number)
            first, last = np.searchsorted(chunk.trades.ts, (from_ms, to_ms), side="right")
            times.append(chunk.trades.ts[first:last])
            prices.append((chunk.index if index else chunk.mark)[first:last])
        return np.concatenate(times), np.concatenate(prices)

    def last(self, inst_id: str, t_ms: int) -> float:
        """The last trade at or before `t_ms`."""
        path = self._path(inst_id, t_ms // CHUNK_MS)
        place = int(np.searchsorted(path.ts, t_ms, side="right")) - 1
        if place >= 0:
            return float(path.price[place])
        return self.source.close_before(inst_id, t_ms // CHUNK_MS * CHUNK_MS)

    def mark(self, inst_id: str, t_ms: int, *, index: bool = False) -> float:
        """The mark (or index) price at the last step at or before `t_ms`."""
        chunk = self._chunk(inst_id, t_ms // CHUNK_MS)
        place = int(np.searchsorted(chunk.trades.ts, t_ms, side="right")) - 1
        if place >= 0:
            return float((chunk.index if index else chunk.mark)[place])
        return self.source.close_before(inst_id, t_ms // CHUNK_MS * CHUNK_MS)

    def extremes(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[float, float]:
        """(low, high) of the trades in (from_ms, to_ms] and of the price at `from_ms`."""
        interval = self.source.interval_ms(inst_id)
        start = self.last(inst_id, from_ms)
        first, last = (from_ms // interval + 1) * interval, to_ms // interval * interval
        if last - first < 4 * interval:
            prices = self.trades(inst_id, from_ms, to_ms).price
            return (min(start, float(prices.min())), max(start, float(prices.max()))) if len(prices) else (start, start)
        bars = self.source.bars(inst_id, first, last)
        traded = bars.volume > 0
        ends = [self.trades(inst_id, from_ms, first - 1).price, self.trades(inst_id, last - 1, to_ms).price]
        lows = [start, *(float(p.min()) for p in (*ends, bars.low[traded]) if len(p))]
        highs = [start, *(float(p.max()) for p in (*ends, bars.high[traded]) if len(p))]
        return min(lows), max(highs)

    def mark_extremes(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[float, float]:
        """Bounds of the mark price in (from_ms, to_ms]: an average of recent trades plus a capped basis."""
        reach = _INDEX_STEPS * step_ms(self.source.interval_ms(inst_id))
        low, high = self.extremes(inst_id, from_ms - reach, to_ms)
        step = self._grids[inst_id].step
        return low * (1 - _BASIS_CAP) - step, high * (1 + _BASIS_CAP) + step

    def _path(self, inst_id: str, number: int) -> PathSlice:
        key = (inst_id, number)
        path = self._raw.get(key)
        if path is None:
            bars = self.source.bars(inst_id, number * CHUNK_MS, (number + 1) * CHUNK_MS)
            interval = self.source.interval_ms(inst_id)
            path = self._raw[key] = build_path(bars, interval, self._grids[inst_id], self._keys[inst_id])
            if len(self._raw) > _CACHED_CHUNKS:
                self._raw.popitem(last=False)
        return path

    def _chunk(self, inst_id: str, number: int) -> _Chunk:
        key = (inst_id, number)
        chunk = self._chunks.get(key)
        if chunk is None:
            chunk = self._chunks[key] = self._marked(inst_id, number)
            if len(self._chunks) > _CACHED_CHUNKS:
                self._chunks.popitem(last=False)
        return chunk

    def _marked(self, inst_id: str, number: int) -> _Chunk:
        """Index: the trades of the last minute, the youngest weighing most. Mark: index plus a slow basis."""
        trades, grid = self._path(inst_id, number), self._grids[inst_id]
        if len(trades.ts) == 0:
            return _Chunk(trades, trades.price, trades.price)
        before = self._path(inst_id, number - 1).price[1 - _INDEX_STEPS :]
        first = float(before[0]) if len(before) else float(trades.price[0])
        padding = np.full(_INDEX_STEPS - 1 - len(before), first)
        smooth = np.convolve(np.concatenate([padding, before, trades.price]), _WEIGHTS, mode="valid")
        basis = np.clip(_BASIS * smooths(self._keys[inst_id] + 7, trades.ts, _BASIS_MS), -_BASIS_CAP, _BASIS_CAP)
        return _Chunk(trades, grid.snap(smooth), grid.snap(smooth * (1 + basis)))
