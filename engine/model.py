"""Frozen domain types. Imports nothing of ours but names; money is Decimal, signals are float, time is ms UTC.

`None` means unknown and is shown as "n/a"; it is never replaced by 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from engine.reasons import Reason

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


# ---------------------------------------------------------------- market


class Timeframe(StrEnum):
    """The three timeframes that decide, by OKX's bar names."""

    M15 = "15m"
    H1 = "1H"
    H4 = "4H"

    @property
    def ms(self) -> int:
        return {"15m": 900_000, "1H": 3_600_000, "4H": 14_400_000}[self.value]


class AssetClass(StrEnum):
    CRYPTO = "crypto"
    METAL = "metal"
    INDEX = "index"
    STOCK = "stock"


class InstrumentState(StrEnum):
    LIVE = "live"
    SUSPEND = "suspend"
    PREOPEN = "preopen"
    POST_ONLY = "post_only"
    REBASE = "rebase"
    TEST = "test"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Instrument:
    """A USDT-margined linear perpetual swap. Sizes are in contracts; one contract is
    `contract_value * contract_multiplier` units of the base asset."""

    inst_id: str
    ticker: str
    asset_class: AssetClass
    contract_value: Decimal
    contract_multiplier: Decimal
    lot_size: Decimal
    min_size: Decimal
    tick_size: Decimal
    max_market_size: Decimal
    max_leverage: Decimal
    state: InstrumentState
    fee_group: str = ""

    def notional(self, contracts: Decimal, price: Decimal) -> Decimal:
        """Notional in USDT of `contracts` at `price`."""
        return contracts * self.contract_value * self.contract_multiplier * price


@dataclass(frozen=True, slots=True)
class Candles:
    """Confirmed bars only, oldest first, as equally long arrays of shape (n,).

    `ts` is the open time in ms; prices in USDT; `volume` in base units.
    """

    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return len(self.ts)


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask and the last trade. An empty side is None."""

    inst_id: str
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal
    open_24h: Decimal | None
    volume_24h_base: Decimal | None
    ts: int

    @property
    def mid(self) -> Decimal | None:
        return (self.bid + self.ask) / 2 if self.bid is not None and self.ask is not None else None


@dataclass(frozen=True, slots=True)
class BookLevel:
    price: Decimal
    contracts: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """Up to 20 levels a side, best first."""

    inst_id: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    ts: int


@dataclass(frozen=True, slots=True)
class Funding:
    """`rate` is the estimate charged at `settles_at`, a fraction of notional; longs pay when > 0."""

    inst_id: str
    rate: float
    settles_at: int
    interval_ms: int
    ts: int


@dataclass(frozen=True, slots=True)
class OpenInterest:
    """Contracts outstanding now and, where known, 24 h ago in USD terms."""

    inst_id: str
    contracts: float
    usd: float | None
    usd_24h_ago: float | None
    ts: int


@dataclass(frozen=True, slots=True)
class LongShortRatio:
    """Accounts net long / accounts net short."""

    inst_id: str
    ratio: float
    ts: int


# ---------------------------------------------------------------- account


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderState(StrEnum):
    LIVE = "live"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"


class OrderType(StrEnum):
    MARKET = "market"
    LIMIT = "limit"
    POST_ONLY = "post_only"
    IOC = "ioc"


@dataclass(frozen=True, slots=True)
class BracketPrices:
    """Stop and target of one position; the stop triggers on mark and executes at market."""

    stop: Decimal
    target: Decimal


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What is to be sent. `bracket` rides attached on an entry; exits are reduce-only and carry none."""

    inst_id: str
    client_id: str
    side: Side
    order_type: OrderType
    contracts: Decimal
    price: Decimal | None = None
    reduce_only: bool = False
    bracket: BracketPrices | None = None
    bracket_client_id: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the venue tells it."""

    inst_id: str
    order_id: str
    client_id: str
    side: Side
    state: OrderState
    contracts: Decimal
    filled: Decimal
    average_price: Decimal | None
    fee: Decimal
    reduce_only: bool
    category: str
    algo_id: str
    created_at: int
    updated_at: int
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution. `fee` is negative when paid. Key: (inst_id, trade_id, order_id)."""

    inst_id: str
    trade_id: str
    order_id: str
    client_id: str
    bill_id: str
    side: Side
    price: Decimal
    contracts: Decimal
    fee: Decimal
    pnl: Decimal
    liquidation: bool
    ts: int


@dataclass(frozen=True, slots=True)
class Bill:
    """One line of the venue's ledger; `change` is what it did to the cash balance."""

    bill_id: str
    inst_id: str
    kind: BillKind
    change: Decimal
    pnl: Decimal
    fee: Decimal
    balance: Decimal
    ts: int


class BillKind(StrEnum):
    TRADE = "trade"
    FUNDING = "funding"
    LIQUIDATION = "liquidation"
    ADL = "adl"
    TRANSFER = "transfer"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Position:
    """An open position in net mode: `contracts` > 0 is long, < 0 short; never 0."""

    inst_id: str
    position_id: str
    contracts: Decimal
    entry_price: Decimal
    mark_price: Decimal | None
    unrealised: Decimal
    realised: Decimal
    fee: Decimal
    funding: Decimal
    margin: Decimal | None
    margin_mode: str
    leverage: Decimal | None
    liquidation_price: Decimal | None
    margin_ratio: Decimal | None
    notional_usd: Decimal | None
    opened_at: int
    updated_at: int


@dataclass(frozen=True, slots=True)
class ClosedPosition:
    """One row of the venue's positions history."""

    inst_id: str
    position_id: str
    entry_price: Decimal
    exit_price: Decimal
    contracts: Decimal
    pnl: Decimal
    fee: Decimal
    funding: Decimal
    realised: Decimal
    liquidated: bool
    opened_at: int
    closed_at: int


class BracketState(StrEnum):
    """Where a bracket stands. Only LIVE with both legs protects a position."""

    DORMANT = "dormant"
    LIVE = "live"
    TRIGGERED = "triggered"
    CANCELED = "canceled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Bracket:
    """A resting algo order that closes a position: an OCO when both legs are set.

    `triggered_leg` is "sl" or "tp" once it fired, "" before and when the venue does not say.
    """

    inst_id: str
    algo_id: str
    client_id: str
    side: Side
    contracts: Decimal | None
    closes_all: bool
    stop: Decimal | None
    target: Decimal | None
    reduce_only: bool
    state: BracketState
    created_at: int
    triggered_leg: str = ""

    def covers(self, contracts: Decimal) -> bool:
        """True when this bracket alone protects a long of `contracts` with both legs."""
        enough = self.closes_all or (self.contracts is not None and self.contracts >= contracts)
        live = self.state is BracketState.LIVE
        return live and enough and self.reduce_only and self.stop is not None and self.target is not None


@dataclass(frozen=True, slots=True)
class Balance:
    """Account in USDT. `margin_ratio` None = the venue left it blank."""

    equity: Decimal
    cash: Decimal
    available: Decimal
    unrealised: Decimal
    margin_ratio: Decimal | None
    ts: int


@dataclass(frozen=True, slots=True)
class AccountConfig:
    account_level: str
    net_mode: bool
    permissions: frozenset[str]
    ip_bound: bool


@dataclass(frozen=True, slots=True)
class FeeRates:
    """Costs as positive fractions of notional."""

    taker: Decimal
    maker: Decimal


# ---------------------------------------------------------------- signals


class Direction(StrEnum):
    BULLISH = "bullish"
    BEARISH = "bearish"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class TimeframeSignals:
    """Indicators of one timeframe at its last confirmed bar. Votes are −1, 0, +1.

    `score` is in [−1, 1]. None = could not be computed; then its vote is 0.
    Units: *_pct are fractions (0.01 = 1 %), `realised_vol` annualised fraction.
    """

    timeframe: Timeframe
    bar_ts: int
    close: float
    ema9: float | None
    ema20: float | None
    ema50: float | None
    rsi: float | None
    macd: float | None
    macd_signal: float | None
    macd_histogram: float | None
    bollinger_position: float | None
    bollinger_width_pct: float | None
    atr: float | None
    atr_pct: float | None
    ofi_bar: float | None
    vpin: float | None
    toxicity: float | None
    realised_vol: float | None
    jump_z: float | None
    jump: bool | None
    vwap_deviation_pct: float | None
    vwap_deviation_sigma: float | None
    vote_ema: int
    vote_rsi: int
    vote_macd: int
    vote_ofi: int
    vote_vwap: int
    score: float

    @property
    def votes(self) -> tuple[int, int, int, int, int]:
        return (self.vote_ema, self.vote_rsi, self.vote_macd, self.vote_ofi, self.vote_vwap)

    @property
    def bullish_count(self) -> int:
        return sum(vote == 1 for vote in self.votes)

    @property
    def bearish_count(self) -> int:
        return sum(vote == -1 for vote in self.votes)

    @property
    def aligned(self) -> bool:
        """Three or more of the five votes are bullish."""
        return self.bullish_count >= 3


@dataclass(frozen=True, slots=True)
class TechnicalSignals:
    """All timeframes together. `score` S in [−1, 1]; `strength` = (1 + S)/2 in [0, 1]."""

    timeframes: Mapping[Timeframe, TimeframeSignals]
    bullish_count: int
    bearish_count: int
    timeframes_aligned: int
    score: float
    strength: float
    direction: Direction
    atr_pct_avg: float | None


@dataclass(frozen=True, slots=True)
class BookSignals:
    """From 20 levels. `imbalance` in [−1, 1]; spreads and slippage are fractions of mid."""

    imbalance: float
    micro_price_offset_pct: float
    spread_pct: float
    bid_notional: float
    ask_notional: float
    wall_side: Direction | None
    wall_distance_pct: float | None


@dataclass(frozen=True, slots=True)
class MarketStats:
    """Funding, crowding and flow; None = unknown or not applicable to this asset class."""

    funding_rate: float | None
    funding_interval_h: float | None
    funding_in_h: float | None
    open_interest_change_pct: float | None
    long_short_ratio: float | None
    liquidations_usd: float | None


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """Everything that was fetched for one ticker at one moment; input of the pure experts.

    `ages_s` gives each source's age in venue seconds at `taken_at`; a missing source is absent
    from its field (None) and has age None.
    """

    instrument: Instrument
    taken_at: int
    bar_ts: int
    candles: Mapping[Timeframe, Candles]
    quote: Quote | None
    book: Book | None
    mark_price: Decimal | None
    funding: Funding | None
    open_interest: OpenInterest | None
    long_short: LongShortRatio | None
    ages_s: Mapping[str, float | None]
    errors: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GatherResult:
    """What the experts made of a snapshot.

    `atr_pct_avg` is a fraction (None = no ATR on any timeframe); `tf_alignment` 0–15.
    """

    brief: str
    brief_tokens: int
    atr_pct_avg: float | None
    tf_alignment: int
    dominant_direction: Direction
    direction_streak: int
    technical: TechnicalSignals
    book: BookSignals | None
    stats: MarketStats
    ages_s: Mapping[str, float | None]
    dropped: tuple[str, ...] = ()


# ---------------------------------------------------------------- decision


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
    """One answer to a brief. `failure` set means that no valid answer came and action is HOLD."""

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

    `gates` holds the persistence gates, then the risk gates in their order, all evaluated.
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


# ---------------------------------------------------------------- books


class Protection(StrEnum):
    """How a position stands with the venue."""

    PROTECTED = "protected"
    PARTIAL = "partial"
    MISSING = "missing"
    HEALING = "healing"
    CLOSING = "closing"
    FOREIGN = "foreign"


@dataclass(frozen=True, slots=True)
class ProtectedPosition:
    """A position beside the bracket that covers it, as last verified at the venue."""

    ticker: str
    position: Position
    protection: Protection
    stop: Decimal | None
    target: Decimal | None
    bracket_id: str
    verified_at: int
    trade_id: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class ClosedTrade:
    """One closed trade, net of everything. `net` = pnl + fees + funding, in USDT."""

    trade_id: str
    ticker: str
    inst_id: str
    contracts: Decimal
    entry_price: Decimal
    exit_price: Decimal
    pnl: Decimal
    fees: Decimal
    funding: Decimal
    net: Decimal
    notional: Decimal
    strength: float | None
    reason: Reason
    opened_at: int
    closed_at: int


@dataclass(frozen=True, slots=True)
class AccountView:
    """Today's money, in USDT: equity − baseline = realised + unrealised + fees + funding + transfers.

    `day_*` values count from the persisted 00:00 UTC baseline, `total_*` from the first baseline ever.
    `balanced_to` is the difference that the identity leaves; anything but 0 is shown.
    """

    equity: Decimal
    cash: Decimal
    available: Decimal
    day: str
    day_baseline: Decimal
    day_pnl: Decimal
    day_pnl_pct: float
    day_realised: Decimal
    day_unrealised: Decimal
    day_fees: Decimal
    day_funding: Decimal
    total_baseline: Decimal
    total_pnl: Decimal
    total_realised: Decimal
    total_fees: Decimal
    total_funding: Decimal
    unrealised: Decimal
    balanced_to: Decimal
    entries_today: int
    consecutive_losses: int
    open_positions: int
    margin_ratio: Decimal | None
    ts: int


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
