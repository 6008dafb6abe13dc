"""What became of an order, where the venue's answer is anything but a plain fill."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.execution.ids import entry_id, exit_id
from engine.execution.intent import Intent
from engine.execution.states import IntentState as S
from engine.execution.states import Kind
from engine.model import BracketState, OrderRequest, OrderState, OrderType, Protection, Side
from engine.reasons import Reason
from engine.rounding import floor_to_step
from tests.execution.rig import QUICK, Fault, Rig, down, hidden, lose_reply, lose_request

BTC = "BTC-USDT-SWAP"


def told(**change: Any) -> Fault:
    """The order as the venue has it, but for `change`."""

    async def fault(call: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return replace(await call(*args, **kwargs), **change)

    return fault


async def test_partly_filled_then_cancelled_entry_is_covered_for_what_it_filled(rig: Rig) -> None:
    """Incident row 7: the protected quantity is the position's, not the order's."""
    plan = await rig.plan("res-part")
    half = floor_to_step(plan.contracts / 2, plan.instrument.lot_size)

    async def half_only(call: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        ack = await call(replace(args[0], contracts=half), **kwargs)
        [bracket] = [b for b in await _until_listed(rig) if b.inst_id == BTC]
        await rig.real.amend_bracket(BTC, bracket.algo_id, contracts=half)
        return ack

    rig.venue.faults["place_order"] = [half_only]
    rig.venue.always["order"] = told(state=OrderState.CANCELED)
    outcome = await rig.desk.entry.enter(plan)
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert outcome.filled == half
    [bracket] = await rig.brackets()
    assert bracket.contracts == half


async def _until_listed(rig: Rig) -> tuple[Any, ...]:
    import asyncio

    for _ in range(50):
        listed = [b for b in await rig.real.brackets() if b.state is BracketState.LIVE]
        if listed:
            return tuple(listed)
        await asyncio.sleep(0.02)
    raise AssertionError("the attached bracket never came")


async def test_order_that_rests_is_cancelled_and_ends_by_the_venues_word(rig: Rig) -> None:
    rig.venue.always["order"] = told(state=OrderState.LIVE)
    outcome = await rig.desk.entry.enter(await rig.plan("res-rest"))
    assert outcome.reason is Reason.UNKNOWN_ORDER
    assert rig.venue.sent("cancel_order") == 1
    rig.venue.always.clear()
    await rig.desk.boot()
    [view] = rig.desk.guard.last
    assert view.protection is Protection.PROTECTED


async def test_order_that_ended_without_a_fill_is_unfilled(rig: Rig) -> None:
    async def nothing(call: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        order = await call(*args, **kwargs)
        return replace(order, state=OrderState.CANCELED, filled=Decimal(0), average_price=None)

    rig.venue.always["order"] = nothing
    outcome = await rig.desk.entry.enter(await rig.plan("res-none"))
    assert outcome.reason is Reason.ORDER_UNFILLED


async def test_position_of_an_order_that_the_venue_denies_is_adopted_by_its_size_and_time(rig: Rig) -> None:
    """Better protected by mistake than left alone: it was opened after the intent and is no larger."""
    rig.venue.faults["place_order"] = [lose_reply]
    rig.venue.always["order"] = hidden
    outcome = await rig.desk.entry.enter(await rig.plan("res-adopt"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    position = await rig.position()
    assert position is not None
    assert outcome.filled == position.contracts
    intent = await rig.desk.journal.get(entry_id("res-adopt"))
    assert intent is not None
    assert intent.detail.startswith("bracket")


async def test_accepted_order_that_the_venue_forgot_while_flat_is_unfilled(rig: Rig) -> None:
    async def swallowed(call: object, args: tuple[Any, ...], kwargs: object) -> Any:
        from engine.exchange.port import OrderAck

        return OrderAck("123", args[0].client_id)

    rig.venue.faults["place_order"] = [swallowed]
    outcome = await rig.desk.entry.enter(await rig.plan("res-forgot"))
    assert outcome.reason is Reason.ORDER_UNFILLED
    assert await rig.position() is None


@pytest.mark.slow
async def test_unknown_exit_is_settled_by_the_next_reconcile(rig: Rig) -> None:
    assert (await rig.desk.entry.enter(await rig.plan("res-exit"))).reason is Reason.ENTERED
    rig.venue.faults["place_order"] = [lose_reply]
    rig.venue.faults["positions"] = [_as_is, *[down] * 60]
    await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "res-exit-x")
    rig.venue.faults.clear()
    await rig.desk.reconcile()
    assert await rig.desk.journal.unresolved() == ()
    assert await rig.position() is None
    await rig.desk.guard_pass()
    trades = await rig.desk.tracker.history.closed_trades()
    assert [t.reason for t in trades] == [Reason.SIGNAL_EXIT]
    states = {row["state"] for row in await rig.db.fetch_all("SELECT state FROM intents WHERE kind = 'exit'")}
    assert states <= {S.FLAT.value, S.REFUSED.value, S.RESIDUAL.value, S.ABSENT.value}


async def _as_is(call: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return await call(*args, **kwargs)


async def test_a_position_opened_long_after_a_lost_entry_is_a_strangers(rig: Rig) -> None:
    """An entry that never reached the venue must not claim what a person opens there later: with that entry's
    old stop it could even be closed."""
    rig.venue.faults["place_order"] = [lose_request]
    outcome = await rig.desk.entry.enter(await rig.plan("res-late"))
    assert outcome.reason is Reason.ORDER_UNFILLED
    rig.advance(10 * 60_000)
    plan = await rig.plan("by hand")
    await rig.real.place_order(OrderRequest(BTC, "byhand", Side.BUY, OrderType.MARKET, plan.contracts))
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.FOREIGN
    assert await rig.brackets() == []


async def test_an_entry_that_was_written_down_and_never_sent_is_abandoned_at_the_next_start(rig: Rig) -> None:
    plan = await rig.plan("res-intended")
    intent = Intent(
        client_id=entry_id("res-intended"), kind=Kind.ENTRY, decision_id="res-intended", attempt=0, ticker="BTC",
        inst_id=BTC, contracts=plan.contracts, reason=Reason.ENTERED, created_at=rig.clock.now_ms(), price=plan.price,
        prices=plan.prices,
    )  # fmt: skip
    await rig.desk.journal.record(intent)
    await rig.restart()
    report = await rig.desk.boot()
    assert report.resolved == (intent.client_id,)
    left = await rig.desk.journal.get(intent.client_id)
    assert left is not None and left.state is S.ABANDONED
    assert rig.venue.sent("place_order") == 0
    assert (await rig.desk.entry.enter(await rig.plan("res-after"))).reason is Reason.ENTERED


async def test_a_lost_exit_of_what_somebody_else_closed_meanwhile_ends_flat(rig: Rig) -> None:
    rig.timing = replace(QUICK, flat_deadline_s=0.6, absent_after_s=0.0)
    await rig.restart()
    assert (await rig.desk.entry.enter(await rig.plan("res-both"))).reason is Reason.ENTERED
    rig.venue.always["place_order"] = rig.venue.always["close_position"] = lose_request
    rig.venue.faults["positions"] = [_as_is, *[down] * 60]
    outcome = await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "res-both-x")
    assert outcome.reason is Reason.VENUE_UNAVAILABLE
    rig.venue.faults.clear()
    rig.venue.always.clear()
    await rig.real.close_position(BTC, "byhand8")
    await rig.desk.boot()
    exit_intents = [await rig.desk.journal.get(exit_id("res-both-x", n)) for n in range(8)]
    assert {i.state for i in exit_intents if i is not None} <= {S.FLAT, S.REFUSED}
    assert await rig.desk.journal.unresolved() == ()
    assert [e.trade.reason for e in rig.events if e.kind == "trade_closed"] == [Reason.CLOSED_ELSEWHERE]


async def test_a_position_that_a_person_claimed_is_not_given_to_an_order_that_nobody_knows(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [lose_request]
    rig.venue.always["order"] = down
    plan = await rig.plan("res-nobody")
    assert (await rig.desk.entry.enter(plan)).reason is Reason.UNKNOWN_ORDER
    await rig.real.place_order(OrderRequest(BTC, "byhand9", Side.BUY, OrderType.MARKET, plan.contracts))
    assert (await rig.desk.claim.take(BTC, "operator", 3.0)).reason is Reason.ENTERED
    rig.venue.always["order"] = hidden
    await rig.desk.reconcile()
    intent = await rig.desk.journal.get(entry_id("res-nobody"))
    assert intent is not None and intent.state is S.ABSENT
    trade = (await rig.desk.shared.book.open_trades())[BTC]
    assert trade.trade_id.startswith("claim-")
    assert len(await rig.brackets()) == 1


async def test_a_position_whose_buyer_the_venue_does_not_tell_counts_as_ours(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [lose_reply]
    rig.venue.always["order"] = hidden
    rig.venue.always["fills"] = down
    outcome = await rig.desk.entry.enter(await rig.plan("res-untold"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    assert len(await rig.brackets()) == 1


async def test_an_order_from_books_that_did_not_yet_note_when_it_left_is_settled_at_once(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [lose_request]
    rig.venue.always["order"] = down
    assert (await rig.desk.entry.enter(await rig.plan("res-old"))).reason is Reason.UNKNOWN_ORDER
    await rig.db.execute("UPDATE intents SET sent_wall_ms = NULL")
    rig.venue.always.clear()
    await rig.desk.reconcile()
    intent = await rig.desk.journal.get(entry_id("res-old"))
    assert intent is not None and intent.state is S.ABSENT
