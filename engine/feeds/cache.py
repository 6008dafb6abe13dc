"""HOME/storage/feeds.json: what each feed said last, so that a restart does not forget the day's index.

It is a convenience: one that is absent, torn or of another shape is told once and begun anew, and a disk that refuses
it costs nothing but the memory.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.feeds.stories import Story

log = logging.getLogger(__name__)

FILE_NAME = "feeds.json"
MOST_BYTES = 4_000_000


class KeptIndex(BaseModel):
    """`read_at` and `ts` in venue ms."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    value: int = Field(ge=0, le=100)
    ts: int
    read_at: int


class KeptNews(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    stories: list[Story]
    read_at: int


class Kept(BaseModel):
    """By URL; what is no longer configured is forgotten with the next write."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    fear_greed: dict[str, KeptIndex] = Field(default_factory=dict)
    news: dict[str, KeptNews] = Field(default_factory=dict)


def load(folder: Path) -> Kept:
    """Blocking. Never raises: what cannot be used is as good as none, with a line in the log."""
    path = folder / FILE_NAME
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ValueError(f"larger than {MOST_BYTES // 1_000_000} MB")
        return Kept.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Kept()
    except (OSError, ValueError) as error:
        why = f"{error.error_count()} fields are wrong" if isinstance(error, ValidationError) else str(error)
        log.warning("%s cannot be used and is begun anew: %s", path, why)
        return Kept()


def save(folder: Path, kept: Kept) -> None:
    """Blocking; whole or not at all, readable by the owner only. Raises OSError."""
    draft = folder / f"{FILE_NAME}.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(kept.model_dump_json())
    draft.replace(folder / FILE_NAME)
