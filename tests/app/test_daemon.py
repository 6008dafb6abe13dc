"""--daemon: a whole life, a sudden death, a stop in mid-breath, and a venue that is not there."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.systemd import notify
from tests.app.conftest import HELD
from tests.app.program import (
    Finished,
    app,
    daemon,
    exists,
    fresh_home,
    is_gone,
    ledger_of,
    open_positions,
    status,
    unbracketed,
    venue_of,
    wait_until,
)
from tests.simulator_process import Simulator, simulator_command

SPEED = "300"
"""Venue seconds a second: a bar lasts three."""


@dataclass(frozen=True)
class Life:
    """What was seen of one daemon from its start to its SIGTERM, on a home with two positions."""

    home: Path
    told: list[str]
    running: dict[str, Any]
    refused: dict[str, Finished]
    alive_after_refusals: bool
    bars: int
    market_pid: int
    end: Finished
    market_gone: bool


@pytest.fixture(scope="module")
def life(copy_of_positions: Callable[[], Path]) -> Iterator[Life]:
    home = copy_of_positions()
    with (
        supervisor(home / "notify") as told,
        daemon(home, "--speed", SPEED, NOTIFY_SOCKET=str(home / "notify")) as engine,
    ):
        wait_until(lambda: engine.state() == "running", "a running engine")
        market = venue_of(home)
        refused = {name: app(home, *name.split()) for name in ("--daemon", "--once", "")}
        wait_until(lambda: len({d["bar_ts"] for d in engine.decisions()}) >= 3, "three cycles on three bars")
        wait_until(lambda: (engine.event("cycle_finished") or {}).get("cycle", 0) >= 2, "a told cycle")
        running = status(home)
        alive = engine.process.poll() is None
        engine.signal(signal.SIGTERM)
        end = engine.ended(10)
        bars = len({d["bar_ts"] for d in engine.decisions()})
        yield Life(home, told, running, refused, alive, bars, market.pid, end, is_gone(market))


@contextmanager
def supervisor(address: Path) -> Iterator[list[str]]:
    """What systemd would hear: every message that arrives at `address`, in order."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notices:
        notices.bind(str(address))
        notices.settimeout(0.2)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    heard.append(notices.recv(4096).decode())

        listener = threading.Thread(target=listen)
        listener.start()
        try:
            yield heard
        finally:
            over.set()
            listener.join()


def test_a_supervisor_that_does_not_read_cannot_stop_the_engine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        for _ in range(2000):
            notify("WATCHDOG=1")


def test_cycles_run_bar_after_bar_and_status_tells(life: Life) -> None:
    assert life.bars >= 3
    assert life.running["running"] is True
    assert life.running["engine"] == "running"
    assert life.running["heartbeat_age_s"] < 10
    assert life.running["cycle"]["decisions"] == 17
    assert life.running["mode"] == "demo"
    assert {p["ticker"] for p in life.running["positions"]} >= {"BTC", "XAU"}
    assert all(p["protection"] == "protected" for p in life.running["positions"])
    assert {"stop", "target", "bracket"} <= set(life.running["positions"][0])


def test_a_second_engine_in_the_same_home_is_refused_and_the_first_goes_on(life: Life) -> None:
    for name, run in life.refused.items():
        assert "already runs here" in run.complaint, f"{name or 'cockpit'}: {run}"
        assert "--status" in run.complaint
    assert life.alive_after_refusals


def test_systemd_hears_readiness_heartbeats_and_the_stop(life: Life) -> None:
    assert life.told[0] in {"READY=1", "WATCHDOG=1"}
    assert life.told.count("READY=1") == 1
    assert life.told.count("WATCHDOG=1") >= 2
    assert life.told[-1] == "STOPPING=1"


def test_sigterm_ends_it_with_0_and_leaves_no_process(life: Life) -> None:
    assert (life.end.code, life.end.err) == (0, "")
    assert life.market_gone
    assert not exists(life.market_pid)


def test_after_sigterm_the_database_is_closed_and_whole(life: Life) -> None:
    assert not list((life.home / "storage").glob("cynosure.db-*")), "a write-ahead log was left behind"
    with sqlite3.connect(life.home / "storage/cynosure.db") as books:
        assert books.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_after_sigterm_every_position_is_still_bracketed_at_the_venue(life: Life) -> None:
    with ledger_of(life.home) as ledger:
        assert open_positions(ledger) >= set(HELD)
        assert unbracketed(ledger) == []
        assert (ledger["duplicates"], ledger["orphans"]) == (0, 0)


@pytest.mark.slow
def test_after_a_kill_9_the_market_keeps_the_brackets_and_the_next_engine_takes_it_over(positions_home: Path) -> None:
    home = positions_home
    with daemon(home, "--speed", SPEED) as first:
        wait_until(lambda: len(first.decisions()) >= 17, "a cycle")
        market = venue_of(home)
        first.signal(signal.SIGKILL)
        first.process.wait(10)
        assert market.alive()
        assert unbracketed(market.ledger()) == []
        before = market.ledger()
        told = status(home)
        assert (told["running"], told["engine"]) == (False, "stopped")
        assert market.alive(), "looking at a market must not stop it"
        assert market.clock()[1] == float(SPEED), "nor change its speed"
        with daemon(home, "--speed", SPEED) as second:
            wait_until(lambda: second.state() == "running", "the second engine")
            assert venue_of(home).pid == market.pid
            wait_until(lambda: len(second.decisions()) >= 3 * 17, "more cycles")
            after = market.ledger()
            assert open_positions(after) >= set(HELD)
            assert unbracketed(after) == []
            assert (after["duplicates"], after["orphans"]) == (0, 0)
            assert {f["tradeId"] for f in before["fills"]} <= {f["tradeId"] for f in after["fills"]}
            told = status(home)
            assert told["engine"] == "running"
            assert told["halts"] == []
            assert told["account"]["difference"].strip("-0.E") in {"", *"0123456789"}
            second.signal(signal.SIGTERM)
            assert second.ended(10).code == 0


@pytest.mark.slow
def test_a_hung_engine_is_told_as_silent_and_can_be_killed_all_the_same(positions_home: Path) -> None:
    home = positions_home
    with daemon(home, "--speed", SPEED) as engine:
        wait_until(lambda: engine.state() == "running", "a running engine")
        engine.signal(signal.SIGSTOP)
        killed = app(home, "--kill")
        assert killed.code == 0, killed
        assert (home / "storage/KILL").exists()
        told = wait_until(lambda: _silent(home), "a silent engine", seconds=30, every=1)
        assert told["kill"]["state"] == "halted"
        decided = len(engine.decisions())
        engine.signal(signal.SIGCONT)
        wait_until(lambda: len(engine.decisions()) >= decided + 2 * 17, "cycles after waking")
        later = engine.decisions()[decided + 17 :]
        assert all(_kill_gate(d)["verdict"] == "block" for d in later if _kill_gate(d))
        assert all(d["action"] != "BUY" for d in later)
        ledger = venue_of(home).ledger()
        assert open_positions(ledger) <= set(HELD)
        assert unbracketed(ledger) == []


def _silent(home: Path) -> dict[str, Any] | None:
    run = app(home, "--status", "--json")
    told = run.objects[0]
    if told["engine"] != "silent":
        return None
    assert run.code == 1
    return told


def _kill_gate(decision: dict[str, Any]) -> dict[str, Any]:
    return next((gate for gate in decision["gates"] if gate["name"] == "kill"), {})


def paper_home(folder: Path, port: int) -> Path:
    host = f"http://127.0.0.1:{port}"
    return fresh_home(folder, f'llm: {{backend: rules}}\ngoals: {{mode: paper}}\napis: {{okx: {{host: "{host}"}}}}\n')


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.slow
def test_an_unreachable_exchange_is_a_visible_state_from_which_the_engine_recovers_by_itself(tmp_path: Path) -> None:
    port = free_port()
    home = paper_home(tmp_path / "home", port)
    keys = {"OKX_API_KEY": "k3y-of-paper", "OKX_SECRET_KEY": "s3cret-of-paper", "OKX_PASSPHRASE": "p4ss-of-paper"}
    venue = Simulator(
        simulator_command(tmp_path, port=port, speed=1, key="k3y-of-paper", secret="s3cret-of-paper",
                          passphrase="p4ss-of-paper"),
        tmp_path / "venue.log",
    )  # fmt: skip
    with daemon(home, **keys) as engine:
        wait_until(lambda: engine.state() == "reducing", "a degraded engine")
        run = app(home, "--status", "--json", **keys)
        told = run.objects[0]
        assert run.code == 0
        assert told["engine"] == "reducing"
        assert f"127.0.0.1:{port}" in told["engine_detail"]
        assert told["positions"] is None, "unknown is not none"
        venue.boot()
        try:
            wait_until(lambda: engine.state() == "running", "a running engine", seconds=30)
            engine.signal(signal.SIGTERM)
            assert engine.ended(10).code == 0
        finally:
            venue.stop()
    for path in (p for p in home.rglob("*") if p.is_file()):
        assert not any(secret.encode() in path.read_bytes() for secret in keys.values()), path


@pytest.mark.slow
def test_refused_keys_end_the_daemon_with_one_line_instead_of_being_tried_for_ever(tmp_path: Path) -> None:
    from tests.simulator_process import simulator

    with simulator(tmp_path, speed=1) as venue:
        home = paper_home(tmp_path / "home", venue.port)
        wrong = {"OKX_API_KEY": "wr0ng-key", "OKX_SECRET_KEY": "wr0ng-secret", "OKX_PASSPHRASE": "wr0ng-pass"}
        complaint = app(home, "--daemon", **wrong).complaint
        assert "AuthFailed" in complaint
        assert "wr0ng" not in complaint


@pytest.mark.slow
def test_a_market_that_dies_under_the_engine_is_told(positions_home: Path) -> None:
    with daemon(positions_home, "--speed", "60") as engine:
        wait_until(lambda: engine.state() == "running", "a running engine")
        market = venue_of(positions_home)
        os.kill(market.pid, signal.SIGKILL)
        wait_until(lambda: engine.state() == "reducing", "a degraded engine", seconds=40)
        assert "venue" in (engine.event("engine_state") or {})["detail"]
        engine.signal(signal.SIGTERM)
        assert engine.ended(15).code == 0
