"""The bus loses nothing that matters and conflates the rest."""

from __future__ import annotations

import threading

from engine.bus import BACKLOG, EventBus
from engine.events import EngineStateChanged, HealthChanged, LogLine, StageChanged
from engine.model import EngineState, Stage
from engine.wire import event_line, read_event


def line(n: int) -> LogLine:
    return LogLine("info", "test", f"line {n}", n)


def test_log_lines_arrive_in_order_and_without_loss() -> None:
    bus = EventBus()
    reader = bus.subscribe()
    for n in range(1000):
        bus.publish(line(n))
    assert reader.drain(0) == [line(n) for n in range(1000)]
    assert reader.drain(0) == []


def test_a_newer_stage_replaces_an_older_one_of_the_same_ticker_only() -> None:
    bus = EventBus()
    reader = bus.subscribe()
    for stage in (Stage.FETCH, Stage.EXPERTS, Stage.DONE):
        bus.publish(StageChanged(1, "BTC", stage, "", 0))
        bus.publish(StageChanged(1, "ETH", stage, "", 0))
    assert reader.drain(0) == [StageChanged(1, "BTC", Stage.DONE, "", 0), StageChanged(1, "ETH", Stage.DONE, "", 0)]


def test_a_late_joiner_gets_the_latest_of_each_kind_and_subject_and_the_tape() -> None:
    bus = EventBus()
    bus.publish(EngineStateChanged(EngineState.STARTING, "", 1))
    bus.publish(EngineStateChanged(EngineState.RUNNING, "", 2))
    bus.publish(HealthChanged("okx", "ok", 1.0, 5.0, "", 2))
    bus.publish(HealthChanged("llm", "down", None, None, "", 2))
    bus.publish(line(1))
    seq, events = bus.latest()
    assert seq == 5
    assert [event.kind for event in events] == ["engine_state", "health", "health", "log"]
    assert events[0] == EngineStateChanged(EngineState.RUNNING, "", 2)


def test_a_reader_in_another_thread_wakes_when_something_comes() -> None:
    bus = EventBus()
    reader = bus.subscribe()
    got: list[object] = []
    thread = threading.Thread(target=lambda: got.extend(reader.drain(5)))
    thread.start()
    bus.publish(line(7))
    thread.join(5)
    assert got == [line(7)]


def test_an_event_survives_the_wire() -> None:
    event = HealthChanged("okx", "ok", 1.5, None, "", 2)
    assert read_event(event_line(event)) == event


def test_a_reader_that_never_reads_keeps_the_newest_and_hears_how_many_it_missed() -> None:
    bus = EventBus()
    reader = bus.subscribe()
    for n in range(BACKLOG + 30):
        bus.publish(line(n))
    notice, *kept = reader.drain(0)
    assert isinstance(notice, LogLine)
    assert notice.text.startswith("30 older events")
    assert kept == [line(n) for n in range(30, BACKLOG + 30)]
    bus.publish(line(1))
    assert reader.drain(0) == [line(1)], "told once"
