"""What the engine's own process uses: for `--status`, and for a soak that looks for leaks."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engine.home import Home

MEGABYTE = 1024 * 1024
PROC = Path("/proc/self")


@dataclass(frozen=True, slots=True)
class Vitals:
    """Sizes in MB. None where this system does not tell."""

    rss_mb: float | None
    threads: int
    tasks: int
    open_files: int | None
    database_mb: float
    logs_mb: float


def measure(home: Home) -> Vitals:
    """Called on the engine's loop: `tasks` are those of this loop that are not done."""
    return Vitals(
        rss_mb=_rss_mb(),
        threads=threading.active_count(),
        tasks=len(asyncio.all_tasks()),
        open_files=_open_files(),
        database_mb=_megabytes(home.storage.glob("cynosure.db*")),
        logs_mb=_megabytes(home.logs.iterdir() if home.logs.is_dir() else ()),
    )


def _rss_mb() -> float | None:
    try:
        pages = int((PROC / "statm").read_text(encoding="ascii").split()[1])
    except (OSError, ValueError, IndexError):
        return None
    return round(pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE, 1)


def _open_files() -> int | None:
    try:
        return len(os.listdir(PROC / "fd"))  # noqa: PTH208 - one call, and no path objects every two seconds
    except OSError:
        return None


def _megabytes(files: Iterable[Path]) -> float:
    total = 0
    for path in files:
        try:
            total += path.stat().st_size
        except OSError:
            # Rotated away between the listing and the look.
            continue
    return round(total / MEGABYTE, 2)
