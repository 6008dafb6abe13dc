"""Our own books: positions beside their cover, closed trades, the day's money."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.model.position import Position
from engine.reasons import Reason


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
    """One closed trade, net of everything. `net` = pnl + fees + funding, in USDT; a liquidation fee is among the
    fees."""

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
