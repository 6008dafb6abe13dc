"""A user's mistake: one clear line on stderr, an exit code that is not 0, and nothing lost."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.app.program import REPOSITORY, app, environment, fresh_home

PAPER = 'goals: {mode: paper}\napis: {okx: {flag: "1"}}\n'
UNREACHABLE = PAPER.replace("{flag: ", '{host: "http://127.0.0.1:1", flag: ')
KEYS = {"OKX_API_KEY": "k3y-in-the-environment", "OKX_SECRET_KEY": "s3cret-in-env", "OKX_PASSPHRASE": "p4ss-in-env"}


@dataclass(frozen=True)
class Mistake:
    """What was done wrong, and words that its line must contain."""

    config: str
    arguments: tuple[str, ...]
    said: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)


MISTAKES = {
    "an unknown key": Mistake("risk: {max_positons: 3}\n", ("--once",), ("config.yaml", "risk.max_positons")),
    "a bad type": Mistake(
        "risk: {max_open_positions: many}\n", ("--daemon",), ("config.yaml", "risk.max_open_positions", "integer")
    ),
    "a file that is no YAML": Mistake("risk: {\n", ("--status",), ("config.yaml", "not valid YAML")),
    "no keys in paper mode": Mistake(PAPER, ("--once",), ("paper", "OKX_API_KEY", "OKX_SECRET_KEY", ".env")),
    "paper with the flag of live": Mistake(
        'goals: {mode: paper}\napis: {okx: {flag: "0"}}\n', ("--daemon",), ("paper", "apis.okx.flag")
    ),
    "the same, opening the cockpit": Mistake(
        'goals: {mode: paper}\napis: {okx: {flag: "0"}}\n', (), ("paper", "apis.okx.flag")
    ),
    "live without its acknowledgement": Mistake(
        'goals: {mode: live}\napis: {okx: {flag: "0"}}\n', ("--once",), ("live", "CYNOSURE_LIVE"), KEYS
    ),
    "--seed in paper mode": Mistake(PAPER, ("--once", "--seed", "3"), ("--seed", "demo", "paper"), KEYS),
    "--speed out of range": Mistake("", ("--once", "--speed", "4000"), ("--speed", "3600", "4000")),
    "--speed that is no number": Mistake("", ("--daemon", "--speed", "nan"), ("--speed", "3600")),
    "--cycles 0": Mistake("", ("--once", "--cycles", "0"), ("--cycles", "1 or more")),
    "an unknown flag": Mistake("", ("--onse",), ("--onse", "--help")),
    "two commands": Mistake("", ("--once", "--daemon"), ("--once", "--daemon")),
    "--flatten alone": Mistake("", ("--flatten",), ("--flatten", "--kill")),
    "a replay folder that is not there": Mistake(
        "", ("--once", "--replay", "no-such-folder"), ("no-such-folder", "not a folder")
    ),
    "a cassette that is not there, opening the cockpit": Mistake(
        "", ("--cassette", "no-such.jsonl"), ("--cassette", "no-such.jsonl", "cannot be read")
    ),
    "recorded answers for real money": Mistake(
        'goals: {mode: live}\napis: {okx: {flag: "0"}}\nrisk: {profile: prudent}\n',
        ("--once", "--cassette", "any.jsonl"),
        ("--cassette", "never trade real money"),
        {**KEYS, "CYNOSURE_LIVE": "I-ACCEPT-THE-RISK"},
    ),
    "an exchange that is not reachable": Mistake(
        PAPER.replace("{flag: ", '{host: "http://127.0.0.1:1", flag: '),
        ("--once",),
        ("127.0.0.1:1", "not answer"),
        KEYS,
    ),
}


def user_files(home: Path) -> dict[str, bytes]:
    """All but what a start may write before it knows better: logs and the lock."""
    kept = [p for p in home.rglob("*") if p.is_file() and p.parent.name != "logs" and p.suffix not in (".lock",)]
    return {str(path.relative_to(home)): path.read_bytes() for path in kept}


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_costs_one_clear_line_and_nothing_else(tmp_path: Path, mistake: Mistake) -> None:
    home = fresh_home(tmp_path / "home", mistake.config)
    before = user_files(home)
    complaint = app(home, *mistake.arguments, **mistake.env).complaint
    assert all(word in complaint for word in mistake.said), complaint
    assert not any(secret in complaint for secret in KEYS.values())
    after = user_files(home)
    assert {name: after[name] for name in before} == before


@pytest.mark.slow
def test_a_folder_without_candles_is_refused_by_name(home: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    complaint = app(home, "--once", "--replay", str(tmp_path / "empty")).complaint
    assert str(tmp_path / "empty") in complaint
    assert "no candle files" in complaint


@pytest.mark.slow
def test_a_corrupt_database_is_named_and_left_as_it_was(home: Path) -> None:
    database = home / "storage/cynosure.db"
    database.parent.mkdir()
    database.write_bytes(b"no database at all" * 99)
    for arguments in (("--once",), ("--daemon",)):
        complaint = app(home, *arguments).complaint
        assert str(database) in complaint
        assert database.read_bytes() == b"no database at all" * 99


@pytest.mark.slow
def test_a_damaged_state_of_the_simulator_is_named_and_left_as_it_was(home: Path) -> None:
    state = home / "storage/simulator.db"
    state.parent.mkdir()
    state.write_bytes(b"no state at all" * 99)
    assert "simulator.db" in app(home, "--once").complaint
    assert state.read_bytes() == b"no state at all" * 99


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    for arguments in (("--once",), ("--kill",), ()):
        assert str(tmp_path / "file") in app(tmp_path / "file", *arguments).complaint
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_home_that_cannot_be_written_is_refused(home: Path) -> None:
    home.chmod(0o500)
    try:
        assert str(home) in app(home, "--once").complaint
    finally:
        home.chmod(0o700)


@pytest.mark.slow
def test_a_home_keeps_its_market_when_another_seed_is_asked_for(positions_home: Path) -> None:
    """Positions of one market cannot be carried into another; the refusal keeps both the state and its register."""
    before = user_files(positions_home)
    complaint = app(positions_home, "--once", "--seed", "8").complaint
    assert "simulator.db" in complaint
    after = user_files(positions_home)
    assert {name: after[name] for name in before} == before


def test_the_simulator_names_a_port_that_is_taken() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        run = subprocess.run(
            [sys.executable, "-m", "engine.exchange.simulator", "--port", port],
            cwd=REPOSITORY, env=environment(), capture_output=True, text=True, timeout=30, check=False,
        )  # fmt: skip
    assert run.returncode == 2
    assert len(run.stderr.splitlines()) == 1
    assert f"port {port} is taken" in run.stderr


@pytest.mark.slow
def test_no_secret_is_written_anywhere_when_a_paper_run_fails(tmp_path: Path) -> None:
    home = fresh_home(tmp_path / "home", UNREACHABLE)
    runs = [app(home, "--once", **KEYS), app(home, "--kill", **KEYS), app(home, "--status", **KEYS)]
    assert all(run.code != 0 for run in runs)
    written = {path: path.read_bytes() for path in home.rglob("*") if path.is_file()}
    said = "".join(run.out + run.err for run in runs)
    for secret in KEYS.values():
        assert secret not in said
        assert [str(path) for path, text in written.items() if secret.encode() in text] == []
    assert (home / "logs/engine.log").stat().st_size > 0
    assert (home / "storage/KILL").exists()
