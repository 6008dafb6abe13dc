"""A market that really happened: candles from a folder of CSV or Parquet files, replayed bar by bar.

Each instrument plays one recorded series (one file, one ticker, one run without long holes); venues are
never stitched together. A missing bar means that the instrument was quiet: the last price stays and nothing
trades.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Self

import numpy as np

from engine.exchange.simulator.bars import Bars, RecordedDataError
from engine.exchange.simulator.grid import Grid
from engine.exchange.simulator.noise import key_of
from engine.exchange.simulator.recorded_files import (
    CandleSeries,
    FundingSeries,
    load_bars,
    scan_folder,
)
from engine.exchange.simulator.recorded_window import choose_series, default_start
from engine.exchange.simulator.specs import SPECS, InstrumentSpec
from engine.model import IntArray

__all__ = ["RecordedBars", "RecordedDataError"]

_HISTORY_MS = 200 * 86_400_000
_FUNDING_SLACK_MS = 60_000
_FINEST_TICK = 2e-6
"""A recorded price step below this share of the price is noise of the file, not the venue's tick."""
_WIDEST_REPLAY_SPREAD = 2e-4


class RecordedBars:
    """Recorded bars of every instrument that has them. See `BarSource`."""

    def __init__(
        self,
        bars: Mapping[str, Bars],
        chosen: Mapping[str, CandleSeries],
        funding: Sequence[FundingSeries],
        start_ms: int,
        seed: int,
    ) -> None:
        self._start_ms = start_ms
        self._seed = seed
        self._specs = {inst_id: _as_recorded(SPECS[inst_id], bars[inst_id]) for inst_id in chosen}
        self._bars = {inst_id: _on_grid(bars[inst_id], spec) for inst_id, spec in self._specs.items()}
        self._intervals = {inst_id: series.interval_ms for inst_id, series in chosen.items()}
        self._funding = {inst_id: _funding_of(spec.base, funding) for inst_id, spec in self._specs.items()}
        self._identity = _identity(chosen, start_ms, seed)

    @classmethod
    def load(cls, folder: Path, start_ms: int | None = None, seed: int = 7) -> Self:
        """Reads what the replay from `start_ms` needs; by default it starts at the earliest time at which
        most instruments recorded at OKX have 30 days behind them. Raises RecordedDataError."""
        candles, funding = scan_folder(folder)
        start = default_start(candles, folder) if start_ms is None else start_ms
        chosen = choose_series(candles, start, folder)
        bars = {inst_id: load_bars(series, start - _HISTORY_MS) for inst_id, series in chosen.items()}
        return cls(bars, chosen, funding, start, seed)

    @property
    def specs(self) -> Mapping[str, InstrumentSpec]:
        return self._specs

    @property
    def identity(self) -> str:
        return self._identity

    @property
    def seed(self) -> int:
        return self._seed

    @property
    def history_start_ms(self) -> int:
        return min(int(bars.ts[0]) for bars in self._bars.values())

    @property
    def start_ms(self) -> int:
        return self._start_ms

    @property
    def end_ms(self) -> int | None:
        return max(int(bars.ts[-1]) + self._intervals[inst_id] for inst_id, bars in self._bars.items())

    def interval_ms(self, inst_id: str) -> int:
        return self._intervals[inst_id]

    def bars(self, inst_id: str, from_ms: int, to_ms: int) -> Bars:
        bars = self._bars[inst_id]
        first, last = np.searchsorted(bars.ts, (from_ms, max(from_ms, to_ms)))
        return bars.pick(slice(int(first), int(last)))

    def close_before(self, inst_id: str, t_ms: int) -> float:
        bars = self._bars[inst_id]
        place = int(np.searchsorted(bars.ts, t_ms)) - 1
        return float(bars.close[place]) if place >= 0 else float(bars.open[0])

    def recorded_funding(self, inst_id: str, settle_ms: int) -> float | None:
        series = self._funding[inst_id]
        if series is None:
            return None
        place = int(np.searchsorted(series.ts, settle_ms - _FUNDING_SLACK_MS))
        if place == len(series.ts) or series.ts[place] > settle_ms + _FUNDING_SLACK_MS:
            return None
        return float(series.rate[place])


def _identity(chosen: Mapping[str, CandleSeries], start_ms: int, seed: int) -> str:
    """Names the recording by what is played, not by where it lies."""
    parts = [f"{inst}:{s.path.name}:{s.ticker}:{s.first_ms}:{s.last_ms}" for inst, s in sorted(chosen.items())]
    return f"replay:{key_of(seed, start_ms, *parts):016x}"


def _ticks_fit(prices: IntArray, decimals: int, scale: int) -> bool:
    return bool(np.all(prices % 10 ** (scale - decimals) == 0))


def _as_recorded(spec: InstrumentSpec, bars: Bars) -> InstrumentSpec:
    """The instrument with the tick of its recording, where that is finer than today's and no mere noise."""
    scale = 8
    sample = np.rint(np.concatenate([bars.open, bars.close]) * 10**scale).astype(np.int64)
    decimals = next((d for d in range(scale + 1) if _ticks_fit(sample, d, scale)), scale)
    price = float(np.median(bars.close))
    tick = spec.tick_sz
    if 10.0**-decimals < float(tick) and 10.0**-decimals >= _FINEST_TICK * price:
        tick = Decimal(1).scaleb(-decimals)
    spread = min(spec.spread_ticks * float(spec.tick_sz) / spec.typical_price, _WIDEST_REPLAY_SPREAD)
    return replace(spec, tick_sz=tick, typical_price=price, spread_ticks=max(1.0, spread * price / float(tick)))


def _on_grid(bars: Bars, spec: InstrumentSpec) -> Bars:
    grid = Grid.of(spec.tick_sz)
    opened, high, low, close = (grid.snap(side) for side in (bars.open, bars.high, bars.low, bars.close))
    return Bars(bars.ts, opened, high, low, close, bars.volume)


def _funding_of(base: str, funding: Sequence[FundingSeries]) -> FundingSeries | None:
    """The recorded rates of this ticker; OKX's own first, then the longest."""
    own = [series for series in funding if series.ticker == base]
    return max(own, key=lambda series: (series.okx, len(series.ts)), default=None)
