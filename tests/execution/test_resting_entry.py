"""An entry that rests although it was a market order: nobody waits for it, and what it filled is covered."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.model import OrderRequest, OrderType, Protection, Side
from engine.reasons import Reason
from tests.execution.rig import Rig, down

BTC = "BTC-USDT-SWAP"


async def rests(call: Any, args: Any, kwargs: Any) -> Any:
    return await call(replace(args[0], order_type=OrderType.LIMIT, price=Decimal(10_000), bracket=None), **kwargs)


async def left_resting(rig: Rig) -> None:
    """Sent, and the one cancel of the entry itself did not get through."""
    await rig.desk.boot()
    rig.venue.always |= {"place_order": rests, "cancel_order": down}
    outcome = await rig.desk.entry.enter(await rig.plan("rests"))
    assert outcome.reason is Reason.UNKNOWN_ORDER
    assert len(await rig.real.open_orders()) == 1


@pytest.mark.slow
async def test_an_entry_that_its_own_cancel_did_not_reach_is_cancelled_by_the_next_reconcile(rig: Rig) -> None:
    await left_resting(rig)
    assert not (await rig.desk.reconcile()).silent
    rig.venue.always.clear()
    await rig.desk.reconcile()
    assert await rig.real.open_orders() == ()
    assert (await rig.desk.reconcile()).silent


@pytest.mark.slow
async def test_what_a_resting_entry_has_filled_gets_its_bracket_from_the_guard(rig: Rig) -> None:
    await left_resting(rig)
    rig.venue.always.clear()
    [order] = await rig.real.open_orders()
    plan = await rig.plan("filled-a-part")

    async def part(call: Any, args: Any, kwargs: Any) -> Any:
        found = await call(*args, **kwargs)
        if found is None or found.client_id != order.client_id:
            return found
        return replace(found, filled=plan.contracts, average_price=plan.price)

    # A part has filled, as the venue tells, and the rest of the order is still alive: its bracket sleeps.
    await rig.real.place_order(OrderRequest(BTC, "part1", Side.BUY, OrderType.MARKET, plan.contracts))
    rig.venue.always["order"] = part
    await rig.desk.guard_pass()
    assert await rig.real.open_orders() == ()
    await rig.desk.guard_pass()
    [view] = rig.desk.guard.last
    assert view.protection is Protection.PROTECTED
