"""Walls against earlier snapshots: what stands is a wall, what flashes is not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from engine.experts.brief_lines import book_line
from engine.experts.orderbook_expert import EARLIER_MS, book_signals
from engine.model import Book, Direction
from tests.experts.markets import book

ONE = Decimal(1)
SECOND = 1_000
WALL = book(wall_at=8)


def earlier(*walls_at: int | None, mid: float = 100.0) -> tuple[Book, ...]:
    """Snapshots 10 s apart before `WALL`, oldest first, each with its wall at that level."""
    count = len(walls_at)
    return tuple(
        book(mid, ts=WALL.ts - (count - number) * 10 * SECOND, wall_at=at) for number, at in enumerate(walls_at)
    )


def seen(now: Book, before: tuple[Book, ...]) -> tuple[Direction | None, float | None]:
    signals = book_signals(now, ONE, before)
    assert signals is not None
    return signals.wall_side, signals.wall_share


def test_a_wall_that_stood_in_every_snapshot_has_the_whole_share() -> None:
    assert seen(WALL, earlier(8, 8, 8, 8)) == (Direction.BULLISH, 1.0)


def test_a_wall_that_nobody_saw_before_is_none() -> None:
    assert seen(WALL, earlier(None, None, None, None)) == (None, None)


def test_a_wall_that_flashes_every_other_time_is_none() -> None:
    assert seen(WALL, earlier(8, None, None, 8, None, None)) == (None, None)


def test_a_wall_in_most_of_the_snapshots_is_one() -> None:
    assert seen(WALL, earlier(8, 8, None, 8)) == (Direction.BULLISH, pytest.approx(0.8))


def unknown(now: Book, before: tuple[Book, ...]) -> bool:
    """Something stands out, and nobody can tell whether it is a wall."""
    signals = book_signals(now, ONE, before)
    assert signals is not None
    return not signals.walls_known and signals.wall_side is None


def test_with_too_few_snapshots_walls_are_unknown_and_neither_there_nor_absent() -> None:
    for before in ((), earlier(8), earlier(8, 8), earlier(None, None)):
        assert unknown(WALL, before)
        signals = book_signals(WALL, ONE, before)
        assert signals is not None
        assert ", walls n/a, " in book_line(signals, {})
    assert not unknown(WALL, earlier(8, 8, 8))
    assert not unknown(WALL, earlier(None, None, None))


def test_where_nothing_stands_out_there_is_no_wall_whatever_was_before() -> None:
    for before in ((), earlier(8, 8, 8)):
        signals = book_signals(book(), ONE, before)
        assert signals is not None
        assert signals.walls_known
        assert ", no wall, " in book_line(signals, {})


def test_the_same_size_on_the_other_side_or_further_away_is_another_wall() -> None:
    flipped = tuple(replace(b, bids=book(ts=b.ts).bids, asks=b.asks) for b in earlier(8, 8, 8))
    assert seen(WALL, flipped) == (None, None)
    assert seen(WALL, earlier(14, 14, 14)) == (None, None)


def test_a_price_one_step_off_is_the_same_wall() -> None:
    assert seen(WALL, earlier(7, 9, 8)) == (Direction.BULLISH, 1.0)


def test_snapshots_that_do_not_reach_the_price_are_not_compared() -> None:
    """Taken when the market stood elsewhere: they neither speak for the wall nor against it."""
    away = earlier(None, None, None, None, mid=110.0)
    assert unknown(WALL, away)
    assert seen(WALL, (*away, *earlier(8, 8, 8))) == (Direction.BULLISH, 1.0)


def test_snapshots_of_other_times_other_instruments_or_without_sense_are_not_compared() -> None:
    none = book(ts=WALL.ts - 10 * SECOND)
    useless = [
        replace(none, ts=WALL.ts - EARLIER_MS - 1),
        replace(none, ts=WALL.ts),
        replace(none, ts=WALL.ts + 10 * SECOND),
        replace(none, inst_id="XYZ-USDT-SWAP"),
        replace(none, bids=()),
        replace(none, bids=none.asks, asks=none.bids),
        replace(none, bids=(replace(none.bids[0], price=Decimal("NaN")), *none.bids[1:])),
    ]
    assert unknown(WALL, tuple(useless))
    assert seen(WALL, (*useless, *earlier(8, 8, 8))) == (Direction.BULLISH, 1.0)


def test_behind_a_flash_the_next_wall_that_stands_is_told() -> None:
    both = replace(WALL, asks=book(wall_at=3).bids and tuple(_mirrored(book(wall_at=3))))
    assert unknown(both, ())
    assert seen(both, earlier(8, 8, 8)) == (Direction.BULLISH, 1.0)


def _mirrored(of: Book) -> tuple[object, ...]:
    """Its asks with the sizes of its bids."""
    return tuple(replace(ask, contracts=bid.contracts) for ask, bid in zip(of.asks, of.bids, strict=True))


def test_depth_is_known_only_where_the_book_is_seen_that_far() -> None:
    near = book_signals(book(), Decimal("0.5"))  # 20 levels of 10 bps each
    assert near is not None and near.depth_10bp_usd is not None
    bid, ask = near.depth_10bp_usd
    assert (bid, ask) == (pytest.approx(0.5 * 50 * 99.9), pytest.approx(0.5 * 50 * 100.1))
    short = replace(book(), bids=book().bids[:1], asks=book().asks)
    tight = replace(short, bids=(replace(short.bids[0], price=Decimal("99.95")),))
    signals = book_signals(tight, ONE)
    assert signals is not None and signals.depth_10bp_usd is None


def test_slippage_is_told_for_our_size_only() -> None:
    assert (signals := book_signals(book(), ONE)) is not None and signals.slippage_pct is None
    ours = book_signals(book(), ONE, contracts=Decimal(50), event_ofi=0.25)
    assert ours is not None and ours.slippage_pct == pytest.approx(0.001)
    assert ours.event_ofi == 0.25
    deep = book_signals(book(), ONE, contracts=Decimal(100_000))
    assert deep is not None and deep.slippage_pct is None
    assert (none := book_signals(book(), ONE, contracts=Decimal(0))) is not None and none.slippage_pct is None
