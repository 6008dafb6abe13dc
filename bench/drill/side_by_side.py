"""Several scenarios at once, each in a process of its own: a drill may spoil the lines of its whole process."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from bench.drill.drill import Result, drill
from bench.drill.scenario import Scenario


def played(scenarios: Sequence[Scenario], jobs: int = 1) -> Iterator[Result]:
    """In the order given, however many run at once. Raises ScenarioError."""
    with ProcessPoolExecutor(max(1, jobs), get_context("spawn")) as pool:
        yield from pool.map(_play, scenarios)


def _play(scenario: Scenario) -> Result:
    # What the engine tells is looked at by the drill; a terminal full of ordered faults helps nobody.
    logging.getLogger().addHandler(logging.NullHandler())
    return asyncio.run(drill(scenario))
