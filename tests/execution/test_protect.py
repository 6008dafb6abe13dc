"""A bare position gets its bracket back, whatever the venue answers, and never two of them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.exchange.errors import AuthFailed, ErrorClass, Rejected
from engine.model import Bracket, Protection
from engine.reasons import Reason
from engine.rounding import floor_to_step
from tests.execution.rig import QUICK, Fault, Rig, down, lose_request, passes, refuse

BTC = "BTC-USDT-SWAP"


async def bare(rig: Rig, decision: str) -> Bracket:
    """A position whose bracket somebody has taken away; the bracket as it was."""
    outcome = await rig.desk.entry.enter(await rig.plan(decision))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    [bracket] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [bracket.algo_id])
    rig.venue.calls.clear()
    return bracket


async def is_whole(rig: Rig, bracket: Bracket) -> bool:
    """One bracket, at the same prices, of the position's size."""
    position = await rig.position()
    assert position is not None
    [now] = await rig.brackets()
    return (now.stop, now.target, now.contracts) == (bracket.stop, bracket.target, position.contracts)


async def test_a_bracket_that_never_reached_the_venue_is_sent_again_after_a_look(rig: Rig) -> None:
    before = await bare(rig, "pr-lost")
    rig.venue.faults["place_bracket"] = [lose_request]
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert rig.venue.sent("place_bracket") == 2
    assert await is_whole(rig, before)


async def test_a_bracket_whose_id_the_venue_knows_already_is_looked_for_and_not_doubled(rig: Rig) -> None:
    before = await bare(rig, "pr-known")

    async def known(call: Any, args: Any, kwargs: Any) -> Any:
        await call(*args, **kwargs)
        raise Rejected("duplicate client id", "51065", ErrorClass.DUPLICATE_ID)

    rig.venue.faults["place_bracket"] = [known]
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert rig.venue.sent("place_bracket") == 1
    assert await is_whole(rig, before)


async def test_a_key_that_may_not_place_a_bracket_once_is_tried_again(rig: Rig) -> None:
    before = await bare(rig, "pr-key")

    async def not_allowed(call: object, args: object, kwargs: object) -> Any:
        raise AuthFailed("not allowed", "50120", ErrorClass.PERMISSION)

    rig.venue.faults["place_bracket"] = [not_allowed]
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert await is_whole(rig, before)


async def test_a_bracket_that_cannot_be_enlarged_is_replaced_by_a_whole_one(rig: Rig) -> None:
    before = await bare(rig, "pr-small")
    assert before.contracts is not None and before.stop is not None and before.target is not None
    await rig.desk.guard_pass()
    [placed] = await rig.brackets()
    half = floor_to_step(before.contracts / 2, rig.instruments[BTC].lot_size)
    await rig.real.amend_bracket(BTC, placed.algo_id, contracts=half)
    rig.venue.always["amend_bracket"] = refuse("51503")
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    await rig.desk.guard_pass()
    assert await is_whole(rig, before)


async def test_a_list_that_cannot_be_read_at_the_decisive_moment_leaves_one_whole_bracket(rig: Rig) -> None:
    before = await bare(rig, "pr-blind")
    # The guard's look, its second look under the lock, and then the protector's own.
    rig.venue.faults["brackets"] = [passes, passes, *[down] * 3]
    await rig.desk.guard_pass()
    await rig.desk.guard_pass()
    assert await is_whole(rig, before)


async def test_a_size_that_cannot_be_read_is_the_last_one_known(rig: Rig) -> None:
    before = await bare(rig, "pr-size")
    rig.venue.faults["positions"] = [passes, passes, down]
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert rig.venue.sent("place_bracket") == 1
    assert await is_whole(rig, before)


def closed_by_hand_first(rig: Rig) -> Fault:
    async def fault(call: Any, args: Any, kwargs: Any) -> Any:
        await rig.real.close_position(BTC, "byhand10")
        return await call(*args, **kwargs)

    return fault


@pytest.mark.parametrize("looks", [1, 2])
async def test_a_position_that_goes_between_two_looks_gets_no_bracket_and_no_order(rig: Rig, looks: int) -> None:
    """After the guard's first look, or after its second one, directly before the bracket is sent."""
    await bare(rig, f"pr-gone-{looks}")
    rig.venue.faults["positions"] = [*[passes] * looks, closed_by_hand_first(rig)]
    assert await rig.desk.guard_pass() == ()
    assert rig.venue.sent("place_bracket") == rig.venue.sent("place_order") == 0
    await rig.desk.guard_pass()
    assert [e.trade.reason for e in rig.events if e.kind == "trade_closed"] == [Reason.CLOSED_ELSEWHERE]
    assert await rig.brackets() == []


async def test_a_bracket_that_the_venue_takes_and_never_lists_ends_the_position_in_time(rig: Rig) -> None:
    rig.timing = replace(QUICK, protect_deadline_s=0.3, cover_deadline_s=0.1)
    await rig.restart()
    await bare(rig, "pr-never")

    async def swallowed(call: object, args: object, kwargs: object) -> str:
        return "123"

    rig.venue.always["place_bracket"] = swallowed
    assert await rig.desk.guard_pass() == ()
    assert await rig.position() is None
    assert any(e.kind == "log" and "never listed by the venue" in e.text for e in rig.events)
    await rig.desk.tracker.sync()
    assert [e.trade.reason for e in rig.events if e.kind == "trade_closed"] == [Reason.UNPROTECTED_CLOSED]
    assert Decimal(0) == sum((p.contracts for p in await rig.real.positions()), Decimal(0))
