"""The demo's child process: started once per home, adopted after a crash of its parent, never mistaken."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.exchange.errors import Unavailable
from engine.exchange.simulator.embedded import EmbeddedVenue, Registration, VenueStartError


@pytest.fixture
def started() -> Iterator[list[EmbeddedVenue]]:
    """Venues to be stopped at the end of a test."""
    venues: list[EmbeddedVenue] = []
    yield venues
    for venue in venues:
        venue.stop()


def start(started: list[EmbeddedVenue], home: Path, **options: Any) -> EmbeddedVenue:
    venue = EmbeddedVenue.start(home, **({"seed": 7, "speed": 0.0} | options))
    started.append(venue)
    return venue


def registration(home: Path) -> Registration:
    found = Registration.read(home / "storage" / "simulator.json")
    assert found is not None
    return found


def running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and ") Z " not in status.read_text()


def test_it_starts_moves_reports_and_stops(tmp_path: Path, started: list[EmbeddedVenue]) -> None:
    venue = start(started, tmp_path)
    assert venue.alive()
    assert not venue.adopted
    before, speed = venue.clock()
    assert speed == 0
    assert venue.advance(ms=60_000) == before + 60_000
    assert venue.advance(to_ms=before + 120_000) == before + 120_000
    venue.set_speed(5)
    assert venue.clock()[1] == 5
    assert "totals" in venue.ledger()
    assert venue.log() == []
    assert (tmp_path / "storage" / "simulator.json").stat().st_mode & 0o777 == 0o600
    assert venue.secret not in Path(f"/proc/{venue.pid}/cmdline").read_bytes().decode()
    venue.stop()
    assert not venue.alive()
    assert not running(venue.pid)
    assert (tmp_path / "storage" / "simulator.db").exists()
    with pytest.raises(Unavailable):
        venue.clock()


def test_it_outlives_a_killed_engine_and_the_next_one_adopts_it(tmp_path: Path, started: list[EmbeddedVenue]) -> None:
    script = (
        "import os, sys, pathlib\n"
        "from engine.exchange.simulator.embedded import EmbeddedVenue\n"
        "EmbeddedVenue.start(pathlib.Path(sys.argv[1]), seed=7, speed=0)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    dead = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False, timeout=30)
    assert dead.returncode == -signal.SIGKILL
    venue = start(started, tmp_path, speed=3.0)
    assert venue.adopted
    assert (venue.key, venue.pid) == (registration(tmp_path).key, registration(tmp_path).pid)
    assert venue.clock()[1] == 3
    venue.stop()
    deadline = time.monotonic() + 5
    while running(venue.pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not running(venue.pid)


@pytest.mark.slow
def test_another_market_is_another_process(tmp_path: Path, started: list[EmbeddedVenue]) -> None:
    first = start(started, tmp_path)
    with pytest.raises(VenueStartError, match=r"simulator\.db"):
        start(started, tmp_path, seed=8)
    assert not first.alive()


@pytest.mark.slow
def test_not_adopting_means_a_fresh_process_on_the_same_state(tmp_path: Path, started: list[EmbeddedVenue]) -> None:
    first = start(started, tmp_path)
    reached = first.advance(ms=600_000)
    second = start(started, tmp_path, adopt=False)
    assert second.pid != first.pid
    assert second.clock()[0] == reached


@pytest.mark.parametrize("content", ["", "{", "[]", '{"port": 1}', "\x00\xff"])
def test_a_torn_registration_counts_as_none(tmp_path: Path, content: str) -> None:
    path = tmp_path / "simulator.json"
    path.write_text(content)
    assert Registration.read(path) is None


@pytest.mark.slow
def test_a_killed_venue_is_started_again_where_it_was(tmp_path: Path, started: list[EmbeddedVenue]) -> None:
    first = start(started, tmp_path)
    reached = first.advance(ms=600_000)
    os.kill(first.pid, signal.SIGKILL)
    while first.alive():
        time.sleep(0.02)
    second = start(started, tmp_path)
    assert not second.adopted
    assert second.clock()[0] == reached


@pytest.mark.slow
def test_a_dead_venue_is_revived_at_its_address_with_its_credentials(
    tmp_path: Path, started: list[EmbeddedVenue]
) -> None:
    venue = EmbeddedVenue.start(tmp_path, speed=0.0)
    started.append(venue)
    assert venue.revive(0.0, 10_000.0) is False
    at, address, key, pid = venue.advance(ms=900_000), venue.base_url, venue.key, venue.pid
    os.kill(pid, signal.SIGKILL)
    assert venue.revive(0.0, 10_000.0) is True
    assert venue.pid != pid
    assert (venue.clock()[0], venue.base_url, venue.key) == (at, address, key)
    found = EmbeddedVenue.find(tmp_path)
    assert found is not None
    assert found.pid == venue.pid


@pytest.mark.slow
def test_a_child_that_ends_at_once_tells_why(tmp_path: Path) -> None:
    with pytest.raises(VenueStartError, match="nothing-here") as failed:
        EmbeddedVenue.start(tmp_path, seed=7, speed=0, replay=tmp_path / "nothing-here")
    assert "\n" not in str(failed.value)
    assert "exit code 2" in str(failed.value)


@pytest.mark.slow
def test_two_homes_run_side_by_side(tmp_path: Path, started: list[EmbeddedVenue]) -> None:
    one, two = start(started, tmp_path / "one"), start(started, tmp_path / "two")
    assert one.base_url != two.base_url
    assert one.key != two.key
    one.advance(ms=60_000)
    assert one.clock()[0] == two.clock()[0] + 60_000
    one.stop()
    assert two.alive()


@pytest.mark.slow
def test_a_stranger_behind_a_stale_registration_is_neither_adopted_nor_killed(
    tmp_path: Path, started: list[EmbeddedVenue]
) -> None:
    stranger = start(started, tmp_path / "stranger")
    home = tmp_path / "home"
    (home / "storage").mkdir(parents=True)
    bystander = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        theirs = registration(tmp_path / "stranger")
        for stale in (
            replace(theirs, token="0" * 32),
            replace(theirs, pid=bystander.pid),
            replace(theirs, port=unused_port(), pid=bystander.pid),
        ):
            stale.write(home / "storage" / "simulator.json")
            old = EmbeddedVenue(tmp_path, stale, None)
            assert not old.alive()
            old.stop()
        venue = start(started, home)
        assert not venue.adopted
        assert stranger.alive()
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
