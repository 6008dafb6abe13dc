"""One generated and one recorded market for all tests of the market side."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.exchange.simulator.generator import GeneratedBars
from engine.exchange.simulator.simulated_market import SimulatedMarket, open_market

RECORDINGS = Path(__file__).resolve().parents[5] / "shared" / "data"


@pytest.fixture(scope="session")
def source() -> GeneratedBars:
    return GeneratedBars(seed=7)


@pytest.fixture(scope="session")
def market(source: GeneratedBars) -> SimulatedMarket:
    return SimulatedMarket(source)


@pytest.fixture(scope="session")
def recordings() -> Path:
    if not RECORDINGS.is_dir():
        pytest.skip("the folder ../shared/data with recorded candles is absent")
    return RECORDINGS


@pytest.fixture(scope="session")
def replay(recordings: Path) -> SimulatedMarket:
    return open_market(replay=recordings)
