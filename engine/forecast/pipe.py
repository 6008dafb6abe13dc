"""What goes through the pipes: batches of series down (binary, since half a megabyte of digits would cost the
engine's loop 20 ms), answers up as JSON lines."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from engine.model import FloatArray

_HEAD = struct.Struct("<II")
_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, slots=True)
class Batch:
    """Series to forecast `steps` bars ahead, all in one run of the model."""

    steps: int
    series: tuple[FloatArray, ...]


def packed(batch: Batch) -> bytes:
    """Steps and count, then each series as its length and its float64 values, little-endian."""
    parts = [_HEAD.pack(batch.steps, len(batch.series))]
    for values in batch.series:
        parts += [_LENGTH.pack(len(values)), np.ascontiguousarray(values, dtype="<f8").tobytes()]
    return b"".join(parts)


def read_batch(stream: BinaryIO) -> Batch | None:
    """The next batch; None when the other side is gone, in the middle of one or not."""
    try:
        steps, count = _HEAD.unpack(stream.read(_HEAD.size))
        return Batch(steps, tuple(_read_series(stream) for _ in range(count)))
    except (struct.error, EOFError):
        return None


def _read_series(stream: BinaryIO) -> FloatArray:
    (length,) = _LENGTH.unpack(stream.read(_LENGTH.size))
    data = stream.read(8 * length)
    if len(data) < 8 * length:
        raise EOFError
    return np.frombuffer(data, dtype="<f8").astype(np.float64)


def line_of(answer: Mapping[str, Any]) -> bytes:
    return json.dumps(answer, allow_nan=False).encode() + b"\n"


def answer_of(line: bytes) -> dict[str, Any]:
    """Raises ValueError when the line is no JSON object."""
    answer = json.loads(line)
    if not isinstance(answer, dict):
        raise ValueError("not an object")
    return answer


def rows_of(quantiles: FloatArray) -> list[list[float | None]]:
    """(n, 10) as JSON can hold it: what is not finite is null."""
    return [[value if np.isfinite(value) else None for value in row] for row in quantiles.tolist()]


def quantiles_of(rows: Sequence[Sequence[float | None]], count: int) -> FloatArray:
    """The array of shape (count, 10) that `rows_of` wrote down. Raises ValueError for any other shape."""
    quantiles = np.array(rows, dtype=np.float64)
    if quantiles.shape != (count, 10):
        raise ValueError(f"shape {quantiles.shape}, expected ({count}, 10)")
    return quantiles
