"""The simulator's own log is bounded while it writes to it."""

from __future__ import annotations

from pathlib import Path

from engine.child_log import bound


def test_a_full_log_is_emptied_under_its_writer_and_kept_once(tmp_path: Path) -> None:
    log = tmp_path / "simulator.log"
    with log.open("ab", buffering=0) as writer:
        writer.write(b"x" * 150)
        bound(log, limit=100)
        writer.write(b"after\n")
        bound(log, limit=100)
    assert log.read_bytes() == b"after\n"
    assert (tmp_path / "simulator.1.log").read_bytes() == b"x" * 150


def test_no_log_yet_is_no_problem(tmp_path: Path) -> None:
    bound(tmp_path / "simulator.log")
    assert list(tmp_path.iterdir()) == []
