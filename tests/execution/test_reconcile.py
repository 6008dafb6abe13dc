"""Journal and books against the venue: one pass puts right, the second is silent, what is left blocks."""

from __future__ import annotations

from decimal import Decimal

from engine.reasons import Reason
from tests.execution.rig import Rig, down

BTC = "BTC-USDT-SWAP"


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
