"""What an answerer is worth: the same cycles decided by other policies, and the difference with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Policy(StrEnum):
    """Whose answer goes through the gates."""

    MODEL = "model"
    RULES = "rules"
    HOLD = "hold"
    RANDOM = "random"


class Answerer(StrEnum):
    """Who answered the engine's latest questions."""

    MODEL = "model"
    RULES = "rules"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The model against one other policy, over finished UTC days.

    `per_day` is the mean daily difference, a fraction of equity; `low` and `high` are the ends of its 95 % block
    bootstrap interval, None while there are too few days for one. `days` were measured; `days_missing` and
    `trades_missing` are what is still needed before a verdict other than "not distinguishable".
    """

    against: Policy
    per_day: float | None
    low: float | None
    high: float | None
    days: int
    days_missing: int
    trades_missing: int
    verdict: str

    @property
    def text(self) -> str:
        """One line for a person, in % of equity a day."""
        if self.per_day is None:
            return f"n {self.days} d: {self.verdict}{self._missing}"
        ends = "" if self.low is None or self.high is None else f" [{_percent(self.low)}, {_percent(self.high)}]"
        return f"{_percent(self.per_day)} %/day{ends} n {self.days} d: {self.verdict}{self._missing}"

    @property
    def _missing(self) -> str:
        wanted = [f"{n} more {what}" for n, what in ((self.days_missing, "days"), (self.trades_missing, "trades")) if n]
        return f" ({' and '.join(wanted)} needed)" if wanted else ""


@dataclass(frozen=True, slots=True)
class PolicyTally:
    """One policy's shadow book: `total_return` sums its bars' returns, a fraction; trades closed, won, open now."""

    policy: Policy
    total_return: float
    closed: int
    wins: int
    open_positions: int


@dataclass(frozen=True, slots=True)
class Worth:
    """The value of the model as far as it is measured. `since` is the first measured UTC day, "" before any.

    `answers` counts questions by what came of them: model, rules, failed, skipped; `parted` questions were put while
    the account stood otherwise in that ticker than the model's own shadow book did.
    """

    since: str
    answered_by: Answerer
    comparisons: tuple[Comparison, ...]
    tallies: tuple[PolicyTally, ...]
    answers: dict[str, int]
    parted: int

    @property
    def text(self) -> str:
        """The line that status, cockpit and review show: the model against the rules."""
        if self.answered_by is Answerer.RULES:
            return "rules answer: nothing to compare"
        if self.answered_by is Answerer.NOBODY:
            return "nobody has answered yet: nothing to compare"
        return next((c.text for c in self.comparisons if c.against is Policy.RULES), "not measured yet")

    def tally(self, policy: Policy) -> PolicyTally | None:
        return next((tally for tally in self.tallies if tally.policy is policy), None)


def _percent(fraction: float) -> str:
    return f"{fraction * 100:+.2f}"
