"""The newest signals of every series of the watchlist, computed once a bar and all together.

A cycle hands over the windows of all tickers. Where all series of a timeframe have grown by exactly one bar, the
live state goes on by that bar; in any other case (the first time, a gap, a late or rewritten bar, another
watchlist) it is made anew from the windows. A window too short for that, or that nobody handed over, is computed
by itself. Which way it was changes no signal by more than `live_series` tells.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields

import numpy as np

from engine.experts.bars import Bars, history_of, side_by_side, table
from engine.experts.columns import TimeframeColumns
from engine.experts.freshness import is_sound
from engine.experts.live_flow import WARM_BARS
from engine.experts.live_series import LiveSeries
from engine.experts.technical_expert import combine, signals_of, timeframe_signals
from engine.model import Candles, TechnicalSignals, Timeframe, TimeframeSignals

Key = tuple[str, Timeframe]
"""Instrument id and timeframe of a series."""
Lanes = Mapping[Timeframe, tuple[Key, ...]]


class SignalBoard:
    """Signals by series, each beside the very window that it was computed from."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[Candles, TimeframeSignals]] = {}
        self._lanes: Lanes = {}
        self._live: LiveSeries | None = None
        self._at: dict[Key, Candles] = {}
        """The windows at whose last bar the live state stands, and the same lane by lane."""
        self._histories: dict[Timeframe, Bars] = {}

    def refresh(self, windows: Mapping[Key, Candles]) -> None:
        """Computes what is new in the watchlist's windows."""
        lanes = self._lanes if windows.keys() == self._at.keys() else _lanes(windows)
        if self._live is None or lanes != self._lanes:
            self._begin(_lanes(windows), windows)
            return
        moved = [timeframe for timeframe in lanes if any(windows[k] is not self._at[k] for k in lanes[timeframe])]
        # Half way through a bar the live state stands nowhere: should anything fail, the next time begins anew.
        live, self._live = self._live, None
        grown = {timeframe: self._grown(timeframe, [windows[key] for key in lanes[timeframe]]) for timeframe in moved}
        if not all(grown.values()):
            self._begin(_lanes(windows), windows)
            return
        for run in _neighbours(moved, list(lanes)):
            keys = [key for timeframe in run for key in lanes[timeframe]]
            self._keep(keys, live.advance(run, newest([self._histories[t] for t in run])), windows)
        self._live = live

    def technical(self, inst_id: str, candles: Mapping[Timeframe, Candles]) -> TechnicalSignals:
        """As `technical_expert.technical_signals` of these candles."""
        present = [timeframe for timeframe in Timeframe if timeframe in candles and len(candles[timeframe])]
        return combine({timeframe: self._signals((inst_id, timeframe), candles[timeframe]) for timeframe in present})

    def _signals(self, key: Key, window: Candles) -> TimeframeSignals:
        known = self._known.get(key)
        if known is None or known[0] is not window:
            known = self._known[key] = (window, timeframe_signals(key[1], window))
        return known[1]

    def _grown(self, timeframe: Timeframe, windows: Sequence[Candles]) -> bool:
        """The lane is what it was, one bar later; its history is then taken over."""
        known = self._histories[timeframe]
        if any(len(window) != len(known.ts) for window in windows):
            return False
        now = history_of(windows)
        grown = is_one_more(known, now) and bool(np.isfinite(table([window.open for window in windows])).all())
        if grown:
            self._histories[timeframe] = now
        return grown

    def _begin(self, lanes: Lanes, windows: Mapping[Key, Candles]) -> None:
        self._lanes, self._at, self._live = lanes, {}, None
        self._histories = {t: history_of([windows[key] for key in keys]) for t, keys in lanes.items()}
        if lanes:
            self._live = LiveSeries({t: [windows[key] for key in keys] for t, keys in lanes.items()})
            self._keep([key for keys in lanes.values() for key in keys], self._live.columns(), windows)

    def _keep(self, keys: Sequence[Key], columns: TimeframeColumns, windows: Mapping[Key, Candles]) -> None:
        signals = signals_of([timeframe for _, timeframe in keys], columns)
        for key, said in zip(keys, signals, strict=True):
            self._at[key] = windows[key]
            self._known[key] = (windows[key], said)


def is_one_more(known: Bars, now: Bars) -> bool:
    """Every series of `now` is that of `known` one bar later, the past untouched, the new bar sound."""
    if not all((getattr(now, f.name)[:-1] == getattr(known, f.name)[1:]).all() for f in fields(Bars)):
        return False
    prices = np.stack((now.high[-1], now.low[-1], now.close[-1]))
    lowest = np.minimum.reduce(now.low[-1])
    sound = np.isfinite(prices).all() and lowest > 0 and (now.volume[-1] >= 0).all() and (now.ts[-1] > now.ts[-2]).all()
    return bool(sound and np.isfinite(now.volume[-1]).all())


def _lanes(windows: Mapping[Key, Candles]) -> Lanes:
    """By timeframe, the series whose windows are sound and as long as the longest of them."""
    lanes = {}
    for timeframe in Timeframe:
        # In an order of their own: who is stronger changes every hour, and the series are the same.
        series = {key: windows[key] for key in sorted(windows) if key[1] is timeframe}
        longest = max((len(window) for window in series.values()), default=0)
        if longest >= WARM_BARS:
            lanes[timeframe] = tuple(k for k, w in series.items() if len(w) == longest and is_sound(w))
    return {timeframe: keys for timeframe, keys in lanes.items() if keys}


def _neighbours(moved: Sequence[Timeframe], order: Sequence[Timeframe]) -> Iterator[list[Timeframe]]:
    """Runs of moved lanes that lie side by side."""
    run: list[Timeframe] = []
    for timeframe in order:
        if timeframe in moved:
            run.append(timeframe)
        elif run:
            yield run
            run = []
    if run:
        yield run


def newest(histories: Sequence[Bars]) -> Bars:
    """The last bar of each series."""
    return Bars(*(side_by_side(getattr(history, f.name)[-1] for history in histories) for f in fields(Bars)))
