"""Whoever stops listening to a command does not stop the command."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.app.program import REPOSITORY, app, command, environment, ledger_of, live_algos, open_positions, wait_until

SAYS = "from engine.cli.say import say; say('one'); say('two'); say('three × four'); raise SystemExit(7)"


def run(code: str, stdout: int, **env: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, env=environment(**env), stdout=stdout, stderr=subprocess.PIPE,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def deaf_pipe() -> int:
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def test_a_reader_that_went_away_changes_neither_the_way_nor_the_exit_code() -> None:
    writer = deaf_pipe()
    try:
        assert run(SAYS, writer) == (7, "")
    finally:
        os.close(writer)


def test_a_full_disk_under_the_output_is_no_reason_to_stop() -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    try:
        assert run(SAYS, full) == (7, "")
    finally:
        os.close(full)


def test_a_locale_without_the_letter_gets_another() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SAYS], cwd=REPOSITORY, env=environment(PYTHONIOENCODING="ascii"), capture_output=True,
        text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()) == (7, ["one", "two", r"three \xd7 four"])


def test_a_closed_output_is_said_nothing() -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", '"$0" -c "$1" >&-', sys.executable, SAYS], cwd=REPOSITORY, env=environment(),
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (7, "")


def test_a_status_that_is_cut_off_shows_no_traceback(tmp_path: Path) -> None:
    writer = deaf_pipe()
    try:
        done = subprocess.run(
            command(tmp_path, "--status"), cwd=REPOSITORY, env=environment(), stdin=subprocess.DEVNULL, stdout=writer,
            stderr=subprocess.PIPE, text=True, timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


TELLS = """
from engine.cli.say import Telling
tell = Telling()
for _ in range(3):
    tell.say("x" * 100_000)
raise SystemExit(tell.leave(7))
"""


def test_who_may_not_wait_is_not_held_up_by_a_reader_that_stands_still() -> None:
    reader, writer = os.pipe()
    try:
        assert run(TELLS, writer) == (7, "")
    finally:
        os.close(reader)
        os.close(writer)


@pytest.mark.slow
def test_a_kill_flattens_while_the_terminal_is_stopped(positions_home: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writer, b"x" * 4096)
    os.set_blocking(writer, True)
    try:
        killing = subprocess.Popen(
            command(positions_home, "--kill", "--flatten"), cwd=REPOSITORY, env=environment(),
            stdin=subprocess.DEVNULL, stdout=writer, stderr=writer,
        )  # fmt: skip
        assert killing.wait(100) == 0
    finally:
        os.close(reader)
        os.close(writer)
    with ledger_of(positions_home) as ledger:
        assert open_positions(ledger) == set()


@pytest.mark.slow
def test_a_kill_whose_shell_hangs_up_flattens_all_the_same(positions_home: Path) -> None:
    writer = deaf_pipe()
    try:
        killing = subprocess.Popen(
            command(positions_home, "--kill", "--flatten"), cwd=REPOSITORY, env=environment(),
            stdin=subprocess.DEVNULL, stdout=writer, stderr=writer,
        )  # fmt: skip
        wait_until((positions_home / "storage" / "KILL").exists, "the latch")
        killing.send_signal(signal.SIGHUP)
        assert killing.wait(100) == 0
    finally:
        os.close(writer)
    with ledger_of(positions_home) as ledger:
        assert open_positions(ledger) == set()
        assert live_algos(ledger) == []
    assert app(positions_home, "--status").code == 0
