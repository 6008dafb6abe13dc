"""A home in which the engine trades all the time, and the real daemon on it: started, killed, looked at."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from bench.crash_market import write_waves
from engine.config import load_settings
from engine.db import Database
from engine.exchange.simulator.embedded import EmbeddedVenue
from engine.execution.desk import TradingDesk
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.venue import open_venue

ROOT = Path(__file__).parents[1]
SEED = 600
SPEED = 240.0
STEPS = ("BTC", "ETH", "SOL", "XRP", "SUI")
"""Traded by the process that dies at its steps; the daemon only guards them."""
WATCHED = ("XAU", "XAG", "QQQ", "NVDA", "META", "AAPL", "GOOGL", "AMZN", "TSLA", "PLTR")
BUSY = f"""\
llm: {{backend: rules}}
risk:
  min_signals_aligned: 0
  min_timeframes_aligned: 0
  min_confidence: 0.0
  min_ev_pct: 0.0
  min_reward_risk: 0.0
  max_position_size_pct: 8.0
  max_class_pct: 100.0
  max_daily_trades: 1000
  max_consecutive_losses: 100
  max_ticker_loss_pct: 100.0
  daily_loss_limit_pct: 100.0
  max_correlation: 1.0
  cooldown_minutes: 0
  stock_entries: always
  off_session_spread_pct: 5.0
  sl_mult: 0.3
  tp_mult: 0.5
trading: {{trail_percent: 0.3, min_hold_minutes: 0, min_bearish_cycles_for_exit: 1}}
watchlist: [{", ".join(WATCHED)}]
"""
"""Every gate as wide as it goes: positions open, trail and close within seconds."""

VERIFIED = re.compile(rb"^(\S+ \S+) INFO engine\.works: positions verified: (\d+), (\d+) without", re.MULTILINE)


def busy_home(folder: Path) -> Path:
    waves = write_waves(folder / "market", STEPS + WATCHED)
    demo = f"demo: {{speed: {SPEED}, seed: {SEED}, equity_usdt: 100000, replay: {waves}}}\n"
    (folder / "config.yaml").write_text(BUSY + demo)
    return folder


@dataclass(slots=True)
class Boot:
    """One start of the daemon. Wall seconds; `verified_s` from the start of the process to the log's line that all
    positions stand under their brackets, None = it did not get there."""

    verified_s: float | None = None
    positions: int = 0
    bare: int = 0


class Daemon:
    """The real `app.py --daemon`, its standard output and error in HOME/logs/daemon.out."""

    def __init__(self, home: Path) -> None:
        self._log = home / "logs" / "engine.log"
        self._from = self._log.stat().st_size if self._log.exists() else 0
        (home / "logs").mkdir(parents=True, exist_ok=True)
        self._out = (home / "logs" / "daemon.out").open("ab")
        self.started = time.time()
        self.process = subprocess.Popen(
            [sys.executable, "app.py", "--daemon", "--home", str(home)],
            cwd=ROOT, stdin=subprocess.DEVNULL, stdout=self._out, stderr=self._out,
        )  # fmt: skip
        self.boot = Boot()

    def await_verified(self, patience_s: float) -> bool:
        """False when the process ended or the patience did, before the positions were verified."""
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and self.process.poll() is None:
            if self.look():
                return True
            time.sleep(0.02)
        return self.look()

    def look(self) -> bool:
        """Reads the log's word on the positions; its own time stamp counts, not ours."""
        if self.boot.verified_s is not None or not self._log.exists():
            return self.boot.verified_s is not None
        with self._log.open("rb") as file:
            file.seek(self._from if self._log.stat().st_size >= self._from else 0)
            found = VERIFIED.search(file.read())
        if found is not None:
            at = datetime.strptime(found[1].decode(), "%Y-%m-%d %H:%M:%S,%f").astimezone().timestamp()
            self.boot = Boot(at - self.started, int(found[2]), int(found[3]))
        return found is not None

    def kill(self) -> None:
        """SIGKILL to the process itself."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.look()
        self._out.close()

    def stop(self, patience_s: float = 60.0) -> int:
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(patience_s)
        self._out.close()
        return code


def kill_venue(home: Path) -> None:
    """SIGKILL to the simulator as well; its state file is all that is left of it."""
    venue = EmbeddedVenue.find(home)
    if venue is not None:
        os.kill(venue.pid, signal.SIGKILL)


def arm(home: Path, *faults: dict[str, Any]) -> None:
    venue = EmbeddedVenue.find(home)
    if venue is not None:
        httpx.post(f"{venue.base_url}/sim/fault", json={"faults": list(faults)}, trust_env=False).raise_for_status()


async def settle(home: Path, speed: float = 0.0, patience_s: float = 30.0) -> Decimal:
    """Opens desk and venue (time stands still), reconciles until nothing is left to do, and returns what the books
    and the venue differ by, in USDT. The venue is stopped: its state file is whole."""
    place = Home(home).prepare()
    settings = load_settings(home, {}).settings
    venue = await asyncio.to_thread(open_venue, settings, place, speed)
    db = await Database.open(place.database)
    try:
        instruments = dict(await venue.exchange.instruments())
        latch = EntryLatch(place.storage)
        desk = TradingDesk(db, venue.exchange, latch, venue.clock, lambda _: None, instruments, place.logs)
        await desk.load()
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            report = await desk.boot()
            if report.silent:
                break
            await asyncio.sleep(0.5)
        return (await desk.sync_outcomes()).balanced_to
    finally:
        await db.close()
        await venue.close(stop_embedded=True)
