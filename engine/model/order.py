"""What is sent to the venue, what becomes of it, and its executions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


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


ISOLATED = "isolated"
"""The only margin mode in which this program opens a position."""


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """What is to be sent. `bracket` rides attached on an entry; exits are reduce-only and carry none. What closes
    names the margin mode of the position: in another the venue would find nothing to close."""

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
    margin_mode: str = ISOLATED


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
    """One execution. `fee` is negative when paid. Key: (inst_id, trade_id, order_id). `liquidation`: the venue forced
    it; `deleveraged`: it did so by ADL."""

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
    deleveraged: bool = False
