"""Watching an engine from outside: its cycles by the decisions that it logs, its latch by the file."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any


class NotSeen(AssertionError):
    """What was waited for did not come in time."""


class CycleWatch:
    """Sees the cycles by their decisions in logs/reasoning.jsonl, without asking the engine or the venue."""

    def __init__(self, home: Path) -> None:
        self._path = home / "logs" / "reasoning.jsonl"

    def size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def decisions(self) -> int:
        return self._path.read_bytes().count(b"\n") if self._path.exists() else 0

    def await_decisions(self, count: int, patience_s: float = 60.0) -> None:
        wait_until(lambda: self.decisions() >= count, patience_s, f"{count} decisions")

    def await_middle(self, patience_s: float = 40.0) -> None:
        """Returns when a cycle has just begun to decide, after a pause in which none ran."""
        quiet_since, last = time.monotonic(), self.size()
        deadline = quiet_since + patience_s
        while time.monotonic() < deadline:
            time.sleep(0.003)
            now = self.size()
            if now != last and time.monotonic() - quiet_since > 0.4:
                return
            if now != last:
                quiet_since, last = time.monotonic(), now
        raise NotSeen(f"no cycle began within {patience_s:.0f} s")


def wait_until(true: Any, patience_s: float, what: str) -> None:
    deadline = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > deadline:
            raise NotSeen(f"did not see {what} within {patience_s:.0f} s")
        time.sleep(0.02)


def await_file(path: Path, patience_s: float = 2.0) -> int:
    """The instant at which `path` was first seen, ns."""
    deadline = time.monotonic() + patience_s
    while not path.exists():
        assert time.monotonic() < deadline, "the latch did not fall"
        time.sleep(0.0001)
    return time.time_ns()


def kill_state(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "storage" / "KILL").read_text(encoding="utf-8")))
