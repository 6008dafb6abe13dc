"""What a soak measures while it runs, and the slope of it."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

MEGABYTE = 1024 * 1024
SILENT_AFTER_S = 10.0
MOST_PAIRS = 400
"""Of so many evenly spread samples the slope is taken: all pairs of more would cost minutes and say the same."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One look. Sizes in MB; None where the process did not tell. `day` is simulated days since the start."""

    day: float
    rss_mb: float
    venue_rss_mb: float
    threads: int
    tasks: int | None
    open_files: int
    database_mb: float
    logs_mb: float
    state_mb: float


@dataclass(slots=True)
class Watch:
    """Looks at an engine and its simulator from outside, by /proc and by the engine's own heartbeat."""

    home: Path
    engine_pid: int
    venue_pid: int
    start_ms: int
    samples: list[Sample] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    counted: dict[str, int] = field(default_factory=dict)

    def look(self, venue_ms: int) -> Sample:
        heartbeat = self._heartbeat()
        sample = Sample(
            day=(venue_ms - self.start_ms) / 86_400_000,
            rss_mb=rss_mb(self.engine_pid),
            venue_rss_mb=rss_mb(self.venue_pid),
            threads=_entries(f"/proc/{self.engine_pid}/task"),
            tasks=heartbeat.get("process", {}).get("tasks"),
            open_files=_entries(f"/proc/{self.engine_pid}/fd"),
            database_mb=megabytes((self.home / "storage").glob("cynosure.db*")),
            logs_mb=megabytes((self.home / "logs").iterdir()),
            state_mb=megabytes((self.home / "storage").glob("simulator.db*")),
        )
        self.samples.append(sample)
        return sample

    def _heartbeat(self) -> dict[str, Any]:
        """Its last one; silence and overdue jobs are noted once for as long as they last."""
        try:
            told: dict[str, Any] = json.loads((self.home / "storage" / "status.json").read_text())
        except (OSError, ValueError):
            return {}
        self.counted = told.get("counted", {})
        silent_s = time.time() - told["written_at_wall_ms"] / 1000
        wrong = [f"silent for {silent_s:.0f} s"] if silent_s > SILENT_AFTER_S else []
        events = told["snapshot"]["events"]
        wrong += [event["detail"] for event in events if event["kind"] == "health" and event["status"] == "stuck"]
        if wrong and not self._was_wrong:
            self.stuck += wrong
        self._was_wrong = bool(wrong)
        return told

    _was_wrong: bool = False

    def settled(self) -> list[Sample]:
        """Without the first third: caches, windows and pools fill up there."""
        return self.samples[len(self.samples) // 3 :]


def rss_mb(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def _entries(folder: str) -> int:
    return sum(1 for _ in Path(folder).iterdir())


def megabytes(files: Iterable[Path]) -> float:
    total = 0
    for path in files:
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue
    return total / MEGABYTE


def floor(points: Sequence[tuple[float, float]], windows: int = 20) -> list[tuple[float, float]]:
    """The least of each of so many stretches of time: what never goes away again shows there."""
    width = max(1, len(points) // windows)
    return [min(points[i : i + width], key=lambda point: point[1]) for i in range(0, len(points), width)]


def slope(points: Sequence[tuple[float, float]]) -> float:
    """Theil-Sen: the median of the slopes of all pairs, which single spikes do not move. 0 for fewer than two."""
    step = max(1, len(points) // MOST_PAIRS)
    few = points[::step]
    slopes = [(y2 - y1) / (x2 - x1) for i, (x1, y1) in enumerate(few) for x2, y2 in few[i + 1 :] if x2 != x1]
    return statistics.median(slopes) if slopes else 0.0
