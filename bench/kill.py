"""From the key to a flat account: `python -m bench.kill [--runs 20] [--quiet]` prints one JSON line.

At least ten positions are entered through the product's own desk and one entry order rests far below the market; then
the real cockpit (`python app.py`) starts in a pseudo-terminal and adopts them. A child computes with NumPy (a
forecast), another in pure Python (a backtest), each enough for a core, and every ticker waits for a model that never
answers (`--quiet`: none of these). K is pressed; once the panel listens, HALT is spelled, and Enter follows, every
other time in the middle of a cycle. RESUME is spelled and another entry order rests: `--runs` times in one session,
the last one with FLAT for HALT. In a second session the venue refuses one close and answers another too late. Last,
with no engine alive, `--kill --flatten` from a shell must exit 0 with the venue flat.

k_to_latch_ms: from the write of K until storage/KILL is seen on disk (polled, so at most 0.3 ms too long): from here on
nothing opens. enter_to_first_cancel_ms: from the write of Enter, the last key, until the cancel's last byte had arrived
at the venue, by its own log. enter_to_flat_s: from the write of Enter until the last closing fill of the venue's
ledger. All are wall time. Exits as `bench/limits.py` says, 3 when the terminal did not show in time what it waits for.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from bench.kill_load import FAULTS, POSITIONS, ask_the_model, busy_children, furnish, hanging_model
from bench.kill_session import MS, ROOT, Flat, Press, cockpit, is_cancel, left_at, wall_of
from bench.kill_watch import NotSeen
from bench.limits import Limit, exit_status, load_now, verdict
from bench.rig import percentile
from engine.exchange.simulator.embedded import EmbeddedVenue

BESIDE = "children that compute in place of a forecast and a backtest, a hanging model"
KEY_LIMIT_MS, FLAT_LIMIT_S, FAULTY_FLAT_LIMIT_S = 50.0, 5.0, 15.0
KEY_EVER_MS, FLAT_EVER_S = 1000.0, 30.0
"""However busy the machine: slower than this is no kill switch."""


def session(loaded: bool, presses: int, faults: Sequence[dict[str, Any]]) -> tuple[list[Press], Flat]:
    """A fresh home; all presses but the last say HALT."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cynosure-bench-")))
        venue = stack.enter_context(furnished(home))
        if loaded:
            ask_the_model(home, stack.enter_context(hanging_model()))
            stack.enter_context(busy_children())
        running = stack.enter_context(cockpit(home, venue))
        for number in range(presses - 1):
            running.halt(number)
        flat = running.flatten(faults)
        return running.presses, flat


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
        cancel_s, flat_s = (cancels[0] - began) / 1000, (max(closing) - began) / 1000
        return DeadRun(done.returncode, round(cancel_s, 3), round(flat_s, 3), left_at(ledger))


def spread(values: list[float]) -> dict[str, float]:
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(percentile(values, share), 2) for name, share in shares.items()}


def report(presses: list[Press], plain: Flat, faulty: Flat, dead: DeadRun, loaded: bool, load: float) -> dict[str, Any]:
    panels = [press.panel_ms for press in presses if press.panel_ms is not None]
    latch, cancel = spread([press.latch_ms for press in presses]), spread([press.cancel_ms for press in presses])
    ends = (plain, faulty)
    opened, left = sum(press.opened_after_latch for press in presses), sum(flat.left_at_venue for flat in ends)
    limits = [
        Limit("opened_after_latch", opened, 0),
        Limit("left_at_venue", left, 0),
        Limit("positions_missing", max(0, POSITIONS - min(flat.positions for flat in ends)), 0),
        Limit("uncovered_after_enter", sum(flat.uncovered_after_enter for flat in ends), 0),
        Limit("dead_engine_exit", dead.code, 0),
        Limit("dead_engine_left", dead.left, 0),
        Limit("k_to_latch_p99_ms", latch["p99"], KEY_LIMIT_MS, speed=True),
        Limit("enter_to_first_cancel_p99_ms", cancel["p99"], KEY_LIMIT_MS, speed=True),
        Limit("k_to_latch_max_ms", latch["max"], KEY_EVER_MS),
        Limit("enter_to_first_cancel_max_ms", cancel["max"], KEY_EVER_MS),
        Limit("enter_to_flat_ever_s", round(max(end.flat_s for end in ends), 3), FLAT_EVER_S),
        Limit("enter_to_flat_s", round(plain.flat_s, 3), FLAT_LIMIT_S, speed=True),
        Limit("enter_to_flat_faulty_s", round(faulty.flat_s, 3), FAULTY_FLAT_LIMIT_S, speed=True),
    ]
    return {
        "bench": "kill",
        "presses": len(presses),
        "beside": BESIDE if loaded else "nothing",
        "k_to_latch_ms": latch,
        "enter_to_first_cancel_ms": cancel,
        "enter_to_flat_s": round(plain.flat_s, 3),
        "enter_to_flat_faulty_s": round(faulty.flat_s, 3),
        "dead_engine": asdict(dead),
        "k_to_latch_stamp_ms": spread([press.stamp_ms for press in presses]),
        "k_to_panel_ms": spread(panels) if panels else None,
        "positions": min(flat.positions for flat in ends),
        "key_mid_cycle": sum(press.key_mid_cycle for press in presses),
        "enter_mid_cycle": sum(press.enter_mid_cycle for press in presses),
        "clock_skew_ms": round(max(flat.clock_skew_ms for flat in ends), 2),
    } | verdict(limits, load)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.kill", description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=20, metavar="N", help="presses of the first session")
    parser.add_argument("--quiet", action="store_true", help="nothing else computes and no model is asked")
    given = parser.parse_args()
    load = load_now()
    try:
        presses, plain = session(not given.quiet, max(1, given.runs), ())
        more, faulty = session(not given.quiet, 1, FAULTS)
        with tempfile.TemporaryDirectory(prefix="cynosure-bench-") as folder:
            dead = dead_run(Path(folder))
    except NotSeen as problem:
        sys.stderr.write(f"{problem}\n")
        return 3
    result = report([*presses, *more], plain, faulty, dead, not given.quiet, load)
    print(json.dumps(result, allow_nan=False))
    return exit_status(result)


if __name__ == "__main__":
    sys.exit(main())
