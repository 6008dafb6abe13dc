"""The latch beside its file: the lease of whoever closes, and the record in the database."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

from engine.db import Database
from engine.execution.flatten_lease import FlattenLease, Holder
from engine.execution.latch import EntryLatch
from engine.execution.latch_file import fall
from engine.execution.latch_record import KEY, agree, forget, record, recorded_in
from engine.model import KillState

CLOSING = (
    "import sys, pathlib, time; from engine.execution.latch import EntryLatch; from engine.model import KillState;"
    "latch = EntryLatch(pathlib.Path(sys.argv[1])); latch.lease.take(); latch.engage(KillState.FLATTENING, 'shell');"
    "print('closing', flush=True); time.sleep(60)"
)


def test_a_flatten_at_work_is_told_from_one_whose_process_died(tmp_path: Path) -> None:
    ours = EntryLatch(tmp_path)
    closing = subprocess.Popen([sys.executable, "-c", CLOSING, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert closing.stdout is not None
    assert closing.stdout.readline() == "closing\n"
    holder = ours.lease.holder()
    assert holder is not None
    assert holder.pid == closing.pid
    assert not ours.cut_off()
    assert not ours.lease.take(), "two runs may close, one holds the lease"
    closing.send_signal(signal.SIGKILL)
    closing.communicate()
    assert ours.status().state is KillState.FLATTENING, "the word outlives its process"
    assert ours.cut_off()
    assert ours.lease.take()


def test_a_run_that_holds_the_lease_far_too_long_counts_as_cut_off(tmp_path: Path) -> None:
    ours = EntryLatch(tmp_path)
    ours.engage(KillState.FLATTENING, "key")
    assert ours.lease.take()
    assert not ours.cut_off()
    (tmp_path / "flatten.lock").write_text('{"pid": 1, "since": 0}')
    assert ours.cut_off()


def test_a_run_that_has_not_said_its_name_yet_counts_as_at_work(tmp_path: Path) -> None:
    ours = EntryLatch(tmp_path)
    ours.engage(KillState.FLATTENING, "key")
    assert ours.lease.take()
    (tmp_path / "flatten.lock").write_text("{")
    assert ours.lease.holder() == Holder(0, 0)
    assert not ours.cut_off()


def test_a_disk_that_refuses_the_lease_holds_up_nobody(tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("")
    lease = FlattenLease(tmp_path / "in-the-way")
    assert not lease.take()
    assert lease.holder() is None
    lease.release()


def test_it_falls_before_anything_is_loaded_and_keeps_an_engaged_latch_s_words(tmp_path: Path) -> None:
    assert fall(tmp_path / "storage", "cli")
    latch = EntryLatch(tmp_path / "storage")
    assert (latch.status().state, latch.status().by) == (KillState.LATCHED, "cli")
    latch.engage(KillState.FLAT, "cli", "done")
    assert fall(tmp_path / "storage", "again")
    assert EntryLatch(tmp_path / "storage").status().state is KillState.FLAT
    (tmp_path / "in-the-way").write_text("")
    assert not fall(tmp_path / "in-the-way", "cli")


async def test_what_the_file_says_the_database_remembers_and_gives_back(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "cynosure.db") as db:
        latch = EntryLatch(tmp_path)
        assert await agree(latch, db) == ""
        assert await recorded_in(db) is None
        latch.engage(KillState.HALTED, "key", "entries stopped")
        assert await agree(latch, db) == ""
        (tmp_path / "KILL").unlink()
        fresh = EntryLatch(tmp_path)
        assert not fresh.engaged()
        assert "the database remembers that it is halted" in await agree(fresh, db)
        assert fresh.engaged()
        assert (tmp_path / "KILL").exists()
        await forget(db)
        fresh.resume("operator")
        assert await agree(fresh, db) == ""
        assert not fresh.engaged()


async def test_a_record_that_nobody_can_read_is_an_engaged_latch(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "cynosure.db") as db:
        await db.set_meta(KEY, "no json")
        latch = EntryLatch(tmp_path)
        await agree(latch, db)
        assert latch.status().state is KillState.LATCHED


async def test_another_process_records_without_creating_or_repairing_anything(tmp_path: Path) -> None:
    latch = EntryLatch(tmp_path)
    latch.engage(KillState.FLAT, "cli")
    assert record(tmp_path / "cynosure.db", latch.status()) == "there is none"
    assert not (tmp_path / "cynosure.db").exists()
    (tmp_path / "cynosure.db").write_bytes(b"nonsense" * 100)
    assert record(tmp_path / "cynosure.db", latch.status())
    (tmp_path / "cynosure.db").unlink()
    async with await Database.open(tmp_path / "cynosure.db") as db:
        assert record(tmp_path / "cynosure.db", latch.status()) == ""
        found = await recorded_in(db)
        assert found is not None
        assert found.state is KillState.FLAT
