"""A market in which there is always something to trade: waves, each ticker at another point of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from engine.exchange.simulator.specs import SPECS
from engine.model import Timeframe

FIRST_MS = 1_754_006_400_000
DAYS = 90
WAVE_BARS = 28
HEIGHT = 0.02
NOISE = 0.0008


def write_waves(folder: Path, tickers: tuple[str, ...], seed: int = 7) -> Path:
    """15-minute bars of sine waves 2 % high and 7 hours long, with noise; returns the folder, for `demo.replay`."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    tables = [_ticker(name, number / len(tickers), rng) for number, name in enumerate(tickers)]
    pq.write_table(pa.concat_tables(tables), folder / "okx_swap_waves.parquet")
    return folder


def _ticker(name: str, phase: float, rng: np.random.Generator) -> pa.Table:
    bars = DAYS * 96
    base = SPECS[f"{name}-USDT-SWAP"].typical_price
    wave = HEIGHT * np.sin(2 * np.pi * (np.arange(bars + 1) / WAVE_BARS + phase))
    price = base * np.exp(wave + rng.normal(0.0, NOISE, bars + 1))
    opened, closed = price[:-1], price[1:]
    reach = base * np.abs(rng.normal(0.0, NOISE, bars))
    columns = {
        "ticker": [name] * bars,
        "ts_ms": FIRST_MS + np.arange(bars) * Timeframe.M15.ms,
        "open": opened,
        "high": np.maximum(opened, closed) + reach,
        "low": np.minimum(opened, closed) - reach,
        "close": closed,
        "volume": rng.uniform(500.0, 1500.0, bars),
    }
    return pa.table(columns)
