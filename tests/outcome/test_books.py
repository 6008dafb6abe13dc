"""Booking: every fill and every ledger line once, whatever the order and however often they are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.clock import ManualClock
from engine.db import Database
from engine.execution.ids import entry_id
from engine.execution.intent import Intent
from engine.execution.journal import AlreadyJournalled, Journal
from engine.execution.states import IllegalTransition, IntentState, Kind
from engine.execution.trade_book import TradeBook
from engine.model import Bill, BillKind, BracketPrices, Fill, Side
from engine.outcome.books import Books
from engine.outcome.totals import Totals
from engine.reasons import Reason

D = Decimal
S = IntentState
BTC = "BTC-USDT-SWAP"


def intent(decision: str = "d1", inst_id: str = BTC, at: int = 1_000) -> Intent:
    return Intent(
        entry_id(decision), Kind.ENTRY, decision, 0, inst_id.partition("-")[0], inst_id, D(2), Reason.ENTERED, at,
        contract_units=D("0.01"), price=D(100), prices=BracketPrices(D(97), D(106)), strength=0.7, trail_pct=0.025,
    )  # fmt: skip


def fill(number: int, side: Side, contracts: str, price: str, client_id: str = "", pnl: str = "0") -> Fill:
    return Fill(
        BTC, f"t{number}", f"o{number}", client_id, str(number), side, D(price), D(contracts), D("-0.01"), D(pnl),
        False, 1_000 + number,
    )  # fmt: skip


def bill(number: int, kind: BillKind, change: str, pnl: str = "0", fee: str = "0", at: int | None = None) -> Bill:
    return Bill(f"b{number}", BTC, kind, D(change), D(pnl), D(fee), D(0), at or 1_000 + number)


ENTRY = entry_id("d1")
LIFE = [
    fill(1, Side.BUY, "1.5", "100", ENTRY),
    fill(2, Side.BUY, "0.5", "104", ENTRY),
    fill(3, Side.SELL, "1.2", "110", "x", "0.108"),
    fill(4, Side.SELL, "0.8", "106", "x", "0.04"),
]


async def opened(path: Path) -> tuple[Database, Journal, Books]:
    db = await Database.open(path)
    journal = Journal(db, ManualClock(1_000))
    await journal.record(intent())
    for step in (S.SENT, S.ACCEPTED):
        await journal.move(ENTRY, step)
    await journal.move(ENTRY, S.FILLED, filled=D(2), average_price=D(101))
    return db, journal, Books(db)


async def test_life_of_a_trade_in_four_fills(tmp_path: Path) -> None:
    db, journal, books = await opened(tmp_path / "a.db")
    async with db:
        await books.book_fills(LIFE[:3])
        trade = (await books.open_trades())[BTC]
        assert trade.quantity == D("0.8")
        assert not trade.ended
        await books.book_bills([bill(1, BillKind.FUNDING, "-0.02")])
        await books.book_fills(LIFE)
        trade = (await books.open_trades())[BTC]
        assert trade.ended
        closed = await books.close(trade, Reason.TAKE_PROFIT)
        assert closed.contracts == D(2)
        assert closed.entry_price == D(101)
        assert closed.exit_price == D("108.4")
        assert closed.notional == D("2.02")
        assert (closed.pnl, closed.fees, closed.funding) == (D("0.148"), D("-0.04"), D("-0.02"))
        assert closed.net == D("0.088")
        entry = await journal.get(ENTRY)
        assert entry is not None
        assert entry.state is S.CLOSED


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(LIFE), max_size=4), max_size=5))
async def test_replayed_and_shuffled_answers_book_every_fill_once(
    tmp_path_factory: pytest.TempPathFactory, answers: Sequence[Sequence[Fill]]
) -> None:
    """Incident rows 5 and 6: a restart booked the same fill twice."""
    db, _, books = await opened(tmp_path_factory.mktemp("books") / "a.db")
    async with db:
        trades = TradeBook(db)
        await trades.open(intent(), 1_000)
        for answer in answers:
            await books.book_fills(answer)
        told = {f.trade_id for answer in answers for f in answer}
        assert await books.book_fills(LIFE) == 4 - len(told)
        assert await books.book_fills(LIFE) == 0
        assert (await books.open_trades())[BTC].quantity == 0


bills = st.builds(
    lambda n, kind, change: bill(n, kind, str(change), pnl=str(change) if kind is BillKind.TRADE else "0"),
    st.integers(1, 12),
    st.sampled_from(BillKind),
    st.decimals(-100, 100, places=4),
)


@settings(max_examples=30, deadline=None)
@given(st.lists(bills, max_size=20, unique_by=lambda b: b.bill_id), st.data())
async def test_ledger_sums_are_the_sum_of_distinct_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Bill], data: st.DataObject
) -> None:
    async with await Database.open(tmp_path_factory.mktemp("ledger") / "a.db") as db:
        books = Books(db)
        some = data.draw(st.lists(st.sampled_from(lines), max_size=10)) if lines else []
        await books.book_bills(some)
        await books.book_bills(lines)
        assert await books.book_bills(lines) == 0
        totals = await books.totals()
        expected = Totals()
        for line in lines:
            expected = expected.plus(line)
        assert totals == expected
        assert sum((totals.realised, totals.fees, totals.funding, totals.transfers)) == sum(b.change for b in lines)


async def test_funding_that_comes_after_the_close_still_reaches_the_trade(tmp_path: Path) -> None:
    db, _, books = await opened(tmp_path / "a.db")
    async with db:
        await books.book_fills(LIFE)
        await books.close((await books.open_trades())[BTC], Reason.STOP_LOSS)
        await books.book_bills([bill(9, BillKind.FUNDING, "-0.05", at=1_003)])
        row = await db.fetch_one("SELECT funding, net FROM trades WHERE trade_id = 'd1'")
        assert row is not None
        assert D(row["funding"]) == D("-0.05")
        assert D(row["net"]) == D("0.148") - D("0.04") - D("0.05")


async def test_funding_of_another_time_reaches_no_trade(tmp_path: Path) -> None:
    db, _, books = await opened(tmp_path / "a.db")
    async with db:
        await books.book_fills(LIFE)
        await books.close((await books.open_trades())[BTC], Reason.STOP_LOSS)
        await books.book_bills([bill(9, BillKind.FUNDING, "-0.05", at=2_000), bill(8, BillKind.FUNDING, "-1", at=500)])
        row = await db.fetch_one("SELECT funding FROM trades WHERE trade_id = 'd1'")
        assert row is not None
        assert D(row["funding"]) == 0


async def test_strangers_fills_make_no_trade(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        books = Books(db)
        await books.book_fills([fill(1, Side.BUY, "1", "100", "byhand")])
        assert await books.open_trades() == {}


async def test_what_was_traded_by_hand_before_a_trade_opened_is_not_of_it(tmp_path: Path) -> None:
    """It may be read only after the trade was booked: the last line that was seen can be minutes older."""
    db, _, books = await opened(tmp_path / "a.db")
    async with db:
        await TradeBook(db).open(intent(), 60_000)
        by_hand = [fill(8, Side.BUY, "2", "90"), fill(9, Side.SELL, "2", "91")]
        await books.book_fills([*by_hand, *LIFE[:2], replace(LIFE[2], ts=61_000)])
        trade = (await books.open_trades())[BTC]
        assert (trade.bought, trade.sold) == (D(2), D("1.2"))


@pytest.mark.parametrize(
    ("by_hand", "bought", "sold"),
    [
        ([(Side.BUY, "1"), (Side.SELL, "1")], "2", "0"),
        ([(Side.BUY, "1")], "3", "0"),
        ([(Side.SELL, "1")], "2", "0"),
        ([(Side.BUY, "1"), (Side.SELL, "1"), (Side.BUY, "3"), (Side.SELL, "1")], "5", "1"),
    ],
)
@pytest.mark.parametrize("booked", [True, False])
async def test_directly_before_an_entry_only_what_became_one_position_with_it_is_of_its_trade(
    tmp_path: Path, by_hand: list[tuple[Side, str]], bought: str, sold: str, booked: bool
) -> None:
    db, _, books = await opened(tmp_path / "a.db")
    async with db:
        if booked:
            await TradeBook(db).open(intent(), 1_100)
        before = [fill(20 + n, side, contracts, "100") for n, (side, contracts) in enumerate(by_hand)]
        entry = [replace(part, ts=1_100, bill_id=str(40 + n)) for n, part in enumerate(LIFE[:2])]
        await books.book_fills([*before, *entry])
        trade = (await books.open_trades())[BTC]
        assert (trade.bought, trade.sold) == (D(bought), D(sold))


async def test_fill_that_comes_before_our_own_confirmation_opens_the_trade(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        journal, books, trades = Journal(db, ManualClock(1_000)), Books(db), TradeBook(db)
        await journal.record(intent())
        await books.book_fills(LIFE[:1])
        trade = (await trades.open_trades())[BTC]
        assert trade.prices == BracketPrices(D(97), D(106))
        await trades.open(intent(), 1_000)
        assert len(await trades.open_trades()) == 1


async def test_liquidation_fee_counts_among_the_fees() -> None:
    totals = Totals().plus(bill(1, BillKind.LIQUIDATION, "-3")).plus(bill(2, BillKind.LIQUIDATION, "-52", "-50", "-2"))
    assert (totals.realised, totals.fees) == (D(-50), D(-5))


async def test_second_entry_of_a_decision_is_refused_by_the_database_itself(tmp_path: Path) -> None:
    db, journal, _ = await opened(tmp_path / "a.db")
    async with db:
        with pytest.raises(AlreadyJournalled):
            await journal.record(intent())


async def test_illegal_step_changes_nothing(tmp_path: Path) -> None:
    db, journal, _ = await opened(tmp_path / "a.db")
    async with db:
        before = await journal.get(ENTRY)
        with pytest.raises(IllegalTransition):
            await journal.move(ENTRY, S.SENT)
        assert await journal.get(ENTRY) == before


async def test_bracket_ids_are_never_given_out_twice(tmp_path: Path) -> None:
    db, _, _ = await opened(tmp_path / "a.db")
    trades = TradeBook(db)
    await trades.open(intent(), 1_000)
    given_out = [await trades.next_bracket_id("d1") for _ in range(5)]
    await db.close()
    db = await Database.open(tmp_path / "a.db")
    trades = TradeBook(db)
    given_out += [await trades.next_bracket_id("d1") for _ in range(5)]
    await db.close()
    assert len(set(given_out)) == 10


async def test_stop_of_a_trade_only_rises(tmp_path: Path) -> None:
    db, _, _ = await opened(tmp_path / "a.db")
    async with db:
        trades = TradeBook(db)
        await trades.open(intent(), 1_000)
        for stop in ("98", "97.5", "99", "9"):
            await trades.raise_stop("d1", D(stop))
        assert (await trades.open_trades())[BTC].prices.stop == D(99)
