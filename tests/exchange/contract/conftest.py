"""One frozen venue per test file; one adapter per test. Tests of one file trade on different instruments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from engine.exchange.port import Exchange
from tests.exchange.contract.adapters import ADAPTERS
from tests.simulator_process import Simulator, simulator


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(tmp_path_factory.mktemp("venue")) as running:
        yield running


@pytest.fixture(params=sorted(ADAPTERS))
async def exchange(request: pytest.FixtureRequest, venue: Simulator) -> AsyncIterator[Exchange]:
    adapter = ADAPTERS[request.param](venue)
    yield adapter
    await adapter.aclose()
