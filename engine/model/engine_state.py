"""Where the engine, the kill switch and a ticker's cycle stand, and what holds entries back."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.reasons import Reason


class EngineState(StrEnum):
    STARTING = "starting"
    RUNNING = "running"
    REDUCING = "reducing"
    STOPPING = "stopping"
    STOPPED = "stopped"
    FAILED = "failed"


class KillState(StrEnum):
    """DISENGAGED → LATCHED (entries stopped) → HALTED or FLATTENING → FLAT or FLATTEN_FAILED."""

    DISENGAGED = "disengaged"
    LATCHED = "latched"
    HALTED = "halted"
    FLATTENING = "flattening"
    FLAT = "flat"
    FLATTEN_FAILED = "flatten_failed"


class Stage(StrEnum):
    """Where a ticker stands within a cycle."""

    QUEUED = "queued"
    FETCH = "fetch"
    EXPERTS = "experts"
    SYNTHESIS = "synthesis"
    RISK = "risk"
    EXECUTE = "execute"
    DONE = "done"
    FAILED = "failed"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True)
class Halt:
    """Entries are blocked until `lifts` says otherwise; exits, brackets and kill always work."""

    reason: Reason
    detail: str
    since: int
    lifts: str
