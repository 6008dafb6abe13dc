"""The simulator as a child process of the demo: started, adopted, spoken to, stopped.

The child outlives a killed engine (its own session, `--idle-exit`), so that positions and their stops go on while
the engine restarts, as they would at a real venue. `storage/simulator.json` tells the next engine where it is. A
process is believed to be ours only when it answers with the token that stands in that file.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import httpx

from engine.child_log import bound
from engine.exchange.errors import Unavailable

READY_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
IDLE_EXIT_S = 300
_POLL_S = 0.02


class VenueStartError(Exception):
    """The simulator could not be started or adopted. One line that says why."""


@dataclass(frozen=True, slots=True)
class Registration:
    """What `storage/simulator.json` says."""

    port: int
    pid: int
    token: str
    key: str
    secret: str
    passphrase: str
    seed: int
    replay: str

    @classmethod
    def read(cls, path: Path) -> Registration | None:
        """None when the file is absent, torn or of another shape."""
        try:
            return cls(**json.loads(path.read_text()))
        except (OSError, ValueError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Whole or not at all, readable by the owner only."""
        draft = path.with_suffix(".tmp")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            json.dump(asdict(self), file, allow_nan=False)
        draft.replace(path)


class EmbeddedVenue:
    """A running simulator of one home folder. Thread-safe; every method is synchronous and raises
    `engine.exchange.errors.Unavailable` when the simulator does not answer."""

    flag = "1"

    def __init__(self, home: Path, registration: Registration, child: subprocess.Popen[bytes] | None) -> None:
        self.base_url = f"http://127.0.0.1:{registration.port}"
        self.ws_url = f"ws://127.0.0.1:{registration.port}/ws/v5"
        self.key = registration.key
        self.secret = registration.secret
        self.passphrase = registration.passphrase
        self.pid = registration.pid
        self.adopted = child is None
        self._home = home
        self._registration = registration
        self._child = child
        self._http = httpx.Client(base_url=self.base_url, timeout=httpx.Timeout(10, connect=2), trust_env=False)

    @classmethod
    def start(
        cls,
        home: Path,
        *,
        seed: int = 7,
        speed: float = 120.0,
        replay: Path | str | None = None,
        equity: float = 10_000.0,
        adopt: bool = True,
        start: int | str | None = None,
        faults: Path | None = None,
    ) -> EmbeddedVenue:
        """Adopts the running simulator of this home when it plays the same market, else starts one on its state.
        With `faults` (a fault file) it always starts one.

        Blocks until it listens (at most READY_TIMEOUT_S). Raises VenueStartError.
        """
        replayed = str(Path(replay).resolve()) if replay else ""
        running = _running(home)
        if running is not None and adopt and faults is None and (running.seed, running.replay) == (seed, replayed):
            venue = cls(home, running, None)
            venue.set_speed(speed)
            return venue
        if running is not None:
            cls(home, running, None).stop()
        return _spawn(home, seed, speed, replayed, equity, start, faults)

    @classmethod
    def find(cls, home: Path) -> EmbeddedVenue | None:
        """The running simulator of this home; None when there is none. Starts nothing."""
        running = _running(home)
        return cls(home, running, None) if running is not None else None

    def clock(self) -> tuple[int, float]:
        """(venue time in ms, speed)."""
        state = self._ask("GET", "/sim/clock")
        return int(state["venue_ms"]), float(state["speed"])

    def set_speed(self, speed: float) -> None:
        self._ask("POST", "/sim/clock", {"speed": speed})

    def advance(self, ms: int | None = None, to_ms: int | None = None) -> int:
        """Jumps by `ms` or to `to_ms`; returns the venue time reached. Give exactly one."""
        if (ms is None) == (to_ms is None):
            raise ValueError("give either ms or to_ms")
        request = {"ms": ms} if ms is not None else {"to_ms": to_ms}
        return int(self._ask("POST", "/sim/advance", request, timeout_s=600)["venue_ms"])

    def ledger(self) -> dict[str, Any]:
        """The venue's own account of cover, fills, bills and totals."""
        report: dict[str, Any] = self._ask("GET", "/sim/ledger", timeout_s=60)
        return report

    def log(self, since: int = 0) -> list[dict[str, Any]]:
        """Requests numbered above `since`, oldest first."""
        entries: list[dict[str, Any]] = self._ask("GET", f"/sim/log?since={since}", timeout_s=60)
        return entries

    def arm_faults(self, document: Mapping[str, Any]) -> None:
        """One fault, or `{seed?, faults}`, in the form of a fault file; from now on they may happen."""
        self._ask("POST", "/sim/fault", document)

    def clear_faults(self) -> None:
        self._ask("POST", "/sim/fault", {"clear": True})

    def faults(self) -> list[dict[str, Any]]:
        """What each armed fault has matched, and how often it fired."""
        rows: list[dict[str, Any]] = self._ask("GET", "/sim/faults")
        return rows

    def bound_log(self) -> None:
        """Called now and then: what the simulator says never fills a disk."""
        bound(self._home / "logs" / "simulator.log")

    def alive(self) -> bool:
        """Whether our own simulator (not just any process on its port) answers."""
        return _answers(self._registration)

    def revive(self, speed: float, equity: float) -> bool:
        """Starts a simulator that has died again, on its state, at the same address with the same credentials.

        False when it lives. Its time stood still meanwhile. Raises VenueStartError.
        """
        if self.alive() or _exists(self.pid):
            return False
        registration, self._child = _launch(self._home, self._registration, speed, equity, None, None)
        self._registration, self.pid, self.adopted = registration, registration.pid, False
        return True

    def stop(self) -> None:
        """Ends the simulator gracefully; its state stays. Returns also when it was already gone."""
        if _answers(self._registration):
            with contextlib.suppress(Unavailable):
                self._ask("POST", "/sim/stop")
            self._await_end()
        elif self._child is not None and self._child.poll() is None:
            _end_child(self._child)

    def _await_end(self) -> None:
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._child is not None and self._child.poll() is not None:
                return
            if self._child is None and not _exists(self.pid):
                return
            time.sleep(_POLL_S)
        if self._child is not None:
            _end_child(self._child)
        elif _answers(self._registration):
            os.kill(self.pid, signal.SIGTERM)

    def _ask(self, method: str, path: str, body: object = None, timeout_s: float = 10.0) -> Any:
        try:
            response = self._http.request(method, path, json=body, timeout=timeout_s)
            answer = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable(f"the simulator does not answer: {error!r}") from error
        if response.is_error:
            raise Unavailable(f"the simulator refused {path}: {answer.get('error', response.text)}")
        return answer


def _running(home: Path) -> Registration | None:
    registration = Registration.read(_registration_path(home))
    return registration if registration is not None and _answers(registration) else None


def _answers(registration: Registration) -> bool:
    url = f"http://127.0.0.1:{registration.port}/sim/clock"
    try:
        state = httpx.get(url, timeout=httpx.Timeout(5, connect=1), trust_env=False).json()
    except (httpx.HTTPError, ValueError):
        return False
    return isinstance(state, dict) and (state.get("token"), state.get("pid")) == (registration.token, registration.pid)


def _exists(pid: int) -> bool:
    """A child of this very process (started under another handle) is reaped on the way."""
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] == 0
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _end_child(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def last_market(home: Path) -> Registration | None:
    """Which market this home last played (its seed, its replay), running or not; None on a fresh home."""
    return Registration.read(_registration_path(home))


def _registration_path(home: Path) -> Path:
    return home / "storage" / "simulator.json"


def _spawn(
    home: Path, seed: int, speed: float, replay: str, equity: float, start: int | str | None, faults: Path | None
) -> EmbeddedVenue:
    token, key, secret, passphrase = (secrets.token_hex(16) for _ in range(4))
    draft = Registration(0, 0, token, key, secret, passphrase, seed, replay)
    registration, child = _launch(home, draft, speed, equity, start, faults)
    return EmbeddedVenue(home, registration, child)


def _launch(
    home: Path, draft: Registration, speed: float, equity: float, start: int | str | None, faults: Path | None
) -> tuple[Registration, subprocess.Popen[bytes]]:
    """A child with the draft's credentials at its port (0 = any free one), registered once it listens."""
    storage, logs = home / "storage", home / "logs"
    storage.mkdir(parents=True, exist_ok=True)
    logs.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "engine.exchange.simulator", "--port", str(draft.port), "--seed", str(draft.seed)]
    command += ["--speed", repr(speed), "--equity", str(equity), "--state", str(storage / "simulator.db")]
    command += ["--idle-exit", str(IDLE_EXIT_S)]
    command += ["--replay", draft.replay] if draft.replay else []
    command += ["--start", str(start)] if start is not None else []
    command += ["--faults", str(faults)] if faults is not None else []
    log = logs / "simulator.log"
    bound(log)
    with log.open("ab") as output:
        offset = output.tell()
        child = subprocess.Popen(  # noqa: S603 - our own module, arguments as a list
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=_environment(draft),
            start_new_session=True,
        )
    ready = _await_ready(child, log, offset)
    registration = replace(draft, port=int(ready["port"]), pid=child.pid)
    registration.write(_registration_path(home))
    return registration, child


def _environment(draft: Registration) -> dict[str, str]:
    """Secrets go by the environment: a command line is readable by every user of the machine."""
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, [str(_root()), os.environ.get("PYTHONPATH", "")])),
        "CYNOSURE_SIM_KEY": draft.key,
        "CYNOSURE_SIM_SECRET": draft.secret,
        "CYNOSURE_SIM_PASSPHRASE": draft.passphrase,
        "CYNOSURE_SIM_TOKEN": draft.token,
    }


def _root() -> Path:
    return Path(__file__).resolve().parents[3]


def _await_ready(child: subprocess.Popen[bytes], log: Path, offset: int) -> dict[str, Any]:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        ended = child.poll() is not None
        lines = _lines(log, offset)
        for line in lines:
            if line.startswith('{"type":"ready"'):
                ready: dict[str, Any] = json.loads(line)
                return ready
        if ended:
            last = lines[-1] if lines else "it said nothing"
            raise VenueStartError(f"the simulator ended with exit code {child.returncode}: {last}")
        time.sleep(_POLL_S)
    _end_child(child)
    raise VenueStartError(f"the simulator did not listen within {READY_TIMEOUT_S:.0f} s; see {log}")


def _lines(log: Path, offset: int) -> list[str]:
    """Whole, non-empty lines written since `offset`; a line that is still being written is left out."""
    with log.open("rb") as file:
        file.seek(offset)
        text = file.read().decode(errors="replace")
    return [line for line in text[: text.rfind("\n") + 1].splitlines() if line.strip()]
