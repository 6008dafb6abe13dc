"""The series of one timeframe, which close together: what their last bars left behind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from engine.experts.flow import SIGMA_BARS, TOXICITY_STEP
from engine.experts.jumps import JUMP_BARS
from engine.experts.live_flow import FLOW_BARS, RANKED, recent_vpin, running_flow
from engine.experts.momentum import RSI_PERIOD
from engine.experts.smoothing import seeded
from engine.experts.tape import Tape
from engine.experts.volatility import BOLLINGER_PERIOD
from engine.experts.vwap import DAY_MS
from engine.model import Candles, FloatArray, IntArray

OFFSET, OFFSET2, CHANGE2, MOVED, RETURN2, STILL, PAIR, TRIPLE = range(8)
"""What a bar leaves on the tape: the close beside a fixed price and its square, the squared change, whether it
changed, the squared log return, whether that was zero, and the products of the jump test."""
SUMMED = (
    BOLLINGER_PERIOD,
    BOLLINGER_PERIOD,
    SIGMA_BARS,
    RSI_PERIOD,
    JUMP_BARS,
    JUMP_BARS,
    JUMP_BARS - 1,
    JUMP_BARS - 2,
)
"""How many of the newest bars are summed of each."""

_SHORTER = np.array([mark for mark, bars in enumerate(SUMMED) if bars < JUMP_BARS])
_EXPIRES = np.array([SUMMED[mark] for mark in _SHORTER])


@dataclass(slots=True)
class Memory:
    """What the next bar needs of the last, series on the last axis. `sizes` are the last two absolute log returns,
    newest first; `running` volume and signed volume; `anchor` the day's first typical price and `moments`
    Σv, Σv·offset, Σv·offset² from it."""

    ts: IntArray
    averages: FloatArray
    close: FloatArray
    log_close: FloatArray
    sizes: FloatArray
    base: FloatArray
    running: FloatArray
    day: IntArray
    anchor: FloatArray
    moments: FloatArray


def side_by_side(memories: Sequence[Memory]) -> Memory:
    return Memory(*(np.concatenate([getattr(m, f.name) for m in memories], axis=-1) for f in fields(Memory)))


class Lane:
    """`columns` are the places of its series among all of them."""

    def __init__(self, columns: slice, marks: FloatArray, running: FloatArray) -> None:
        self.columns = columns
        self._marks = Tape(marks)
        self._flow = Tape(running)
        self._vpin: Tape | None = None

    def leave(self, marks: FloatArray) -> FloatArray:
        """Puts a bar's marks, shape (8, series), on the tape and answers the sums of each over its newest bars.

        What leaves a shorter window is blanked, so that one sum over the longest serves all.
        """
        self._marks.push(marks)
        self._marks.blank(_EXPIRES, _SHORTER)
        return self.sums()

    def sums(self) -> FloatArray:
        total: FloatArray = np.add.reduce(self._marks.last(JUMP_BARS), axis=0)
        return total

    def flow_since(self, bars: int) -> FloatArray:
        """Running (volume, signed volume) before and after each of the newest bars; (bars + 1, 2, series)."""
        return self._flow.last(bars + 1)

    def flow_on(self, running: FloatArray) -> None:
        """The running sums one bar later. Lanes that only ever say how they began need no more than every fourth
        VPIN; the others are worked out at the first bar that comes."""
        if self._vpin is None:
            self._vpin = Tape(recent_vpin(self._flow.last(FLOW_BARS + 1)))
        self._flow.push(running)

    def vpin_on(self, vpin: FloatArray) -> None:
        assert self._vpin is not None, "flow_on comes first"
        self._vpin.push(vpin)

    def ranked_vpin(self) -> FloatArray:
        """The newest VPIN and those at steps of four bars before it, shape (24, series), oldest first."""
        if self._vpin is None:
            return recent_vpin(self._flow.last(FLOW_BARS + 1), TOXICITY_STEP)
        return self._vpin.last(RANKED, TOXICITY_STEP)


def warm_lane(windows: Sequence[Candles], columns: slice) -> tuple[Lane, Memory]:
    """From windows of one length, at least `live_flow.WARM_BARS` bars."""
    high, low, close, volume = (_stacked(windows, name) for name in ("high", "low", "close", "volume"))
    change = close[:, 1:] - close[:, :-1]
    ranges = np.maximum(high[:, 1:], close[:, :-1]) - np.minimum(low[:, 1:], close[:, :-1])
    averages = seeded(close, np.maximum(change, 0.0), np.maximum(-change, 0.0), ranges)
    base = close[:, 0].copy()
    logs = np.log(close)
    running = running_flow(change.T, volume.T)
    ts = np.stack([window.ts for window in windows])
    day = ts[:, -1] // DAY_MS
    anchor, moments = _since_midnight(ts // DAY_MS == day[:, None], (high + low + close) / 3, volume)
    memory = Memory(
        ts=ts[:, -1].copy(),
        averages=averages,
        close=close[:, -1].copy(),
        log_close=logs[:, -1].copy(),
        sizes=np.abs(np.stack((logs[:, -1] - logs[:, -2], logs[:, -2] - logs[:, -3]))),
        base=base,
        running=running[-1].copy(),
        day=day,
        anchor=anchor,
        moments=moments,
    )
    return Lane(columns, _marks(close.T, logs.T, base), running), memory


def _stacked(windows: Sequence[Candles], name: str) -> FloatArray:
    return np.array([getattr(window, name) for window in windows], dtype=np.float64)


def _marks(close: FloatArray, logs: FloatArray, base: FloatArray) -> FloatArray:
    """Marks of the last 96 bars, oldest first, what is older than its window already blank; (96, 8, series)."""
    offset = close[-JUMP_BARS:] - base
    change = (close[1:] - close[:-1])[-JUMP_BARS:]
    size = np.abs(logs[1:] - logs[:-1])
    pairs = size[1:] * size[:-1]
    roots = np.cbrt(pairs[1:] * size[:-2])
    roots *= roots
    size, pairs, roots = size[-JUMP_BARS:], pairs[-JUMP_BARS:], roots[-JUMP_BARS:]
    marks = np.stack(
        (offset, offset * offset, change * change, change != 0, size * size, size == 0, pairs, roots * roots), axis=1
    )
    for mark, bars in enumerate(SUMMED):
        marks[: JUMP_BARS - bars, mark] = 0.0
    return marks


def _since_midnight(today: np.ndarray, typical: FloatArray, volume: FloatArray) -> tuple[FloatArray, FloatArray]:
    anchor = typical[np.arange(len(typical)), today.argmax(axis=1)]
    offset = np.where(today, typical - anchor[:, None], 0.0)
    first = np.where(today, volume, 0.0) * offset
    moments = (np.where(today, volume, 0.0), first, first * offset)
    return anchor, np.stack([np.add.reduce(m, axis=1) for m in moments])
