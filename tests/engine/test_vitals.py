"""What the engine's process says of itself."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from engine.cli.status import process_lines
from engine.home import Home
from engine.vitals import measure


async def test_tasks_threads_and_sizes_are_counted(tmp_path: Path) -> None:
    home = Home(tmp_path).prepare()
    before = measure(home)
    (home.logs / "engine.log").write_bytes(b"x" * 2 * 1024 * 1024)
    (home.storage / "cynosure.db").write_bytes(b"x" * 1024 * 1024)
    (home.storage / "cynosure.db-wal").write_bytes(b"x" * 1024 * 1024)
    released = threading.Event()
    thread = threading.Thread(target=released.wait)
    thread.start()
    task = asyncio.get_running_loop().create_task(asyncio.sleep(60))
    try:
        now = measure(home)
    finally:
        released.set()
        task.cancel()
        thread.join()
    assert (now.threads - before.threads, now.tasks - before.tasks) == (1, 1)
    assert (now.database_mb, now.logs_mb) == (2.0, 2.0)


async def test_a_system_that_does_not_tell_gives_none(tmp_path: Path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr("engine.vitals.PROC", tmp_path / "no-proc")
    told = measure(Home(tmp_path))
    assert (told.rss_mb, told.open_files, told.logs_mb) == (None, None, 0.0)


def test_status_shows_what_the_process_uses_and_what_it_counted() -> None:
    process = {
        "rss_mb": None, "threads": 20, "tasks": 9, "open_files": 25, "database_mb": 1.5, "logs_mb": 0.2,
        "counted": {"cycle skipped": 3, "books failed": 1},
    }  # fmt: skip
    used, counted = process_lines(process)
    assert used == "process   n/a MB, 20 threads, 9 tasks, 25 files; database 1.5 MB, logs 0.2 MB"
    assert counted == "counted   books failed 1x, cycle skipped 3x"
    assert process_lines({}) == []
