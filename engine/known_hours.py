"""Correlations from the hourly candles that the cycle has read anyway."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from engine.fetch import CandleWindows
from engine.model import Instrument, Timeframe
from engine.risk.correlation import correlation_matrix


def known_correlations(
    windows: CandleWindows, ticker: str, others: tuple[str, ...], instruments: Iterable[Instrument]
) -> Mapping[str, float | None]:
    """Of `ticker` with each of `others`. The venue is asked for nothing: whose window was not read yet, or who is not
    among `instruments`, has no correlation (None)."""
    wanted = {ticker, *others}
    # In one piece: this is asked from a thread, and the loop may meanwhile add what the venue has newly listed.
    listed = tuple(instruments)
    known = {i.ticker: windows.known(i.inst_id, Timeframe.H1) for i in listed if i.ticker in wanted}
    series = {name: window for name, window in known.items() if window is not None}
    return correlation_matrix(series).with_others(ticker, others)
