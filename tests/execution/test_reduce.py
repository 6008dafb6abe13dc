"""A part is closed and the bracket follows, as one act: what is left is never without one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.model import OrderRequest, OrderType, Side
from engine.reasons import Reason
from engine.rounding import floor_to_step
from tests.execution.rig import Fault, Rig, down, lose_reply, lose_request, passes, refuse

BTC = "BTC-USDT-SWAP"


async def entered(rig: Rig, decision: str) -> Any:
    outcome = await rig.desk.entry.enter(await rig.plan(decision))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    return await rig.position()


async def test_half_is_closed_and_the_bracket_is_cut_to_what_is_left(rig: Rig) -> None:
    before = await entered(rig, "r-half")
    [bracket] = await rig.brackets()
    outcome = await rig.desk.reduce.part(BTC, 0.5, Reason.OPERATOR_CLOSE, "r-half-x")
    assert outcome.reason is Reason.REDUCED, outcome.detail
    half = floor_to_step(before.contracts / 2, rig.instruments[BTC].lot_size)
    left = await rig.position()
    assert left is not None
    assert (outcome.filled, left.contracts) == (half, before.contracts - half)
    [after] = await rig.brackets()
    assert (after.algo_id, after.contracts) == (bracket.algo_id, left.contracts)
    await rig.desk.reconcile()
    assert (await rig.desk.guard.run()).silent
    assert (await rig.desk.reconcile()).silent


@pytest.mark.parametrize("fault", [lose_reply, passes])
async def test_a_lost_answer_ends_the_same(rig: Rig, fault: Fault) -> None:
    await entered(rig, f"r-lost-{fault.__name__}")
    rig.venue.faults["place_order"] = [fault]
    outcome = await rig.desk.reduce.part(BTC, 0.5, Reason.OPERATOR_CLOSE, f"r-lost-x-{fault.__name__}")
    assert outcome.reason is Reason.REDUCED
    [bracket], left = await rig.brackets(), await rig.position()
    assert left is not None and bracket.contracts == left.contracts


@pytest.mark.parametrize(
    ("fault", "reason"), [(refuse("51000"), Reason.ORDER_REJECTED), (lose_request, Reason.VENUE_UNAVAILABLE)]
)
async def test_a_part_that_was_not_closed_leaves_all_as_it_was(rig: Rig, fault: Fault, reason: Reason) -> None:
    before = await entered(rig, f"r-no-{reason}")
    brackets = await rig.brackets()
    rig.venue.faults["place_order"] = [fault]
    assert (await rig.desk.reduce.part(BTC, 0.5, Reason.OPERATOR_CLOSE, f"r-no-x-{reason}")).reason is reason
    assert await rig.brackets() == brackets
    left = await rig.position()
    assert left is not None and left.contracts == before.contracts


async def test_a_bracket_that_cannot_be_cut_stays_larger_and_the_guard_cuts_it(rig: Rig) -> None:
    await entered(rig, "r-large")
    [before] = await rig.brackets()
    rig.venue.faults["amend_bracket"] = [refuse("51503")]
    assert (await rig.desk.reduce.part(BTC, 0.5, Reason.OPERATOR_CLOSE, "r-large-x")).reason is Reason.REDUCED
    assert await rig.brackets() == [before]
    await rig.desk.guard_pass()
    [after], left = await rig.brackets(), await rig.position()
    assert left is not None and after.contracts == left.contracts


async def test_a_rest_that_cannot_be_covered_is_closed(rig: Rig) -> None:
    """nofx: a partial close cancelled all brackets, and the rest ran on without one."""
    await entered(rig, "r-bare")

    async def cancels_brackets(call: Any, args: Any, kwargs: Any) -> Any:
        done = await call(*args, **kwargs)
        await rig.real.cancel_brackets(BTC, [b.algo_id for b in await rig.brackets()])
        return done

    rig.venue.faults["place_order"] = [cancels_brackets]
    rig.venue.always["place_bracket"] = refuse("51000")
    outcome = await rig.desk.reduce.part(BTC, 0.5, Reason.OPERATOR_CLOSE, "r-bare-x")
    assert outcome.reason is Reason.UNPROTECTED_CLOSED, outcome.detail
    assert await rig.position() is None


async def test_a_bracket_lost_on_the_way_is_placed_again(rig: Rig) -> None:
    await entered(rig, "r-again")

    async def cancels_brackets(call: Any, args: Any, kwargs: Any) -> Any:
        done = await call(*args, **kwargs)
        await rig.real.cancel_brackets(BTC, [b.algo_id for b in await rig.brackets()])
        return done

    rig.venue.faults["place_order"] = [cancels_brackets]
    assert (await rig.desk.reduce.part(BTC, 0.5, Reason.OPERATOR_CLOSE, "r-again-x")).reason is Reason.REDUCED
    [bracket], left = await rig.brackets(), await rig.position()
    assert left is not None and bracket.contracts == left.contracts


async def test_the_rest_that_the_venue_closes_meanwhile_is_no_failure(rig: Rig) -> None:
    await entered(rig, "r-gone")
    part_locked = rig.desk.exit.part_locked

    async def then_gone(*args: Any) -> Any:
        left, outcome = await part_locked(*args)
        await rig.real.cancel_brackets(BTC, [b.algo_id for b in await rig.brackets()])
        await rig.real.close_position(BTC, "byhand2")
        return left, outcome

    rig.desk.exit.part_locked = then_gone  # type: ignore[method-assign]
    assert (await rig.desk.reduce.part(BTC, 0.5, Reason.OPERATOR_CLOSE, "r-gone-x")).reason is Reason.REDUCED
    assert await rig.position() is None


@pytest.mark.parametrize("share", [1.0, 0.9999])
async def test_a_rest_under_the_smallest_size_is_closed_too(rig: Rig, share: float) -> None:
    await entered(rig, f"r-all-{share}")
    rig.instruments[BTC] = replace(rig.instruments[BTC], min_size=Decimal("0.05"))
    outcome = await rig.desk.reduce.part(BTC, share, Reason.OPERATOR_CLOSE, f"r-all-x-{share}")
    assert outcome.reason is Reason.EXITED
    assert (await rig.position(), await rig.brackets()) == (None, [])


async def test_a_part_under_the_smallest_size_is_not_sent(rig: Rig) -> None:
    await entered(rig, "r-small")
    sent = rig.venue.sent("place_order")
    assert (await rig.desk.reduce.part(BTC, 1e-9, Reason.OPERATOR_CLOSE, "r-small-x")).reason is Reason.MIN_SIZE
    assert rig.venue.sent("place_order") == sent


async def test_a_part_that_ends_the_position_is_an_exit(rig: Rig) -> None:
    """What the order met was smaller than what had been read."""
    position = await entered(rig, "r-less")

    async def cut_first(call: Any, args: Any, kwargs: Any) -> Any:
        half = floor_to_step(position.contracts / 2, rig.instruments[BTC].lot_size)
        rest = position.contracts - half
        await rig.real.place_order(OrderRequest(BTC, "byhand3", Side.SELL, OrderType.MARKET, rest, reduce_only=True))
        return await call(replace(args[0], contracts=half), **kwargs)

    rig.venue.faults["place_order"] = [cut_first]
    outcome = await rig.desk.reduce.part(BTC, 0.5, Reason.OPERATOR_CLOSE, "r-less-x")
    assert outcome.reason is Reason.EXITED, outcome.detail


async def test_when_flat_or_blind_it_says_so(rig: Rig) -> None:
    assert (await rig.desk.reduce.part(BTC, 0.5, Reason.OPERATOR_CLOSE, "r-flat")).reason is Reason.SELL_WHEN_FLAT
    rig.venue.always["positions"] = down
    assert (await rig.desk.reduce.part(BTC, 0.5, Reason.OPERATOR_CLOSE, "r-down")).reason is Reason.VENUE_UNAVAILABLE


async def test_a_strangers_position_is_cut_without_touching_its_brackets(rig: Rig) -> None:
    plan = await rig.plan("r-foreign")
    await rig.real.place_order(OrderRequest(BTC, "byhand4", Side.BUY, OrderType.MARKET, plan.contracts))
    assert (await rig.desk.reduce.part(BTC, 0.5, Reason.OPERATOR_CLOSE, "r-foreign-x")).reason is Reason.REDUCED
    assert await rig.brackets() == []


async def test_it_works_with_the_database_gone(rig: Rig) -> None:
    await entered(rig, "r-nodb")
    await rig.db.close()
    assert (await rig.desk.reduce.part(BTC, 0.5, Reason.OPERATOR_CLOSE, "r-nodb-x")).reason is Reason.REDUCED
    assert len(await rig.brackets()) == 1
