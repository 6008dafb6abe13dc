"""Every series of the watchlist side by side, kept warm: one new bar of all of them is one pass over vectors.

The definitions of `columns`, which computes one series for many bars; here it is many series at their last bar.
Averages are carried on; sums over a window hold nothing but what is in the window (`sliding_sums`). Equal to
`columns` over the same history to 1e-9 of each unit. A window that begins later differs as `columns` of it does:
EMA 50 remembers 0.005 % of its seed after 300 bars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.experts import live_core as core
from engine.experts.bars import Bars, history_of, places_of, side_by_side, step_of
from engine.experts.columns import TimeframeColumns
from engine.experts.jumps import JUMP_Z
from engine.experts.live_core import LiveCore
from engine.experts.live_flow import LiveFlow
from engine.experts.live_returns import LiveReturns
from engine.experts.live_vwap import LiveVwap
from engine.experts.rolling import ratio
from engine.experts.score import scores_of, votes_of
from engine.experts.trend import stack_gap
from engine.experts.volatility import REALISED_BARS, bars_per_year
from engine.model import Candles, Timeframe


class LiveSeries:
    """Series in the order of their timeframes; those of one timeframe (a lane) are always at the same bar.

    `timeframes` in the order given. Not for histories shorter than `live_flow.WARM_BARS`.
    """

    def __init__(self, windows: Mapping[Timeframe, Sequence[Candles]]) -> None:
        """In each timeframe windows of one length, all ending at the same bar."""
        self._lanes = {timeframe: lane for lane, timeframe in enumerate(windows)}
        self._places = places_of([len(series) for series in windows.values()])
        lanes = [history_of(series) for series in windows.values()]
        yearly = [np.full(len(series), bars_per_year(t) / REALISED_BARS) for t, series in windows.items()]
        self._ts = side_by_side(bars.ts[-1] for bars in lanes)
        self._core = LiveCore(lanes, self._places)
        self._flow = LiveFlow(lanes)
        self._returns = LiveReturns(lanes, self._places, side_by_side(yearly))
        self._vwap = LiveVwap(lanes)

    def advance(self, timeframes: Sequence[Timeframe], bars: Bars) -> TimeframeColumns:
        """One bar later on neighbouring lanes, `bars` in their order; what `columns` says of it."""
        lanes = [self._lanes[timeframe] for timeframe in timeframes]
        at = step_of(lanes, self._places)
        change = self._core.advance(at, bars)
        self._flow.advance(at, change, self._core.squared_changes(at.columns), bars.volume)
        self._returns.advance(at, bars.close)
        self._vwap.advance(at, bars)
        self._ts[at.columns] = bars.ts
        return self._columns(at.columns)

    def columns(self) -> TimeframeColumns:
        """Every indicator, vote and score at the last bar, one row a series."""
        return self._columns(slice(None))

    def _columns(self, columns: slice) -> TimeframeColumns:
        said = self._core.read(columns)
        close, atr = self._core.close[columns].copy(), said[core.ATR]
        moving = self._core.squared_changes(columns) > 0
        volatility, jump_z = self._returns.read(columns)
        vwap, sigma = self._vwap.read(columns)
        bought, traded = self._flow.recent(columns)
        vpin, toxicity = np.where(moving, self._flow.vpin_and_toxicity(columns), np.nan)
        over, under = np.empty((2, 5, len(close)))
        over[0] = stack_gap(said[core.EMA9], said[core.EMA20], said[core.EMA50])
        over[1], over[2] = said[core.MACD] + said[core.HISTOGRAM], bought
        over[3] = over[4] = close - vwap
        # A frozen market has no flow.
        under[0], under[1], under[2], under[3], under[4] = atr, atr, traded * moving, sigma, vwap
        gap, momentum, ofi, in_sigmas, from_vwap = ratio(over, under)
        evidence = np.empty((6, len(close)))
        evidence[0], evidence[1], evidence[2] = gap, said[core.RSI] - 50, momentum
        evidence[3], evidence[4], evidence[5] = ofi, in_sigmas, said[core.POSITION]
        return TimeframeColumns(
            bar_ts=self._ts[columns].copy(),
            close=close,
            ema9=said[core.EMA9],
            ema20=said[core.EMA20],
            ema50=said[core.EMA50],
            rsi=said[core.RSI],
            macd=said[core.MACD],
            macd_signal=said[core.SIGNAL],
            macd_histogram=said[core.HISTOGRAM],
            bollinger_position=said[core.POSITION],
            bollinger_width_pct=said[core.WIDTH],
            atr=atr,
            atr_pct=said[core.ATR_PCT],
            ofi_bar=ofi,
            vpin=vpin,
            toxicity=toxicity,
            realised_vol=volatility,
            jump_z=jump_z,
            vwap_deviation_pct=from_vwap,
            vwap_deviation_sigma=in_sigmas,
            votes=votes_of(evidence),
            score=scores_of(evidence, jump_z, toxicity, JUMP_Z),
        )
