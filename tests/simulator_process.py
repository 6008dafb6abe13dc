"""The real simulator as a child process, for tests of anything that speaks to a venue."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from tests.forked_simulator import ForkedSimulator

REPOSITORY = Path(__file__).resolve().parents[1]
PROGRAM = (sys.executable, "-m", "engine.exchange.simulator")
KEY, SECRET, PASSPHRASE = "cynosure-sim", "cynosure-sim-secret", "cynosure-sim-pass"
_WHEN = ("method", "inst", "body", "channel", "call", "calls", "every", "chance", "times", "from_s", "until_s")


@dataclass
class Simulator:
    """A running venue. It is frozen (`speed=0`) unless asked otherwise: time moves by `advance` only."""

    command: list[str]
    log_path: Path
    forked: bool = False
    key: str = KEY
    secret: str = SECRET
    passphrase: str = PASSPHRASE
    flag: str = "1"
    process: subprocess.Popen[bytes] | ForkedSimulator = field(init=False)
    port: int = field(init=False, default=0)
    base_url: str = field(init=False)
    ws_url: str = field(init=False)
    _http: httpx.Client = field(init=False)

    def boot(self) -> None:
        """Starts it; raises RuntimeError with its last words when it ends instead of listening."""
        self.process = self._forked() if self.forked else self._started()
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            code = self.process.wait(10)
            raise RuntimeError(f"simulator ended with {code}: {self.log_path.read_text()}")
        self.port = json.loads(line)["port"]
        self.base_url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}/ws/v5"
        self._http = httpx.Client(base_url=self.base_url, timeout=60, trust_env=False)

    def _started(self) -> subprocess.Popen[bytes]:
        with self.log_path.open("ab") as errors:
            return subprocess.Popen(
                self.command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
            )

    def _forked(self) -> ForkedSimulator:
        return ForkedSimulator(self.command[len(PROGRAM) :], self.log_path)

    def clock(self) -> tuple[int, float]:
        """(venue time in ms, speed)."""
        state = self._ask("GET", "/sim/clock")
        return state["venue_ms"], state["speed"]

    @property
    def now_ms(self) -> int:
        return self.clock()[0]

    def set_speed(self, speed: float) -> None:
        self._ask("POST", "/sim/clock", {"speed": speed})

    def advance(self, ms: int | None = None, to_ms: int | None = None) -> int:
        """Jumps by `ms` or to `to_ms`; returns the venue time reached."""
        return self._ask("POST", "/sim/advance", {"ms": ms} if to_ms is None else {"to_ms": to_ms})["venue_ms"]

    def ledger(self) -> dict[str, Any]:
        return self._ask("GET", "/sim/ledger")

    def log(self, since: int = 0) -> list[dict[str, Any]]:
        """The request log: entries numbered above `since`, oldest first."""
        return self._ask("GET", f"/sim/log?since={since}")

    def fault(self, kind: str, path: str = "", **more: Any) -> None:
        """Arms one fault now. `method`, `inst`, `body`, `channel`, `call`, `calls`, `every`, `chance`, `times`,
        `from_s` and `until_s` say when; what remains are the kind's parameters (simulator/faults/)."""
        when = {name: more.pop(name) for name in _WHEN if name in more}
        self._ask("POST", "/sim/fault", {"kind": kind, "when": {"path": path} | when, **more})

    def act(self, kind: str, **parameters: Any) -> None:
        """Done at once by the venue, the market or a person (simulator/faults/acts.py)."""
        self._ask("POST", "/sim/fault", {"kind": kind, **parameters})

    def faults(self) -> list[dict[str, Any]]:
        """What each armed fault has matched, and how often it fired."""
        return self._ask("GET", "/sim/faults")

    def clear_faults(self) -> None:
        self._ask("POST", "/sim/fault", {"clear": True})

    def fail_attached(self, code: str = "51008", count: int = 1) -> None:
        """The next `count` attached brackets fail to be created."""
        self._ask("POST", "/sim/fault", {"kind": "attach_fails", "code": code, "when": {"times": count}})

    def stop(self) -> int:
        """SIGTERM; returns the exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> int:
        """SIGKILL: nothing is flushed."""
        return self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Boots again with the same options (after stop or kill), on another port when the port was 0."""
        self.boot()

    def _end(self, number: signal.Signals) -> int:
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(15)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self._http.close()
        return code

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        response = self._http.request(method, path, json=body)
        response.raise_for_status()
        return response.json()


def simulator_command(folder: Path, **options: Any) -> list[str]:
    """The command line of a simulator. Options: port, seed, speed, state (True or a path), replay, start, equity,
    faults (a path), no_limits, idle_exit."""
    if options.get("state") is True:
        options["state"] = folder / "simulator.db"
    # A test that dies without cleaning up leaves no process behind for long.
    chosen = {"port": 0, "seed": 7, "speed": 0, "idle_exit": 120} | options
    command = [*PROGRAM]
    for name, value in chosen.items():
        if value is True:
            command.append(f"--{name.replace('_', '-')}")
        elif value is not None and value is not False:
            command += [f"--{name.replace('_', '-')}", str(value)]
    return command


@contextmanager
def simulator(folder: Path, *, forked: bool = True, **options: Any) -> Iterator[Simulator]:
    """A running venue; see `simulator_command` for the options. Frozen, seed 7 and without a state file by default."""
    log = folder / f"simulator-{os.getpid()}.log"
    running = Simulator(simulator_command(folder, **options), log, forked)
    running.boot()
    try:
        yield running
    finally:
        running.stop()
