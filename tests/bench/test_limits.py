"""What a bench says about its limits, and which boundaries the crash bench takes."""

from __future__ import annotations

import pytest

from bench.crash import chosen
from bench.limits import Limit, cores, exit_status, verdict

ALL = [f"commit:before:{n}" for n in range(1, 75)]


def test_a_missed_limit_of_safety_breaks_on_any_machine() -> None:
    assert verdict([Limit("naked", 1, 0)], load=1000.0)["broken"] == ["naked"]


def test_a_missed_speed_warns_on_a_busy_machine_and_breaks_on_a_quiet_one() -> None:
    slow = [Limit("boot", 4.0, 3.0, speed=True)]
    busy, quiet = verdict(slow, load=cores() + 1.0), verdict(slow, load=0.0)
    assert (busy["broken"], len(busy["warnings"])) == ([], 1)
    assert (quiet["broken"], quiet["warnings"]) == (["boot"], [])


def test_what_was_not_measured_is_broken() -> None:
    line = verdict([Limit("boot", None, 3.0, speed=True)], load=0.0)
    assert line["broken"] == ["boot"]
    assert exit_status(line) == 1


def test_only_slow_is_told_apart_from_unsafe() -> None:
    slow, naked = Limit("boot", 4.0, 3.0, speed=True), Limit("naked", 1, 0)
    assert exit_status(verdict([slow], load=0.0)) == 4
    assert exit_status(verdict([slow, naked], load=0.0)) == 1
    assert exit_status(verdict([slow], load=cores() + 1.0)) == 0
    assert exit_status(verdict([naked], load=cores() + 1.0)) == 1


def test_all_boundaries_are_taken_unless_a_number_is_given() -> None:
    assert chosen(ALL, "all") == ALL
    assert chosen(ALL, "100") == ALL


@pytest.mark.parametrize("count", [1, 2, 10, 73])
def test_a_number_of_boundaries_is_spread_without_a_double(count: int) -> None:
    taken = chosen(ALL, str(count))
    assert len(taken) == len(set(taken)) == count
