"""Everything that one decision depends on, by value: the same inputs always give the same decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from engine.model import (
    AccountView,
    AssetClass,
    FeeRates,
    GatherResult,
    Halt,
    Instrument,
    MarketSnapshot,
    Synthesis,
)
from engine.reasons import Reason
from engine.risk.calibration import Outcome
from engine.risk.limits import RiskLimits


@dataclass(frozen=True, slots=True)
class Controls:
    """What a person, the guard and the reconciler say at this moment about this ticker.

    The texts are empty when all is well; otherwise they say in one line what is wrong.
    """

    kill_engaged: bool = False
    entries_stopped: bool = False
    ticker_paused: bool = False
    halts: tuple[Halt, ...] = ()
    venue_down: str = ""
    ledger_mismatch: str = ""
    unknown_order: str = ""
    foreign_order: str = ""

    def halt(self, reason: Reason) -> Halt | None:
        """The halt in force for `reason`, if any."""
        return next((halt for halt in self.halts if halt.reason is reason), None)


@dataclass(frozen=True, slots=True)
class HeldPosition:
    """Our position in the ticker under decision; signed contracts, never 0. `opened_at` in venue ms."""

    contracts: Decimal
    entry_price: Decimal
    opened_at: int


@dataclass(frozen=True, slots=True)
class OpenExposure:
    """One open position of the account, the ticker's own included. `notional` in USDT at mark, unsigned;
    None = unknown, and then nothing can be sized against it."""

    ticker: str
    asset_class: AssetClass
    notional: Decimal | None


@dataclass(frozen=True, slots=True)
class DecisionInputs:
    """None means unknown and blocks entries where a gate needs it.

    `slippage_pct` fraction of mid for a buy of our usual size; `ticker_return_14d` fraction of mean deployed
    notional; `correlations` against each open ticker (None = too little data); `clock_offset_ms` venue − local;
    `regime_multiplier` in (0, 1]; `advocate_factor` None = not asked, 1 proceed, 0.6 reduce, 0 abort;
    `tightened` = recent performance is bad enough to ask for one more signal; `last_closed_at` in venue ms, when the
    ticker's latest position closed, None = never.
    """

    decision_id: str
    cycle: int
    decided_at: int
    limits: RiskLimits
    snapshot: MarketSnapshot
    gathered: GatherResult
    synthesis: Synthesis | None
    account: AccountView | None
    controls: Controls
    held: HeldPosition | None
    open_positions: tuple[OpenExposure, ...] | None
    fees: FeeRates | None
    slippage_pct: float | None
    outcomes: tuple[Outcome, ...]
    correlations: Mapping[str, float | None]
    ticker_return_14d: float | None
    clock_offset_ms: int | None
    regime_multiplier: float
    tightened: bool = False
    advocate_factor: float | None = None
    last_closed_at: int | None = None
    stages_ms: Mapping[str, float] = field(default_factory=dict)

    @property
    def instrument(self) -> Instrument:
        return self.snapshot.instrument

    @property
    def ticker(self) -> str:
        return self.snapshot.instrument.ticker

    @property
    def streak(self) -> int:
        """Signed: +k bullish bars in a row, −k bearish ones."""
        return self.gathered.direction_streak

    @property
    def long_held(self) -> bool:
        return self.held is not None and self.held.contracts > 0

    @property
    def min_signals(self) -> int:
        """One more when performance is poor, because the model may not heed its tightened prompt. D12."""
        return min(15, self.limits.min_signals_aligned + self.tightened)
