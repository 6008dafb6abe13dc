"""What keeps an entry from being sent at all: each reason by its own name, and nothing left at the venue."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.model import OrderRequest, OrderType, Side
from engine.reasons import Reason
from engine.rounding import floor_to_step
from tests.execution.rig import Rig, refuse

BTC = "BTC-USDT-SWAP"


async def denied(rig: Rig, decision: str) -> Reason:
    before = rig.venue.sent("place_order")
    outcome = await rig.desk.entry.enter(await rig.plan(decision))
    assert rig.venue.sent("place_order") == before, "nothing was sent"
    assert outcome.detail
    return outcome.reason


async def test_a_journal_that_cannot_be_read_is_no_entry(rig: Rig) -> None:
    await rig.db.close()
    assert await denied(rig, "gr-db") is Reason.LEDGER_MISMATCH


async def test_a_halt_denies_by_the_reason_it_was_set_for(rig: Rig) -> None:
    rig.desk.controls.halt_now(Reason.KEY_REFUSED, "the venue refuses the key")
    assert await denied(rig, "gr-halt") is Reason.KEY_REFUSED


async def test_a_position_that_only_the_venue_knows_is_one_too(rig: Rig) -> None:
    plan = await rig.plan("gr-held")
    await rig.real.place_order(OrderRequest(BTC, "byhand11", Side.BUY, OrderType.MARKET, plan.contracts))
    assert await denied(rig, "gr-held") is Reason.ALREADY_IN_POSITION


async def test_a_position_that_a_person_opens_while_the_leverage_is_set_is_one_too(rig: Rig) -> None:
    async def meanwhile(call: Any, args: Any, kwargs: Any) -> Any:
        plan = await rig.plan("gr-by-hand")
        await rig.real.place_order(OrderRequest(BTC, "byhand13", Side.BUY, OrderType.MARKET, plan.contracts))
        return await call(*args, **kwargs)

    rig.venue.faults["set_leverage"] = [meanwhile]
    assert await denied(rig, "gr-meanwhile") is Reason.ALREADY_IN_POSITION


async def test_an_order_that_rests_on_the_instrument_is_somebody_elses(rig: Rig) -> None:
    plan = await rig.plan("gr-order")
    instrument = plan.instrument
    low = floor_to_step(plan.price * Decimal("0.9"), instrument.tick_size)
    await rig.real.place_order(OrderRequest(BTC, "byhand12", Side.BUY, OrderType.LIMIT, instrument.min_size, low))
    assert await denied(rig, "gr-order") is Reason.FOREIGN_ORDER
    await rig.desk.guard_pass()
    block = rig.desk.blocks.of(BTC)
    assert block is not None and block.reason is Reason.FOREIGN_ORDER
    assert [order.client_id for order in await rig.real.open_orders()] == ["byhand12"], "it is never touched"


async def test_a_bracket_that_still_rests_without_a_position_would_close_the_new_one(rig: Rig) -> None:
    assert (await rig.desk.entry.enter(await rig.plan("gr-first"))).reason is Reason.ENTERED
    listed = tuple(await rig.brackets())
    await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "gr-first-x")
    await rig.desk.tracker.sync()

    async def still(call: object, args: object, kwargs: object) -> Any:
        return listed

    rig.venue.always["brackets"] = still
    assert await denied(rig, "gr-second") is Reason.ORPHAN_BRACKET


async def test_leverage_that_cannot_be_set_is_no_entry(rig: Rig) -> None:
    rig.venue.always["set_leverage"] = refuse("59108")
    assert await denied(rig, "gr-lever") is Reason.LEVERAGE_REFUSED


async def test_a_book_without_sellers_is_no_market(rig: Rig) -> None:
    async def no_asks(call: Any, args: Any, kwargs: Any) -> Any:
        return replace(await call(*args, **kwargs), asks=())

    rig.venue.always["book"] = no_asks
    assert await denied(rig, "gr-book") is Reason.DATA_MISSING
