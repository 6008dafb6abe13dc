"""What must hold of an open position beside its bracket, and what the venue closes by force."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.exchange.port import BracketRequest
from engine.execution.churn import AMENDS, Churn
from engine.execution.ids import bracket_id
from engine.execution.states import IntentState as S
from engine.execution.upkeep import LEAVE_BEFORE_EXPIRY_MS
from engine.model import AssetClass, BracketPrices, InstrumentState, OrderRequest, OrderType, Position, Protection, Side
from engine.reasons import Reason
from engine.risk.sessions import in_session
from engine.rounding import ceil_to_step
from tests.execution.rig import Rig, down, refuse
from tests.simulator_process import Simulator, simulator

BTC = "BTC-USDT-SWAP"
HOUR = 3_600_000


@pytest.fixture(scope="module")
def own_sim(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What these tests do to a venue lasts: it is not shared with the others."""
    with simulator(tmp_path_factory.mktemp("upkeep")) as running:
        yield running


@pytest.fixture
async def rig(own_sim: Simulator, tmp_path: Any) -> AsyncIterator[Rig]:
    own_sim.advance(ms=60_000)  # what earlier tests traded lies behind
    opened = await Rig.open(own_sim, tmp_path)
    try:
        yield opened
    finally:
        own_sim.clear_faults()
        await opened.close()


async def entered(rig: Rig, decision: str, **change: Any) -> Position:
    outcome = await rig.desk.entry.enter(await rig.plan(decision, **change))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    await rig.desk.reconcile()
    position = await rig.position()
    assert position is not None
    return position


def act(rig: Rig, kind: str, **parameters: Any) -> None:
    """Done to BTC by the venue, the market or a person, at once."""
    rig.sim.act(kind, inst=BTC, **parameters)


def ends(rig: Rig) -> list[Reason]:
    return [event.trade.reason for event in rig.events if event.kind == "trade_closed"]


# ---------------------------------------------------------------- forced closes (row 24)


@pytest.mark.parametrize(("kind", "reason"), [("liquidate", Reason.LIQUIDATED), ("adl", Reason.DELEVERAGED)])
async def test_a_forced_close_of_a_part_resizes_the_bracket_and_stops_entries_by_its_name(
    rig: Rig, kind: str, reason: Reason
) -> None:
    before = await entered(rig, f"part-{kind}")
    act(rig, kind, share=0.5)
    [view] = await rig.desk.guard_pass()
    assert view.position.contracts < before.contracts
    assert view.protection is Protection.PROTECTED
    [bracket] = await rig.brackets()
    assert bracket.contracts == view.position.contracts
    assert [halt.reason for halt in rig.desk.controls.halts] == [reason]
    assert any(e.kind == "log" and e.level == "error" and "by the venue" in e.text for e in rig.events)
    assert (await rig.desk.reconcile()).mismatches == {}
    # The rest goes by our own hand; the trade's name stays what happened to it.
    await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, f"rest-{kind}")
    await rig.desk.guard_pass()
    await rig.desk.tracker.sync()
    assert ends(rig) == [reason]


@pytest.mark.parametrize(("kind", "reason"), [("liquidate", Reason.LIQUIDATED), ("adl", Reason.DELEVERAGED)])
async def test_a_forced_close_of_all_ends_the_trade_by_its_name_and_is_told_once(
    rig: Rig, kind: str, reason: Reason
) -> None:
    await entered(rig, f"all-{kind}")
    act(rig, kind)
    assert await rig.desk.guard_pass() == ()
    assert ends(rig) == [reason]
    assert rig.desk.controls.entries_stopped
    await rig.restart()
    await rig.desk.boot()
    assert [halt.reason for halt in rig.desk.controls.halts] == [reason]
    await rig.desk.controls.resume_entries("operator")
    await rig.desk.guard_pass()
    await rig.desk.reconcile()
    assert rig.desk.controls.halts == ()
    assert not rig.desk.controls.entries_stopped
    assert await rig.brackets() == []


# ---------------------------------------------------------------- leverage, margin mode, liquidation (rows 25, 26)


async def test_leverage_changed_by_hand_is_shown_blocks_and_is_set_back(rig: Rig) -> None:
    await entered(rig, "lever")
    act(rig, "leverage", lever=5)
    await rig.desk.guard_pass()
    block = rig.desk.blocks.of(BTC)
    assert block is not None and block.reason is Reason.ACCOUNT_CHANGED
    position = await rig.position()
    assert position is not None and position.leverage == 1
    await rig.desk.guard_pass()
    assert rig.desk.blocks.of(BTC) is None
    assert len(await rig.brackets()) == 1


def squeezed(rig: Rig, share_of_entry: str, mark: str = "1") -> Any:
    """The venue would liquidate at that share of the entry price; leverage cannot be set back."""

    async def positions(call: Any, args: Any, kwargs: Any) -> tuple[Position, ...]:
        return tuple(
            replace(
                p, leverage=Decimal(20), liquidation_price=p.entry_price * Decimal(share_of_entry),
                mark_price=p.entry_price * Decimal(mark),
            )
            for p in await call(*args, **kwargs)
        )  # fmt: skip

    rig.venue.always["set_leverage"] = refuse("59108")
    return positions


async def test_a_stop_beyond_liquidation_is_raised_clear_of_it(rig: Rig) -> None:
    position = await entered(rig, "squeeze")
    [before] = await rig.brackets()
    rig.venue.always["positions"] = squeezed(rig, "0.98")
    await rig.desk.guard_pass()
    [after] = await rig.brackets()
    liquidation = position.entry_price * Decimal("0.98")
    clear = liquidation + (position.entry_price - liquidation) * Decimal("0.05")
    assert after.stop == ceil_to_step(clear, rig.instruments[BTC].tick_size)
    assert before.stop is not None and after.stop > before.stop
    amended = rig.venue.sent("amend_bracket")
    await rig.desk.guard_pass()
    assert rig.venue.sent("amend_bracket") == amended


@pytest.mark.parametrize("refused", [True, False])
async def test_a_stop_that_cannot_be_made_clear_of_liquidation_ends_the_position(rig: Rig, refused: bool) -> None:
    await entered(rig, f"doomed-{refused}")
    rig.venue.always["positions"] = squeezed(rig, "0.98", "1" if refused else "0.9805")
    if refused:
        rig.venue.always["amend_bracket"] = refuse("51503")
    assert await rig.desk.guard_pass() == ()
    assert ends(rig) == [Reason.UNPROTECTED_CLOSED]


@pytest.mark.parametrize("nonsense", [None, "2", "1"])
async def test_a_liquidation_price_that_is_blank_or_beyond_the_entry_decides_nothing(
    rig: Rig, nonsense: str | None
) -> None:
    await entered(rig, f"blank-{nonsense}")
    [before] = await rig.brackets()
    there = squeezed(rig, nonsense or "1")

    async def positions(call: Any, args: Any, kwargs: Any) -> tuple[Position, ...]:
        rows = await there(call, args, kwargs)
        return tuple(replace(p, liquidation_price=None) for p in rows) if nonsense is None else rows

    rig.venue.always["positions"] = positions
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert await rig.brackets() == [before]


async def test_a_position_moved_to_cross_margin_is_covered_there_and_can_be_closed(rig: Rig) -> None:
    """Its bracket of isolated margin would find nothing to close: it protects nothing."""
    await entered(rig, "cross")
    act(rig, "margin_mode", mode="cross")
    await rig.desk.guard_pass()
    [view] = await rig.desk.guard_pass()
    assert view.position.margin_mode == "cross"
    assert view.protection is Protection.PROTECTED
    assert {b.margin_mode for b in await rig.brackets()} == {"cross"}
    block = rig.desk.blocks.of(BTC)
    assert block is not None and block.reason is Reason.ACCOUNT_CHANGED
    outcome = await rig.desk.exit.close(BTC, Reason.OPERATOR_CLOSE, "cross-x")
    assert outcome.reason is Reason.EXITED, outcome.detail
    await rig.desk.guard_pass()
    assert await rig.brackets() == []
    assert rig.desk.blocks.of(BTC) is None


async def test_a_stop_that_is_clear_again_once_the_leverage_is_set_back_stays_where_it_was(rig: Rig) -> None:
    await entered(rig, "lever-50")
    [before] = await rig.brackets()
    act(rig, "leverage", lever=50)
    squeezed_position = await rig.position()
    assert squeezed_position is not None and squeezed_position.liquidation_price is not None
    assert before.stop is not None and squeezed_position.liquidation_price > before.stop
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert await rig.brackets() == [before]
    assert ends(rig) == []


@pytest.mark.parametrize("mark", ["1", "NaN"])
async def test_what_was_seen_decides_where_the_position_cannot_be_read_again(rig: Rig, mark: str) -> None:
    """Threatened when it was seen: its stop is raised; without a price to raise it under, the position is left."""
    await entered(rig, f"unread-{mark}")
    [before] = await rig.brackets()
    rig.venue.faults["positions"] = [squeezed(rig, "0.98", mark), down]
    await rig.desk.guard_pass()
    if mark == "1":
        [after] = await rig.brackets()
        assert after.stop is not None and before.stop is not None and after.stop > before.stop
    else:
        assert await rig.position() is None


@pytest.mark.slow
async def test_a_threatened_position_whose_close_is_refused_is_not_closed_at_every_pass(rig: Rig) -> None:
    await entered(rig, "doomed-refused")
    rig.venue.always["positions"] = squeezed(rig, "0.98")
    rig.venue.always["amend_bracket"] = refuse("51503")
    rig.venue.always["place_order"] = rig.venue.always["close_position"] = refuse("51000")
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.CLOSING
    sent = rig.venue.sent("place_order")
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert rig.venue.sent("place_order") == sent


# ---------------------------------------------------------------- the trailed stop


async def rises(rig: Rig) -> None:
    """A gain of 4.05 % under a trail of 4 %: the stop follows, and stays below the market as it really is."""

    async def positions(call: Any, args: Any, kwargs: Any) -> tuple[Position, ...]:
        return tuple(replace(p, mark_price=p.entry_price * Decimal("1.0405")) for p in await call(*args, **kwargs))

    await rig.db.execute("UPDATE trades SET trail_pct = 0.04")
    rig.venue.always["positions"] = positions


async def test_a_raised_stop_that_the_venue_does_not_list_is_not_believed(rig: Rig) -> None:
    await entered(rig, "trail-unlisted")
    [before] = await rig.brackets()
    await rises(rig)
    rig.venue.always["amend_bracket"] = _returns(None)
    [view] = await rig.desk.guard_pass()
    assert rig.venue.sent("amend_bracket") == 1
    assert view.stop == before.stop
    assert (await rig.desk.shared.book.open_trades())[BTC].prices.stop == before.stop


async def test_a_stop_is_raised_also_while_the_disk_refuses_and_written_later(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await entered(rig, "trail-disk")
    [before] = await rig.brackets()
    await rises(rig)

    async def full(*args: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as refusing:
        refusing.setattr(rig.desk.shared.book, "raise_stop", full)
        [view] = await rig.desk.guard_pass()
    assert view.stop is not None and before.stop is not None and view.stop > before.stop
    assert any(e.kind == "log" and "raised stop is not written" in e.text for e in rig.events)
    await rig.desk.guard_pass()
    assert (await rig.desk.shared.book.open_trades())[BTC].prices.stop == view.stop


# ---------------------------------------------------------------- delisting, worthless prices (row 44)


async def test_a_position_leaves_before_its_instrument_expires_and_not_earlier(rig: Rig) -> None:
    await entered(rig, "expiry")
    live, now = rig.instruments[BTC], rig.clock.now_ms()
    rig.instruments[BTC] = replace(live, expires_at=now + LEAVE_BEFORE_EXPIRY_MS + HOUR)
    assert len(await rig.desk.guard_pass()) == 1
    rig.instruments[BTC] = replace(live, expires_at=now + LEAVE_BEFORE_EXPIRY_MS - HOUR, state=InstrumentState.SUSPEND)
    assert len(await rig.desk.guard_pass()) == 1
    rig.instruments[BTC] = replace(live, expires_at=now + LEAVE_BEFORE_EXPIRY_MS - HOUR)
    assert await rig.desk.guard_pass() == ()
    assert ends(rig) == [Reason.DELISTED]
    outcome = await rig.desk.entry.enter(await rig.plan("expiry-2"))
    assert outcome.reason is Reason.INSTRUMENT_OFF
    rig.instruments[BTC] = live


@pytest.mark.slow
async def test_a_close_before_expiry_that_is_refused_is_not_tried_at_every_pass(rig: Rig) -> None:
    await entered(rig, "expiry-no")
    rig.instruments[BTC] = replace(rig.instruments[BTC], expires_at=rig.clock.now_ms() + HOUR)
    rig.venue.always["place_order"] = rig.venue.always["close_position"] = refuse("51000")
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.CLOSING
    sent = rig.venue.sent("place_order")
    await rig.desk.guard_pass()
    assert rig.venue.sent("place_order") == sent
    assert len(await rig.brackets()) == 1


@pytest.mark.slow
@pytest.mark.parametrize("worthless", ["0", "NaN", "-1", "Infinity"])
async def test_a_worthless_mark_price_triggers_nothing(rig: Rig, worthless: str) -> None:
    await entered(rig, f"zero-{worthless}")
    [before] = await rig.brackets()
    rig.venue.always["mark_price"] = _returns(Decimal(worthless))

    async def positions(call: Any, args: Any, kwargs: Any) -> tuple[Position, ...]:
        return tuple(replace(p, mark_price=Decimal(worthless)) for p in await call(*args, **kwargs))

    rig.venue.always["positions"] = positions
    await rig.desk.guard_pass()
    assert await rig.brackets() == [before]
    # Also with the bracket gone: it is restored, not taken for a stop that was passed.
    await rig.real.cancel_brackets(BTC, [before.algo_id])
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert rig.venue.sent("close_position") == 0
    assert ends(rig) == []


def _returns(value: object) -> Any:
    async def fault(call: Any, args: Any, kwargs: Any) -> object:
        return value

    return fault


# ---------------------------------------------------------------- churn (row 12)


async def test_a_bracket_that_never_fits_is_amended_a_few_times_only(rig: Rig) -> None:
    """The venue accepts each amendment and lists the old size: a loop that must not reach it for ever."""
    await entered(rig, "churn")
    [bracket] = await rig.brackets()
    stop, target = bracket.stop, bracket.target
    assert stop is not None and target is not None and bracket.contracts is not None
    twice = replace(bracket, contracts=bracket.contracts * 2)
    rig.venue.always["brackets"] = _returns((twice,))
    rig.venue.always["amend_bracket"] = _returns(None)
    for _ in range(3 * AMENDS):
        [view] = await rig.desk.guard_pass()
        assert view.protection is Protection.PROTECTED
    assert rig.venue.sent("amend_bracket") == AMENDS
    assert BracketPrices(stop, target) == (await rig.desk.shared.book.open_trades())[BTC].prices


class Wall:
    """A clock whose wall time is set."""

    def __init__(self, speed: float) -> None:
        self.at, self._speed = 0.0, speed

    def monotonic(self) -> float:
        return self.at

    def speed(self) -> float:
        return self._speed


@pytest.mark.parametrize(("speed", "window"), [(0.0, 60.0), (1.0, 60.0), (5.0, 12.0), (240.0, 6.0)])
def test_churn_is_counted_within_a_window_an_instrument(speed: float, window: float) -> None:
    wall = Wall(speed)
    churn = Churn(wall)  # type: ignore[arg-type]
    assert [churn.may(BTC) for _ in range(AMENDS + 1)] == [True] * AMENDS + [False]
    assert churn.may("ETH-USDT-SWAP")
    wall.at = window - 0.1
    assert not churn.may(BTC)
    wall.at = window
    assert churn.may(BTC)


# ---------------------------------------------------------------- terms that change mid-trade


async def test_a_bracket_is_restored_on_the_tick_of_today(rig: Rig) -> None:
    """The tick grew while the trade was open: the stop goes up to the new grid, the target down."""
    live = rig.instruments[BTC]
    await entered(rig, "tick")
    [before] = await rig.brackets()
    assert before.stop is not None and before.target is not None
    rig.sim.act("respec", inst=BTC, tick="5")
    try:
        await rig.real.cancel_brackets(BTC, [before.algo_id])
        [view] = await rig.desk.guard_pass()
        assert view.protection is Protection.PROTECTED
        [after] = await rig.brackets()
        assert rig.instruments[BTC].tick_size == 5
        assert after.stop == ceil_to_step(before.stop, Decimal(5))
        assert after.target is not None and after.target <= before.target
        assert after.target % 5 == 0
    finally:
        rig.sim.act("respec", inst=BTC, tick=str(live.tick_size))
        rig.instruments[BTC] = live


async def test_terms_that_cannot_be_read_again_stay_as_they_were(rig: Rig) -> None:
    await entered(rig, "terms")
    [before] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [before.algo_id])
    rig.venue.faults["place_bracket"] = [refuse("51000")]
    rig.venue.always["instruments"] = down
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    del rig.instruments[BTC]
    [bracket] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [bracket.algo_id])
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED


# ---------------------------------------------------------------- what is ours, and what is not


async def test_a_position_that_a_person_opened_after_ours_ended_is_theirs(rig: Rig) -> None:
    """Our stop fired; before the next pass somebody bought the same instrument by hand."""
    position = await entered(rig, "ended")
    rig.advance(5_000)
    await rig.real.close_position(BTC, "byhand5")
    rig.advance(5_000)
    await rig.real.place_order(OrderRequest(BTC, "byhand6", Side.BUY, OrderType.MARKET, position.contracts))
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.FOREIGN
    assert await rig.brackets() == []
    assert await rig.position() is not None
    assert ends(rig) == [Reason.CLOSED_ELSEWHERE]


async def test_while_that_cannot_be_learnt_it_is_held_for_ours_and_covered(rig: Rig) -> None:
    await entered(rig, "doubt")
    [bracket] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [bracket.algo_id])

    async def later(call: Any, args: Any, kwargs: Any) -> tuple[Position, ...]:
        return tuple(replace(p, opened_at=p.opened_at + HOUR) for p in await call(*args, **kwargs))

    rig.venue.always["positions"] = later
    rig.venue.always["fills"] = down
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED


async def test_an_id_of_our_form_that_our_books_do_not_know_is_another_engines(rig: Rig) -> None:
    """Two engines with two homes on one account (row 50)."""
    await entered(rig, "alone")
    await rig.desk.guard_pass()
    assert rig.desk.blocks.of(BTC) is None
    [bracket] = await rig.brackets()
    assert bracket.contracts is not None and bracket.stop is not None and bracket.target is not None
    prices = BracketPrices(bracket.stop - 100, bracket.target + 100)
    await rig.real.place_bracket(BracketRequest(BTC, bracket_id("of another home", 1), bracket.contracts, prices))
    rig.venue.always["cancel_brackets"] = refuse("51000")
    await rig.desk.guard_pass()
    block = rig.desk.blocks.of(BTC)
    assert block is not None and block.reason is Reason.FOREIGN_ORDER
    assert "another engine" in block.detail
    await rig.db.close()
    await rig.desk.guard_pass()
    assert rig.desk.blocks.of(BTC) is None  # not known while the books cannot be read


async def test_a_trade_that_filled_while_the_database_refuses_is_guarded_from_memory(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Incident row 4: also the guard's later passes know it, and the next entry does."""

    async def locked(*args: Any, **kwargs: Any) -> Any:
        raise sqlite3.OperationalError("database is locked")

    move = rig.desk.journal.move

    async def locked_after_sent(client_id: str, after: S, *args: Any, **kwargs: Any) -> Any:
        return await (move if after is S.SENT else locked)(client_id, after, *args, **kwargs)

    monkeypatch.setattr(rig.desk.journal, "move", locked_after_sent)
    monkeypatch.setattr(rig.desk.shared.book, "open", locked)
    monkeypatch.setattr(rig.desk.tracker.books, "book_fills", locked)
    outcome = await rig.desk.entry.enter(await rig.plan("memory"))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    [bracket] = await rig.brackets()
    await rig.real.cancel_brackets(BTC, [bracket.algo_id])
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert view.trade_id == "memory"
    [healed] = await rig.brackets()
    assert (healed.stop, healed.target) == (bracket.stop, bracket.target)
    monkeypatch.undo()
    await rig.desk.reconcile()
    assert rig.desk.shared.unbooked == {}
    assert (await rig.desk.reconcile()).silent
    assert (await rig.desk.guard.run()).silent


# ---------------------------------------------------------------- the moment after a close (row 23)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["stop", "target", "signal", "by hand", "liquidation", "adl"])
async def test_however_it_closed_nothing_opens_there_until_the_cooldown_is_over(rig: Rig, how: str) -> None:
    position = await entered(rig, f"cool-{how}")
    match how:
        case "stop":
            rig.sim.act("gap", inst=BTC, pct=-4)
        case "target":
            rig.sim.act("gap", inst=BTC, pct=8)
        case "signal":
            await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, f"cool-x-{how}")
        case "by hand":
            await rig.real.close_position(BTC, "byhand7")
        case _:
            rig.sim.act({"liquidation": "liquidate"}.get(how, how), inst=BTC)
    rig.advance(1_000)
    await rig.desk.guard_pass()
    assert await rig.position() is None
    assert len(ends(rig)) == 1
    await rig.desk.controls.resume_entries("operator")
    again = await rig.plan(f"again-{how}", contracts=position.contracts, cooldown_s=900)
    denied = await rig.desk.entry.enter(again)
    assert denied.reason is Reason.COOLDOWN, denied.detail
    rig.advance(900_000)
    later = await rig.plan(f"later-{how}", cooldown_s=900)
    assert (await rig.desk.entry.enter(later)).reason is Reason.ENTERED


# ---------------------------------------------------------------- sessions (row 48)


async def test_a_stocks_bracket_is_verified_in_the_last_moments_before_its_market_closes(rig: Rig) -> None:
    """The guard looks every 15 venue seconds, so also in the last 15 before the close."""
    plan = await rig.plan("session", "NVDA-USDT-SWAP")
    wide = BracketPrices((plan.price / 2).quantize(Decimal(1)), (plan.price * 2).quantize(Decimal(1)))
    outcome = await rig.desk.entry.enter(replace(plan, prices=wide))
    assert outcome.reason is Reason.ENTERED, outcome.detail
    close = next(t for t in range(rig.clock.now_ms(), rig.clock.now_ms() + 8 * 24 * HOUR, 15_000) if _closes(t))
    rig.sim.advance(to_ms=close - 15_000)
    rig.sync_clock()
    [view] = await rig.desk.guard_pass()
    assert view.protection is Protection.PROTECTED
    assert close - 16_000 <= view.verified_at < close
    assert in_session(AssetClass.STOCK, view.verified_at)


def _closes(t: int) -> bool:
    return in_session(AssetClass.STOCK, t - 15_000) and not in_session(AssetClass.STOCK, t)
