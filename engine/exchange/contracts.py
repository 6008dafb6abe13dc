"""Notional (USDT) ↔ contracts. One contract is ctVal × ctMult of the base asset; confusing contracts with
coins is the classic factor-of-ten loss (incident row 27), so nothing else in the program does this sum."""

from __future__ import annotations

from decimal import Decimal

from engine.model import Instrument
from engine.rounding import floor_ratio, floor_to_lot


def contracts_for_notional(instrument: Instrument, notional: Decimal, price: Decimal) -> Decimal:
    """Contracts worth at most `notional` USDT at `price`, floored to the lot; 0 when under the minimum.

    contracts = floor_lot(notional / (ctVal × ctMult × price)); raises AssertionError on price ≤ 0 or notional < 0.
    """
    assert price > 0, f"price must be > 0, got {price}"
    raw = floor_ratio(notional, instrument.notional(Decimal(1), price))
    return floor_to_lot(raw, instrument.lot_size, instrument.min_size)


def clip_to_market_size(instrument: Instrument, contracts: Decimal) -> Decimal:
    """`contracts` clipped to the largest single market order, floored to the lot; 0 when under the minimum."""
    return floor_to_lot(min(contracts, instrument.max_market_size), instrument.lot_size, instrument.min_size)


def market_order_slices(instrument: Instrument, contracts: Decimal) -> tuple[Decimal, ...]:
    """`contracts` cut into market orders of legal size (stock swaps cap them at some tens of thousands USDT).

    The last slice may be smaller; what is left under the minimum size is not sent and not in the sum.
    """
    slices: list[Decimal] = []
    left = contracts
    while (size := clip_to_market_size(instrument, left)) > 0:
        slices.append(size)
        left -= size
    return tuple(slices)
