"""The program as a user starts it: app.py in a process of its own, on a home of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from engine.exchange.errors import Unavailable
from engine.exchange.simulator.embedded import EmbeddedVenue
from engine.home import Home, StorageLock

REPOSITORY = Path(__file__).resolve().parents[2]
RULES = "llm: {backend: rules}\n"
"""A model that happens to answer on this machine would make two runs differ."""

T = TypeVar("T")


@dataclass(frozen=True)
class Finished:
    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """stdout as strict JSON lines: NaN and Infinity are no JSON."""
        return [json.loads(line, parse_constant=_no_number) for line in self.out.splitlines()]

    @property
    def decision_lines(self) -> list[str]:
        return [line for line in self.out.splitlines() if '"type": "decision"' in line]

    @property
    def complaint(self) -> str:
        """The one line on stderr of a refused command; fails when it is not exactly one, or no refusal."""
        lines = self.err.splitlines()
        assert len(lines) == 1, f"expected one line on stderr, got: {self.err}"
        assert "Traceback" not in self.err
        assert self.code not in (0, None), f"exit code {self.code} for: {self.err}"
        return lines[0]


def _no_number(word: str) -> float:
    raise AssertionError(f"{word} is not JSON")


def environment(**extra: str) -> dict[str, str]:
    """This process's, without what would change the program's mind."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OKX_", "CYNOSURE_")) and name != "NOTIFY_SOCKET"
    }
    return kept | extra


def as_installed(**extra: str) -> dict[str, str]:
    """The environment, with the packages of requirements.txt: without pandas, which only a bench uses."""
    found = environment(**extra)
    paths = (str(REPOSITORY / "tests" / "app" / "as_installed"), found.get("PYTHONPATH", ""))
    return found | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def command(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(REPOSITORY / "app.py"), "--home", str(home), *arguments]


def app(home: Path, *arguments: str, timeout: float = 100.0, **env: str) -> Finished:
    """Runs `python app.py --home HOME ...` to its end."""
    done = subprocess.run(
        command(home, *arguments),
        cwd=REPOSITORY, env=as_installed(**env), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=timeout, check=False,
    )  # fmt: skip
    return Finished(done.returncode, done.stdout, done.stderr)


def status(home: Path) -> dict[str, Any]:
    """`--status --json`, whatever its exit code."""
    return app(home, "--status", "--json").objects[0]


def fresh_home(folder: Path, config: str = RULES) -> Path:
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(config)
    return folder


def wait_until(ask: Callable[[], T], what: str, seconds: float = 30.0, every: float = 0.1) -> T:
    """The first truthy answer; fails with `what` when there is none in time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        answer = ask()
        if answer:
            return answer
        time.sleep(every)
    raise AssertionError(f"not within {seconds:g} s: {what}")


def exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@dataclass
class Daemon:
    """A running `--daemon`."""

    home: Path
    process: subprocess.Popen[str]

    @property
    def heartbeat(self) -> dict[str, Any] | None:
        """What it last said of itself: storage/status.json."""
        try:
            return json.loads((self.home / "storage/status.json").read_text())
        except (OSError, ValueError):
            return None

    def event(self, kind: str) -> dict[str, Any] | None:
        """The last event of this kind in the heartbeat of this very process."""
        document = self.heartbeat
        if document is None or document["snapshot"]["pid"] != self.process.pid:
            return None
        found = [event for event in document["snapshot"]["events"] if event["kind"] == kind]
        return found[-1] if found else None

    def state(self) -> str:
        told = self.event("engine_state")
        return told["state"] if told else ""

    def decisions(self) -> list[dict[str, Any]]:
        return decisions_of(self.home)

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def ended(self, timeout: float = 30.0) -> Finished:
        out, err = self.process.communicate(timeout=timeout)
        return Finished(self.process.returncode, out, err)


def decisions_of(home: Path) -> list[dict[str, Any]]:
    """Every decision that was ever logged in this home, oldest first."""
    path = home / "logs/reasoning.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    return [json.loads(line) for line in lines if line.endswith("}")]


def venue_of(home: Path) -> EmbeddedVenue:
    """The simulator of this home, which must be running."""
    return wait_until(lambda: EmbeddedVenue.find(home), "a running simulator")


@contextmanager
def daemon(home: Path, *arguments: str, **env: str) -> Iterator[Daemon]:
    """A started daemon; whatever a test leaves of it and of its market is ended."""
    process = subprocess.Popen(
        command(home, "--daemon", *arguments),
        cwd=REPOSITORY, env=as_installed(**env), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield Daemon(home, process)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=10)
        end_market(home)


def end_market(home: Path) -> None:
    """Ends a simulator that outlived its engine, as it should have."""
    if StorageLock(Home(home)).holder() is None and (venue := EmbeddedVenue.find(home)) is not None:
        venue.stop()


@contextmanager
def ledger_of(home: Path) -> Iterator[dict[str, Any]]:
    """The simulator's own books of a home at rest: opened with time standing still, closed again."""
    registration = json.loads((home / "storage/simulator.json").read_text())
    venue = EmbeddedVenue.start(home, seed=registration["seed"], speed=0.0, replay=registration["replay"] or None)
    try:
        yield venue.ledger()
    finally:
        venue.stop()


def live_algos(ledger: dict[str, Any]) -> list[dict[str, Any]]:
    """The conditional orders that still wait; the ledger also keeps those that are over."""
    return [algo for algo in ledger["algos"] if algo["state"] == "live"]


def unbracketed(ledger: dict[str, Any]) -> list[str]:
    """Open positions that live reduce-only algos with both a stop and a target do not cover in full."""
    missing = []
    for position in ledger["positions"]:
        brackets = [
            algo
            for algo in live_algos(ledger)
            if (algo["instId"], algo["reduceOnly"]) == (position["instId"], "true")
            and algo["slTriggerPx"]
            and algo["tpTriggerPx"]
        ]
        if sum((Decimal(algo["sz"]) for algo in brackets), Decimal(0)) < abs(Decimal(position["pos"])):
            missing.append(position["instId"])
    return missing


def open_positions(ledger: dict[str, Any]) -> set[str]:
    return {p["instId"] for p in ledger["positions"] if Decimal(p["pos"])}


def is_gone(venue: EmbeddedVenue) -> bool:
    try:
        return not venue.alive()
    except Unavailable:
        return True
