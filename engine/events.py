"""What happened: past tense, frozen. The one stream that cockpit, log and tests all see.

Every event serialises to one JSON line by `engine.wire`. `ts` is venue time in ms.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Literal

from engine.model import (
    AccountView,
    ClosedTrade,
    DecisionRecord,
    EngineState,
    GateResult,
    Halt,
    KillState,
    ProtectedPosition,
    Quote,
    Stage,
    Synthesis,
    TechnicalSignals,
)
from engine.model.review import DayReview
from engine.model.worth import Worth


@dataclass(frozen=True, slots=True)
class EngineStateChanged:
    state: EngineState
    detail: str
    ts: int
    kind: Literal["engine_state"] = "engine_state"


@dataclass(frozen=True, slots=True)
class StartupStep:
    """One line of the start-up checklist; `status` is running, ok, failed or skipped."""

    step: str
    status: str
    detail: str
    ts: int
    kind: Literal["startup_step"] = "startup_step"


@dataclass(frozen=True, slots=True)
class ClockChanged:
    """Venue time and how fast it runs; the cockpit extrapolates from it between events."""

    venue_ms: int
    speed: float
    offset_ms: int | None
    ts: int
    kind: Literal["clock"] = "clock"


@dataclass(frozen=True, slots=True)
class WatchlistRanked:
    """Tickers, strongest RS first; `scores` are in 0–100."""

    order: tuple[str, ...]
    scores: Mapping[str, float | None]
    skipped: tuple[str, ...]
    ts: int
    kind: Literal["watchlist_ranked"] = "watchlist_ranked"


@dataclass(frozen=True, slots=True)
class QuotesChanged:
    """Latest quotes by ticker; newer ones replace older ones."""

    quotes: Mapping[str, Quote]
    ts: int
    kind: Literal["quotes"] = "quotes"


@dataclass(frozen=True, slots=True)
class CycleStarted:
    cycle: int
    bar_ts: int
    tickers: tuple[str, ...]
    ts: int
    kind: Literal["cycle_started"] = "cycle_started"


@dataclass(frozen=True, slots=True)
class StageChanged:
    cycle: int
    ticker: str
    stage: Stage
    detail: str
    ts: int
    kind: Literal["stage"] = "stage"


@dataclass(frozen=True, slots=True)
class BriefReady:
    """The exact text that the model reads, and the signals it was made of.

    `closes` are up to 96 recent 15m closes, oldest first, for the sparkline.
    """

    cycle: int
    ticker: str
    brief: str
    tokens: int
    technical: TechnicalSignals
    streak: int
    ages_s: Mapping[str, float | None]
    closes: tuple[float, ...]
    ts: int
    kind: Literal["brief"] = "brief"


@dataclass(frozen=True, slots=True)
class Synthesized:
    cycle: int
    ticker: str
    synthesis: Synthesis
    ts: int
    kind: Literal["synthesized"] = "synthesized"


@dataclass(frozen=True, slots=True)
class GatesEvaluated:
    cycle: int
    ticker: str
    gates: tuple[GateResult, ...]
    ts: int
    kind: Literal["gates"] = "gates"


@dataclass(frozen=True, slots=True)
class DecisionMade:
    record: DecisionRecord
    ts: int
    kind: Literal["decision"] = "decision"


@dataclass(frozen=True, slots=True)
class CycleFinished:
    """`stages_ms` sums over tickers: fetch, experts, synthesis, risk, execute."""

    cycle: int
    bar_ts: int
    wall_ms: float
    stages_ms: Mapping[str, float]
    tickers: int
    decisions: int
    failed: Mapping[str, str]
    next_at: int | None
    ts: int
    kind: Literal["cycle_finished"] = "cycle_finished"


@dataclass(frozen=True, slots=True)
class OrderSent:
    ticker: str
    client_id: str
    side: str
    contracts: Decimal
    purpose: str
    ts: int
    kind: Literal["order_sent"] = "order_sent"


@dataclass(frozen=True, slots=True)
class OrderFilled:
    ticker: str
    client_id: str
    side: str
    contracts: Decimal
    price: Decimal
    fee: Decimal
    purpose: str
    ts: int
    kind: Literal["order_filled"] = "order_filled"


@dataclass(frozen=True, slots=True)
class OrderRefused:
    ticker: str
    client_id: str
    purpose: str
    code: str
    detail: str
    ts: int
    kind: Literal["order_refused"] = "order_refused"


@dataclass(frozen=True, slots=True)
class BracketVerified:
    ticker: str
    bracket_id: str
    stop: Decimal
    target: Decimal
    unprotected_ms: float | None
    ts: int
    kind: Literal["bracket_verified"] = "bracket_verified"


@dataclass(frozen=True, slots=True)
class BracketHealed:
    """The guard found a difference and acted on it."""

    ticker: str
    action: str
    detail: str
    ts: int
    kind: Literal["bracket_healed"] = "bracket_healed"


@dataclass(frozen=True, slots=True)
class PositionsChanged:
    """All open positions with their protection; replaces the previous list whole."""

    positions: tuple[ProtectedPosition, ...]
    ts: int
    kind: Literal["positions"] = "positions"


@dataclass(frozen=True, slots=True)
class TradeClosed:
    trade: ClosedTrade
    ts: int
    kind: Literal["trade_closed"] = "trade_closed"


@dataclass(frozen=True, slots=True)
class AccountChanged:
    account: AccountView
    ts: int
    kind: Literal["account"] = "account"


@dataclass(frozen=True, slots=True)
class HealthChanged:
    """One source's health: `status` is ok, connecting, stale, down, stuck or off; None = unknown."""

    source: str
    status: str
    age_s: float | None
    latency_ms: float | None
    detail: str
    ts: int
    kind: Literal["health"] = "health"


@dataclass(frozen=True, slots=True)
class HaltChanged:
    """Every halt in force, in the order of the gates; empty = none."""

    halts: tuple[Halt, ...]
    ts: int
    kind: Literal["halts"] = "halts"


@dataclass(frozen=True, slots=True)
class PauseChanged:
    """The paused tickers and whether all entries are stopped."""

    tickers: tuple[str, ...]
    entries_stopped: bool
    by: str
    ts: int
    kind: Literal["pauses"] = "pauses"


@dataclass(frozen=True, slots=True)
class KillChanged:
    """The kill switch's state; `results` lists each position's outcome while flattening."""

    state: KillState
    by: str
    since: int | None
    detail: str
    results: Mapping[str, str]
    ts: int
    kind: Literal["kill"] = "kill"


@dataclass(frozen=True, slots=True)
class WorthMeasured:
    """What the model is worth beside rules, always-HOLD and random entry, as far as finished days show it."""

    worth: Worth
    ts: int
    kind: Literal["worth"] = "worth"


@dataclass(frozen=True, slots=True)
class DayReviewed:
    """A finished UTC day's figures; `lines` tell them to a person."""

    review: DayReview
    lines: tuple[str, ...]
    ts: int
    kind: Literal["day_reviewed"] = "day_reviewed"


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of the tape; `level` is info, warning or error."""

    level: str
    source: str
    text: str
    ts: int
    ticker: str = ""
    kind: Literal["log"] = "log"


Event = (
    EngineStateChanged
    | StartupStep
    | ClockChanged
    | WatchlistRanked
    | QuotesChanged
    | CycleStarted
    | StageChanged
    | BriefReady
    | Synthesized
    | GatesEvaluated
    | DecisionMade
    | CycleFinished
    | OrderSent
    | OrderFilled
    | OrderRefused
    | BracketVerified
    | BracketHealed
    | PositionsChanged
    | TradeClosed
    | AccountChanged
    | HealthChanged
    | HaltChanged
    | PauseChanged
    | KillChanged
    | WorthMeasured
    | DayReviewed
    | LogLine
)


@dataclass(frozen=True, slots=True)
class EngineSnapshot:
    """Everything a late joiner needs: the identity of the engine and the latest event of each kind."""

    seq: int
    mode: str
    venue: str
    home: str
    pid: int
    watchlist: tuple[str, ...]
    risk_limits: Mapping[str, float]
    events: tuple[Event, ...] = field(default_factory=tuple)
