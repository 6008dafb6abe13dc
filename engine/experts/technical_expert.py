"""Signals of one market from its confirmed candles on 15m, 1H and 4H. Pure; the same for live and history."""

from __future__ import annotations

from collections.abc import Mapping

from engine.experts.columns import TimeframeColumns, timeframe_columns
from engine.experts.jumps import JUMP_Z
from engine.experts.rolling import known
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
    """One row of the columns as signals; NaN becomes None."""
    jump_z = known(columns.jump_z[row])
    ema, rsi, macd, ofi, vwap = columns.votes[:, row].tolist()
    return TimeframeSignals(
        timeframe=timeframe,
        bar_ts=int(columns.bar_ts[row]),
        close=float(columns.close[row]),
        ema9=known(columns.ema9[row]),
        ema20=known(columns.ema20[row]),
        ema50=known(columns.ema50[row]),
        rsi=known(columns.rsi[row]),
        macd=known(columns.macd[row]),
        macd_signal=known(columns.macd_signal[row]),
        macd_histogram=known(columns.macd_histogram[row]),
        bollinger_position=known(columns.bollinger_position[row]),
        bollinger_width_pct=known(columns.bollinger_width_pct[row]),
        atr=known(columns.atr[row]),
        atr_pct=known(columns.atr_pct[row]),
        ofi_bar=known(columns.ofi_bar[row]),
        vpin=known(columns.vpin[row]),
        toxicity=known(columns.toxicity[row]),
        realised_vol=known(columns.realised_vol[row]),
        jump_z=jump_z,
        jump=None if jump_z is None else jump_z > JUMP_Z,
        vwap_deviation_pct=known(columns.vwap_deviation_pct[row]),
        vwap_deviation_sigma=known(columns.vwap_deviation_sigma[row]),
        vote_ema=ema,
        vote_rsi=rsi,
        vote_macd=macd,
        vote_ofi=ofi,
        vote_vwap=vwap,
        score=float(columns.score[row]),
    )
