"""The account as the venue tells it: balance, ledger lines, set-up, fees."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Balance:
    """Account in USDT. `margin_ratio` None = the venue left it blank."""

    equity: Decimal
    cash: Decimal
    available: Decimal
    unrealised: Decimal
    margin_ratio: Decimal | None
    ts: int


class BillKind(StrEnum):
    TRADE = "trade"
    FUNDING = "funding"
    LIQUIDATION = "liquidation"
    ADL = "adl"
    TRANSFER = "transfer"
    OTHER = "other"


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
