"""Correlations from the hourly candles that the cycle has read anyway."""

from __future__ import annotations

from collections.abc import Mapping

from engine.fetch import CandleWindows
from engine.model import Candles, Instrument, Timeframe
from engine.risk.correlation import correlation_matrix


class KnownHours:
    """Asks the venue for nothing: a ticker whose window was not read yet has no correlation (None)."""

    def __init__(self, windows: CandleWindows, instruments: Mapping[str, Instrument]) -> None:
        self._windows = windows
        self._instruments = instruments

    def correlations(self, ticker: str, others: tuple[str, ...]) -> Mapping[str, float | None]:
        known = {name: self._window(name) for name in (ticker, *others)}
        series = {name: window for name, window in known.items() if window is not None}
        return correlation_matrix(series).with_others(ticker, others)

    def _window(self, ticker: str) -> Candles | None:
        # In one piece: this is asked from a thread, and the loop may meanwhile add what the venue has newly listed.
        listed = tuple(self._instruments.values())
        inst_id = next((i.inst_id for i in listed if i.ticker == ticker), "")
        return self._windows.known(inst_id, Timeframe.H1)
