"""Who works with the books: one engine, also where two machines share a folder."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.db import Database
from engine.execution import lease
from engine.execution.lease import KEY, LASTS_MS, RENEWED_MS, Holder, Lease
from engine.home import AlreadyRunning
from engine.reasons import Reason
from tests.execution.rig import Rig

HERE, THERE = Holder("here", 1, "a"), Holder("there", 2, "b")


async def test_another_machines_engine_is_refused_by_name_until_it_has_been_silent_for_a_while(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        clock = ManualClock(1_000_000)
        await Lease(db, clock, THERE).take()
        clock.advance(LASTS_MS - 1)
        with pytest.raises(AlreadyRunning, match="process 2 on there"):
            await Lease(db, clock, HERE).take()
        clock.advance(1)
        mine = Lease(db, clock, HERE)
        await mine.take()
        assert mine.held and await mine.renew()
        assert not await Lease(db, clock, THERE, held=True).renew()
        await mine.release()
        await Lease(db, clock, THERE).take()
        await mine.release()  # what it no longer holds it does not give back
        with pytest.raises(AlreadyRunning):
            await Lease(db, clock, HERE).take()


async def test_the_clock_of_the_other_machine_may_be_ahead_of_ours(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        await Lease(db, ManualClock(1_002_000), THERE).take()
        with pytest.raises(AlreadyRunning):
            await Lease(db, ManualClock(1_000_000), HERE).take()


async def test_the_disk_is_written_every_ten_seconds_and_not_at_every_look(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        clock = ManualClock(1_000_000)
        mine = Lease(db, clock, HERE)
        await mine.take()
        written = await db.meta(KEY)
        clock.advance(RENEWED_MS - 1)
        assert await mine.renew()
        assert await db.meta(KEY) == written
        clock.advance(1)
        assert await mine.renew()
        assert await db.meta(KEY) != written


async def test_a_row_that_nobody_can_read_stops_neither_a_start_nor_the_guard(rig: Rig) -> None:
    await rig.desk.boot()
    await rig.db.set_meta(KEY, '{"host": 1')
    assert await rig.desk.guard_pass() == ()
    await rig.desk.boot()
    assert await rig.desk.lease.renew()


async def test_a_run_of_the_same_machine_takes_over_at_once(tmp_path: Path) -> None:
    """Its folder lock is free, so it is dead: a restart after kill -9 does not wait."""
    async with await Database.open(tmp_path / "a.db") as db:
        clock = ManualClock(1_000_000)
        await Lease(db, clock, HERE).take()
        again = Lease(db, clock, replace(HERE, pid=9, run="c"))
        await again.take()
        assert await again.renew()


async def test_an_engine_whose_books_another_has_taken_opens_nothing_and_says_so(rig: Rig) -> None:
    await rig.desk.boot()
    assert await rig.desk.guard_pass() == ()
    await Lease(rig.db, rig.clock, Holder(rig.desk.lease.me.host, 2, "other")).take()
    await rig.desk.guard_pass()
    outcome = await rig.desk.entry.enter(await rig.plan("lease"))
    assert outcome.reason is Reason.SECOND_ENGINE
    assert any(e.kind == "log" and "taken over" in e.text for e in rig.events)


async def test_a_database_that_refuses_is_no_other_engine(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.desk.boot()

    async def locked(*args: object) -> None:
        raise sqlite3.OperationalError("database is locked")

    monkeypatch.setattr(rig.db, "set_meta", locked)
    monkeypatch.setattr(lease, "RENEWED_MS", 0)
    await rig.desk.guard_pass()
    assert rig.desk.blocks.of("BTC-USDT-SWAP") is None


async def test_what_the_other_engine_gave_back_is_ours_again_and_the_block_goes_with_it(rig: Rig) -> None:
    await rig.desk.boot()
    other = Lease(rig.db, rig.clock, Holder(rig.desk.lease.me.host, 2, "other"))
    await other.take()
    await rig.desk.guard_pass()
    assert rig.desk.blocks.of("BTC-USDT-SWAP") is not None
    await other.release()
    await rig.desk.guard_pass()
    assert rig.desk.blocks.of("BTC-USDT-SWAP") is None
    assert rig.desk.lease.held
    assert any(e.kind == "log" and "ours again" in e.text for e in rig.events)


async def test_what_the_other_engine_no_longer_renews_is_ours_again_whatever_its_clock_says(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        clock = ManualClock(1_000_000)
        mine, other = Lease(db, clock, HERE), Lease(db, ManualClock(5_000_000), replace(HERE, run="c"))
        await mine.take()
        await other.take()
        assert not await mine.renew()
        clock.advance(LASTS_MS - 1)
        other.clock.advance(RENEWED_MS)  # type: ignore[attr-defined]
        assert await other.renew()
        assert not await mine.renew(), "it is alive: its row has moved"
        clock.advance(LASTS_MS)
        assert await mine.renew()
        assert not await other.renew()


async def test_two_machines_of_one_name_are_told_apart_by_their_kernels(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        clock = ManualClock(1_000_000)
        await Lease(db, clock, replace(HERE, kernel="k1")).take()
        with pytest.raises(AlreadyRunning):
            await Lease(db, clock, replace(HERE, run="c", kernel="k2")).take()
        await Lease(db, clock, replace(HERE, run="d", kernel="k1")).take()
        await Lease(db, clock, replace(HERE, run="e")).take()  # one that cannot tell


def test_a_kernel_that_has_no_word_of_its_own_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lease, "BOOT_ID", tmp_path / "none")
    assert lease.kernel_id() == ""
    (tmp_path / "none").write_text("abc\n")
    assert lease.kernel_id() == "abc"


async def test_a_database_that_others_lock_keeps_no_guard_from_its_look(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.desk.boot()
    looked: list[bool] = []
    calls = rig.venue.calls
    settle, renew = rig.desk.stops.settle, rig.desk.lease.renew

    async def settled() -> None:
        looked.append("positions" in calls)
        await settle()

    async def renewed() -> bool:
        looked.append("positions" in calls)
        return await renew()

    monkeypatch.setattr(rig.desk.stops, "settle", settled)
    monkeypatch.setattr(Lease, "renew", lambda _: renewed())
    calls.clear()
    await rig.desk.guard_pass()
    assert looked == [True, True]


async def test_a_locked_database_does_not_keep_a_start_from_its_positions(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    async with await Database.open(path) as db:
        await db._connection.execute("PRAGMA busy_timeout=20")
        mine = Lease(db, ManualClock(1_000_000), HERE)
        stranger = sqlite3.connect(path, isolation_level=None)
        stranger.execute("BEGIN EXCLUSIVE")
        await mine.take()
        assert mine.wanted and not mine.held
        stranger.close()
        assert await mine.renew() and mine.held
