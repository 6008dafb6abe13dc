"""What 20 levels of the order book say: balance, micro-price, walls, depth, and what our size would cost."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from engine.experts.walls import Level, floats, standing_walls
from engine.model import Book, BookSignals, Side

DEPTH_BAND = 0.001
"""10 bps of mid: about what a stop's trigger and its fill may lie apart."""
EARLIER_MS = 900_000
"""Older snapshots tell nothing about walls that stand now."""


def book_signals(
    book: Book,
    base_per_contract: Decimal,
    earlier: Sequence[Book] = (),
    contracts: Decimal | None = None,
    event_ofi: float | None = None,
) -> BookSignals | None:
    """Signals of one book; None when a side is empty, a level is malformed or the book is crossed.

    `base_per_contract` turns contracts into base units, so that the side notionals are USDT. `earlier` are snapshots
    of the same book, against which walls are held; `contracts` is the size of ours that slippage is computed for, and
    `event_ofi` the streamed flow, both None = n/a.
    imbalance = (ΣB − ΣA)/(ΣB + ΣA) over all levels; micro-price = (P^a·q^b + P^b·q^a)/(q^b + q^a).
    """
    if not is_sound(book):
        return None
    bids, asks = floats(book.bids), floats(book.asks)
    (bid, bid_size), (ask, ask_size) = bids[0], asks[0]
    mid = (bid + ask) / 2
    micro = (ask * bid_size + bid * ask_size) / (bid_size + ask_size)
    bid_total, ask_total = sum(size for _, size in bids), sum(size for _, size in asks)
    walls = standing_walls(bids, asks, lambda: comparable(book, earlier))
    wall = walls.nearest
    unit = float(base_per_contract)
    return BookSignals(
        imbalance=(bid_total - ask_total) / (bid_total + ask_total),
        micro_price_offset_pct=micro / mid - 1,
        spread_pct=(ask - bid) / mid,
        bid_notional=unit * sum(price * size for price, size in bids),
        ask_notional=unit * sum(price * size for price, size in asks),
        wall_side=wall.side if wall is not None else None,
        wall_distance_pct=wall.distance if wall is not None else None,
        wall_share=wall.share if wall is not None else None,
        walls_known=walls.known,
        depth_10bp_usd=_depth(bids, asks, mid, unit),
        slippage_pct=slippage_pct(book, Side.BUY, contracts) if contracts is not None and contracts > 0 else None,
        event_ofi=event_ofi,
    )


def comparable(book: Book, earlier: Sequence[Book]) -> tuple[Book, ...]:
    """Those of `earlier` that are sound, of the same instrument, before `book` and not too long before."""
    return tuple(
        other
        for other in earlier
        if other.inst_id == book.inst_id and 0 < book.ts - other.ts <= EARLIER_MS and is_sound(other)
    )


def slippage_pct(book: Book, side: Side, contracts: Decimal) -> float | None:
    """Cost against mid of walking the book with `contracts` > 0, a fraction ≥ 0.

    None when the book is unsound or its visible depth does not hold the size.
    """
    if contracts <= 0:
        raise ValueError(f"a size above 0 was expected, not {contracts} contracts")
    if not is_sound(book):
        return None
    mid = (book.bids[0].price + book.asks[0].price) / 2
    left, paid = contracts, Decimal(0)
    for level in book.asks if side is Side.BUY else book.bids:
        taken = min(left, level.contracts)
        paid, left = paid + taken * level.price, left - taken
        if left == 0:
            return float(abs(paid / contracts - mid) / mid)
    return None


def is_sound(book: Book) -> bool:
    """Both sides present, every level a positive number, best first, and the best bid under the best ask."""
    if not book.bids or not book.asks:
        return False
    # A NaN cannot even be compared, so that is asked first.
    for level in (*book.bids, *book.asks):
        if not (level.price.is_finite() and level.contracts.is_finite() and level.price > 0 and level.contracts > 0):
            return False
    return (
        book.bids[0].price < book.asks[0].price
        and all(a.price > b.price for a, b in zip(book.bids, book.bids[1:], strict=False))
        and all(a.price < b.price for a, b in zip(book.asks, book.asks[1:], strict=False))
    )


def _depth(bids: Sequence[Level], asks: Sequence[Level], mid: float, unit: float) -> tuple[float, float] | None:
    """USDT within 10 bps of mid on (bid, ask); None where what is visible ends before that: it may be more."""
    if bids[-1][0] > mid * (1 - DEPTH_BAND) or asks[-1][0] < mid * (1 + DEPTH_BAND):
        return None
    within = [
        unit * sum(price * size for price, size in side if abs(price / mid - 1) <= DEPTH_BAND) for side in (bids, asks)
    ]
    return within[0], within[1]
