"""A recording ends by itself; the engine never ends by its recording."""

from __future__ import annotations

import json
import math
import threading
from pathlib import Path

import pytest

from engine.bus import EventBus
from engine.events import EngineSnapshot, HealthChanged, LogLine
from engine.recorder import Recorder

HEAD = EngineSnapshot(0, "demo", "", "", 1, (), {}, ())


def line(n: int) -> LogLine:
    return LogLine("info", "test", f"line {n}", n)


def test_several_threads_write_whole_lines(tmp_path: Path) -> None:
    bus = EventBus()
    recorder = Recorder(tmp_path / "a.ndjson", bus, HEAD)
    writers = [threading.Thread(target=lambda: [bus.publish(line(n)) for n in range(300)]) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    recorder.close()
    lines = (tmp_path / "a.ndjson").read_text().splitlines()
    assert len([json.loads(text) for text in lines]) == 1 + 4 * 300


def test_a_recording_has_a_greatest_length(tmp_path: Path) -> None:
    bus = EventBus()
    Recorder(tmp_path / "a.ndjson", bus, HEAD, limit_bytes=500)
    for n in range(100):
        bus.publish(line(n))
    assert (tmp_path / "a.ndjson").stat().st_size < 1000
    assert json.loads((tmp_path / "a.ndjson").read_text().splitlines()[-1])["kind"] == "log"


def test_a_number_that_json_does_not_know_costs_one_line(tmp_path: Path) -> None:
    bus = EventBus()
    recorder = Recorder(tmp_path / "a.ndjson", bus, HEAD)
    bus.publish(HealthChanged("okx", "ok", math.nan, None, "", 1))
    bus.publish(line(1))
    recorder.close()
    assert [json.loads(text).get("kind") for text in (tmp_path / "a.ndjson").read_text().splitlines()[1:]] == ["log"]


def test_a_full_disk_ends_the_recording_only(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    bus = EventBus()
    with pytest.raises(OSError, match="No space left"):
        Recorder(full, bus, HEAD)
    recorder = Recorder(tmp_path / "a.ndjson", bus, HEAD)
    recorder._file.close()
    recorder._file = full.open("w", encoding="utf-8", buffering=1)
    bus.publish(line(1))
    bus.publish(line(2))
    recorder.close()
