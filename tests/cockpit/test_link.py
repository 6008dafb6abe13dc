from __future__ import annotations

import time
from pathlib import Path

import pytest

from cynosure_tui.link import READ_ONLY, LinkError, LocalLink, ReplayLink
from cynosure_tui.pump import AMBIENT_PERIOD_S, PERIOD_S, patience
from engine.commands import Ack, StopEntries
from engine.events import ClockChanged
from tests.cockpit import stream
from tests.cockpit.desk import RecordingLink


class Runtime:
    """A runtime in memory."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.running = False
        self.inner = RecordingLink([])

    def start(self) -> None:
        self.calls.append("start")
        self.running = True

    def stop(self, timeout_s: float) -> None:
        self.calls.append("stop")
        self.running = False

    def snapshot(self) -> object:
        return self.inner.snapshot()

    def drain(self, timeout_s: float) -> list[object]:
        return []

    def submit(self, command: object) -> object:
        return self.inner.send(command)

    def engage_latch(self, by: str) -> None:
        self.calls.append(f"latch {by}")


def test_a_latch_before_the_engine_exists_is_set_before_it_starts() -> None:
    runtime = Runtime()
    link = LocalLink(lambda: runtime)
    link.latch(by="key")
    assert runtime.calls == []
    link.start()
    assert runtime.calls == ["latch key", "start"]


def test_a_local_link_passes_commands_and_latches_directly() -> None:
    runtime = Runtime()
    link = LocalLink(runtime)
    link.latch(by="key")
    link.start()
    assert runtime.calls == ["latch key", "start"]
    assert link.send(StopEntries("key")).result(1) == Ack(True, "stop_entries done")
    link.stop(1.0)
    assert not link.running


def test_before_the_engine_exists_commands_are_refused_in_words() -> None:
    link = LocalLink(Runtime)
    assert link.send(StopEntries("key")).result(1).ok is False
    assert link.drain(0.0) == []
    assert link.snapshot() is None


def test_a_replay_returns_what_was_recorded(tmp_path: Path) -> None:
    recorded = stream.running()
    link = ReplayLink(stream.recording(tmp_path / "r.ndjson", recorded))
    link.start()
    assert link.snapshot() == stream.snapshot()
    assert link.drain(0.01) == recorded
    assert link.drain(0.0) == []


def test_a_replay_is_read_only(tmp_path: Path) -> None:
    link = ReplayLink(stream.recording(tmp_path / "r.ndjson", []))
    link.start()
    assert link.send(StopEntries("key")).result(1) == Ack(False, READ_ONLY)
    with pytest.raises(LinkError, match=READ_ONLY):
        link.latch(by="key")


def test_a_replay_keeps_the_recordings_pace(tmp_path: Path) -> None:
    ticks = [ClockChanged(n * 1000, 1.0, None, n * 1000) for n in range(4)]
    link = ReplayLink(stream.recording(tmp_path / "r.ndjson", ticks), speed=20.0)
    link.start()
    began = time.monotonic()
    got: list[object] = []
    while len(got) < 4:
        got += link.drain(0.25)
    assert got == ticks
    assert time.monotonic() - began >= 0.14


def test_a_damaged_recording_names_its_line(tmp_path: Path) -> None:
    path = stream.recording(tmp_path / "r.ndjson", [])
    path.write_text(path.read_text() + '{"kind":"nonsense"}\n')
    link = ReplayLink(path)
    link.start()
    with pytest.raises(LinkError, match="line 2"):
        link.drain(0.0)
    with pytest.raises(LinkError, match="cannot be read"):
        ReplayLink(tmp_path / "absent").start()


def test_risk_and_orders_do_not_wait_and_prices_wait_longest() -> None:
    assert patience([stream.quotes(), stream.positions()]) == 0.0
    assert patience([stream.quotes()]) == AMBIENT_PERIOD_S
    assert patience([stream.brief(0)]) == PERIOD_S
