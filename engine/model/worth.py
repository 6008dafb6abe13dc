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


class Came(StrEnum):
    """What came of a question. FAILED: no valid answer. SKIPPED: it was not put, since no answer could have changed
    anything. UNASKED: it was not put because of the account's own position or limits, and the model's shadow book
    stood otherwise: what it would have said is not known, and no policy acts."""

    BY_MODEL = "by_model"
    BY_RULES = "by_rules"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNASKED = "unasked"


@dataclass(frozen=True, slots=True)
class Era:
    """One model's weights under one wording of the prompt, for as long as they answered. Its books began, or began
    again after others had answered, at the bar that opened at `bar_ts`; its first day is the UTC day `day`. Number 0 is
    whatever was measured before a model was known."""

    number: int
    model: str
    digest: str
    prompt_version: str
    bar_ts: int
    day: str

    def is_of(self, model: str, digest: str, prompt_version: str) -> bool:
        return (self.model, self.digest, self.prompt_version) == (model, digest, prompt_version)

    @property
    def text(self) -> str:
        """Name, the first twelve digits of the weights' digest as `ollama list` shows them, wording; "" of era 0."""
        weights = self.digest.removeprefix("sha256:")[:12]
        return f"{self.model} {weights}, prompt {self.prompt_version}" if self.number else ""


NO_ERA = Era(0, "", "", "", 0, "")


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
    """The value of the model that answers now, as far as it is measured: `model` names it with its weights and the
    prompt's wording ("" = not known), `since` is the UTC day of its first answer, "" before any.
    `tallies` count from `books_since` on, a later day where other weights answered in between.

    `answers` counts questions by what came of them (`Came`); `parted` questions were put while the account stood
    otherwise in that ticker than the model's own shadow book did.
    """

    since: str
    answered_by: Answerer
    comparisons: tuple[Comparison, ...]
    tallies: tuple[PolicyTally, ...]
    answers: dict[str, int]
    parted: int
    model: str = ""
    books_since: str = ""

    @property
    def text(self) -> str:
        """The line that status, cockpit and review show: the model against the rules, and which model since when."""
        if self.answered_by is Answerer.RULES:
            return "rules answer: nothing to compare"
        if self.answered_by is Answerer.NOBODY:
            return "nobody has answered yet: nothing to compare"
        against_rules = next((c.text for c in self.comparisons if c.against is Policy.RULES), "not measured yet")
        return f"{against_rules}; {self.model} since {self.since}" if self.model else against_rules

    def tally(self, policy: Policy) -> PolicyTally | None:
        return next((tally for tally in self.tallies if tally.policy is policy), None)


def _percent(fraction: float) -> str:
    return f"{fraction * 100:+.2f}"
