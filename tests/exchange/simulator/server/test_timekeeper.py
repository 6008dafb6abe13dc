"""Venue time follows the wall at its speed, jumps on request, and never credits a suspended machine's absence."""

from __future__ import annotations

import asyncio

import pytest

from engine.exchange.simulator import timekeeper
from engine.exchange.simulator.timekeeper import CATCH_UP_WALL_S, SLICE_MS, Timekeeper


class Recorder:
    """A venue that only remembers where time took it."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.stops: list[int] = []
        self.ticks = 0

    def advance(self, to_ms: int) -> None:
        self.now_ms = to_ms
        self.stops.append(to_ms)

    def tick(self, wall_ms: int) -> None:
        assert wall_ms >= 0
        self.ticks += 1


class Wall:
    def __init__(self) -> None:
        self.seconds = 50.0

    def monotonic(self) -> float:
        return self.seconds

    def time_ns(self) -> int:
        return 1


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    wall = Wall()
    monkeypatch.setattr(timekeeper, "time", wall)
    return wall


def test_venue_time_is_wall_time_times_speed(wall: Wall) -> None:
    venue = Recorder()
    keeper = Timekeeper(venue, 120)
    for _ in range(20):
        wall.seconds += 0.05
        keeper.pulse()
    assert abs(venue.now_ms - 1_120_000) <= 1


def test_a_change_of_speed_does_not_reach_into_the_past(wall: Wall) -> None:
    keeper = Timekeeper(Recorder(), 10)
    wall.seconds += 1
    keeper.set_speed(0)
    wall.seconds += 1
    assert keeper.pulse() == 1_010_000
    keeper.set_speed(1)
    wall.seconds += 1
    assert keeper.pulse() == 1_011_000


def test_a_frozen_venue_still_ticks(wall: Wall) -> None:
    venue = Recorder()
    keeper = Timekeeper(venue, 0)
    wall.seconds += 5
    keeper.pulse()
    assert (venue.stops, venue.ticks) == ([], 1)


def test_a_suspended_machine_is_credited_a_few_seconds_only(wall: Wall) -> None:
    keeper = Timekeeper(Recorder(), 120)
    wall.seconds += 8 * 3600
    assert keeper.pulse() == 1_000_000 + CATCH_UP_WALL_S * 120_000
    assert keeper.skipped_wall_s == 8 * 3600 - CATCH_UP_WALL_S


async def test_a_jump_walks_in_slices_and_ticks_on_the_way() -> None:
    venue = Recorder()
    reached = await Timekeeper(venue, 0).advance_to(1_000_000 + 3 * SLICE_MS + 1)
    assert reached == venue.stops[-1] == 1_000_000 + 3 * SLICE_MS + 1
    assert len(venue.stops) == 4
    assert venue.ticks >= 4


async def test_time_does_not_flow_beside_a_jump() -> None:
    venue = Recorder()
    keeper = Timekeeper(venue, 1000)
    jump = asyncio.ensure_future(keeper.advance_to(1_000_000 + 10_000_000))
    while not jump.done():
        keeper.pulse()
        await asyncio.sleep(0)
    assert venue.stops == sorted(venue.stops)
    assert 0 <= jump.result() - 11_000_000 < 10_000


async def test_neither_way_leads_beyond_the_recording(wall: Wall) -> None:
    venue = Recorder()
    keeper = Timekeeper(venue, 1000, end_ms=1_002_000)
    wall.seconds += 4
    assert keeper.pulse() == 1_002_000
    wall.seconds += 4
    assert keeper.pulse() == 1_002_000
