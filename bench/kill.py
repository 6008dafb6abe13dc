"""From the key to a flat account: `python -m bench.kill [--runs 5]` prints one JSON line.

Each run is a fresh home: five positions are entered through the product's own desk and one entry order rests far
below the market; then the real cockpit (`python app.py`) starts in a pseudo-terminal, adopts them, and in the middle
of an analysis cycle K is pressed. Once the panel listens, FLAT is typed, and Enter follows in the middle of a cycle.

key_to_latch: from the write of K until storage/KILL is seen on disk (polled, so at most 0.3 ms too long).
key_to_first_cancel: from the write of Enter until the cancel's last byte had arrived at the venue, by its own log.
key_to_flat: from the write of Enter until the last closing fill of the venue's ledger. All are wall time.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.rig import Rig, open_rig, percentile
from bench.terminal import Terminal
from engine.exchange.simulator.embedded import EmbeddedVenue
from engine.execution.ids import TAG, entry_id
from engine.model import OrderRequest, OrderType, Side
from engine.reasons import Reason
from engine.rounding import round_target_down_to_tick

ROOT = Path(__file__).parents[1]
HELD = ("BTC", "ETH", "SOL", "XRP", "XAU")
RESTING = "SUI-USDT-SWAP"
WATCHED = 17
# Rate limits count in venue time: entering five positions in a row must not be slowed by them.
RIG_SPEED = 60.0
GUARD_S = 0.28
MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Run:
    """What one run showed; durations in the unit of the name, `*_after_*` are counts."""

    latch_ms: float
    stamp_ms: float
    panel_ms: float | None
    cancel_ms: float
    flat_s: float
    positions: int
    opened_after_latch: int
    uncovered_after_enter: int
    left_at_venue: int
    key_mid_cycle: bool
    enter_mid_cycle: bool
    clock_skew_ms: float


async def furnish(home: Path) -> None:
    """Five protected positions and one resting entry, by the product's own hands; the venue is left running."""
    async with open_rig(RIG_SPEED, home=home, keep_venue=True) as rig:
        for ticker in HELD:
            reason = await rig.enter(f"{ticker}-USDT-SWAP", f"bench{ticker}", Decimal(2_000))
            assert reason is Reason.ENTERED, f"{ticker}: {reason}"
        await rest_an_entry(rig)


async def rest_an_entry(rig: Rig) -> None:
    """A post-only buy 4 % below the market, under a client id of ours."""
    instrument = rig.instruments[RESTING]
    price = (await rig.venue.exchange.quotes())[RESTING].last * Decimal("0.96")
    await rig.venue.exchange.place_order(
        OrderRequest(
            inst_id=RESTING,
            client_id=entry_id("benchresting"),
            side=Side.BUY,
            order_type=OrderType.POST_ONLY,
            contracts=instrument.min_size * 10,
            price=round_target_down_to_tick(price, instrument.tick_size),
            tag=TAG,
        )
    )


class CycleWatch:
    """Sees the cycles by their decisions in logs/reasoning.jsonl, without asking the engine or the venue."""

    def __init__(self, home: Path) -> None:
        self._path = home / "logs" / "reasoning.jsonl"

    def size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    def decisions(self) -> int:
        return self._path.read_bytes().count(b"\n") if self._path.exists() else 0

    def await_decisions(self, count: int, patience_s: float = 60.0) -> None:
        wait_until(lambda: self.decisions() >= count, patience_s, f"{count} decisions")

    def await_middle(self, patience_s: float = 40.0) -> None:
        """Returns when a cycle has just begun to decide, after a pause in which none ran."""
        quiet_since, last = time.monotonic(), self.size()
        deadline = quiet_since + patience_s
        while time.monotonic() < deadline:
            time.sleep(0.003)
            now = self.size()
            if now != last and time.monotonic() - quiet_since > 0.4:
                return
            if now != last:
                quiet_since, last = time.monotonic(), now
        raise AssertionError(f"no cycle began within {patience_s:.0f} s")


def wait_until(true: Any, patience_s: float, what: str) -> None:
    deadline = time.monotonic() + patience_s
    while not true():
        if time.monotonic() > deadline:
            raise AssertionError(f"did not see {what} within {patience_s:.0f} s")
        time.sleep(0.02)


def await_file(path: Path, patience_s: float = 2.0) -> int:
    """The instant at which `path` was first seen, ns."""
    deadline = time.monotonic() + patience_s
    while not path.exists():
        assert time.monotonic() < deadline, "the latch did not fall"
        time.sleep(0.0001)
    return time.time_ns()


def kill_state(home: Path) -> dict[str, Any]:
    return dict(json.loads((home / "storage" / "KILL").read_text(encoding="utf-8")))


def one_run(home: Path) -> Run:
    asyncio.run(furnish(home))
    venue = EmbeddedVenue.find(home)
    assert venue is not None, "the venue was to be kept"
    try:
        return drive(home, venue)
    finally:
        venue.stop()


def drive(home: Path, venue: EmbeddedVenue) -> Run:
    environ = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    terminal = Terminal([sys.executable, "app.py", "--home", str(home)], ROOT, environ)
    cycles = CycleWatch(home)
    try:
        cycles.await_decisions(WATCHED)
        assert "CYNOSURE" in terminal.text(), terminal.text()
        held = open_positions(venue)
        assert held >= len(HELD), f"only {held} positions are open"
        seen = len(venue.log())
        cycles.await_middle()
        terminal.text()
        key = terminal.press("K")
        latched = await_file(home / "storage" / "KILL")
        time.sleep(max(0.0, GUARD_S - (time.time_ns() - key) / 1e9))
        stamp = kill_state(home)["since"]
        terminal.press("FLAT")
        cycles.await_middle()
        enter = terminal.press("\r")
        wait_until(lambda: kill_state(home)["state"] in ("flat", "flatten_failed"), 40.0, "the end of the kill")
        cycles.await_decisions(cycles.decisions() + WATCHED)
        panel = terminal.painted_at("KILL SWITCH")
        return judge(venue, venue.log(seen), Instants(key, latched, stamp, panel, enter), held)
    except AssertionError:
        sys.stderr.write(f"{terminal.text()}\n")
        raise
    finally:
        # The venue was started by this very process: somebody must read its exit status when the engine stops it.
        threading.Thread(target=reap, args=(venue.pid,), daemon=True).start()
        terminal.end(signal.SIGTERM)


def reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


@dataclass(frozen=True, slots=True)
class Instants:
    """Wall time in ns; `stamp` in ms, as the latch file says it."""

    key: int
    latched: int
    stamp: int
    panel: int | None
    enter: int


def open_positions(venue: EmbeddedVenue) -> int:
    return sum(Decimal(row["pos"]) != 0 for row in venue.ledger()["positions"])


def judge(venue: EmbeddedVenue, log: list[dict[str, Any]], at: Instants, held: int) -> Run:
    before_ms = time.time_ns() / MS
    ledger = venue.ledger()
    after_ms = time.time_ns() / MS
    _, speed = venue.clock()
    enter_ms = at.enter / MS
    cancels = [row["wall_ms"] for row in log if is_cancel(row) and row["wall_ms"] > at.key / MS]
    assert cancels, "no cancel reached the wire"
    closing = [wall_of(fill, ledger, speed) for fill in ledger["fills"] if fill["side"] == "sell"]
    return Run(
        latch_ms=(at.latched - at.key) / MS,
        stamp_ms=at.stamp - at.key / MS,
        panel_ms=(at.panel - at.key) / MS if at.panel is not None else None,
        cancel_ms=cancels[0] - enter_ms,
        flat_s=(max(closing) - enter_ms) / 1000,
        positions=held,
        opened_after_latch=sum(opens(row) and row["wall_ms"] > at.latched / MS for row in log)
        + sum(entry["fill_wall_ms"] > at.latched / MS for entry in ledger["entries"]),
        uncovered_after_enter=sum(span["from_wall_ms"] > enter_ms for span in ledger["naked"]),
        left_at_venue=left_at(ledger),
        key_mid_cycle=mid_cycle(log, at.key / MS),
        enter_mid_cycle=mid_cycle(log, enter_ms),
        clock_skew_ms=max(0.0, before_ms - 1 - ledger["wall_ms"], ledger["wall_ms"] - after_ms),
    )


def is_cancel(row: dict[str, Any]) -> bool:
    return row["method"] == "POST" and row["path"].endswith("/trade/cancel-order")


def opens(row: dict[str, Any]) -> bool:
    """An order that is not bound to reduce, accepted or not."""
    if row["method"] != "POST" or not row["path"].endswith(("/trade/order", "/trade/batch-orders")):
        return False
    items = row["body_digest"] if isinstance(row["body_digest"], list) else [row["body_digest"]]
    return any(str(item.get("reduceOnly", "")).lower() != "true" for item in items)


def wall_of(fill: dict[str, Any], ledger: dict[str, Any], speed: float) -> float:
    """Wall ms of a fill that carries venue time."""
    return float(ledger["wall_ms"] - (ledger["venue_ms"] - int(fill["ts"])) / speed)


def left_at(ledger: dict[str, Any]) -> int:
    """Positions, live orders and live algos."""
    positions = sum(Decimal(row["pos"]) != 0 for row in ledger["positions"])
    resting = sum(row["state"] in ("live", "partially_filled") for row in ledger["orders"] + ledger["algos"])
    return positions + resting


def mid_cycle(log: list[dict[str, Any]], at_ms: float, reach_ms: float = 250.0) -> bool:
    """An analysis reads candles before this instant and goes on to do so after it."""
    reads = [row["wall_ms"] - at_ms for row in log if "candles" in row["path"] or row["path"].endswith("/books")]
    return any(-reach_ms < r < 0 for r in reads) and any(0 < r < reach_ms for r in reads)


def report(runs: list[Run]) -> dict[str, object]:
    def spread(values: list[float], digits: int = 2, tail: str = "p99") -> dict[str, float]:
        return {"p50": round(percentile(values, 0.5), digits), tail: round(percentile(values, 0.99), digits)}

    panels = [run.panel_ms for run in runs if run.panel_ms is not None]
    return {
        "bench": "kill",
        "runs": len(runs),
        "key_to_latch_ms": spread([run.latch_ms for run in runs]),
        "key_to_first_cancel_ms": spread([run.cancel_ms for run in runs]),
        "key_to_flat_s": spread([run.flat_s for run in runs], 3, "max"),
        "key_to_latch_stamp_ms": spread([run.stamp_ms for run in runs]),
        "key_to_panel_ms": spread(panels) if panels else None,
        "positions": min(run.positions for run in runs),
        "opened_after_latch": sum(run.opened_after_latch for run in runs),
        "uncovered_after_enter": sum(run.uncovered_after_enter for run in runs),
        "left_at_venue": sum(run.left_at_venue for run in runs),
        "key_mid_cycle": sum(run.key_mid_cycle for run in runs),
        "enter_mid_cycle": sum(run.enter_mid_cycle for run in runs),
        "clock_skew_ms": round(max(run.clock_skew_ms for run in runs), 2),
    }


def main() -> int:
    """0 when every run ended flat and nothing opened after the latch."""
    parser = argparse.ArgumentParser(prog="python -m bench.kill", description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    runs = []
    for _ in range(parser.parse_args().runs):
        with tempfile.TemporaryDirectory(prefix="cynosure-bench-") as folder:
            runs.append(one_run(Path(folder)))
    print(json.dumps(report(runs), allow_nan=False))
    return int(any(run.opened_after_latch or run.left_at_venue for run in runs))


if __name__ == "__main__":
    sys.exit(main())
