"""Plays one scenario and measures how it ended."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.audit import Limits, audit
from bench.drill.daemon_driver import open_daemon, write_config
from bench.drill.desk_driver import EQUITY, DeskDriver, arm, open_desk, start_venue
from bench.drill.observation import Observation, misses
from bench.drill.scenario import Scenario, inst
from bench.drill.steps import Driver, check_steps, play, seen_by
from engine.home import Home

CALM_S = 5.0
THROTTLED = "50011"


@dataclass(frozen=True, slots=True)
class Result:
    """`wrong` is empty when the scenario ended as its file says and the auditor found nothing. `unprotected_s` is the
    longest time a position of ours was larger than its cover; `end` says in a word how it ended."""

    name: str
    row: str
    fault: str
    wrong: tuple[str, ...]
    unprotected_s: float
    end: str
    reason: str
    seconds: float
    fired: int

    @property
    def passed(self) -> bool:
        return not self.wrong

    def as_json(self) -> dict[str, Any]:
        return {
            "scenario": self.name,
            "row": self.row,
            "fault": self.fault,
            "passed": self.passed,
            "wrong": list(self.wrong),
            "max_unprotected_s": round(self.unprotected_s, 3),
            "end": self.end,
            "entry": self.reason,
            "faults_fired": self.fired,
            "seconds": round(self.seconds, 1),
        }


async def drill(scenario: Scenario) -> Result:
    """Raises ScenarioError when the file asks for what does not exist."""
    check_steps(scenario)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cynosure-drill-") as folder:
        home = Path(folder)
        wrong: list[str] = []
        async with _driver(scenario, home) as driver:
            try:
                await play(driver, scenario.do)
            except AssertionError as error:
                wrong.append(f"half-way: {error}")
            seen = await asyncio.to_thread(seen_by, driver)
            fired = sum(row["fired"] for row in await asyncio.to_thread(driver.embedded.faults))
            wrong += await asyncio.to_thread(_throttled, scenario, driver)
            await _calm(driver)
        wrong += misses(scenario.expect, seen)
        wrong += _audited(scenario, home)
        if scenario.faults and not fired:
            wrong.append("no fault ever fired")
    return _result(scenario, seen, tuple(wrong), time.monotonic() - began, fired)


def _result(scenario: Scenario, seen: Observation, wrong: tuple[str, ...], seconds: float, fired: int) -> Result:
    foreign = scenario.expect.foreign
    return Result(
        name=scenario.name,
        row=scenario.row,
        fault=scenario.fault,
        wrong=wrong,
        unprotected_s=seen.unprotected_s(foreign),
        end=seen.end_state(foreign),
        reason=str(seen.reason or ""),
        seconds=seconds,
        fired=fired,
    )


def _throttled(scenario: Scenario, driver: Driver) -> list[str]:
    """The venue counts requests as OKX does; faults that were ordered do not stand in its log."""
    refused = [entry for entry in driver.embedded.log() if entry["code"] == THROTTLED]
    if len(refused) <= scenario.expect.throttled:
        return []
    paths = sorted({f"{entry['method']} {entry['path']}" for entry in refused})
    return [f"{len(refused)} requests over the venue's limits: {', '.join(paths)}"]


async def _calm(driver: Driver) -> None:
    """The faults are over and the engine has a moment: what it has not booked after that, it lost."""
    if isinstance(driver, DeskDriver):
        driver.lines.clear()
        await asyncio.to_thread(driver.embedded.clear_faults)
        await driver.venue.sync_clock()
        for _ in range(2):
            await driver.desk.guard_pass()
            await driver.desk.reconcile()
    elif driver.process is not None and driver.process.poll() is None:
        await asyncio.to_thread(driver.embedded.clear_faults)
        await asyncio.sleep(CALM_S)


@asynccontextmanager
async def _driver(scenario: Scenario, home: Path) -> AsyncIterator[Driver]:
    if scenario.driver == "desk":
        async with open_desk(scenario, home) as desk:
            yield desk
        return
    place = Home(home).prepare()
    await asyncio.to_thread(write_config, scenario, place, EQUITY)
    if scenario.held:
        await _hold_before(scenario, home)
    embedded = await asyncio.to_thread(start_venue, scenario, home)
    await asyncio.to_thread(arm, embedded, scenario)
    async with open_daemon(scenario, place, embedded) as daemon:
        yield daemon


async def _hold_before(scenario: Scenario, home: Path) -> DeskDriver:
    """A desk without faults enters what the daemon shall find."""
    quiet = scenario.model_copy(update={"faults": [], "boot_faults": []})
    async with open_desk(quiet, home) as desk:
        return desk


def _audited(scenario: Scenario, home: Path) -> list[str]:
    """What the auditor says that the scenario does not make unavoidable."""
    limits = Limits(naked_s=scenario.expect.max_unprotected_s)
    foreign = {inst(name) for name in scenario.expect.foreign}
    findings = audit(home / "storage" / "simulator.db", home, limits).findings
    allowed = set(scenario.expect.audit)
    return [
        f"auditor: {finding.line()}"
        for finding in findings
        if str(finding.kind) not in allowed and not (finding.inst_id in foreign and str(finding.kind) == "naked")
    ]
