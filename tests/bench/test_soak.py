"""The soak's own arithmetic; and one short soak of the real program."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench.soak import UNRETRIEVED, unretrieved
from bench.soak_faults import ON_ORDERS, sprinkled
from bench.soak_samples import floor, slope
from engine.exchange.simulator.faults.catalogue import read_faults
from engine.exchange.simulator.faults.spec import REQUEST_KINDS

ROOT = Path(__file__).parents[2]


def test_the_slope_is_that_of_a_line_whatever_a_few_spikes_say() -> None:
    line = [(x / 10, 100 + 0.3 * x / 10) for x in range(300)]
    spikes = [(x, y + (500 if i % 29 == 0 else 0)) for i, (x, y) in enumerate(line)]
    assert slope(line) == pytest.approx(0.3)
    assert slope(spikes) == pytest.approx(0.3, abs=0.02)
    assert slope([(1.0, 5.0)]) == 0.0


def test_what_comes_and_goes_has_a_level_floor_and_what_leaks_has_not() -> None:
    busy = [(x / 10, 17.0 + (x * 7919) % 40) for x in range(600)]
    assert abs(slope(floor(busy))) < 0.05
    assert slope(floor([(x, y + 2 * x) for x, y in busy])) == pytest.approx(2, abs=0.3)


def test_every_kind_of_fault_that_can_befall_a_request_is_sprinkled_and_together_they_are_the_rate() -> None:
    seed, faults = read_faults(sprinkled(0.01, 7))
    assert seed == 7
    assert {fault.kind for fault in faults} == REQUEST_KINDS
    everywhere = faults[: -len(ON_ORDERS)]
    assert sum(fault.when.chance or 0 for fault in everywhere) == pytest.approx(0.01)
    assert read_faults(sprinkled(0, 7)) == (7, ())


@pytest.mark.parametrize("phrase", UNRETRIEVED)
def test_an_error_that_nobody_handled_is_found_in_any_log(tmp_path: Path, phrase: str) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "daemon.out").write_text("started\n")
    (tmp_path / "logs" / "engine.log").write_text("all is well\n")
    assert unretrieved(tmp_path) == []
    (tmp_path / "logs" / "engine.log.3").write_text(f"2026 ERROR asyncio: {phrase}\n")
    assert len(unretrieved(tmp_path)) == 1


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_half_a_simulated_day_with_faults_breaks_no_limit(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "bench.soak", "--days", "0.5", "--speed", "1440", "--home", str(tmp_path / "home")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=220, check=False)
    assert done.stdout, done.stderr
    document = json.loads(done.stdout)
    assert document["breaches"] == [], f"{document}\n{done.stderr}"
    assert done.returncode == 0
    assert document["faults_fired"] > 0
    assert document["cycles"] > 10
