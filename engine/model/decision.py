"""One decision: the answer, the overrides, the gates, the size, the record."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from engine.model.order import BracketPrices
from engine.model.signals import Direction
from engine.reasons import Reason


class Action(StrEnum):
    BUY = "BUY"
    SELL = "SELL"
    HOLD = "HOLD"


class SynthesisSource(StrEnum):
    """Who answered: a model, the deterministic rules, or nobody because gates already force HOLD."""

    OLLAMA = "ollama"
    RULES = "rules"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Synthesis:
    """One answer to a brief. `failure` set means that no answer can be used and action is HOLD.

    `numbers` are those named in the reasoning, `invented_numbers` how many of them stand neither in the brief nor in
    the rules; None = not checked. `model_digest` identifies the weights, `prompt_version` the wording that asked.
    `replayed` was said to an earlier run, and is otherwise the same answer.
    """

    source: SynthesisSource
    action: Action
    signals_aligned: int | None
    timeframes_aligned: int | None
    reasoning: str
    notional: float | None
    failure: Reason | None = None
    model: str = ""
    raw: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    attempts: int = 0
    latency_ms: float | None = None
    prompt_version: str = ""
    model_digest: str = ""
    numbers: int | None = None
    invented_numbers: int | None = None
    replayed: bool = field(default=False, compare=False)


class AdviceVerdict(StrEnum):
    """What the devil's advocate may say of a borderline buy: nothing that makes it larger."""

    ABORT = "ABORT"
    REDUCE_SIZE = "REDUCE_SIZE"
    PROCEED = "PROCEED"


@dataclass(frozen=True, slots=True)
class Advice:
    """The devil's advocate's answer. `factor` scales the size after Kelly and caps, in [0, 1]; `failure` set means
    that no valid answer came, and then the verdict is ABORT."""

    verdict: AdviceVerdict
    factor: float
    reasoning: str
    failure: Reason | None = None
    model: str = ""
    raw: str = ""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    attempts: int = 0
    latency_ms: float | None = None
    prompt_version: str = ""
    model_digest: str = ""


@dataclass(frozen=True, slots=True)
class Override:
    """One field of the model's answer beside the value that counts."""

    field: str
    llm: str | None
    used: str
    changed: bool


class Verdict(StrEnum):
    PASS = "pass"  # noqa: S105 - a verdict, not a password
    BLOCK = "block"
    NOT_APPLICABLE = "n/a"


@dataclass(frozen=True, slots=True)
class GateResult:
    """One gate's answer. `margin` > 0 is room left, < 0 how far beyond the limit; both in `unit`."""

    name: str
    value: float | None
    limit: float | None
    margin: float | None
    verdict: Verdict
    reason: Reason | None = None
    unit: str = ""
    detail: str = ""
    halts: bool = False


@dataclass(frozen=True, slots=True)
class Sizing:
    """How the size came about. Fractions unless named; money in USDT; `contracts` floored to the lot."""

    p_win: float
    confidence: float
    ev_pct: float
    edge: float
    odds: float
    half_kelly: float
    conf_scale: float
    regime_multiplier: float
    advocate_factor: float
    stop_distance_pct: float
    target_distance_pct: float
    cost_pct: float
    notional_raw: Decimal
    notional: Decimal
    contracts: Decimal
    risk_usdt: Decimal
    capped_by: str | None
    bracket: BracketPrices | None
    brake_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """Everything about one decision, immutable: enough to explain it to a person later.

    `gates` holds the persistence gates, then the risk gates in their order, all evaluated. `regime_unknown` says why
    the regime is n/a; "" when it is known, and where nobody asked.
    """

    decision_id: str
    cycle: int
    ticker: str
    inst_id: str
    bar_ts: int
    decided_at: int
    action: Action
    reason: Reason
    detail: str
    price: Decimal | None
    signals_aligned: int
    timeframes_aligned: int
    strength: float
    confidence: float
    p_win: float
    direction: Direction
    direction_streak: int
    synthesis: Synthesis
    overrides: tuple[Override, ...]
    gates: tuple[GateResult, ...]
    sizing: Sizing | None
    brief: str
    ages_s: Mapping[str, float | None]
    stages_ms: Mapping[str, float]
    regime_multiplier: float = 1.0
    regime_unknown: str = ""
    advice: Advice | None = None
