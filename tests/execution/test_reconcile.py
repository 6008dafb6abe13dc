"""Journal and books against the venue: one pass puts right, the second is silent, what is left blocks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.execution.ids import entry_id
from engine.execution.states import IntentState as S
from engine.reasons import Reason
from tests.execution.rig import Rig, down, lose_reply

BTC, ETH = "BTC-USDT-SWAP", "ETH-USDT-SWAP"


async def test_one_pass_reconciles_the_second_is_silent(rig: Rig) -> None:
    await rig.desk.boot()
    assert (await rig.desk.entry.enter(await rig.plan("r-1"))).reason is Reason.ENTERED
    first = await rig.desk.reconcile()
    assert first.booked
    assert (await rig.desk.reconcile()).silent


async def test_books_that_differ_from_the_venue_block_the_instrument_and_are_shown(rig: Rig) -> None:
    await rig.desk.boot()
    assert (await rig.desk.entry.enter(await rig.plan("r-2"))).reason is Reason.ENTERED
    await rig.desk.reconcile()
    await rig.db.execute("UPDATE fills SET contracts = '999' WHERE booked_to = 'r-2'")
    report = await rig.desk.reconcile()
    assert set(report.mismatches) == {BTC}
    block = rig.desk.blocks.of(BTC)
    assert block is not None
    assert block.reason is Reason.LEDGER_MISMATCH
    assert "999" in block.detail
    assert rig.desk.blocks.of("ETH-USDT-SWAP") is None
    assert any(e.kind == "log" and "999" in e.text for e in rig.events)
    position = await rig.position()
    assert position is not None
    await rig.db.execute("UPDATE fills SET contracts = ? WHERE booked_to = 'r-2'", (str(position.contracts),))
    assert (await rig.desk.reconcile()).mismatches == {}
    assert rig.desk.blocks.of(BTC) is None


async def test_venue_that_cannot_be_read_blocks_every_entry_until_it_can(rig: Rig) -> None:
    rig.venue.always["fills"] = down
    report = await rig.desk.reconcile()
    assert not report.complete
    block = rig.desk.blocks.of("ETH-USDT-SWAP")
    assert block is not None
    assert block.reason is Reason.VENUE_UNAVAILABLE
    rig.venue.always.clear()
    assert (await rig.desk.reconcile()).complete
    assert rig.desk.blocks.of("ETH-USDT-SWAP") is None


async def test_trade_whose_fills_the_venue_forgot_is_closed_by_its_position_record(rig: Rig) -> None:
    await rig.desk.boot()
    assert (await rig.desk.entry.enter(await rig.plan("r-3"))).reason is Reason.ENTERED
    await rig.desk.reconcile()

    async def none(call: object, args: object, kwargs: object) -> tuple[()]:
        return ()

    await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "r-3x")
    rig.venue.always["fills"] = none
    for _ in range(6):
        report = await rig.desk.reconcile()
    assert report.mismatches == {}
    [trade] = await rig.desk.tracker.history.closed_trades()
    assert trade.reason is Reason.CLOSED_ELSEWHERE
    assert trade.net == trade.pnl + trade.fees + trade.funding
    assert trade.contracts > Decimal(0)


async def lost_entries(rig: Rig, decision: str, *inst_ids: str) -> None:
    """At the venue, each of them; the answers and all news of them were lost."""
    rig.venue.faults["place_order"] = [lose_reply for _ in inst_ids]
    rig.venue.always["order"] = down
    for inst_id in inst_ids:
        outcome = await rig.desk.entry.enter(await rig.plan(f"{decision}-{inst_id}", inst_id))
        assert outcome.reason is Reason.UNKNOWN_ORDER
    del rig.venue.always["order"]


async def test_an_instrument_that_somebody_works_on_is_left_to_them(rig: Rig) -> None:
    await lost_entries(rig, "r-busy", BTC)
    async with rig.desk.shared.locks.of(BTC):
        report = await rig.desk.reconcile()
    assert (report.resolved, report.unknown) == ((), ())
    assert (await rig.desk.reconcile()).resolved == (entry_id(f"r-busy-{BTC}"),)


@pytest.mark.slow
async def test_what_another_pass_has_resolved_meanwhile_is_not_resolved_twice(rig: Rig) -> None:
    await lost_entries(rig, "r-twice", BTC, ETH)
    inner: list[tuple[str, ...]] = []

    async def another_pass(call: Any, args: Any, kwargs: Any) -> Any:
        inner.append((await rig.desk.reconcile()).resolved)
        return await call(*args, **kwargs)

    rig.venue.faults["order"] = [another_pass]
    report = await rig.desk.reconcile()
    assert [*inner, report.resolved] == [(entry_id(f"r-twice-{ETH}"),), (entry_id(f"r-twice-{BTC}"),)]
    for inst_id in (BTC, ETH):
        steps = [after for _, after in await rig.desk.journal.history(entry_id(f"r-twice-{inst_id}"))]
        assert steps.count(S.FILLED) == 1


async def test_books_that_cannot_be_read_are_told_and_stop_no_reconcile(rig: Rig) -> None:
    await rig.desk.boot()
    await rig.db.close()
    report = await rig.desk.reconcile()
    assert not report.complete
    block = rig.desk.blocks.of(ETH)
    assert block is not None
    assert block.reason is Reason.LEDGER_MISMATCH
    assert any(e.kind == "log" and "books cannot be read" in e.text for e in rig.events)
