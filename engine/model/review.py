"""One finished UTC day in figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ReviewedTrade:
    """One trade that closed that day; `net` in USDT, `reason` how it ended."""

    ticker: str
    net: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class InformationCoefficient:
    """One signal's rank correlation with the return `horizon` later.

    `n` counts rows whose signal and return are both known, `apart` the distinct bars among them divided by the
    horizon: how many of the returns do not overlap. `ic`, `t` and `icir` (mean over standard deviation of the UTC
    days' own ICs) are None while `apart` < 30, or when the signal or the return never changes.
    """

    signal: str
    horizon: str
    ic: float | None
    t: float | None
    n: int
    apart: int
    icir: float | None = None


@dataclass(frozen=True, slots=True)
class DayReview:
    """Money in USDT, None = unknown. `profit` is the change of equity without transfers; it and the ledger's parts
    run from the day's first look at the account to the next day's. `decisions` counts by reason, `answers` what came
    of the questions, `counted` what went otherwise than planned since the engine started. `worth` is the value of the
    model in one line, `others` the same against always HOLD and random entry; `calibration` by the score's name."""

    day: str
    equity: Decimal | None
    profit: Decimal | None
    realised: Decimal | None
    fees: Decimal | None
    funding: Decimal | None
    entries: int
    trades: tuple[ReviewedTrade, ...]
    decisions: Mapping[str, int]
    answers: Mapping[str, int]
    counted: Mapping[str, int]
    signals: tuple[InformationCoefficient, ...]
    worth: str
    others: tuple[str, ...]
    calibration: Mapping[str, float | None]
