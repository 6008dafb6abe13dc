"""Who is closing the positions right now: a lock that goes with its process, however that ends.

"Flattening" in the latch file is a word, and a word outlives the process that wrote it. The lease tells a flatten
that is at work from one that was cut off, so that somebody takes the latter up.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from engine.clock import SystemClock

FILE_NAME = "flatten.lock"
HUNG_AFTER_S = 120.0
"""A run ends within its deadline (45 s) and the calls then under way: one that holds the lease longer is stopped."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that closes positions, since when (wall ms); pid 0 = it has not said yet."""

    pid: int
    since: int

    @property
    def hung(self) -> bool:
        return self.pid != 0 and SystemClock().wall_ms() - self.since > HUNG_AFTER_S * 1000


class FlattenLease:
    """One per process; the lock is the file's. Never raises: a disk that refuses makes nobody's kill wait."""

    def __init__(self, storage_dir: Path) -> None:
        self._path = storage_dir / FILE_NAME
        self._file: IO[str] | None = None

    def take(self) -> bool:
        """False when another run has it, or the disk refuses. Taking it twice is taking it once."""
        if self._file is not None:
            return True
        try:
            file = self._path.open("a+", encoding="utf-8")
        except OSError:
            return False
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.seek(0)
            file.truncate()
            file.write(json.dumps({"pid": os.getpid(), "since": SystemClock().wall_ms()}, allow_nan=False))
            file.flush()
        except OSError:
            file.close()
            return False
        self._file = file
        return True

    def release(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def holder(self) -> Holder | None:
        """None when nobody is at work."""
        try:
            with self._path.open("r", encoding="utf-8") as probe:
                try:
                    fcntl.flock(probe, fcntl.LOCK_SH | fcntl.LOCK_NB)
                except BlockingIOError:
                    return _holder(probe.read())
        except OSError:
            return None
        return None


def _holder(text: str) -> Holder:
    try:
        content = json.loads(text)
        return Holder(int(content["pid"]), int(content["since"]))
    except (ValueError, TypeError, KeyError):
        return Holder(0, 0)
