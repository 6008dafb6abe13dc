"""What the venue announces about its own pauses."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class MaintenanceState(StrEnum):
    SCHEDULED = "scheduled"
    ONGOING = "ongoing"
    OVER = "over"


@dataclass(frozen=True, slots=True)
class Maintenance:
    """A window in which orders are not taken. Times in venue ms; None = not said."""

    title: str
    state: MaintenanceState
    begins_at: int | None
    ends_at: int | None
