"""Every series of the watchlist side by side, kept warm: one new bar of all of them is one pass over vectors.

The definitions of `columns`, which computes one series for many bars; here it is many series at their last bar.
Averages are carried on; sums over a window hold nothing but what is in the window (`sliding_sums`). Equal to
`columns` over the same history to 1e-9 of each unit. A window that begins later differs as `columns` of it does:
EMA 50 remembers 0.005 % of its seed after 300 bars.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from engine.experts.bars import Bars, Step, history_of, places_of, side_by_side, step_of
from engine.experts.columns import MEASURED, TimeframeColumns
from engine.experts.jumps import JUMP_Z
from engine.experts.live_core import LiveCore
from engine.experts.live_flow import LiveFlow
from engine.experts.live_returns import LiveReturns
from engine.experts.live_vwap import LiveVwap
from engine.experts.rolling import ZERO, blank, ratio_into
from engine.experts.score import scores_of, votes_of
from engine.experts.trend import stack_gap
from engine.experts.volatility import REALISED_BARS, bars_per_year
from engine.model import Candles, FloatArray, Timeframe

STACK, RSI, MOMENTUM, OFI, IN_SIGMAS, POSITION, FROM_VWAP = range(7)
"""What is divided by something: the six pieces of evidence in the order of `score`, then what nobody votes by."""
_NEUTRAL_RSI = np.array(50.0)


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
        self._steps: dict[tuple[Timeframe, ...], Step] = {}
        self._views: dict[tuple[int, ...], _Views] = {}

    def advance(self, timeframes: Sequence[Timeframe], bars: Bars) -> TimeframeColumns:
        """One bar later on neighbouring lanes, `bars` in their order; what `columns` says of it."""
        at = self._step(tuple(timeframes))
        change = self._core.advance(at, bars)
        self._flow.advance(at, change, self._core.squared_changes(at), bars.volume)
        self._returns.advance(at, bars.close)
        self._vwap.advance(at, bars)
        self._ts[at.columns] = bars.ts
        return self._columns(at)

    def columns(self) -> TimeframeColumns:
        """Every indicator, vote and score at the last bar, one row a series."""
        return self._columns(self._step(tuple(self._lanes)))

    def _columns(self, at: Step) -> TimeframeColumns:
        of, moves = self._at(at), self._core.squared_changes(at)
        of.of_core[:] = self._core.read(at)
        self._flow.vpin_and_toxicity(at, of.vpin, of.toxicity)
        # A frozen market has no flow.
        blank(of.flow, moves <= ZERO)
        self._returns.read(at, of.volatility, of.jump_z)
        self._weigh(at, of, moves)
        of.ofi_and_sigmas[:] = of.ratios[OFI : IN_SIGMAS + 1]
        of.from_vwap[:] = of.ratios[FROM_VWAP]
        return TimeframeColumns(
            bar_ts=self._ts[at.columns].copy(),
            close=self._core.close(at).copy(),
            measured=of.measured.copy(),
            votes=votes_of(of.evidence),
            score=scores_of(of.evidence, of.jump_z, of.toxicity, JUMP_Z),
        )

    def _weigh(self, at: Step, of: _Views, moves: FloatArray) -> None:
        """Writes the six pieces of evidence, and how far the close is from VWAP."""
        said, over, under = of.said, of.over, of.under
        over[STACK][:] = stack_gap(said["ema9"], said["ema20"], said["ema50"])
        np.add(said["macd"], said["macd_histogram"], out=over[MOMENTUM])
        under[STACK][:] = said["atr"]
        # Of a price that stands only noise is left, in the averages as in the range.
        blank(under[STACK], moves <= ZERO)
        under[MOMENTUM][:] = under[STACK]
        self._flow.recent(at, bought=over[OFI], traded=under[OFI])
        np.multiply(under[OFI], np.sign(moves), out=under[OFI])
        self._vwap.read(at, vwap=under[FROM_VWAP], sigma=under[IN_SIGMAS])
        np.subtract(self._core.close(at), under[FROM_VWAP], out=over[FROM_VWAP])
        over[IN_SIGMAS][:] = over[FROM_VWAP]
        # These two have their unit already: they are divided by 1.
        np.subtract(said["rsi"], _NEUTRAL_RSI, out=over[RSI])
        over[POSITION][:] = said["bollinger_position"]
        ratio_into(of.ratios, of.overs, of.unders)

    def _step(self, timeframes: tuple[Timeframe, ...]) -> Step:
        if timeframes not in self._steps:
            self._steps[timeframes] = step_of([self._lanes[timeframe] for timeframe in timeframes], self._places)
        return self._steps[timeframes]

    def _at(self, at: Step) -> _Views:
        of = self._views.get(at.lanes)
        if of is None:
            of = self._views[at.lanes] = _Views(at.columns.stop - at.columns.start)
        return of


class _Views:
    """Room to compute one step in, by the names of its rows. A plural is a table, its singular the list of the table's
    rows."""

    def __init__(self, series: int) -> None:
        self.measured = np.empty((len(MEASURED), series))
        self.said = said = dict(zip(MEASURED, self.measured, strict=True))
        self.vpin, self.toxicity, self.volatility = said["vpin"], said["toxicity"], said["realised_vol"]
        self.jump_z, self.from_vwap = said["jump_z"], said["vwap_deviation_pct"]
        self.of_core = self._rows("ema9", "atr_pct")
        self.flow, self.ofi_and_sigmas = self._rows("vpin", "toxicity"), self._rows("ofi_bar", "vwap_deviation_sigma")
        self.overs, self.unders, self.ratios = np.ones((3, FROM_VWAP + 1, series))
        self.over, self.under = [*self.overs], [*self.unders]
        self.evidence = self.ratios[:FROM_VWAP]

    def _rows(self, first: str, last: str) -> FloatArray:
        """Of what is measured."""
        return self.measured[MEASURED.index(first) : MEASURED.index(last) + 1]
