"""Walls: levels that stand out of their side of the book, and have stood there. A flashing wall is no wall."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from engine.model import Book, BookLevel, Direction

WALL_MADS = 6.0
WALL_MEDIANS = 5.0
MAD_TO_SIGMA = 1.4826
MIN_LEVELS_FOR_WALL = 5
STANDS_IN = 0.6
"""Of the comparable snapshots, this one included: a wall seen in fewer comes and goes."""
MIN_COMPARED = 3
"""Earlier snapshots; with fewer nobody can tell a standing wall from a flash."""
NEAR_GAPS = 2.0
"""Two prices are the same level when they are no further apart than this many of the book's smallest steps."""

Level = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Wall:
    """`distance` from mid, a fraction; `share` in (0, 1] of the snapshots it stood in."""

    side: Direction
    price: float
    distance: float
    share: float


@dataclass(frozen=True, slots=True)
class Walls:
    """`nearest` that stands. None while `known`: none stands; else something stands out, and too few earlier books are
    there to tell whether it stood before."""

    nearest: Wall | None
    known: bool


def standing_walls(bids: Sequence[Level], asks: Sequence[Level], earlier: Callable[[], Sequence[Book]]) -> Walls:
    """The nearest that is seen to stand: a bid wall is bullish (support), an ask wall bearish (resistance).

    `bids` and `asks` are (price, size), best first. `earlier` gives sound books of the same instrument, in any order,
    and is asked only when something stands out; those whose visible levels do not reach its price are not compared.
    """
    mid = (bids[0][0] + asks[0][0]) / 2
    found = [
        (abs(price / mid - 1), direction, price)
        for levels, direction in ((bids, Direction.BULLISH), (asks, Direction.BEARISH))
        for price in wall_prices(levels)
    ]
    before, known = earlier() if found else (), True
    for distance, side, price in sorted(found):
        share = _share(price, _near(bids if side is Direction.BULLISH else asks), side, before)
        if share is not None and share >= STANDS_IN:
            return Walls(Wall(side, price, distance, share), True)
        known = known and share is not None
    return Walls(None, known)


def wall_prices(levels: Sequence[Level]) -> list[float]:
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


def floats(levels: Sequence[BookLevel]) -> list[Level]:
    return [(float(level.price), float(level.contracts)) for level in levels]


def _share(price: float, near: float, side: Direction, earlier: Sequence[Book]) -> float | None:
    """In how much of the comparable snapshots, the present one included, the wall stood; None = too few."""
    stood = [any(abs(other - price) <= near for other in walls) for walls in _comparable(price, side, earlier)]
    return (1 + sum(stood)) / (1 + len(stood)) if len(stood) >= MIN_COMPARED else None


def _comparable(price: float, side: Direction, earlier: Sequence[Book]) -> Iterator[list[float]]:
    """The walls of each snapshot in which `price` lay behind the best level and within what was visible."""
    for book in earlier:
        levels = book.bids if side is Direction.BULLISH else book.asks
        best, last = float(levels[0].price), float(levels[-1].price)
        if min(best, last) <= price <= max(best, last) and price != best:
            yield wall_prices(floats(levels))


def _near(levels: Sequence[Level]) -> float:
    return NEAR_GAPS * min(abs(one - other) for (one, _), (other, _) in pairwise(levels))
