from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.experts.orderbook_expert import book_signals, slippage_pct
from engine.model import Book, BookLevel, Direction, Side
from tests.experts.markets import book

ONE = Decimal(1)


def levels(*rows: tuple[str, str]) -> tuple[BookLevel, ...]:
    return tuple(BookLevel(Decimal(price), Decimal(size)) for price, size in rows)


SMALL = Book("ABC", levels(("99", "3"), ("98", "5")), levels(("101", "1"), ("103", "3")), 0)


def test_signals_of_a_small_book() -> None:
    signals = book_signals(SMALL, Decimal("0.1"))
    assert signals is not None
    assert signals.imbalance == pytest.approx((8 - 4) / 12)
    assert signals.spread_pct == pytest.approx(0.02)
    assert signals.micro_price_offset_pct == pytest.approx((101 * 3 + 99 * 1) / 4 / 100 - 1)
    assert signals.bid_notional == pytest.approx(0.1 * (99 * 3 + 98 * 5))
    assert signals.ask_notional == pytest.approx(0.1 * (101 + 103 * 3))
    assert signals.wall_side is None and signals.wall_distance_pct is None


def test_a_wall_is_found_behind_a_thick_best_quote() -> None:
    assert _wall(book()) is None
    assert _wall(book(wall_at=8)) is Direction.BULLISH
    walled = book(wall_at=8)
    swapped = replace(
        book(), asks=tuple(replace(a, contracts=b.contracts) for a, b in zip(walled.asks, walled.bids, strict=True))
    )
    assert _wall(swapped) is Direction.BEARISH


def test_the_wall_distance_is_from_mid() -> None:
    walled = book(wall_at=8)
    signals = book_signals(walled, ONE, stood(walled))
    assert signals is not None
    assert signals.wall_distance_pct == pytest.approx(0.008)


@pytest.mark.parametrize(
    "broken",
    [
        replace(SMALL, bids=()),
        replace(SMALL, asks=()),
        replace(SMALL, bids=levels(("101", "1"))),
        replace(SMALL, bids=levels(("98", "1"), ("99", "1"))),
        replace(SMALL, asks=levels(("101", "0"))),
    ],
    ids=["no bids", "no asks", "locked", "unsorted", "empty level"],
)
def test_an_unsound_book_says_nothing(broken: Book) -> None:
    assert book_signals(broken, ONE) is None
    assert slippage_pct(broken, Side.BUY, ONE) is None


@pytest.mark.parametrize(
    ("side", "contracts", "expected"),
    [
        (Side.BUY, "1", 0.01),
        (Side.BUY, "4", ((101 + 3 * 103) / 4 - 100) / 100),
        (Side.BUY, "4.01", None),
        (Side.SELL, "3", 0.01),
        (Side.SELL, "8", (100 - (3 * 99 + 5 * 98) / 8) / 100),
        (Side.SELL, "9", None),
    ],
)
def test_slippage_walks_the_book(side: Side, contracts: str, expected: float | None) -> None:
    assert slippage_pct(SMALL, side, Decimal(contracts)) == (None if expected is None else pytest.approx(expected))


@given(one=st.integers(1, 300), more=st.integers(0, 100))
def test_slippage_never_falls_with_size(one: int, more: int) -> None:
    first = slippage_pct(book(), Side.BUY, Decimal(one) / 3)
    second = slippage_pct(book(), Side.BUY, Decimal(one + more) / 3)
    if first is None:
        assert second is None
    elif second is not None:
        assert second >= first - 1e-12


def test_a_size_of_zero_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="above 0"):
        slippage_pct(SMALL, Side.BUY, Decimal(0))


def _wall(of: Book) -> Direction | None:
    signals = book_signals(of, ONE, stood(of))
    assert signals is not None
    return signals.wall_side


def stood(of: Book) -> tuple[Book, ...]:
    """The same book in the minute before."""
    return tuple(replace(of, ts=of.ts - seconds * 1000) for seconds in (60, 40, 20))
