"""Positions as the venue tells them."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


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
    """One row of the venue's positions history. `liquidated`: the venue closed it; `deleveraged`: by ADL."""

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
    deleveraged: bool = False
