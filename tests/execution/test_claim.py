"""A position that a person opened is left alone until it is claimed; then it is a trade like any other."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from decimal import Decimal
from itertools import count
from typing import Any

import pytest

from engine.exchange.port import BracketRequest
from engine.model import BracketPrices, OrderRequest, OrderType, Position, Protection, Side, Timeframe
from engine.reasons import Reason
from tests.execution.rig import Rig, down, lose_reply, refuse

ETH = "ETH-USDT-SWAP"
_SERIAL = count()
"""An id is used once: the venue that these tests share counts second openings."""


async def by_hand(rig: Rig, side: Side = Side.BUY) -> Position:
    plan = await rig.plan("by-hand", ETH)
    await rig.real.place_order(OrderRequest(ETH, f"claimed{next(_SERIAL)}", side, OrderType.MARKET, plan.contracts))
    position = await rig.position(ETH)
    assert position is not None
    return position


async def test_a_claimed_position_is_bracketed_guarded_and_booked(rig: Rig) -> None:
    position = await by_hand(rig)
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.FOREIGN
    outcome = await rig.desk.claim.take(ETH, "operator")
    assert outcome.reason is Reason.ENTERED, outcome.detail
    [bracket] = await rig.brackets(ETH)
    assert bracket.contracts == position.contracts
    assert bracket.stop is not None and bracket.target is not None
    assert bracket.stop < position.entry_price < bracket.target
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    # It was opened at the venue's usual 3x; that is set back, and then nothing is wrong any more.
    [view] = await rig.desk.guard_pass()
    assert (view.position.leverage, rig.desk.blocks.of(ETH)) == (1, None)
    assert (await rig.desk.reconcile()).mismatches == {}
    # From now on it is looked after as any other, also by the next run.
    await rig.real.cancel_brackets(ETH, [bracket.algo_id])
    await rig.restart()
    await rig.desk.boot()
    [healed] = await rig.brackets(ETH)
    assert (healed.stop, healed.target) == (bracket.stop, bracket.target)
    assert (await rig.desk.exit.close(ETH, Reason.OPERATOR_CLOSE, "claim-x")).reason is Reason.EXITED
    await rig.desk.guard_pass()
    [closed] = [event.trade for event in rig.events if event.kind == "trade_closed"]
    assert (closed.reason, closed.contracts) == (Reason.OPERATOR_CLOSE, position.contracts)
    assert (await rig.desk.reconcile()).silent


async def test_the_stop_stands_where_the_person_wants_it(rig: Rig) -> None:
    await by_hand(rig)
    outcome = await rig.desk.claim.take(ETH, "operator", stop_pct=4.0)
    assert outcome.reason is Reason.ENTERED, outcome.detail
    [bracket] = await rig.brackets(ETH)
    mark = await rig.real.mark_price(ETH)
    assert bracket.stop is not None
    assert float(bracket.stop / mark) == pytest.approx(0.96, abs=0.001)


@pytest.mark.parametrize("few", [True, False])
async def test_without_enough_candles_the_stop_is_five_percent_away(rig: Rig, few: bool) -> None:
    await by_hand(rig)
    short = await rig.real.candles(ETH, Timeframe.H1, 3)

    async def too_few(call: object, args: object, kwargs: object) -> object:
        return short

    rig.venue.always["candles"] = too_few if few else down
    assert (await rig.desk.claim.take(ETH, "operator")).reason is Reason.ENTERED
    [bracket] = await rig.brackets(ETH)
    mark = await rig.real.mark_price(ETH)
    assert bracket.stop is not None
    assert float(bracket.stop / mark) == pytest.approx(0.95, abs=0.001)


async def test_a_whole_bracket_of_the_persons_own_is_kept_and_none_is_added(rig: Rig) -> None:
    position = await by_hand(rig)
    prices = BracketPrices(
        (position.entry_price * Decimal("0.9")).quantize(Decimal(1)),
        (position.entry_price * Decimal("1.2")).quantize(Decimal(1)),
    )
    await rig.real.place_bracket(BracketRequest(ETH, "byhandoco", position.contracts, prices))
    assert (await rig.desk.claim.take(ETH, "operator")).reason is Reason.ENTERED
    assert [b.client_id for b in await rig.brackets(ETH)] == ["byhandoco"]


async def test_what_cannot_be_claimed_is_left_as_it_is(rig: Rig) -> None:
    assert (await rig.desk.claim.take(ETH, "operator")).reason is Reason.SELL_WHEN_FLAT
    position = await by_hand(rig)
    for call, reason in (("positions", Reason.VENUE_UNAVAILABLE), ("mark_price", Reason.STOP_INVALID)):
        if call == "mark_price":

            async def unmarked(call: object, args: object, kwargs: object) -> tuple[Position, ...]:
                return tuple(_without_mark(p) for p in await rig.real.positions())

            rig.venue.always["positions"] = unmarked
        rig.venue.always[call] = down
        assert (await rig.desk.claim.take(ETH, "operator")).reason is reason
        rig.venue.always.clear()
    rig.venue.always["place_bracket"] = refuse("51000")
    outcome = await rig.desk.claim.take(ETH, "operator")
    assert (outcome.reason, await rig.brackets(ETH)) == (Reason.STOP_INVALID, [])
    rig.venue.always.clear()
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.FOREIGN
    assert view.position.contracts == position.contracts
    assert (await rig.desk.claim.take(ETH, "operator")).reason is Reason.ENTERED
    assert (await rig.desk.claim.take(ETH, "operator")).reason is Reason.ALREADY_IN_POSITION


async def test_a_short_is_not_claimed(rig: Rig) -> None:
    await by_hand(rig, Side.SELL)
    assert (await rig.desk.claim.take(ETH, "operator")).reason is Reason.FOREIGN_ORDER


async def test_a_claim_that_cannot_be_written_is_none(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await by_hand(rig)

    async def full(*args: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(rig.desk.shared.book, "claim", full)
    assert (await rig.desk.claim.take(ETH, "operator")).reason is Reason.LEDGER_MISMATCH
    assert await rig.brackets(ETH) == []
    monkeypatch.undo()
    monkeypatch.setattr(rig.desk.shared.book, "drop_claim", full)
    rig.venue.always["place_bracket"] = refuse("51000")
    await rig.desk.claim.take(ETH, "operator")
    assert any(e.kind == "log" and "could not be taken back" in e.text for e in rig.events)


def _without_mark(position: Position) -> Position:
    return replace(position, mark_price=None)


@pytest.mark.slow
async def test_nothing_of_ours_stays_under_a_position_that_could_not_be_claimed(rig: Rig) -> None:
    await by_hand(rig)

    async def too_small(call: Any, args: Any, kwargs: Any) -> Any:
        return await call(replace(args[0], contracts=Decimal("0.01")))

    rig.venue.always |= {"place_bracket": too_small, "amend_bracket": refuse()}
    outcome = await rig.desk.claim.take(ETH, "operator")
    assert outcome.reason is Reason.STOP_INVALID
    assert rig.venue.sent("place_bracket") > 0
    assert await rig.brackets(ETH) == []


@pytest.mark.slow
async def test_a_bracket_that_nobody_can_see_yet_keeps_the_claim_and_the_guard_goes_on(rig: Rig) -> None:
    position = await by_hand(rig)

    async def lost(call: Any, args: Any, kwargs: Any) -> Any:
        rig.venue.always["brackets"] = down
        return await lose_reply(call, args, kwargs)

    rig.venue.always["place_bracket"] = lost
    outcome = await rig.desk.claim.take(ETH, "operator")
    assert (outcome.reason, outcome.detail[:7]) == (Reason.UNKNOWN_ORDER, "claimed")
    rig.venue.always.clear()
    await rig.desk.guard_pass()
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert [bracket.contracts for bracket in await rig.brackets(ETH)] == [position.contracts]
