"""Matching against the book: who trades how much at which price. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import NamedTuple

from engine.exchange.simulator.market import BookRow

ZERO = Decimal(0)

SLIPPAGE_GUARD = Decimal("0.05")
"""A market order stops this far from the best price it found; what is left is cancelled (cancelSource 27)."""


class Match(NamedTuple):
    """A trade: contracts at a price."""

    px: Decimal
    sz: Decimal


def crosses(side: str, limit: Decimal, price: Decimal) -> bool:
    """Whether an order of `side` limited to `limit` may trade at `price`."""
    return price <= limit if side == "buy" else price >= limit


def market_bound(side: str, best: Decimal) -> Decimal:
    """The worst price a market order takes."""
    return best * (1 + SLIPPAGE_GUARD) if side == "buy" else best * (1 - SLIPPAGE_GUARD)


def take(levels: Iterable[BookRow], side: str, contracts: Decimal, limit: Decimal) -> list[Match]:
    """Walks the opposite side of the book, best first, up to `limit`. Never more than `contracts`."""
    matches = []
    wanted = contracts
    for level in levels:
        if wanted <= 0 or not crosses(side, limit, level.price):
            break
        size = min(wanted, level.contracts)
        if size > 0:
            matches.append(Match(level.price, size))
            wanted -= size
    return matches


def in_parts(matches: list[Match], lot: Decimal) -> list[Match]:
    """The same trades, in at least two when there are two lots to trade."""
    if len(matches) != 1 or matches[0].sz < 2 * lot:
        return matches
    [whole] = matches
    half = max(lot, whole.sz / 2 // lot * lot)
    return [Match(whole.px, half), Match(whole.px, whole.sz - half)]


def hit(levels: Iterable[BookRow], near: BookRow | None, side: str, contracts: Decimal, limit: Decimal) -> Decimal:
    """How much of an order resting at `limit` trades when the market comes to it.

    All that the opposite side now offers at its price or better; when prices only touch it, as much as stands
    at the nearest level of its own side.
    """
    offered = sum((level.contracts for level in levels if crosses(side, limit, level.price)), ZERO)
    if not offered and near is not None:
        offered = near.contracts
    return min(contracts, offered)
