"""Append-only JSON lines. Nothing non-finite is ever written: it becomes null, and the line says where.

Sizes are bounded: a full file becomes `name.1.jsonl`, the one before it `name.2.jsonl`, and the oldest goes. The
database, not a log, is the record of trades and fills: those are never deleted.
"""

from __future__ import annotations

import errno
import json
import math
import os
import threading
from collections.abc import Mapping
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

ROTATE_AT_BYTES = 16 * 1024 * 1024
KEPT_FILES = 4
"""Older files beside the one being written."""


class JsonLines:
    """One file and at most `kept` older ones. A full or broken disk is reported by the return value, never raised:
    a log must not stop trading. Thread-safe."""

    def __init__(self, path: Path, rotate_at_bytes: int = ROTATE_AT_BYTES, kept: int = KEPT_FILES) -> None:
        self.path = path
        self._rotate_at = rotate_at_bytes
        self._kept = kept
        self._lock = threading.Lock()

    def write(self, payload: Mapping[str, Any]) -> str:
        """ "" when written; else what went wrong."""
        return self.write_line(dumps(payload))

    def write_line(self, text: str) -> str:
        """What `dumps` has made, as `write`."""
        line = (text + "\n").encode("utf-8", "backslashreplace")
        try:
            with self._lock:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                if self.path.exists() and self.path.stat().st_size + len(line) > self._rotate_at:
                    self._rotate()
                _append(self.path, line)
        except OSError as error:
            return f"{self.path.name}: {error.strerror or error}"
        return ""

    def _rotate(self) -> None:
        older = [self.path, *(self.path.with_suffix(f".{n}{self.path.suffix}") for n in range(1, self._kept + 1))]
        for newer, next_older in reversed(list(pairwise(older))):
            if newer.exists():
                newer.replace(next_older)


def _append(path: Path, line: bytes) -> None:
    """The whole line or none of it: half a line, left by a disk that filled up, would spoil the next one too."""
    with path.open("ab", buffering=0) as file:
        before = file.seek(0, os.SEEK_END)
        try:
            if file.write(line) < len(line):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError:
            with suppress(OSError):
                file.truncate(before)
            raise


def dumps(payload: Mapping[str, Any]) -> str:
    """One line of strict JSON; non-finite numbers become null and are named under `non_finite`."""
    bad: list[str] = []
    finite = _finite(dict(payload), "", bad)
    if bad:
        finite["non_finite"] = bad
    return json.dumps(finite, allow_nan=False, separators=(",", ":"), ensure_ascii=False)


def _finite(value: Any, path: str, bad: list[str]) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        bad.append(path)
        return None
    if isinstance(value, Mapping):
        return {key: _finite(item, f"{path}.{key}" if path else str(key), bad) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item, f"{path}[{index}]", bad) for index, item in enumerate(value)]
    return value
