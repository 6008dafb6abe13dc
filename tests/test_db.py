"""The database: exact transactions, and refusal of what is not ours or not whole."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from engine.db import Database, DatabaseCorrupt
from engine.schema import APPLICATION_ID, MIGRATIONS


async def test_new_file_is_migrated_and_marked_as_ours(tmp_path: Path) -> None:
    path = tmp_path / "storage" / "cynosure.db"
    async with await Database.open(path) as db:
        await db.set_meta("key", "value")
    with closing(sqlite3.connect(path)) as raw:
        assert raw.execute("PRAGMA application_id").fetchone()[0] == APPLICATION_ID
        assert raw.execute("PRAGMA user_version").fetchone()[0] == len(MIGRATIONS)
        assert raw.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    async with await Database.open(path) as db:
        assert await db.meta("key") == "value"


async def test_commits_reach_the_disk_in_full_mode(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        row = await db.fetch_one("PRAGMA synchronous")
        assert row is not None
        assert row[0] == 2


async def test_error_inside_a_transaction_rolls_all_of_it_back(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        with pytest.raises(sqlite3.IntegrityError):
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO meta VALUES ('a', '1')")
                await tx.execute("INSERT INTO meta VALUES ('a', '2')")
        assert await db.meta("a") is None
        await db.set_meta("a", "3")
        assert await db.meta("a") == "3"


async def test_refused_commit_is_rolled_back_and_the_next_transaction_begins(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        await db.execute("CREATE TABLE child (key TEXT REFERENCES meta (key) DEFERRABLE INITIALLY DEFERRED)")
        with pytest.raises(sqlite3.IntegrityError, match="FOREIGN KEY"):
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO child VALUES ('nobody')")
                await tx.execute("INSERT INTO meta VALUES ('lost', '1')")
        assert await db.meta("lost") is None
        await db.set_meta("next", "1")
        assert await db.meta("next") == "1"


async def test_transaction_that_sqlite_rolled_back_itself_tells_the_first_error(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        with pytest.raises(sqlite3.IntegrityError):
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO meta VALUES ('a', '1')")
                await tx.execute("INSERT OR ROLLBACK INTO meta VALUES ('a', '2')")
        await db.set_meta("a", "3")
        assert await db.meta("a") == "3"


async def test_one_coroutines_rollback_never_takes_anothers_work_along(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:

        async def fails() -> None:
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO meta VALUES ('lost', '1')")
                await asyncio.sleep(0.01)
                raise RuntimeError

        results = await asyncio.gather(
            fails(), *(db.set_meta(f"k{n}", "1") for n in range(20)), fails(), return_exceptions=True
        )
        assert sum(isinstance(result, RuntimeError) for result in results) == 2
        rows = await db.fetch_all("SELECT key FROM meta")
        assert {row["key"] for row in rows} == {f"k{n}" for n in range(20)}


async def test_cancellation_inside_a_transaction_leaves_a_usable_database(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:

        async def slow() -> None:
            async with db.transaction() as tx:
                await tx.execute("INSERT INTO meta VALUES ('slow', '1')")
                await asyncio.sleep(60)

        task = asyncio.ensure_future(slow())
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await db.meta("slow") is None
        await db.set_meta("next", "1")


@pytest.mark.parametrize("delay", [0.0, 0.0002, 0.0005, 0.001])
async def test_cancellation_at_any_moment_leaves_no_open_transaction(tmp_path: Path, delay: float) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        for number in range(10):
            task = asyncio.ensure_future(db.set_meta(f"k{number}", "1"))
            await asyncio.sleep(delay)
            task.cancel()
            await asyncio.wait([task])
            await db.set_meta("after", str(number))
            assert await db.meta("after") == str(number)


async def test_wrong_type_is_refused_by_the_tables(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        with pytest.raises(sqlite3.IntegrityError):
            await db.execute("INSERT INTO streaks VALUES ('BTC', 'two', 0)")


@pytest.mark.parametrize("content", [b"not a database at all", b"\0" * 4096])
async def test_garbage_file_is_refused_in_one_line_and_not_touched(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "cynosure.db"
    path.write_bytes(content)
    with pytest.raises(DatabaseCorrupt, match=r"cynosure\.db: is not a SQLite database; .*start again") as caught:
        await Database.open(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == [path.name]  # noqa: PTH208


async def test_another_programs_database_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "cynosure.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE theirs (a)")
        raw.commit()
    before = path.read_bytes()
    with pytest.raises(DatabaseCorrupt, match="another program"):
        await Database.open(path)
    assert path.read_bytes() == before


async def test_damaged_page_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "cynosure.db"
    async with await Database.open(path) as db:
        for number in range(200):
            await db.set_meta(f"key {number}", "x" * 100)
    content = bytearray(path.read_bytes())
    content[4096 : 4096 * 4] = b"\xff" * (4096 * 3)
    path.write_bytes(content)
    with pytest.raises(DatabaseCorrupt, match="is damaged") as caught:
        await Database.open(path)
    assert "\n" not in str(caught.value)
    assert path.read_bytes() == bytes(content)


async def test_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cynosure.db"
    async with await Database.open(path):
        pass
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("PRAGMA user_version=999")
    with pytest.raises(DatabaseCorrupt, match="newer version"):
        await Database.open(path)


def test_process_ends_although_opening_failed(tmp_path: Path) -> None:
    """The writer's thread is no daemon: a forgotten close would hang the exit."""
    path = tmp_path / "cynosure.db"
    path.write_bytes(b"garbage")
    code = "import asyncio, sys, pathlib, engine.db as d; asyncio.run(d.Database.open(pathlib.Path(sys.argv[1])))"
    done = subprocess.run([sys.executable, "-c", code, str(path)], timeout=20, capture_output=True, check=False)
    assert b"DatabaseCorrupt" in done.stderr


async def test_kill_at_any_moment_keeps_what_was_committed(tmp_path: Path) -> None:
    path = tmp_path / "cynosure.db"
    code = """
import asyncio, os, signal, sys, pathlib
from engine.db import Database
async def main():
    db = await Database.open(pathlib.Path(sys.argv[1]))
    await db.set_meta("committed", "1")
    async with db.transaction() as tx:
        await tx.execute("INSERT INTO meta VALUES ('uncommitted', '1')")
        os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code, str(path)], timeout=20, check=False)
    async with await Database.open(path) as db:
        assert await db.meta("committed") == "1"
        assert await db.meta("uncommitted") is None


async def test_closed_database_refuses_as_a_database_does(tmp_path: Path) -> None:
    db = await Database.open(tmp_path / "a.db")
    await db.close()
    await db.close()
    with pytest.raises(sqlite3.Error, match="closed"):
        await db.set_meta("a", "1")
    with pytest.raises(sqlite3.Error, match="closed"):
        await db.meta("a")
