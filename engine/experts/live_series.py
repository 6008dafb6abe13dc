"""Every series of the watchlist side by side, kept warm: one new bar of all of them is one pass over vectors.

The definitions of `columns`, which computes one series for many bars; here it is many series at their last bar.
Averages are carried on; sums over a window are added up afresh from what each bar left on a tape, so that an old
spike leaves no rounding residue behind. Equal to `columns` over the same history to 1e-9 of each unit. A window
that begins later differs as `columns` of it does: EMA 50 remembers 0.005 % of its seed after 300 bars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from engine.experts.columns import TimeframeColumns
from engine.experts.flow import OFI_BARS, SIGMA_BARS, TOXICITY_SAMPLES, VPIN_BARS, buy_fraction
from engine.experts.jumps import JUMP_BARS, JUMP_Z, MAX_ZERO_SHARE, jump_test
from engine.experts.lane import (
    CHANGE2,
    MOVED,
    OFFSET,
    OFFSET2,
    PAIR,
    RETURN2,
    STILL,
    TRIPLE,
    Lane,
    Memory,
    side_by_side,
    warm_lane,
)
from engine.experts.live_flow import newest_vpin
from engine.experts.rolling import ratio
from engine.experts.score import scores_of, votes_of
from engine.experts.smoothing import CLOSES, step
from engine.experts.trend import stack_gap
from engine.experts.volatility import BOLLINGER_PERIOD, BOLLINGER_SIGMAS, REALISED_BARS, ROUNDING_NOISE, bars_per_year
from engine.experts.vwap import DAY_MS
from engine.experts.vwap import ROUNDING_NOISE as VWAP_NOISE
from engine.model import Candles, FloatArray, IntArray, Timeframe


@dataclass(frozen=True, slots=True)
class Bars:
    """One confirmed bar of each of some series, arrays of shape (series,); units as in `Candles`."""

    ts: IntArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray


class LiveSeries:
    """Series in the order of their timeframes; those of one timeframe (a lane) are always at the same bar.

    `timeframes` in the order given. Not for histories shorter than `live_flow.WARM_BARS`.
    """

    def __init__(self, windows: Mapping[Timeframe, Sequence[Candles]]) -> None:
        """In each timeframe windows of one length, all ending at the same bar."""
        self._lanes: dict[Timeframe, Lane] = {}
        memories: list[Memory] = []
        begin = 0
        for timeframe, series in windows.items():
            columns = slice(begin, begin + len(series))
            self._lanes[timeframe], memory = warm_lane(series, columns)
            memories.append(memory)
            begin = columns.stop
        self._memory = side_by_side(memories)
        self._marks = np.zeros((8, begin))
        self._averaged = np.zeros((8, begin))
        self._sums = np.concatenate([lane.sums() for lane in self._lanes.values()], axis=1)
        per_year = [bars_per_year(timeframe) / REALISED_BARS for timeframe in windows]
        self._yearly = np.repeat(per_year, [len(series) for series in windows.values()])

    def advance(self, timeframes: Sequence[Timeframe], bars: Bars) -> TimeframeColumns:
        """One bar later on neighbouring lanes, `bars` in their order; what `columns` says of it."""
        lanes = [self._lanes[timeframe] for timeframe in timeframes]
        rows = slice(lanes[0].columns.start, lanes[-1].columns.stop)
        change = bars.close - self._memory.close[rows]
        self._average(rows, bars, change)
        self._mark(rows, bars, change)
        for lane in lanes:
            self._sums[:, lane.columns] = lane.leave(self._marks[:, lane.columns])
        self._flow(rows, bars, change, lanes)
        self._price_volume(rows, bars)
        self._memory.ts[rows] = bars.ts
        self._memory.close[rows] = bars.close
        return self._columns(rows, lanes)

    def columns(self) -> TimeframeColumns:
        """Every indicator, vote and score at the last bar, one row a series."""
        return self._columns(slice(None), list(self._lanes.values()))

    # ------------------------------------------------------------ one bar

    def _average(self, rows: slice, bars: Bars, change: FloatArray) -> None:
        inputs, before = self._averaged[:, rows], self._memory.close[rows]
        inputs[:CLOSES] = bars.close
        np.maximum(change, 0.0, out=inputs[5])
        np.maximum(-change, 0.0, out=inputs[6])
        np.subtract(np.maximum(bars.high, before), np.minimum(bars.low, before), out=inputs[7])
        step(self._memory.averages[:, rows], inputs)

    def _mark(self, rows: slice, bars: Bars, change: FloatArray) -> None:
        memory, marks = self._memory, self._marks[:, rows]
        offset, change2, moved, return2, still, pair, triple = (marks[k] for k in (0, 2, 3, 4, 5, 6, 7))
        logs = np.log(bars.close)
        size = np.abs(logs - memory.log_close[rows])
        sizes = memory.sizes[:, rows]
        np.subtract(bars.close, memory.base[rows], out=offset)
        np.multiply(offset, offset, out=marks[1])
        np.multiply(change, change, out=change2)
        np.not_equal(change, 0.0, out=moved)
        np.multiply(size, size, out=return2)
        np.equal(size, 0.0, out=still)
        np.multiply(size, sizes[0], out=pair)
        root = np.cbrt(pair * sizes[1])
        root *= root
        np.multiply(root, root, out=triple)
        sizes[1] = sizes[0]
        sizes[0] = size
        memory.log_close[rows] = logs

    def _flow(self, rows: slice, bars: Bars, change: FloatArray, lanes: Sequence[Lane]) -> None:
        share = buy_fraction(change, np.sqrt(self._sums[2, rows] / SIGMA_BARS))
        running = self._memory.running
        running[0, rows] += bars.volume
        running[1, rows] += bars.volume * (2 * share - 1)
        for lane in lanes:
            lane.flow_on(running[:, lane.columns])
        flow = np.concatenate([lane.flow_since(VPIN_BARS) for lane in lanes], axis=2)
        vpin = newest_vpin(*(np.ascontiguousarray(flow[:, part].T) for part in (0, 1)))
        for lane in lanes:
            lane.vpin_on(vpin[lane.columns.start - rows.start : lane.columns.stop - rows.start])

    def _price_volume(self, rows: slice, bars: Bars) -> None:
        memory = self._memory
        typical = (bars.high + bars.low + bars.close) / 3
        day, moments = bars.ts // DAY_MS, memory.moments[:, rows]
        begun = day != memory.day[rows]
        if begun.any():
            memory.day[rows] = day
            memory.anchor[rows][begun] = typical[begun]
            moments[:, begun] = 0.0
        offset = typical - memory.anchor[rows]
        first = bars.volume * offset
        moments[0] += bars.volume
        moments[1] += first
        moments[2] += first * offset

    # ------------------------------------------------------------ what it says

    def _columns(self, rows: slice, lanes: Sequence[Lane]) -> TimeframeColumns:
        memory, sums = self._memory, self._sums[:, rows]
        close = memory.close[rows].copy()
        ema9, ema20, ema50, fast, slow, gain, loss, atr, signal = memory.averages[:, rows].copy()
        macd = fast - slow
        histogram = macd - signal
        middle, half = _band(memory.base[rows], sums)
        vwap, unit = _vwap(memory.anchor[rows], memory.moments[:, rows])
        bought, traded = _recent_flow(lanes)
        quotients = ratio(
            np.array((stack_gap(ema9, ema20, ema50), macd + histogram, bought, close - vwap, close - middle,
                      100 * gain, 2 * half, atr, close - vwap)),
            np.array((atr, atr, traded, unit, half, gain + loss, middle, close, vwap)),
        )  # fmt: skip
        _silence(quotients, sums)
        evidence = quotients[[0, 5, 1, 2, 3, 4]]
        evidence[1] -= 50
        vpin, toxicity = _vpin_and_rank(lanes, sums[CHANGE2] > 0)
        jump_z = _jump_z(sums)
        return TimeframeColumns(
            bar_ts=memory.ts[rows].copy(),
            close=close,
            ema9=ema9,
            ema20=ema20,
            ema50=ema50,
            rsi=quotients[5],
            macd=macd,
            macd_signal=signal,
            macd_histogram=histogram,
            bollinger_position=quotients[4],
            bollinger_width_pct=quotients[6],
            atr=atr,
            atr_pct=quotients[7],
            ofi_bar=quotients[2],
            vpin=vpin,
            toxicity=toxicity,
            realised_vol=np.sqrt(sums[RETURN2] * self._yearly[rows]),
            jump_z=jump_z,
            vwap_deviation_pct=quotients[8],
            vwap_deviation_sigma=quotients[3],
            votes=votes_of(evidence),
            score=scores_of(evidence, jump_z, toxicity, JUMP_Z),
        )


def _band(base: FloatArray, sums: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Middle and half width of the Bollinger band; NaN where only rounding is left of it."""
    mean = sums[OFFSET] / BOLLINGER_PERIOD
    variance = sums[OFFSET2] / BOLLINGER_PERIOD - mean * mean
    half = BOLLINGER_SIGMAS * np.sqrt(np.maximum(variance, 0.0))
    middle = base + mean
    return middle, np.where(half > BOLLINGER_SIGMAS * ROUNDING_NOISE * middle, half, np.nan)


def _vwap(anchor: FloatArray, moments: FloatArray) -> tuple[FloatArray, FloatArray]:
    """VWAP since midnight (NaN without volume) and its σ, 0 where only rounding is left of it."""
    centre, square = ratio(moments[1:], moments[0])
    vwap = anchor + centre
    sigma = np.sqrt(np.maximum(square - centre * centre, 0.0))
    return vwap, sigma * (sigma > VWAP_NOISE * vwap)


def _recent_flow(lanes: Sequence[Lane]) -> tuple[FloatArray, FloatArray]:
    """(bought − sold, traded) over the last 10 bars."""
    flow = [lane.flow_since(OFI_BARS) for lane in lanes]
    traded, bought = np.concatenate([running[-1] - running[0] for running in flow], axis=1)
    return bought, traded


def _silence(quotients: FloatArray, sums: FloatArray) -> None:
    """A frozen market has no flow and no momentum."""
    quotients[2][sums[CHANGE2] <= 0] = np.nan
    quotients[5][sums[MOVED] <= 0] = np.nan


def _vpin_and_rank(lanes: Sequence[Lane], moving: FloatArray) -> tuple[FloatArray, FloatArray]:
    values = np.concatenate([lane.ranked_vpin() for lane in lanes], axis=1)
    unknown = 0.0 * np.add.reduce(values, axis=0)  # NaN where one of them is
    rank = np.add.reduce(values <= values[-1], axis=0) / TOXICITY_SAMPLES + unknown
    vpin, rank = np.where(moving, (values[-1], rank), np.nan)
    return vpin, rank


def _jump_z(sums: FloatArray) -> FloatArray:
    z = jump_test(sums[RETURN2], sums[PAIR], sums[TRIPLE], JUMP_BARS)[3]
    return np.where(sums[STILL] <= MAX_ZERO_SHARE * JUMP_BARS, z, np.nan)
