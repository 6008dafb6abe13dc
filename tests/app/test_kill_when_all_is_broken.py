"""--kill --flatten with everything else in pieces, each with real processes: exit 0 only when the venue is flat."""

from __future__ import annotations

import signal
import socket
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from engine.exchange.simulator.embedded import EmbeddedVenue
from engine.execution.latch_record import KEY
from tests.app.conftest import HELD
from tests.app.program import (
    RULES,
    Daemon,
    Finished,
    app,
    daemon,
    ledger_of,
    live_algos,
    open_positions,
    status,
    venue_of,
    wait_until,
)

pytestmark = pytest.mark.slow

SPEED = "300"


def flat(venue: EmbeddedVenue) -> bool:
    ledger = venue.ledger()
    return not open_positions(ledger) and not live_algos(ledger)


def flatten(home: Path) -> Finished:
    return app(home, "--kill", "--flatten")


def entered(venue: EmbeddedVenue) -> set[str]:
    return {entry["clOrdId"] for entry in venue.ledger()["entries"]}


def running(engine: Daemon) -> None:
    wait_until(lambda: engine.state() in {"running", "reducing"}, "a running engine", 60)


@contextmanager
def locked(database: Path) -> Iterator[None]:
    """Nobody else can write, as when a backup program or a shell holds the file."""
    holder = sqlite3.connect(database, timeout=10, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        holder.execute("ROLLBACK")
        holder.close()


@contextmanager
def silent_model() -> Iterator[str]:
    """A language model that takes every question and answers none."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        kept: list[socket.socket] = []

        def listen() -> None:
            try:
                while True:
                    kept.append(server.accept()[0])
            except OSError:
                return

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        for line in kept:
            line.close()


def test_a_hung_daemon_does_not_hold_it_up_and_once_awake_sends_no_entry(positions_home: Path) -> None:
    home = positions_home
    with daemon(home, "--speed", SPEED) as engine:
        running(engine)
        venue = venue_of(home)
        engine.signal(signal.SIGSTOP)
        before = entered(venue)
        run = flatten(home)
        assert run.code == 0, run
        assert flat(venue)
        decided = len(engine.decisions())
        engine.signal(signal.SIGCONT)
        wait_until(lambda: len(engine.decisions()) >= decided + 2 * 17, "cycles after waking")
        wait_until(lambda: flat(venue), "flat also after waking")
        assert entered(venue) == before
        assert status(home)["kill"]["state"] == "flat"


def test_a_dead_daemon_does_not_hold_it_up(positions_home: Path) -> None:
    home = positions_home
    with daemon(home, "--speed", SPEED) as engine:
        running(engine)
        venue = venue_of(home)
        engine.signal(signal.SIGKILL)
        engine.process.wait(10)
        run = flatten(home)
        assert run.code == 0, run
        assert flat(venue)


def test_a_locked_database_does_not_hold_it_up(positions_home: Path) -> None:
    home = positions_home
    with daemon(home, "--speed", SPEED) as engine, locked(home / "storage/cynosure.db"):
        running(engine)
        run = flatten(home)
        assert run.code == 0, run
        assert flat(venue_of(home))
        assert "the database did not take it" in run.out


@pytest.mark.parametrize("damage", ["gone", "corrupt"])
def test_without_a_usable_database_it_works_all_the_same(positions_home: Path, damage: str) -> None:
    for path in (positions_home / "storage").glob("cynosure.db*"):
        path.unlink()
    if damage == "corrupt":
        (positions_home / "storage/cynosure.db").write_bytes(b"no database at all" * 500)
    run = flatten(positions_home)
    assert run.code == 0, run
    assert "the database did not take it" in run.out
    with ledger_of(positions_home) as ledger:
        assert open_positions(ledger) == set()
        assert live_algos(ledger) == []


def test_a_model_that_never_answers_does_not_hold_it_up(positions_home: Path) -> None:
    home = positions_home
    with silent_model() as host:
        (home / "config.yaml").write_text(f'llm: {{host: "{host}"}}\ndemo: {{equity_usdt: 100000}}\n')
        with daemon(home, "--speed", SPEED) as engine:
            running(engine)
            run = flatten(home)
            assert run.code == 0, run
            assert flat(venue_of(home))


def test_what_the_venue_refuses_to_close_is_named_loudly_and_the_exit_code_says_so(positions_home: Path) -> None:
    venue = EmbeddedVenue.start(positions_home, seed=7, speed=1.0)
    try:
        stubborn = {
            "kind": "refuse",
            "code": "51020",
            "when": {"path": "/api/v5/trade/close-position", "inst": HELD[0], "times": 10_000},
        }
        venue._ask("POST", "/sim/fault", stubborn)
        run = flatten(positions_home)
        assert run.code == 1
        assert f"STILL OPEN: {HELD[0]}" in run.err
        assert open_positions(venue.ledger()) == {HELD[0]}
        assert {algo["instId"] for algo in live_algos(venue.ledger())} == {HELD[0]}, "it keeps its bracket"
    finally:
        venue.stop()


def test_the_database_remembers_what_the_file_has_lost(positions_home: Path) -> None:
    home = positions_home
    assert app(home, "--kill").code == 0
    with sqlite3.connect(home / "storage/cynosure.db") as books:
        [(text,)] = books.execute("SELECT value FROM meta WHERE key = ?", (KEY,)).fetchall()
    assert '"halted"' in text
    (home / "storage/KILL").unlink()
    (home / "config.yaml").write_text(RULES + "demo: {equity_usdt: 100000}\n")
    with daemon(home, "--speed", SPEED) as engine:
        wait_until(lambda: engine.state() == "running", "a running engine", 60)
        assert (home / "storage/KILL").exists()
        assert status(home)["kill"]["state"] == "halted"
