"""A crash at any step, then a start: everything protected, nothing doubled, and the second pass finds nothing to do."""

from __future__ import annotations

import pytest

from engine.execution.ids import entry_id
from engine.execution.states import HOLDING, UNRESOLVED
from engine.model import BracketState, Protection
from engine.reasons import Reason
from tests.execution.rig import Rig, lose_request, passes, without_bracket

BTC = "BTC-USDT-SWAP"


class Crash(Exception):
    """The process ends here."""


async def crash_before(call: object, args: object, kwargs: object) -> object:
    raise Crash


async def crash_after(call: object, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    await passes(call, args, kwargs)  # type: ignore[arg-type]
    raise Crash


async def bare_then_crash(call: object, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
    await without_bracket(call, args, kwargs)  # type: ignore[arg-type]
    raise Crash


@pytest.mark.parametrize(
    ("where", "fault", "position"),
    [
        ("set_leverage", crash_before, False),
        ("book", crash_before, False),
        ("place_order", crash_before, False),
        ("place_order", crash_after, True),
        ("place_order", bare_then_crash, True),
        ("order", crash_before, True),
        ("order", crash_after, True),
        ("place_bracket", crash_before, True),
        ("place_bracket", crash_after, True),
    ],
)
async def test_crash_at_any_step_ends_protected_and_single(rig: Rig, where: str, fault: object, position: bool) -> None:
    decision = f"crash-{where}-{fault.__name__}"  # type: ignore[attr-defined]
    plan = await rig.plan(decision)
    if where == "place_bracket":
        rig.venue.faults["place_order"] = [without_bracket]
    rig.venue.faults[where] = [fault]  # type: ignore[list-item]
    with pytest.raises(Crash):
        await rig.desk.entry.enter(plan)
    await rig.restart()
    sent = rig.venue.sent("place_order")
    await rig.desk.boot()
    held = await rig.position()
    assert (held is not None) is position
    if held is not None:
        live = [b for b in await rig.brackets() if b.state is BracketState.LIVE]
        assert len(live) == 1
        assert live[0].covers(held.contracts)
        [view] = rig.desk.guard.last
        assert view.protection is Protection.PROTECTED
        assert view.trade_id == decision
    assert rig.venue.sent("place_order") == sent
    await _settles(rig)
    again = await rig.desk.entry.enter(plan)
    assert again.reason is not Reason.ENTERED or not position
    assert rig.sim.ledger()["duplicates"] == 0


async def _settles(rig: Rig) -> None:
    """Within a few passes (the waiting time of an unknown order) all is known; then a pass is silent."""
    import asyncio

    for _ in range(8):
        await rig.desk.reconcile()
        if not await rig.desk.journal.unresolved():
            break
        await asyncio.sleep(0.1)
    assert not await rig.desk.journal.unresolved()
    await rig.desk.reconcile()
    assert (await rig.desk.reconcile()).silent
    assert (await rig.desk.guard.run()).silent


async def test_crash_while_closing_ends_closed_or_protected(rig: Rig) -> None:
    assert (await rig.desk.entry.enter(await rig.plan("c-close"))).reason is Reason.ENTERED
    rig.venue.faults["place_order"] = [crash_after]
    with pytest.raises(Crash):
        await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "c-close-x")
    await rig.restart()
    await rig.desk.boot()
    assert await rig.position() is None
    assert await rig.brackets() == []
    await _settles(rig)
    trades = await rig.desk.tracker.history.closed_trades()
    assert [t.reason for t in trades] == [Reason.SIGNAL_EXIT]


async def test_crash_before_an_exit_left_keeps_the_position_under_its_bracket(rig: Rig) -> None:
    assert (await rig.desk.entry.enter(await rig.plan("c-stay"))).reason is Reason.ENTERED
    rig.venue.faults["place_order"] = [crash_before]
    with pytest.raises(Crash):
        await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "c-stay-x")
    await rig.restart()
    await rig.desk.boot()
    [view] = rig.desk.guard.last
    assert view.protection is Protection.PROTECTED
    await _settles(rig)


async def test_bracket_lost_while_down_is_restored_at_boot(rig: Rig) -> None:
    assert (await rig.desk.entry.enter(await rig.plan("c-down"))).reason is Reason.ENTERED
    [bracket] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [bracket.algo_id])
    await rig.restart()
    await rig.desk.boot()
    [view] = rig.desk.guard.last
    assert view.protection is Protection.PROTECTED


async def test_stop_that_fired_while_down_is_booked_with_its_reason(rig: Rig) -> None:
    plan = await rig.plan("c-fired", "SOL-USDT-SWAP")
    assert (await rig.desk.entry.enter(plan)).reason is Reason.ENTERED
    for _ in range(60):
        rig.advance(6 * 3_600_000)
        if await rig.position("SOL-USDT-SWAP") is None:
            break
    assert await rig.position("SOL-USDT-SWAP") is None
    await rig.restart()
    await rig.desk.boot()
    [trade] = await rig.desk.tracker.history.closed_trades()
    assert trade.reason in (Reason.STOP_LOSS, Reason.TAKE_PROFIT)
    assert (trade.reason is Reason.TAKE_PROFIT) == (trade.pnl > 0)
    intent = await rig.desk.journal.get(entry_id("c-fired"))
    assert intent is not None
    assert intent.state not in UNRESOLVED | HOLDING


async def test_unknown_order_blocks_over_a_restart(rig: Rig) -> None:
    rig.venue.faults["place_order"] = [lose_request]
    rig.venue.always["order"] = crash_before
    with pytest.raises(Crash):
        await rig.desk.entry.enter(await rig.plan("c-unknown"))
    await rig.restart()
    await rig.desk.reconcile()
    outcome = await rig.desk.entry.enter(await rig.plan("c-unknown-2"))
    assert outcome.reason in (Reason.UNKNOWN_ORDER, Reason.ENTERED)


async def test_crash_between_the_fill_and_its_booking_is_made_good(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    async def crash(*args: object) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(rig.desk.shared.book, "open", crash)
        with pytest.raises(Crash):
            await rig.desk.entry.enter(await rig.plan("c-book"))
    await rig.restart()
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert view.trade_id == "c-book"
    await _settles(rig)
