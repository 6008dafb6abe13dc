"""Which recorded series play: one for each instrument, OKX's own first, and from when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.clock import utc
from engine.exchange.simulator.bars import RecordedDataError
from engine.exchange.simulator.recorded_files import CandleSeries
from engine.exchange.simulator.specs import SPECS, WATCHLIST

_DAY = 86_400_000
_WARM_UP_MS = 30 * _DAY
_MUST_PRECEDE_MS = _DAY
"""An instrument takes part when it has at least a day of bars before the start and one after it."""


def _inst_id(ticker: str) -> str:
    return f"{ticker}-USDT-SWAP"


def default_start(candles: Sequence[CandleSeries], folder: Path) -> int:
    """The earliest UTC midnight with 30 days behind it for most of the watchlist recorded at OKX; where
    OKX recorded nothing, the same for any venue. Raises RecordedDataError."""
    listed = [s for s in candles if s.ticker in WATCHLIST and s.last_ms - s.first_ms > _WARM_UP_MS + _DAY]
    pool = [s for s in listed if s.okx] or listed
    if not pool:
        raise RecordedDataError(
            f"{folder}: no ticker of the watchlist has more than 31 days of candles; give --start to use less"
        )
    starts = sorted({-(-(s.first_ms + _WARM_UP_MS) // _DAY) * _DAY for s in pool})

    def playing(start: int) -> int:
        return len({s.ticker for s in pool if s.first_ms + _WARM_UP_MS <= start < s.last_ms})

    return max(starts, key=lambda start: (playing(start), -start))


def choose_series(candles: Sequence[CandleSeries], start_ms: int, folder: Path) -> Mapping[str, CandleSeries]:
    """The best series for each listed instrument that covers `start_ms`, in the order of the specs.

    Better: recorded at OKX, then a perpetual, then with warm-up, then finer bars, then the longer rest.
    Raises RecordedDataError when nothing covers the start.
    """
    covering = [
        series
        for series in candles
        if _inst_id(series.ticker) in SPECS and series.first_ms + _MUST_PRECEDE_MS <= start_ms < series.last_ms
    ]
    if not covering:
        raise RecordedDataError(f"{folder}: no listed ticker has candles around {utc(start_ms):%Y-%m-%d %H:%M} UTC")

    def worth(series: CandleSeries) -> tuple[bool, bool, bool, int, int]:
        warm = start_ms - series.first_ms >= _WARM_UP_MS
        return (series.okx, series.perpetual, warm, -series.interval_ms, series.last_ms)

    best: dict[str, CandleSeries] = {}
    for series in sorted(covering, key=worth):
        best[_inst_id(series.ticker)] = series
    return {inst_id: best[inst_id] for inst_id in SPECS if inst_id in best}
