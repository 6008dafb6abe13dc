"""Candle tables: rows in, trades out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from engine.model import AssetClass, ClosedTrade, Funding
from engine.model.worth import Policy
from engine.outcome.worth.book import Book
from engine.outcome.worth.position import Bar, ShadowPosition, settlements_within
from engine.outcome.worth.turn import managed
from engine.reasons import Reason

D = Decimal
BAR = 900_000
HOUR = 3_600_000

# 10 units, stop 98, target 104, trailing 2.5 %, 0.1 % a side; decided at 100 on bar 0.
WAITING = ShadowPosition(
    "d1", "BTC", "BTC-USDT-SWAP", AssetClass.CRYPTO, D(1), D(10), D("0.1"), D(98), D(104), D("0.025"), D("0.001"),
    0.8, D(100),
)  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Bars from 1 on as (open, high, low, close), and what must come of them."""

    name: str
    rows: Sequence[tuple[float, float, float, float]]
    exit: float | None
    reason: Reason | None = None
    bars: int = 0
    leaving: bool = False


TABLES = (
    Table("nothing is touched", [(100, 101, 99, 100.5)], None),
    Table("the stop", [(100, 101, 99, 100), (100, 100, 97.5, 99)], 98, Reason.STOP_LOSS, 3),
    Table("the target", [(100, 101, 99, 100), (100, 105, 99.9, 103)], 104, Reason.TAKE_PROFIT, 3),
    Table("both in one bar: the stop came first", [(100, 105, 97, 103)], 98, Reason.STOP_LOSS, 2),
    Table("exactly at the stop", [(100, 101, 98, 100)], 98, Reason.STOP_LOSS, 2),
    Table("a gap through the stop fills at the open", [(100, 101, 99, 100), (95, 96, 94, 96)], 95, Reason.STOP_LOSS, 2),
    Table("a gap beyond the target too", [(100, 101, 99, 100), (106, 107, 105, 106)], 106, Reason.TAKE_PROFIT, 2),
    Table("the entry itself gaps under its stop", [(97, 99, 96, 98)], 97, Reason.STOP_LOSS, 1),
    Table(
        "trailing counts from the next bar on",
        [(100, 103.5, 100, 101), (101, 101.5, 100.9, 101)], 101, Reason.TRAILING_STOP, 2,
    ),
    Table("a high within the trailing distance raises nothing", [(100, 102.5, 99, 100), (100, 100, 98.5, 99)], None),
    Table("a sell leaves at the next open", [(100, 101, 99, 100), (99, 105, 97, 99)], 99, Reason.SIGNAL_EXIT, 2, True),
)  # fmt: skip


def bars(rows: Sequence[tuple[float, float, float, float]], first: int = 1) -> tuple[Bar, ...]:
    return tuple(Bar((first + n) * BAR, *(D(str(p)) for p in row)) for n, row in enumerate(rows))


def book(position: ShadowPosition = WAITING) -> Book:
    return Book(Policy.MODEL, D(10_000), positions={"BTC": position})


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_rows_in_trades_out(table: Table) -> None:
    rows = bars(table.rows)
    before = 0.0
    if table.leaving:
        done = managed(book(), "BTC", rows[:1], 0, None)
        before = done.book.total_return
        asked = replace(done.book.positions["BTC"], leaving=True)
        done = managed(done.book.holding("BTC", asked), "BTC", rows[1:], BAR, None)
    else:
        done = managed(book(), "BTC", rows, 0, None)
    if table.exit is None:
        held = done.book.positions["BTC"]
        assert not done.closed
        assert held.entry == rows[0].open
        assert done.book.net == held.unrealised + held.costs
        return
    (trade,) = done.closed
    price, entry = D(str(table.exit)), rows[0].open
    assert "BTC" not in done.book.positions
    assert (trade.exit_price, trade.reason) == (price, table.reason)
    assert trade.closed_at == table.bars * BAR
    assert trade.net == 10 * (price - entry) - D("0.01") * (price + entry)
    assert done.book.net == trade.net, "what the bars earned is what the trade made, to the last digit"
    assert (
        before + sum(done.earned.values())
        == done.book.total_return
        == pytest.approx(float(trade.net) / 10_000, rel=0.02)
    )


def test_funding_is_paid_at_each_settlement_that_it_is_held_over() -> None:
    funding = Funding("BTC-USDT-SWAP", 0.001, 2 * BAR, 8 * HOUR, 0)
    done = managed(book(), "BTC", bars([(100, 101, 99, 100)] * 3), 0, funding)
    assert done.book.positions["BTC"].funding == D("-1.000"), "10 units at 100, once"
    income = replace(funding, rate=-0.001)
    assert managed(book(), "BTC", bars([(100, 101, 99, 100)] * 3), 0, income).book.positions["BTC"].funding == 1
    closed_before = managed(book(), "BTC", bars([(100, 101, 97, 100)]), 0, replace(funding, settles_at=2 * BAR))
    assert closed_before.closed[0].funding == 0


@pytest.mark.parametrize(
    ("start", "end", "times"), [(0, 8, 1), (0, 7, 0), (8, 16, 1), (7, 8, 1), (8, 9, 0), (0, 24, 3), (20, 30, 1)]
)
def test_settlements_fall_at_the_first_and_every_interval_after_it(start: int, end: int, times: int) -> None:
    funding = Funding("x", 0.001, 8 * HOUR, 8 * HOUR, 0)
    assert settlements_within(funding, start * HOUR, end * HOUR) == times


def test_bars_that_nobody_saw_end_a_position_at_its_last_mark() -> None:
    seen = managed(book(), "BTC", bars([(100, 101, 99, 101)]), 0, None)
    gone = managed(seen.book, "BTC", bars([(90, 91, 89, 90)], first=3), BAR, None)
    (trade,) = gone.closed
    assert (trade.exit_price, trade.reason, trade.closed_at) == (101, Reason.CLOSED_ELSEWHERE, 2 * BAR)
    never_filled = managed(book(), "BTC", bars([(90, 91, 89, 90)], first=3), 0, None)
    assert (never_filled.closed, never_filled.book.net, never_filled.book.positions) == ((), 0, {})


def test_the_book_knows_the_trades_of_a_fortnight() -> None:
    def closed_at(day: int) -> ClosedTrade:
        (trade,) = managed(book(), "BTC", bars([(100, 105, 97, 103)]), 0, None).closed
        return replace(trade, closed_at=day * 24 * HOUR)

    later = book().closing(closed_at(1)).closing(closed_at(10)).closing(closed_at(16))
    assert [trade.closed_at // (24 * HOUR) for trade in later.recent] == [10, 16]
    assert (later.closed, later.wins) == (3, 0)
