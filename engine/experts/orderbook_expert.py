"""What 20 levels of the order book say: balance, micro-price, walls, and what our size would cost."""

from __future__ import annotations

from decimal import Decimal
from statistics import median

from engine.model import Book, BookLevel, BookSignals, Direction, Side

WALL_MADS = 6.0
WALL_MEDIANS = 5.0
MAD_TO_SIGMA = 1.4826
MIN_LEVELS_FOR_WALL = 5


def book_signals(book: Book, base_per_contract: Decimal) -> BookSignals | None:
    """Signals of one book; None when a side is empty, a level is malformed or the book is crossed.

    `base_per_contract` turns contracts into base units, so that the side notionals are USDT.
    imbalance = (ΣB − ΣA)/(ΣB + ΣA) over all levels; micro-price = (P^a·q^b + P^b·q^a)/(q^b + q^a).
    """
    if not is_sound(book):
        return None
    bids, asks = _floats(book.bids), _floats(book.asks)
    (bid, bid_size), (ask, ask_size) = bids[0], asks[0]
    mid = (bid + ask) / 2
    micro = (ask * bid_size + bid * ask_size) / (bid_size + ask_size)
    bid_total, ask_total = sum(size for _, size in bids), sum(size for _, size in asks)
    wall_side, wall_distance = _nearest_wall(bids, asks, mid)
    unit = float(base_per_contract)
    return BookSignals(
        imbalance=(bid_total - ask_total) / (bid_total + ask_total),
        micro_price_offset_pct=micro / mid - 1,
        spread_pct=(ask - bid) / mid,
        bid_notional=unit * sum(price * size for price, size in bids),
        ask_notional=unit * sum(price * size for price, size in asks),
        wall_side=wall_side,
        wall_distance_pct=wall_distance,
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
    """Both sides present, best first, every level positive, and the best bid under the best ask."""
    if not book.bids or not book.asks or book.bids[0].price >= book.asks[0].price:
        return False
    levels = (*book.bids, *book.asks)
    return (
        all(level.price > 0 and level.contracts > 0 for level in levels)
        and all(a.price > b.price for a, b in zip(book.bids, book.bids[1:], strict=False))
        and all(a.price < b.price for a, b in zip(book.asks, book.asks[1:], strict=False))
    )


def _floats(levels: tuple[BookLevel, ...]) -> list[tuple[float, float]]:
    return [(float(level.price), float(level.contracts)) for level in levels]


def _nearest_wall(
    bids: list[tuple[float, float]], asks: list[tuple[float, float]], mid: float
) -> tuple[Direction | None, float | None]:
    """The nearest wall: a bid wall is bullish (support), an ask wall bearish (resistance)."""
    walls = [
        (abs(price / mid - 1), direction)
        for levels, direction in ((bids, Direction.BULLISH), (asks, Direction.BEARISH))
        for price in _walls(levels)
    ]
    if not walls:
        return None, None
    distance, side = min(walls)
    return side, distance


def _walls(levels: list[tuple[float, float]]) -> list[float]:
    """Prices whose size exceeds both median + 6 robust sigmas and 5 medians of its side.

    The best level is neither judged nor counted: on OKX swaps it is thick as a rule, followed by thin
    levels with rare walls of 5 to 20 medians.
    """
    behind = levels[1:]
    if len(behind) < MIN_LEVELS_FOR_WALL:
        return []
    sizes = [size for _, size in behind]
    typical = median(sizes)
    spread = MAD_TO_SIGMA * median(abs(size - typical) for size in sizes)
    threshold = max(typical + WALL_MADS * spread, WALL_MEDIANS * typical)
    return [price for price, size in behind if size > threshold]
