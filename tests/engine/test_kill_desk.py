"""The engine's kill switch: connected beforehand, on its own thread, past a loop that is stuck."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.commands import EngageKill
from engine.config import Settings
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.simulator.embedded import EmbeddedVenue
from engine.execution.kill_switch import KillReport
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.kill_desk import KillDesk, KillResumeRefused
from engine.model import EngineState, KillState
from engine.options import EngineOptions
from engine.runtime import EngineRuntime


@pytest.fixture
def venue(tmp_path: Path) -> Iterator[EmbeddedVenue]:
    started = EmbeddedVenue.start(tmp_path, speed=0.0)
    yield started
    started.stop()


def endpoint(venue: EmbeddedVenue) -> OkxEndpoint:
    return OkxEndpoint(venue.base_url, venue.flag, venue.key, venue.secret, venue.passphrase)


def test_a_kill_runs_on_its_own_thread_and_a_closed_desk_opens_again(venue: EmbeddedVenue, tmp_path: Path) -> None:
    threads: set[str] = set()

    def seen(_report: KillReport) -> None:
        threads.add(threading.current_thread().name)

    desk = KillDesk(EntryLatch(tmp_path / "storage"), seen)
    assert desk.warm(endpoint(venue))
    assert desk.engage(endpoint(venue), False, "key").result(10).state is KillState.HALTED
    desk.close()
    assert desk.engage(endpoint(venue), True, "key").result(10).state is KillState.FLAT
    desk.close()
    assert threads == {"kill"}


@pytest.mark.slow
def test_closing_waits_for_a_kill_that_is_under_way(venue: EmbeddedVenue, tmp_path: Path) -> None:
    desk = KillDesk(EntryLatch(tmp_path / "storage"), lambda _report: None)
    running = desk.engage(endpoint(venue), True, "key")
    desk.close()
    assert running.done()
    assert running.result().state is KillState.FLAT


@pytest.mark.slow
@pytest.mark.parametrize("flatten", [False, True])
def test_nobody_resumes_while_a_kill_is_at_work_and_afterwards_its_word_is_not_written_again(
    venue: EmbeddedVenue, tmp_path: Path, flatten: bool
) -> None:
    latch, refused = EntryLatch(tmp_path / "storage"), list[str]()

    def try_resume(_report: KillReport) -> None:
        with pytest.raises(KillResumeRefused, match=r"positions are being closed|still cancelling") as told:
            desk.resume("operator")
        refused.append(str(told.value))

    desk = KillDesk(latch, try_resume)
    running = desk.engage(endpoint(venue), flatten, "key")
    with pytest.raises(KillResumeRefused):
        desk.resume("operator")
    assert running.result(10).state is (KillState.FLAT if flatten else KillState.HALTED)
    assert refused, "also with its last report, when the state is written but the run has not ended"
    desk.resume("operator")
    desk.close()
    assert not latch.engaged()


@pytest.mark.slow
def test_who_stops_waiting_for_a_kill_does_not_end_it(venue: EmbeddedVenue, tmp_path: Path) -> None:
    desk = KillDesk(EntryLatch(tmp_path / "storage"), lambda _report: None)
    running = desk.engage(endpoint(venue), False, "key")
    assert not running.cancel()
    desk.close()
    assert running.result().state is KillState.HALTED


def test_a_venue_that_does_not_answer_is_told_not_raised(tmp_path: Path) -> None:
    desk = KillDesk(EntryLatch(tmp_path / "storage"), lambda _report: None)
    assert not desk.warm(OkxEndpoint("http://127.0.0.1:9", "1", "k", "s", "p"))
    desk.close()


def test_a_stuck_loop_does_not_hold_up_the_kill(tmp_path: Path) -> None:
    home = Home(tmp_path).prepare()
    runtime = EngineRuntime(Settings(), home, EngineOptions(speed=0.0, scheduled=False))
    released = threading.Event()
    runtime.start()
    try:
        wait_for_running(runtime)
        assert runtime._loop is not None
        runtime._loop.call_soon_threadsafe(released.wait, 20)
        ack = runtime.submit(EngageKill(flatten=True, by="key")).result(10)
        assert not released.is_set()
        assert ack.ok, ack.detail
        assert EntryLatch(home.storage).status().state is KillState.FLAT
    finally:
        released.set()
        runtime.stop()


def wait_for_running(runtime: EngineRuntime) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        for event in runtime.drain(0.2):
            if getattr(event, "state", None) is EngineState.RUNNING:
                return
    raise AssertionError("the engine did not start")
