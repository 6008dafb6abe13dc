"""The kill switch on the real simulator, through its own client, beside a running desk."""

from __future__ import annotations

import asyncio
from pathlib import Path

from engine.exchange.okx.kill_client import OkxKillVenue
from engine.execution.kill_switch import KillReport, KillSwitch, KillTiming
from engine.execution.latch import EntryLatch
from engine.model import KillState, OrderRequest, OrderType, Side
from engine.reasons import Reason
from tests.execution.rig import Rig, endpoint, passes

TEN = ["BTC", "ETH", "SOL", "XRP", "SUI", "XAU", "XAG", "QQQ", "SPY", "NVDA"]
TIMING = KillTiming(retry_s=0.1, settle_s=0.1)


def kill_switch(rig: Rig) -> KillSwitch:
    return KillSwitch(OkxKillVenue(endpoint(rig.sim)), rig.latch, TIMING)


async def engage(rig: Rig, flatten: bool, progress: list[KillReport] | None = None) -> KillReport:
    on_progress = None if progress is None else progress.append
    return await asyncio.to_thread(kill_switch(rig).engage, flatten, "operator", on_progress)


async def test_ten_positions_are_flat_in_time_and_booked_as_killed(rig: Rig) -> None:
    await rig.desk.boot()
    for ticker in TEN:
        outcome = await rig.desk.entry.enter(await rig.plan(f"k10-{ticker}", f"{ticker}-USDT-SWAP"))
        assert outcome.reason is Reason.ENTERED, f"{ticker}: {outcome.detail}"
    progress: list[KillReport] = []
    report = await engage(rig, True, progress)
    assert report.state is KillState.FLAT
    assert report.seconds <= 15
    assert set(report.results) == {f"{ticker}-USDT-SWAP" for ticker in TEN}
    assert set(report.results.values()) == {"flat"}
    assert progress[0].state is KillState.FLATTENING
    assert await rig.real.positions() == ()
    assert await rig.real.brackets() == ()
    await rig.desk.guard_pass()
    await rig.desk.tracker.sync()
    trades = await rig.desk.tracker.history.closed_trades()
    assert {t.ticker for t in trades} == set(TEN)
    assert {t.reason for t in trades} == {Reason.KILL_FLATTEN}


async def test_after_it_nothing_opens_until_a_person_resumes(rig: Rig) -> None:
    await engage(rig, False)
    assert (await rig.desk.entry.enter(await rig.plan("after-1"))).reason is Reason.KILL_ENGAGED
    await rig.restart()
    assert (await rig.desk.entry.enter(await rig.plan("after-2"))).reason is Reason.KILL_ENGAGED
    assert rig.venue.sent("place_order") == 0
    rig.latch.resume("operator")
    assert (await rig.desk.entry.enter(await rig.plan("after-3"))).reason is Reason.ENTERED


async def test_halt_cancels_a_resting_entry_and_keeps_the_bracket(rig: Rig) -> None:
    assert (await rig.desk.entry.enter(await rig.plan("k-halt"))).reason is Reason.ENTERED
    eth = await rig.plan("k-halt-eth", "ETH-USDT-SWAP")
    low = eth.price * 9 // 10
    await rig.real.place_order(
        OrderRequest("ETH-USDT-SWAP", "resting1", Side.BUY, OrderType.LIMIT, eth.contracts, price=low)
    )
    report = await engage(rig, False)
    assert report.state is KillState.HALTED
    assert await rig.real.open_orders() == ()
    assert len(await rig.brackets()) == 1
    assert await rig.position() is not None


async def test_entry_on_the_wire_when_the_kill_begins_ends_flat_too(rig: Rig) -> None:
    started = asyncio.Event()

    async def slow(call: object, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
        started.set()
        await asyncio.sleep(0.05)
        return await passes(call, args, kwargs)  # type: ignore[arg-type]

    rig.venue.faults["place_order"] = [slow]
    entering = asyncio.ensure_future(rig.desk.entry.enter(await rig.plan("k-wire")))
    await started.wait()
    report = await engage(rig, True)
    await entering
    assert report.state is KillState.FLAT
    assert await rig.position() is None
    await rig.desk.guard_pass()
    assert await rig.brackets() == []


async def test_works_from_another_shell_with_the_engine_dead(rig: Rig, tmp_path: Path) -> None:
    assert (await rig.desk.entry.enter(await rig.plan("k-shell"))).reason is Reason.ENTERED
    await rig.db.close()
    latch = EntryLatch(tmp_path / "storage")
    switch = KillSwitch(OkxKillVenue(endpoint(rig.sim)), latch, TIMING)
    report = await asyncio.to_thread(switch.engage, True, "shell")
    assert report.state is KillState.FLAT
    assert rig.latch.engaged()
