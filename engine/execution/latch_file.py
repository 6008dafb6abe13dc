"""The latch as bytes on a disk. It imports nothing that takes time: `--kill` lets it fall before anything is loaded."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from engine.clock import SystemClock

FILE_NAME = "KILL"


def fall(storage: Path, by: str) -> bool:
    """Entries are stopped if they were not; an engaged latch keeps its words. False when the disk refuses."""
    path = storage / FILE_NAME
    try:
        storage.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.path.lexists(path) or write(path, "latched", by, SystemClock().wall_ms(), "")


def write(path: Path, state: str, by: str, since: int | None, detail: str) -> bool:
    """Whole or not at all, and on the disk when it returns True."""
    text = json.dumps({"state": state, "by": by, "since": since, "detail": detail}, allow_nan=False)
    draft = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(path.parent)
    except OSError:
        return _write_bare(path)
    return True


def _write_bare(path: Path) -> bool:
    """A full disk may still take an empty file, and an empty file is an engaged latch."""
    try:
        path.touch()
        sync_folder(path.parent)
    except OSError:
        return False
    return True


def sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
