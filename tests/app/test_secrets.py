"""No secret in any artefact of a run in which everything fails, not even when the venue echoes it."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import yaml

from tests.app.program import app, daemon, fresh_home, wait_until
from tests.simulator_process import Simulator, simulator_command

KEYS = {"OKX_API_KEY": "k3y-of-paper-1", "OKX_SECRET_KEY": "s3cret-of-paper-2", "OKX_PASSPHRASE": "p4ss-of-paper-3"}
TOKEN = "12345:telegram-t0ken-4"
SECRETS = (*KEYS.values(), TOKEN)
ECHO = "key {OKX_API_KEY} with {OKX_SECRET_KEY} and {OKX_PASSPHRASE} was refused".format(**KEYS)


def config(port: int) -> str:
    return yaml.safe_dump(
        {
            "llm": {"backend": "rules"},
            "goals": {"mode": "paper"},
            "apis": {"okx": {"host": f"http://127.0.0.1:{port}"}},
            "watchdog": {"telegram_token": TOKEN},
            "watchlist": ["BTC", "ETH"],
        }
    )


def faults() -> str:
    """Reads and writes refused with the secrets in the message, as text and as a page."""
    echo = {"kind": "refuse", "code": "50001", "status": 503, "message": ECHO}
    return yaml.safe_dump(
        {
            "faults": [
                {**echo, "when": {"path": "/api/v5/market/*", "every": 2}},
                {**echo, "when": {"path": "/api/v5/account/balance", "every": 3}},
                {**echo, "when": {"path": "/api/v5/trade/*", "every": 4}},
                {"kind": "garble", "when": {"path": "/api/v5/public/*", "every": 3}},
                {"kind": "html", "when": {"path": "/api/v5/account/*", "every": 5}},
            ]
        }
    )


@pytest.mark.slow
def test_no_artefact_of_a_failing_run_holds_a_secret(tmp_path: Path) -> None:
    (tmp_path / "faults.yaml").write_text(faults())
    options = {"speed": 1, "key": KEYS["OKX_API_KEY"], "secret": KEYS["OKX_SECRET_KEY"]}
    command = simulator_command(tmp_path, **options, passphrase=KEYS["OKX_PASSPHRASE"], faults=tmp_path / "faults.yaml")
    venue = Simulator(command, tmp_path / "venue.log")
    venue.boot()
    home = fresh_home(tmp_path / "home", config(venue.port))
    try:
        with daemon(home, "--record", str(home / "recording.ndjson"), **KEYS) as engine:
            wait_until(lambda: engine.event("engine_state"), "a sign of life")
            wait_until(lambda: "refused" in log_of(home), "the venue's words in the log")
            told = app(home, "--status", **KEYS)
            killed = app(home, "--kill", **KEYS)
            engine.signal(signal.SIGTERM)
            ended = engine.ended(30)
    finally:
        venue.stop()
    once = app(home, "--once", "--json", **KEYS)
    said = "\n".join(run.out + run.err for run in (told, killed, ended, once))
    artefacts = [path for path in home.rglob("*") if path.is_file() and path.name != "config.yaml"]
    assert {"engine.log", "recording.ndjson", "cynosure.db", "status.json"} <= {path.name for path in artefacts}
    assert "***" in log_of(home), "the secrets came by, and were taken out"
    for secret in SECRETS:
        assert secret not in said
        for path in artefacts:
            assert secret.encode() not in path.read_bytes(), path


def log_of(home: Path) -> str:
    path = home / "logs" / "engine.log"
    return path.read_text() if path.exists() else ""
