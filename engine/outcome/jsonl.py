"""Append-only JSON lines. Nothing non-finite is ever written: it becomes null, and the line says where."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROTATE_AT_BYTES = 64 * 1024 * 1024


class JsonLines:
    """One file, and one older file beside it. A full or broken disk is reported by the return value, never raised:
    a log must not stop trading."""

    def __init__(self, path: Path, rotate_at_bytes: int = ROTATE_AT_BYTES) -> None:
        self.path = path
        self._rotate_at = rotate_at_bytes

    def write(self, payload: Mapping[str, Any]) -> str:
        """ "" when written; else what went wrong."""
        line = dumps(payload)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if self.path.exists() and self.path.stat().st_size + len(line) > self._rotate_at:
                self.path.replace(self.path.with_suffix(".1.jsonl"))
            with self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        except OSError as error:
            return f"{self.path.name}: {error.strerror or error}"
        return ""


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
