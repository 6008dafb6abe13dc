"""What the guard shows and tells is so: in virtual time, at the simulator's own core."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from engine.execution.ids import bracket_id
from engine.execution.seen import UNTOLD
from engine.model import ProtectedPosition, Protection
from engine.reasons import Reason
from tests.execution.guard_scenes import HOUR_MS
from tests.execution.guard_stage import BTC, ETH, Stage
from tests.execution.rig import down, hidden, lose_reply, refuse


@pytest.fixture
def on() -> Iterator[Stage]:
    stage = Stage()
    try:
        yield stage
    finally:
        stage.close()


def seen(on: Stage) -> ProtectedPosition:
    """The only position, after one more pass."""
    on.look()
    [view] = on.guard.last
    return view


def told(on: Stage, word: str) -> list[str]:
    return [line for line in on.record.lines if word in line]


def test_a_close_that_did_not_happen_is_not_told_as_one(on: Stage) -> None:
    on.enter()
    on.uncovers()
    for call in ("place_bracket", "place_order", "close_position"):
        on.line.always[call] = refuse("51000")
    assert seen(on).protection is Protection.CLOSING
    assert not told(on, "closed at market")
    assert len(told(on, "bracket_healed [BTC] could not be closed: ")) == 1


def test_a_position_that_cannot_be_left_is_shown_under_the_bracket_that_rests(on: Stage) -> None:
    on.enter()
    [bracket] = on.brackets()
    on.instruments[BTC] = replace(on.instruments[BTC], expires_at=on.world.clock.now_ms() + 20 * HOUR_MS)
    on.line.always["place_order"] = on.line.always["close_position"] = refuse("51000")
    view = seen(on)
    assert view.protection is Protection.CLOSING
    assert (view.stop, view.target, view.bracket_id) == (bracket.stop, bracket.target, bracket.algo_id)


def reopened_by_hand(on: Stage) -> None:
    on.enter()
    on.closes(cancels=False)
    on.wait(3)
    on.trade("buy", "1")
    on.wait(1)


def test_a_bracket_that_was_taken_from_under_a_persons_position_is_not_shown_as_theirs(on: Stage) -> None:
    reopened_by_hand(on)
    view = seen(on)
    assert on.brackets() == ()
    assert (view.protection, view.stop, view.target) == (Protection.FOREIGN, None, None)


def test_a_persons_position_is_theirs_also_while_our_old_bracket_cannot_be_taken_away(on: Stage) -> None:
    reopened_by_hand(on)
    on.line.always["cancel_brackets"] = refuse("50001")
    view = seen(on)
    assert (view.protection, view.trade_id) == (Protection.FOREIGN, "")
    block = on.desk.blocks.of(BTC)
    assert block is not None and block.reason is Reason.FOREIGN_ORDER


def test_each_stranger_is_said_once_whatever_comes_after(on: Stage) -> None:
    on.trade("buy", "1")
    on.look()
    on.trade("buy", "1", ETH)
    on.look()
    on.look()
    assert [len(told(on, f"[{ticker}] nothing opens here: ")) for ticker in ("BTC", "ETH")] == [1, 1]


def test_a_position_whose_entry_the_venue_does_not_tell_of_is_not_called_a_strangers(on: Stage) -> None:
    on.line.faults["place_order"] = [lose_reply]
    on.line.always |= {"order": hidden, "positions": nobody}
    on.run(on.desk.entry.enter(on.plan()))
    on.line.always = {"order": down}
    view = seen(on)
    assert (view.protection, view.detail) == (Protection.FOREIGN, UNTOLD)
    on.line.always.clear()
    assert seen(on).protection is Protection.PROTECTED


async def nobody(call: object, args: object, kwargs: object) -> tuple[()]:
    return ()


def test_while_the_books_cannot_be_read_nobody_says_whose_a_position_is(on: Stage) -> None:
    on.trade("buy", "1")
    with on.disk_refuses("SELECT"):
        view = seen(on)
    assert (view.protection, view.detail) == (Protection.FOREIGN, UNTOLD)
    block = on.desk.blocks.of(BTC)
    assert block is not None and block.reason is Reason.FOREIGN_ORDER


@pytest.mark.parametrize("readable", [True, False])
def test_a_bracket_of_another_engine_is_not_cancelled_where_the_books_tell_it_from_ours(
    on: Stage, readable: bool
) -> None:
    """Row 50; a dead database keeps no orphan of ours alive (row 16)."""
    on.trade("buy", "1")
    on.places("1", "48000", "53000", client_id=bracket_id("theirs", 1))
    on.closes(cancels=False)
    with on.disk_refuses("" if readable else "UNION ALL"):
        on.look()
    assert len(on.brackets()) == readable


def dated_after_its_trade(on: Stage, later_ms: int) -> None:
    [trade] = on.run(on.desk.shared.book.open_trades()).values()
    on.line.always["positions"] = on.altered(lambda p: replace(p, opened_at=trade.opened_at + later_ms))


@pytest.mark.parametrize(
    ("later_ms", "ends"), [(0, Reason.EXITED), (1000, Reason.EXITED), (1001, Reason.VENUE_UNAVAILABLE)]
)
def test_a_venue_that_does_not_tell_who_traded_keeps_no_position_open_that_is_dated_like_ours(
    on: Stage, later_ms: int, ends: Reason
) -> None:
    on.enter()
    dated_after_its_trade(on, later_ms)
    on.line.always["fills"] = down
    assert on.run(on.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "x1")).reason is ends


def test_a_position_that_a_person_opened_within_a_second_of_ours_is_not_closed_for_want_of_a_bracket(on: Stage) -> None:
    on.enter(settled=False)
    on.closes()
    on.uncovers()
    on.trade("buy", "1")
    for call in ("place_bracket", "amend_bracket"):
        on.line.always[call] = refuse("51000")
    first = seen(on)
    assert on.line.sent("close_position") == on.line.sent("place_order") - 1 == 0
    held = on.position()
    assert held is not None and held.contracts == 1
    block = on.desk.blocks.of(BTC)
    assert block is not None and block.reason is Reason.FOREIGN_ORDER
    assert first.protection is seen(on).protection is Protection.FOREIGN
