"""The entry latch: a flag and a file that the order gateway reads directly before each send.

It needs no event loop, no database and no thread. It fails closed: a file that exists but cannot be read,
or a folder that cannot be looked into, is an engaged latch. Whoever engages it, from whatever process, is
obeyed by the next send; only `resume`, a person's act, takes it off.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from engine.clock import SystemClock
from engine.execution.flatten_lease import FlattenLease
from engine.execution.latch_file import FILE_NAME, sync_folder, write
from engine.model import KillState


@dataclass(frozen=True, slots=True)
class LatchStatus:
    """`since` is wall time in ms; None when the file does not tell."""

    state: KillState
    by: str
    since: int | None
    detail: str


DISENGAGED = LatchStatus(KillState.DISENGAGED, "", None, "")


class EntryLatch:
    """One per process; several processes share the file. Thread-safe."""

    def __init__(self, storage_dir: Path, wall_ms: Callable[[], int] | None = None) -> None:
        self.path = storage_dir / FILE_NAME
        self._wall_ms = wall_ms or SystemClock().wall_ms
        self._lock = threading.Lock()
        self._flag: LatchStatus | None = None
        self.lease = FlattenLease(storage_dir)

    def engaged(self) -> bool:
        """Looks at the flag, then at the disk, each time. Once seen it holds, also when the file goes away."""
        if self._flag is not None:
            return True
        try:
            self.path.stat()
        except FileNotFoundError:
            return False
        except OSError:
            return True
        with self._lock:
            status = self.status()
            self._flag = status if status.state is not KillState.DISENGAGED else None
        return True

    def status(self) -> LatchStatus:
        """The file's word; LATCHED when it cannot be read; the flag's when there is no file."""
        try:
            text = self.path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return self._flag or DISENGAGED
        except (OSError, UnicodeDecodeError) as error:
            return LatchStatus(KillState.LATCHED, "unreadable file", None, f"{self.path.name}: {type(error).__name__}")
        return _parse(text)

    def engage(self, state: KillState, by: str, detail: str = "") -> bool:
        """Sets the flag at once, then the file. True once the file is on disk; False when the disk refused
        (the flag then holds for this process). The first engagement's time and author are kept."""
        assert state is not KillState.DISENGAGED, "resume() disengages"
        with self._lock:
            before = self._flag or self.status()
            first = before.state is KillState.DISENGAGED
            since = self._wall_ms() if first or before.since is None else before.since
            status = LatchStatus(state, by if first else before.by, since, detail)
            self._flag = status
            return write(self.path, status.state.value, status.by, status.since, status.detail)

    def cut_off(self) -> bool:
        """Whether the file says that positions are being closed, and nobody is at it."""
        if self.status().state is not KillState.FLATTENING:
            return False
        holder = self.lease.holder()
        return holder is None or holder.hung

    def resume(self, by: str) -> None:
        """Takes the latch off, file first. Raises OSError when the file cannot be removed; it then stays engaged."""
        assert by, "a person resumes, and is named"
        with self._lock:
            self.path.unlink(missing_ok=True)
            sync_folder(self.path.parent)
            self._flag = None


def _parse(text: str) -> LatchStatus:
    unreadable = LatchStatus(KillState.LATCHED, "unreadable file", None, f"{FILE_NAME} could not be read")
    try:
        content = json.loads(text)
        state = KillState(content["state"])
        since = content["since"]
        parsed = LatchStatus(state, str(content["by"]), None if since is None else int(since), str(content["detail"]))
    except (ValueError, TypeError, KeyError):
        return unreadable
    return unreadable if state is KillState.DISENGAGED else parsed
