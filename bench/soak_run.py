"""The program under a soak: the real engine and the real simulator, each a process of its own, in one home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from bench.soak_faults import sprinkled
from bench.soak_samples import Watch
from engine.exchange.errors import Unavailable
from engine.exchange.simulator.embedded import EmbeddedVenue

ROOT = Path(__file__).parents[1]
SAMPLE_S = 1.0
TOLD_EVERY_S = 60.0
START_S = 60.0
STOP_S = 60.0


@dataclass(frozen=True, slots=True)
class Plan:
    days: float
    speed: float
    watchlist: tuple[str, ...]
    fault_rate: float
    seed: int


def config(plan: Plan) -> str:
    """Limits so wide, and stops so near, that it trades every day; JSON is YAML too."""
    return json.dumps(
        {
            "llm": {"backend": "rules"},
            "demo": {"speed": plan.speed, "seed": plan.seed, "equity_usdt": 100_000},
            "watchlist": plan.watchlist,
            "risk": {
                "min_signals_aligned": 0, "min_timeframes_aligned": 0, "min_confidence": 0, "min_ev_pct": 0,
                "max_correlation": 1, "sl_mult": 1, "tp_mult": 1.5, "min_reward_risk": 0.5, "max_class_pct": 100,
                "max_position_size_pct": 10, "max_daily_trades": 1000, "max_consecutive_losses": 100,
                "daily_loss_limit_pct": 100, "max_ticker_loss_pct": 100,
            },
            "trading": {"min_hold_minutes": 15, "min_bearish_cycles_for_exit": 1, "trail_percent": 0.5},
        },
        allow_nan=False,
    )  # fmt: skip


@dataclass(slots=True)
class Run:
    """One engine and its market, from start to stop."""

    plan: Plan
    home: Path
    engine: subprocess.Popen[bytes]
    venue: EmbeddedVenue
    watch: Watch
    faults: list[dict[str, Any]]

    def arm(self) -> None:
        document = sprinkled(self.plan.fault_rate, self.plan.seed)
        if document["faults"]:
            self._ask("POST", "/sim/fault", document)

    def disarm(self) -> None:
        self.faults = self._ask("GET", "/sim/faults")
        self._ask("POST", "/sim/fault", {"clear": True})

    def go(self) -> None:
        """Until the days are over. Raises RuntimeError when the engine ends before that."""
        end_ms = self.watch.start_ms + self.plan.days * 86_400_000
        told_at = time.monotonic()
        while (now := self._now_ms()) < end_ms:
            if self.engine.poll() is not None:
                raise RuntimeError(f"the engine ended with {self.engine.returncode} in {self.home}")
            sample = self.watch.look(now)
            if time.monotonic() - told_at > TOLD_EVERY_S:
                told_at = time.monotonic()
                print(f"day {sample.day:.1f}: {sample}", file=sys.stderr, flush=True)
            time.sleep(SAMPLE_S)

    def stop(self) -> int:
        """Its exit status; the market ends with it."""
        self.engine.send_signal(signal.SIGTERM)
        return self.engine.wait(STOP_S)

    def _now_ms(self) -> int:
        """A simulator that was asked in the middle of a long step is asked again."""
        for _ in range(5):
            try:
                return self.venue.clock()[0]
            except Unavailable:
                time.sleep(1)
        return self.venue.clock()[0]

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        with httpx.Client(base_url=self.venue.base_url, timeout=30, trust_env=False) as http:
            answer = http.request(method, path, json=body)
        answer.raise_for_status()
        return answer.json()


def program(home: Path, *arguments: str) -> list[str]:
    return [sys.executable, str(ROOT / "app.py"), "--home", str(home), *arguments]


def environment() -> dict[str, str]:
    """Without what would change the program's mind."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("OKX_", "CYNOSURE_"))}


def start(plan: Plan, home: Path) -> Run:
    """Raises RuntimeError when the engine does not run in time."""
    (home / "config.yaml").write_text(config(plan))
    with (home / "daemon.out").open("ab") as output:
        engine = subprocess.Popen(
            program(home, "--daemon"), cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL, stdout=output,
            stderr=output,
        )  # fmt: skip
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and engine.poll() is None:
        venue = EmbeddedVenue.find(home) if _running(home) else None
        if venue is not None:
            return Run(plan, home, engine, venue, Watch(home, engine.pid, venue.pid, venue.clock()[0]), [])
        time.sleep(0.1)
    engine.kill()
    raise RuntimeError(f"the engine did not start: {(home / 'daemon.out').read_text()}")


def _running(home: Path) -> bool:
    try:
        events = json.loads((home / "storage" / "status.json").read_text())["snapshot"]["events"]
    except (OSError, ValueError):
        return False
    return any(event["kind"] == "engine_state" and event["state"] == "running" for event in events)


def settle(home: Path) -> dict[str, Any]:
    """`--status` with nothing running: opens the market where it stands still, and books what came last."""
    done = subprocess.run(
        program(home, "--status", "--json"), cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=120,
        check=False,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"account": None, "error": done.stderr}
    return told
