"""Why a line ends, and how long to wait before the next one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.exchange.errors import ErrorClass
from engine.exchange.okx.codes import classify

THROTTLED_WAIT_S = 15.0
REFUSED_WAIT_S = 60.0
"""A refused key does not become good by trying: a person must act. Tried seldom, so that it heals when they have."""


class End(StrEnum):
    """UNREACHED never was a line. SILENT is dead, STALE is deaf, NOTICED will be closed by the venue, SPENT has used
    up its operations, THROTTLED asked too often, CLOCK has a refused time stamp, REFUSED a refused key."""

    UNREACHED = "unreached"
    CLOSED = "closed"
    SILENT = "silent"
    STALE = "stale"
    NOTICED = "noticed"
    SPENT = "spent"
    THROTTLED = "throttled"
    CLOCK = "clock"
    REFUSED = "refused"


WAITS: Mapping[End, float] = {End.THROTTLED: THROTTLED_WAIT_S, End.REFUSED: REFUSED_WAIT_S}
"""Shortest waits of those that the usual back-off would hurry."""

# OKX's own close codes: what they mean, and how the line ended.
CLOSE_CODES: Mapping[int, tuple[str, End]] = {
    4001: ("the login failed", End.REFUSED),
    4002: ("invalid request", End.CLOSED),
    4003: ("too many subscriptions of this key", End.THROTTLED),
    4004: ("no data for 30 s", End.CLOSED),
    4005: ("we read too slowly", End.CLOSED),
    4006: ("abnormal disconnection", End.CLOSED),
    4007: ("the API key was changed or deleted", End.REFUSED),
    4008: ("too many subscribed channels", End.THROTTLED),
    4009: ("too many subscriptions on this connection", End.THROTTLED),
}


@dataclass(frozen=True, slots=True)
class Ending:
    kind: End
    detail: str

    @property
    def shortest_wait_s(self) -> float:
        return WAITS.get(self.kind, 0.0)


class LineEnded(Exception):
    """The line is of no use any more."""

    def __init__(self, kind: End, detail: str) -> None:
        super().__init__(detail)
        self.ending = Ending(kind, detail)


def closed(code: int | None) -> Ending:
    """What the venue's close code means; None = it broke without one."""
    if code is None:
        return Ending(End.CLOSED, "the connection broke")
    meaning, kind = CLOSE_CODES.get(code, ("", End.CLOSED))
    return Ending(kind, f"closed by the venue with {code}" + (f": {meaning}" if meaning else ""))


def refusal_of(code: str) -> End | None:
    """How a refused operation ends its line; None when only that one channel is lost."""
    match classify(code):
        case ErrorClass.THROTTLE:
            return End.THROTTLED
        case ErrorClass.CLOCK:
            return End.CLOCK
        case ErrorClass.AUTH | ErrorClass.PERMISSION:
            return End.REFUSED
    return End.CLOSED if code in _LINE_IS_UNUSABLE else None


# 60011 = not logged in (any more), 60031 = logged in twice: this connection's state is not what we think it is.
_LINE_IS_UNUSABLE = frozenset({"60011", "60031", "channel-conn-count-error"})
