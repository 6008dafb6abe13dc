"""The real program as a user starts it, `app.py --daemon`, on the real simulator process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bench.drill.scenario import Scenario
from engine.exchange.simulator.embedded import EmbeddedVenue
from engine.home import Home

ROOT = Path(__file__).resolve().parents[2]
STOP_S = 60.0
RULES = {"llm": {"backend": "rules"}}


@dataclass(slots=True)
class DaemonDriver:
    """A home, its running simulator, and the program on it once it was started."""

    scenario: Scenario
    home: Home
    embedded: EmbeddedVenue
    process: subprocess.Popen[bytes] | None = None
    codes: list[int] = field(default_factory=list)

    def found(self) -> EmbeddedVenue:
        """The simulator of this home; one that went with the program is brought back with its time standing still."""
        running = EmbeddedVenue.find(self.home.root)
        if running is None:
            seed = self.scenario.seed
            running = EmbeddedVenue.start(self.home.root, seed=seed, speed=0.0)
        self.embedded = running
        return running

    def start(self) -> None:
        """Again, too: after a kill the same home is taken up."""
        assert self.process is None or self.process.poll() is not None, "it runs already"
        with (self.home.logs / "daemon.log").open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(ROOT / "app.py"), "--home", str(self.home.root), "--daemon"],
                cwd=ROOT, env=_environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    def run(self, *arguments: str) -> int:
        """`app.py` with other flags on the same home, to its end; the exit code."""
        with (self.home.logs / "daemon.log").open("ab") as output:
            done = subprocess.run(
                [sys.executable, str(ROOT / "app.py"), "--home", str(self.home.root), *arguments],
                cwd=ROOT, env=_environment(), stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                timeout=120, check=False,
            )  # fmt: skip
        self.codes.append(done.returncode)
        return done.returncode

    def signal(self, name: str) -> None:
        """KILL, STOP, CONT or TERM; after KILL and TERM it waits for the end."""
        assert self.process is not None, "it was never started"
        self.process.send_signal(signal.Signals[f"SIG{name}"])
        if name in {"KILL", "TERM"}:
            self.codes.append(self.process.wait(STOP_S))

    def status(self) -> dict[str, Any]:
        """What this very process last said of itself; {} before it said anything."""
        try:
            document: dict[str, Any] = json.loads((self.home.storage / "status.json").read_text())
        except (OSError, ValueError):
            return {}
        pid = self.process.pid if self.process is not None else 0
        return document if document.get("snapshot", {}).get("pid") == pid else {}

    def state(self) -> str:
        events = self.status().get("snapshot", {}).get("events", [])
        return next((str(e["state"]) for e in reversed(events) if e["kind"] == "engine_state"), "")

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


def _environment() -> dict[str, str]:
    """This process's, without what would change the program's mind."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("OKX_", "CYNOSURE_")) and name != "NOTIFY_SOCKET"
    }


def write_config(scenario: Scenario, home: Home, equity: int) -> None:
    demo = {"seed": scenario.seed, "speed": scenario.speed, "equity_usdt": equity}
    document = {**RULES, **scenario.config, "demo": demo | scenario.config.get("demo", {})}
    home.config.write_text(yaml.safe_dump(document))


@asynccontextmanager
async def open_daemon(scenario: Scenario, home: Home, embedded: EmbeddedVenue) -> AsyncIterator[DaemonDriver]:
    """The program is not running yet: a step starts it. Program and simulator are ended at the end."""
    driver = DaemonDriver(scenario, home, embedded)
    try:
        yield driver
    finally:
        await asyncio.to_thread(driver.end)
        found = await asyncio.to_thread(EmbeddedVenue.find, home.root)
        if found is not None:
            await asyncio.to_thread(found.stop)
