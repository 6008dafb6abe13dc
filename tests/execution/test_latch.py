"""The entry latch: set at once, kept over restarts, failing closed."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from engine.execution.latch import EntryLatch
from engine.model import KillState


def latch(folder: Path) -> EntryLatch:
    return EntryLatch(folder, wall_ms=lambda: 1_000)


def test_disengaged_until_engaged(tmp_path: Path) -> None:
    one = latch(tmp_path)
    assert not one.engaged()
    assert one.status().state is KillState.DISENGAGED
    assert one.engage(KillState.LATCHED, "K key")
    assert one.engaged()
    assert (one.status().by, one.status().since) == ("K key", 1_000)


def test_survives_a_restart(tmp_path: Path) -> None:
    latch(tmp_path).engage(KillState.FLATTENING, "shell", "half way")
    again = latch(tmp_path)
    assert again.engaged()
    assert again.status().state is KillState.FLATTENING
    assert again.status().detail == "half way"


def test_another_process_is_obeyed_at_the_next_look(tmp_path: Path) -> None:
    ours = latch(tmp_path)
    code = (
        "import sys, pathlib; from engine.execution.latch import EntryLatch; from engine.model import KillState;"
        "EntryLatch(pathlib.Path(sys.argv[1])).engage(KillState.LATCHED, 'another process')"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True, timeout=20)
    assert ours.engaged()
    assert ours.status().by == "another process"


@pytest.mark.parametrize(
    "content", ["", "garbage", "[]", "{}", '{"state": "disengaged", "by": "", "since": 1, "detail": ""}', "\x00"]
)
def test_unreadable_file_is_an_engaged_latch(tmp_path: Path, content: str) -> None:
    (tmp_path / "KILL").write_text(content)
    one = latch(tmp_path)
    assert one.engaged()
    assert one.status().state is KillState.LATCHED


def test_bytes_that_are_no_text_are_an_engaged_latch(tmp_path: Path) -> None:
    (tmp_path / "KILL").write_bytes(b"\xff\xfe\xff")
    assert latch(tmp_path).status().state is KillState.LATCHED


def test_folder_in_place_of_the_file_is_an_engaged_latch(tmp_path: Path) -> None:
    (tmp_path / "KILL").mkdir()
    assert latch(tmp_path).engaged()
    assert latch(tmp_path).status().state is KillState.LATCHED


def test_disk_that_refuses_still_latches_this_process(tmp_path: Path) -> None:
    blocked = tmp_path / "file-in-the-way"
    blocked.write_text("")
    one = latch(blocked / "storage")
    assert not one.engage(KillState.LATCHED, "K key")
    assert one.engaged()
    assert one.status().state is KillState.LATCHED


def test_first_author_and_time_are_kept_while_it_goes_on(tmp_path: Path) -> None:
    times = iter([1_000, 2_000, 3_000])
    one = EntryLatch(tmp_path, wall_ms=lambda: next(times))
    one.engage(KillState.LATCHED, "K key")
    one.engage(KillState.FLATTENING, "spelled FLAT")
    assert (one.status().state, one.status().by, one.status().since) == (KillState.FLATTENING, "K key", 1_000)


def test_only_resume_takes_it_off_and_for_good(tmp_path: Path) -> None:
    one = latch(tmp_path)
    one.engage(KillState.HALTED, "shell")
    one.resume("operator")
    assert not one.engaged()
    assert not latch(tmp_path).engaged()
    assert list(tmp_path.iterdir()) == []


def test_flag_holds_although_somebody_removed_the_file(tmp_path: Path) -> None:
    one = latch(tmp_path)
    one.engage(KillState.LATCHED, "K key")
    (tmp_path / "KILL").unlink()
    assert one.engaged()


def test_file_is_whole_at_every_moment(tmp_path: Path) -> None:
    one = latch(tmp_path)
    one.engage(KillState.LATCHED, "first")
    stop = threading.Event()
    broken: list[str] = []

    def read() -> None:
        while not stop.is_set():
            text = (tmp_path / "KILL").read_text()
            try:
                json.loads(text)
            except ValueError:
                broken.append(text)

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(50):
        one.engage(KillState.FLATTENING, "writer", "x" * number)
    stop.set()
    reader.join()
    assert broken == []


def test_a_place_that_cannot_be_looked_at_is_an_engaged_latch(tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("")
    assert latch(tmp_path / "in-the-way").engaged()


def test_a_disk_that_takes_no_more_bytes_still_keeps_the_latch_over_a_restart(tmp_path: Path) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        assert latch(tmp_path).engage(KillState.LATCHED, "K key")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
    assert (tmp_path / "KILL").read_bytes() == b""
    assert latch(tmp_path).engaged()
    assert latch(tmp_path).status().state is KillState.LATCHED


def test_stopped_entries_are_no_closing_that_was_cut_off(tmp_path: Path) -> None:
    one = latch(tmp_path)
    assert not one.cut_off()
    one.engage(KillState.HALTED, "K key")
    assert not one.cut_off()
