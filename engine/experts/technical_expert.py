"""Signals of one market from its confirmed candles on 15m, 1H and 4H. Pure; the same for live and history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.experts.columns import MEASURED, TimeframeColumns, timeframe_columns
from engine.experts.jumps import JUMP_Z
from engine.experts.score import MIN_LEAD, TIMEFRAME_WEIGHTS
from engine.model import Candles, Direction, TechnicalSignals, Timeframe, TimeframeSignals


def technical_signals(candles: Mapping[Timeframe, Candles]) -> TechnicalSignals:
    """All timeframes together; one without bars is left out and counts 0.

    Never raises on short, constant or gappy history: what cannot be computed is None.
    """
    computed = {
        timeframe: timeframe_signals(timeframe, candles[timeframe])
        for timeframe in Timeframe
        if timeframe in candles and len(candles[timeframe])
    }
    return combine(computed)


def timeframe_signals(timeframe: Timeframe, candles: Candles) -> TimeframeSignals:
    """Signals at the last of at least one confirmed candle."""
    return signals_at(timeframe, timeframe_columns(timeframe, candles, rows=1), 0)


def combine(timeframes: Mapping[Timeframe, TimeframeSignals]) -> TechnicalSignals:
    """Counts, weighted score, strength and direction; missing timeframes are not made up for."""
    present = timeframes.values()
    bulls = sum(signals.bullish_count for signals in present)
    bears = sum(signals.bearish_count for signals in present)
    score = sum(TIMEFRAME_WEIGHTS[timeframe] * signals.score for timeframe, signals in timeframes.items())
    ranges = [signals.atr_pct for signals in present if signals.atr_pct is not None]
    return TechnicalSignals(
        timeframes=timeframes,
        bullish_count=bulls,
        bearish_count=bears,
        timeframes_aligned=sum(signals.aligned for signals in present),
        score=score,
        strength=(1 + score) / 2,
        direction=direction_of(bulls, bears, score),
        atr_pct_avg=sum(ranges) / len(ranges) if ranges else None,
    )


def direction_of(bulls: int, bears: int, score: float) -> Direction:
    """Bullish when bulls − bears ≥ 3 and the weighted score is above 0; bearish mirrored; else neutral."""
    if bulls - bears >= MIN_LEAD and score > 0:
        return Direction.BULLISH
    if bears - bulls >= MIN_LEAD and score < 0:
        return Direction.BEARISH
    return Direction.NEUTRAL


def signals_at(timeframe: Timeframe, columns: TimeframeColumns, row: int) -> TimeframeSignals:
    """One row of the columns as signals; what is NaN or infinite becomes None."""
    return signals_of([timeframe], columns, slice(row, row + 1))[0]


def signals_of(
    timeframes: Sequence[Timeframe], columns: TimeframeColumns, rows: slice = slice(None)
) -> list[TimeframeSignals]:
    """Rows of the columns as signals, each with its timeframe; what is NaN or infinite becomes None."""
    table = columns.measured[:, rows].T
    cells = table.astype(object)
    cells[~np.isfinite(table)] = None
    measured = cells.tolist()
    stamps, closes, scores = (values[rows].tolist() for values in (columns.bar_ts, columns.close, columns.score))
    ballots = columns.votes[:, rows].T.tolist()
    return [_signals(*row) for row in zip(timeframes, stamps, closes, measured, ballots, scores, strict=True)]


def _signals(
    timeframe: Timeframe, bar_ts: int, close: float, measured: list[float | None], votes: list[int], score: float
) -> TimeframeSignals:
    named = dict(zip(MEASURED, measured, strict=True))
    jump_z = named["jump_z"]
    return TimeframeSignals(
        timeframe=timeframe,
        bar_ts=bar_ts,
        close=close,
        jump=None if jump_z is None else jump_z > JUMP_Z,
        vote_ema=votes[0],
        vote_rsi=votes[1],
        vote_macd=votes[2],
        vote_ofi=votes[3],
        vote_vwap=votes[4],
        score=score,
        **named,
    )
