"""From the key to a flat account: `python -m bench.kill [--runs 5] [--quiet]` prints one JSON line.

Each run is a fresh home: ten positions are entered through the product's own desk and one entry order rests far below
the market; then the real cockpit (`python app.py`) starts in a pseudo-terminal and adopts them. A child computes with
NumPy (a forecast), another in pure Python (a backtest), each enough for a core, and every ticker waits for a model that
never answers (`--quiet`: none of these). In the middle of a cycle K is pressed; once the panel listens, FLAT is typed,
and Enter follows in the middle of a cycle. One more run in three has the venue refuse one close and answer another
too late. Last, with no engine alive, `--kill --flatten` from a shell must exit 0 with the venue flat.

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
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.kill_load import FAULTS, HELD, ask_the_model, busy_children, furnish, hanging_model
from bench.kill_watch import CycleWatch, await_file, kill_state, wait_until
from bench.rig import percentile
from bench.terminal import Terminal
from engine.exchange.simulator.embedded import EmbeddedVenue

ROOT = Path(__file__).parents[1]
WATCHED = 17
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


def one_run(home: Path, loaded: bool, faulty: bool) -> Run:
    with furnished(home) as venue, contextlib.ExitStack() as load:
        if loaded:
            ask_the_model(home, load.enter_context(hanging_model()))
            load.enter_context(busy_children())
        return drive(home, venue, FAULTS if faulty else ())


@contextlib.contextmanager
def furnished(home: Path) -> Iterator[EmbeddedVenue]:
    asyncio.run(furnish(home))
    venue = EmbeddedVenue.find(home)
    assert venue is not None, "the venue was to be kept"
    try:
        yield venue
    finally:
        venue.stop()


@dataclass(frozen=True, slots=True)
class DeadRun:
    """`--kill --flatten` with no engine: wall seconds from the start of the process."""

    code: int
    cancel_s: float
    flat_s: float
    left: int


def dead_run(home: Path) -> DeadRun:
    with furnished(home) as venue:
        seen, began = len(venue.log()), time.time_ns() / MS
        command = [sys.executable, "app.py", "--home", str(home), "--kill", "--flatten"]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        ledger, (_, speed) = venue.ledger(), venue.clock()
        cancels = [row["wall_ms"] for row in venue.log(seen) if is_cancel(row)]
        closing = [wall_of(fill, ledger, speed) for fill in ledger["fills"] if fill["side"] == "sell"]
        return DeadRun(done.returncode, (cancels[0] - began) / 1000, (max(closing) - began) / 1000, left_at(ledger))


def drive(home: Path, venue: EmbeddedVenue, faults: Sequence[dict[str, Any]]) -> Run:
    environ = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    terminal = Terminal([sys.executable, "app.py", "--home", str(home)], ROOT, environ)
    cycles = CycleWatch(home)
    try:
        cycles.await_decisions(WATCHED)
        assert "CYNOSURE" in terminal.text(), terminal.text()
        held = open_positions(venue)
        assert held >= len(HELD), f"only {held} positions are open"
        seen = len(venue.log())
        for fault in faults:
            venue.arm_faults(dict(fault))
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


def spread(values: list[float], digits: int = 2) -> dict[str, float] | None:
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(percentile(values, share), digits) for name, share in shares.items()} if values else None


def report(runs: list[Run], faulty: list[Run], dead: DeadRun, loaded: bool) -> dict[str, object]:
    plain, runs = runs, [*runs, *faulty]
    panels = [run.panel_ms for run in runs if run.panel_ms is not None]
    return {
        "bench": "kill",
        "runs": len(runs),
        "beside": "forecast, backtest, hanging model" if loaded else "nothing",
        "key_to_latch_ms": spread([run.latch_ms for run in runs]),
        "key_to_first_cancel_ms": spread([run.cancel_ms for run in runs]),
        "key_to_flat_s": spread([run.flat_s for run in plain], 3),
        "key_to_flat_faulty_s": spread([run.flat_s for run in faulty], 3),
        "dead_engine": {**asdict(dead), "cancel_s": round(dead.cancel_s, 3), "flat_s": round(dead.flat_s, 3)},
        "key_to_latch_stamp_ms": spread([run.stamp_ms for run in runs]),
        "key_to_panel_ms": spread(panels),
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
    parser.add_argument("--quiet", action="store_true", help="nothing else computes and no model is asked")
    given = parser.parse_args()
    runs: dict[bool, list[Run]] = {False: [], True: []}
    for faulty in [False] * given.runs + [True] * max(1, given.runs // 3):
        with tempfile.TemporaryDirectory(prefix="cynosure-bench-") as folder:
            runs[faulty].append(one_run(Path(folder), not given.quiet, faulty))
    with tempfile.TemporaryDirectory(prefix="cynosure-bench-") as folder:
        dead = dead_run(Path(folder))
    print(json.dumps(report(runs[False], runs[True], dead, not given.quiet), allow_nan=False))
    left = any(run.opened_after_latch or run.left_at_venue for run in runs[False] + runs[True])
    return int(left or dead.code != 0 or dead.left != 0)


if __name__ == "__main__":
    sys.exit(main())
