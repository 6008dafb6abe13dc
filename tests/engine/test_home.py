"""One engine per folder; secrets in no file."""

from __future__ import annotations

import gc
import logging
import os
import resource
import signal
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.home import AlreadyRunning, Home, HomeError, StorageLock
from engine.redaction import Redactor, log_to_file

HOLDER = """
import sys, time
from pathlib import Path
from engine.home import Home, StorageLock
lock = StorageLock(Home(Path(sys.argv[1])).prepare())
lock.acquire()
print("held", flush=True)
time.sleep(60)
"""


def test_a_second_engine_is_refused_with_the_first_ones_pid_and_let_in_after_its_death(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        lock = StorageLock(Home(tmp_path).prepare())
        assert lock.holder() == str(holder.pid)
        with pytest.raises(AlreadyRunning, match=f"pid {holder.pid}"):
            lock.acquire()
    finally:
        holder.kill()
        holder.wait()
    lock.acquire()
    assert (tmp_path / "storage" / "engine.lock").read_text() == str(os.getpid())
    lock.release()
    assert lock.holder() is None


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(HomeError, match="file"):
        Home(tmp_path / "file" / "below").prepare()


def test_storage_is_for_the_owner_alone(tmp_path: Path) -> None:
    assert (Home(tmp_path).prepare().storage.stat().st_mode & 0o777) == 0o700


def test_no_secret_reaches_the_log_not_even_in_a_traceback(tmp_path: Path) -> None:
    path = tmp_path / "engine.log"
    handler = log_to_file(path, Redactor(["hunter2hunter2"]))
    log = logging.getLogger("test")
    try:
        raise ValueError("key hunter2hunter2 was refused")
    except ValueError:
        log.exception("call with %s failed", "hunter2hunter2")
    handler.close()
    logging.getLogger().handlers.clear()
    text = path.read_text(encoding="utf-8")
    assert "hunter2" not in text
    assert text.count("***") >= 2


@pytest.fixture
def engine_log(tmp_path: Path) -> Iterator[Path]:
    """Logging as the program sets it up; everything global is put back."""
    path = tmp_path / "logs" / "engine.log"
    path.parent.mkdir()
    root = logging.getLogger()
    before = root.handlers[:], root.level
    handler = log_to_file(path, Redactor(["hunter2hunter2"]))
    yield path
    handler.close()
    logging.captureWarnings(False)
    root.handlers[:], root.level = before


def test_a_coroutine_that_nobody_awaited_is_in_the_log(engine_log: Path) -> None:
    async def forgotten() -> None: ...

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        forgotten()
        gc.collect()
        logging.captureWarnings(False)
    assert "was never awaited" in engine_log.read_text(encoding="utf-8")


def test_a_full_disk_costs_log_lines_and_nothing_on_the_screen(
    engine_log: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = logging.getLogger("test")
    log.warning("before")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (engine_log.stat().st_size, before[1]))
    try:
        log.warning("lost")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    log.warning("after")
    assert capsys.readouterr().err == ""
    assert engine_log.read_text(encoding="utf-8").rstrip().endswith("after")
