"""One simulator for all of these tests; each test gets its own engine and leaves the venue flat."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.execution.rig import Rig
from tests.simulator_process import Simulator, simulator


@pytest.fixture(scope="package")
def sim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(tmp_path_factory.mktemp("venue")) as running:
        yield running


@pytest.fixture
async def rig(sim: Simulator, tmp_path: Path) -> AsyncIterator[Rig]:
    opened = await Rig.open(sim, tmp_path)
    try:
        yield opened
    finally:
        await opened.close()
