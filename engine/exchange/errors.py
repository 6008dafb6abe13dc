"""What can go wrong at the venue, by who must act. OKX's codes stop at the adapter."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ErrorClass(StrEnum):
    """The classes of `okx/codes.py`; one row there per venue code."""

    UNKNOWN_STATE = "unknown_state"
    TRANSIENT = "transient"
    THROTTLE = "throttle"
    CLOCK = "clock"
    AUTH = "auth"
    PERMISSION = "permission"
    ACCOUNT_HALT = "account_halt"
    RISK_FROZEN = "risk_frozen"
    UPGRADE = "upgrade"
    OUR_BUG = "our_bug"
    INSTRUMENT_OFF = "instrument_off"
    SIZE_SMALL = "size_small"
    SIZE_BIG = "size_big"
    PRICE_BAND = "price_band"
    MONEY = "money"
    MODE = "mode"
    DUPLICATE_ID = "duplicate_id"
    POSITION_GONE = "position_gone"
    CLOSE_CONFLICT = "close_conflict"
    ALGO_PRICE_SIDE = "algo_price_side"
    ALGO_CAPS = "algo_caps"
    TOO_LATE = "too_late"
    NOT_FOUND = "not_found"
    DEMO = "demo"
    EXPIRED = "expired"
    UNCLASSIFIED = "unclassified"


class ExchangeError(Exception):
    """Anything the venue or the way to it did not do. `code` is the venue's own, "" when it gave none."""

    def __init__(self, message: str, code: str = "", error_class: ErrorClass = ErrorClass.UNCLASSIFIED) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.error_class = error_class

    def __str__(self) -> str:
        return f"{self.message} [{self.code}]" if self.code else self.message


class Rejected(ExchangeError):
    """The venue refused and nothing happened. The caller decides by `error_class`; never retried blindly."""


class UnknownOutcome(ExchangeError):
    """The answer to a write was lost: it may or may not have happened. The caller must ask the venue
    by client id before anything else is sent."""


class Unavailable(ExchangeError):
    """A read failed for now (network, 5xx, time-out, throttle). The caller may try again later."""


class AuthFailed(ExchangeError):
    """Key, signature, IP or permission. The operator must act; no retry."""


class ClockSkewed(ExchangeError):
    """The venue refused our time stamp, also after the adapter had measured the venue's clock and tried once more.
    The operator must set the clock; exits go on being tried."""


@dataclass(frozen=True, slots=True)
class VenueFault:
    """A failed call, told to whoever listens beside the one that made it. `inst_id` is "" where it named none."""

    error: ExchangeError
    inst_id: str
    write: bool
