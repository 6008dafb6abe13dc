"""What is asked: imperative, frozen. Each is answered by an Ack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class PauseTicker:
    ticker: str
    by: str
    kind: Literal["pause_ticker"] = "pause_ticker"


@dataclass(frozen=True, slots=True)
class ResumeTicker:
    ticker: str
    by: str
    kind: Literal["resume_ticker"] = "resume_ticker"


@dataclass(frozen=True, slots=True)
class StopEntries:
    by: str
    kind: Literal["stop_entries"] = "stop_entries"


@dataclass(frozen=True, slots=True)
class ResumeEntries:
    """Lifts the stop on entries, and a consecutive-losses halt that waits for a person."""

    by: str
    kind: Literal["resume_entries"] = "resume_entries"


@dataclass(frozen=True, slots=True)
class EngageKill:
    """Latches at once; then `halt` cancels resting entries, `flatten` also closes every position."""

    flatten: bool
    by: str
    kind: Literal["engage_kill"] = "engage_kill"


@dataclass(frozen=True, slots=True)
class ResumeFromKill:
    by: str
    kind: Literal["resume_from_kill"] = "resume_from_kill"


@dataclass(frozen=True, slots=True)
class ClosePosition:
    """Closes `share` of the position, in (0, 1]; what is left stands under a bracket of its size."""

    ticker: str
    by: str
    kind: Literal["close_position"] = "close_position"
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class ClaimPosition:
    """Take over a position that a person opened: booked, bracketed, guarded from then on. `stop_pct` is the stop's
    distance from the mark in percent; 0 = by the hourly range."""

    ticker: str
    by: str
    stop_pct: float = 0.0
    kind: Literal["claim_position"] = "claim_position"


@dataclass(frozen=True, slots=True)
class RunCycleNow:
    """Analyse now: one ticker, or the whole watchlist when `ticker` is empty."""

    ticker: str
    by: str
    kind: Literal["run_cycle_now"] = "run_cycle_now"


@dataclass(frozen=True, slots=True)
class Resync:
    """Read account, positions and brackets from the venue again."""

    by: str
    kind: Literal["resync"] = "resync"


@dataclass(frozen=True, slots=True)
class SetSpeed:
    """Venue seconds per wall second of a simulated market, in [0, 3600]."""

    speed: float
    by: str
    kind: Literal["set_speed"] = "set_speed"


Command = (
    PauseTicker
    | ResumeTicker
    | StopEntries
    | ResumeEntries
    | EngageKill
    | ResumeFromKill
    | ClosePosition
    | ClaimPosition
    | RunCycleNow
    | Resync
    | SetSpeed
)


@dataclass(frozen=True, slots=True)
class Ack:
    """The answer to a command; `detail` says what was done or why not."""

    ok: bool
    detail: str
