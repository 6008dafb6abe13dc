"""Pauses, the stop on entries and the halts: in force at once, kept over restarts, lifted as they say."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from engine.clock import ManualClock, utc_day
from engine.db import Database
from engine.events import Event
from engine.execution.controls import Controls, HaltLimits
from engine.model import AccountView, Balance, Bill, BillKind
from engine.outcome.account import Baseline, Tally, account_view
from engine.outcome.totals import Totals
from engine.reasons import Reason

D = Decimal
DAY = 86_400_000
NOON = 20_000 * DAY + DAY // 2
LIMITS = HaltLimits(daily_loss_pct=3.0, max_consecutive_losses=5, min_margin_ratio=1.20)
BALANCE = Balance(D(10_000), D(10_000), D(10_000), D(0), None, NOON)
ZERO = Baseline(D(10_000), D(0), Totals())
CALM: AccountView = account_view(BALANCE, Totals(), ZERO, ZERO, Tally(0, 0, 0), NOON)


async def controls(path: Path, clock: ManualClock, events: list[Event] | None = None) -> tuple[Database, Controls]:
    db = await Database.open(path / "a.db")
    made = Controls(db, clock, (events if events is not None else []).append)
    await made.load()
    return db, made


async def test_pauses_survive_a_restart(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    db, one = await controls(tmp_path, clock)
    await one.pause("BTC", "operator")
    await one.pause("ETH", "operator")
    await one.resume("ETH", "operator")
    await one.stop_entries("operator")
    await db.close()
    db, again = await controls(tmp_path, clock)
    async with db:
        assert again.paused == {"BTC"}
        assert again.entries_stopped


async def test_every_change_is_told(tmp_path: Path) -> None:
    events: list[Event] = []
    db, one = await controls(tmp_path, ManualClock(NOON), events)
    async with db:
        await one.pause("BTC", "operator")
        await one.stop_entries("telegram")
    assert [(e.tickers, e.entries_stopped, e.by) for e in events if e.kind == "pauses"] == [
        (("BTC",), False, "operator"),
        (("BTC",), True, "telegram"),
    ]


async def test_daily_loss_halts_until_the_next_utc_day_also_over_a_restart(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    db, one = await controls(tmp_path, clock)
    losing = replace(CALM, day_pnl=D(-301), day_pnl_pct=-0.0301)
    assert [h.reason for h in await one.assess(losing, LIMITS)] == [Reason.DAILY_LOSS]
    # A recovery on the same day does not lift it.
    assert [h.reason for h in await one.assess(CALM, LIMITS)] == [Reason.DAILY_LOSS]
    await db.close()
    db, again = await controls(tmp_path, clock)
    async with db:
        assert [h.reason for h in again.halts] == [Reason.DAILY_LOSS]
        clock.advance(DAY // 2)
        assert again.halts == ()
        assert await again.assess(replace(CALM, day=utc_day(clock.now_ms())), LIMITS) == ()


async def test_loss_just_under_the_limit_does_not_halt(tmp_path: Path) -> None:
    db, one = await controls(tmp_path, ManualClock(NOON))
    async with db:
        assert await one.assess(replace(CALM, day_pnl_pct=-0.0299), LIMITS) == ()


async def test_consecutive_losses_halt_until_a_person_resumes(tmp_path: Path) -> None:
    clock = ManualClock(NOON)
    db, one = await controls(tmp_path, clock)
    async with db:
        assert [h.reason for h in await one.assess(replace(CALM, consecutive_losses=5), LIMITS)] == [
            Reason.CONSECUTIVE_LOSSES
        ]
        clock.advance(3 * DAY)
        assert len(one.halts) == 1
        await one.resume_entries("operator")
        assert one.halts == ()
        assert await db.meta("consecutive_losses_from") == str(clock.now_ms())


async def test_margin_halts_while_breached_and_releases_with_hysteresis(tmp_path: Path) -> None:
    db, one = await controls(tmp_path, ManualClock(NOON))

    async def halted(ratio: str | None, positions: int = 1) -> bool:
        account = replace(CALM, margin_ratio=None if ratio is None else D(ratio), open_positions=positions)
        return bool(await one.assess(account, LIMITS))

    async with db:
        steps = [("1.21", False), ("1.19", True), ("1.25", True), (None, True), ("1.29", True), ("1.30", False)]
        assert [await halted(ratio) for ratio, _ in steps] == [expected for _, expected in steps]
        assert await halted("1.1")
        assert not await halted(None, positions=0)


def test_identity_holds_to_the_cent_and_the_leftover_is_shown() -> None:
    """equity − baseline = realised + unrealised + fees + funding, without money moved in or out."""
    totals = Totals()
    for number, (kind, change, pnl, fee) in enumerate(
        [
            (BillKind.TRADE, "-0.5", "0", "-0.5"),
            (BillKind.FUNDING, "-0.2", "0", "0"),
            (BillKind.TRADE, "39.4", "40", "-0.6"),
            (BillKind.TRANSFER, "1000", "0", "0"),
        ]
    ):
        totals = totals.plus(Bill(str(number), "I", kind, D(change), D(pnl), D(fee), D(0), NOON))
    balance = Balance(D("11043.70"), D("11038.70"), D(9000), D(5), None, NOON)
    view = account_view(balance, totals, ZERO, ZERO, Tally(1, 0, 1), NOON)
    assert view.total_pnl == D("43.70")
    assert view.total_realised + view.unrealised + view.total_fees + view.total_funding == view.total_pnl
    assert view.balanced_to == 0
    assert view.day_pnl == D("43.70")
    short = account_view(replace(balance, equity=D("11043.60")), totals, ZERO, ZERO, Tally(1, 0, 1), NOON)
    assert short.balanced_to == D("-0.10")


def test_position_open_at_the_baseline_counts_from_there() -> None:
    baseline = Baseline(D(10_050), D(50), Totals())
    balance = Balance(D(10_030), D(10_000), D(9000), D(30), None, NOON)
    view = account_view(balance, Totals(), baseline, baseline, Tally(0, 0, 1), NOON)
    assert (view.day_pnl, view.day_unrealised, view.balanced_to) == (D(-20), D(-20), D(0))


async def test_a_halt_that_waits_for_a_person_is_in_force_before_it_is_written_and_lifted_by_resuming(
    tmp_path: Path,
) -> None:
    clock, events = ManualClock(NOON), []
    db, one = await controls(tmp_path, clock, events)
    assert one.halt_now(Reason.KEY_REFUSED, "50110")
    assert [halt.reason for halt in one.halts] == [Reason.KEY_REFUSED]
    assert not one.halt_now(Reason.KEY_REFUSED, "again"), "told once"
    assert len(events) == 1
    await one.keep_halts()
    await db.close()
    db, again = await controls(tmp_path, clock)
    assert [halt.detail for halt in again.halts] == ["50110"]
    again.halt_now(Reason.ACCOUNT_HALTED, "50007")
    await again.resume_entries("operator")
    await again.keep_halts()
    assert again.halts == ()
    await db.close()
    db, third = await controls(tmp_path, clock)
    assert third.halts == ()
    await db.close()
