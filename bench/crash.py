"""kill -9 at every step and at random moments, restart each time: is anything naked, doubled or lost?

`python -m bench.crash [--kills 300] [--seed 7]` prints one JSON line. Half of the kills (at most two rounds of all
boundaries) hit a process of the product's own desk directly before or after a transaction of its journal and books,
or a write at the venue, in an entry, its cover, a trail, an exit and the booking. The others hit the real daemon, which
trades all the time, at random moments, also while it starts; now and then the simulated venue dies with it. After each
kill the daemon starts on what is left. Some attached brackets fail at the venue, so that there is something to heal.

At the end the auditor reads the venue's state and the engine's books. `naked`: spans of more than 20 s without a whole
bracket, dead time included. `boot_to_verified_s`: from the start of the process to the log's word that every position
stands under its bracket; `with_venue_s` the same where the venue had to be started, too. Exit 1 when anything is wrong.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np

from bench.audit import Audit, Kind, Limits, audit
from bench.crash_home import ROOT, Boot, Daemon, arm, busy_home, kill_venue, settle
from bench.crash_steps import NOT_ENTERED
from bench.rig import percentile

NAKED_S = 20.0
BOOT_PATIENCE_S = 30.0
VENUE_DIES = 0.08
DIES_WHILE_STARTING = 0.2
FAILING_BRACKETS = {"kind": "attach_fails", "when": {"chance": 0.1}}


@dataclass(slots=True)
class Tally:
    steps: int = 0
    moments: int = 0
    venue_kills: int = 0
    boots: list[Boot] = field(default_factory=list)
    boots_with_venue: list[Boot] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    not_reached: int = 0
    """Boundaries that a trade did not come to: it had fewer steps than the counted one, or an order of an earlier trade
    was still unknown, so that nothing might open there."""


def boundaries(home: Path) -> list[str]:
    """Every place at which a whole trade may be cut off, in the order in which it passes them."""
    counted = json.loads(step(home, 0, "count").stdout)
    return [
        f"{kind}:{side}:{number}"
        for kind in ("commit", "write")
        for number in range(1, counted[kind] + 1)
        for side in ("before", "after")
    ]


def step(home: Path, number: int, at: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.crash_steps", str(home), str(number), at]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=at == "count")


def spread(items: list[str], count: int) -> list[str]:
    """`count` of the items, evenly over all of them; all, and from the start again, when there are not enough."""
    if count >= len(items):
        return (items * 2)[: min(count, 2 * len(items))]
    return [items[int(i * len(items) / count)] for i in range(count)]


def run(home: Path, kills: int, seed: int) -> Tally:
    tally, rng = Tally(), np.random.default_rng(seed)
    chosen = spread(boundaries(home), kills // 2)
    for number, at in enumerate(chosen, start=1):
        ended = step(home, number, at)
        tally.steps += ended.returncode == -9
        tally.not_reached += ended.returncode in (0, NOT_ENTERED)
        if ended.returncode not in (0, NOT_ENTERED, -9):
            tally.failures.append(f"{at}: ended with {ended.returncode}: {ended.stderr.strip()[-200:]}")
        restart(home, tally, rng, venue_lives=True)
    while tally.steps + tally.moments < kills:
        restart(home, tally, rng, venue_lives=rng.random() > VENUE_DIES)
    return tally


def restart(home: Path, tally: Tally, rng: np.random.Generator, venue_lives: bool) -> None:
    """One life of the daemon, ended by SIGKILL."""
    if not venue_lives:
        kill_venue(home)
        tally.venue_kills += 1
    daemon = Daemon(home)
    if venue_lives and rng.random() < DIES_WHILE_STARTING:
        time.sleep(rng.uniform(0.05, 1.2))
        daemon.kill()
        tally.moments += 1
        return
    if not daemon.await_verified(BOOT_PATIENCE_S):
        tally.failures.append(f"not verified {BOOT_PATIENCE_S:.0f} s after the start (exit {daemon.process.poll()})")
    (tally.boots if venue_lives else tally.boots_with_venue).append(daemon.boot)
    if not venue_lives or tally.moments == 0:
        arm(home, FAILING_BRACKETS)
    time.sleep(rng.uniform(0.1, 3.0))
    daemon.kill()
    tally.moments += 1


def finish(home: Path, tally: Tally) -> tuple[Audit, Decimal]:
    """A last start that may live for 20 s, a clean stop, and the reckoning."""
    daemon = Daemon(home)
    daemon.await_verified(BOOT_PATIENCE_S)
    time.sleep(NAKED_S)
    if daemon.process.poll() is not None:
        tally.failures.append(f"the last daemon ended by itself with {daemon.process.returncode}")
    elif daemon.stop() != 0:
        tally.failures.append("the last daemon did not stop cleanly")
    difference = asyncio.run(settle(home))
    return audit(home / "storage" / "simulator.db", home, Limits(naked_s=NAKED_S)), difference


def seconds(boots: list[Boot]) -> dict[str, float] | None:
    found = [boot.verified_s for boot in boots if boot.verified_s is not None]
    if not found:
        return None
    return {
        "p50": round(percentile(found, 0.5), 3),
        "p99": round(percentile(found, 0.99), 3),
        "max": round(max(found), 3),
    }


def report(tally: Tally, found: Audit, difference: Decimal) -> dict[str, object]:
    return {
        "bench": "crash",
        "kills": tally.steps + tally.moments,
        "naked": len(found.of(Kind.NAKED)),
        "doubled": len(found.of(Kind.DUPLICATE)),
        "lost_fills": len(found.of(Kind.UNLOGGED)),
        "ledger_diff": f"{difference.normalize():f}" if difference else "0",
        "boot_to_verified_s": seconds(tally.boots),
        "with_venue_s": seconds(tally.boots_with_venue),
        "at_steps": tally.steps,
        "not_reached": tally.not_reached,
        "at_random": tally.moments,
        "venue_kills": tally.venue_kills,
        "bare_at_boot": sum(boot.bare for boot in tally.boots + tally.boots_with_venue),
        "longest_naked_s": found.longest_naked_s,
        "looked_at": found.counts,
        "other_findings": dict(Counter(f.kind.value for f in found.findings)),
        "failures": len(tally.failures),
    }


def main() -> int:
    """0 when nothing is naked, doubled, lost or out of balance, and every start came up."""
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=300)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--home", type=Path, help="keep everything in this new folder")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cynosure-bench-") as folder:
        home = busy_home(given.home or Path(folder) / "home")
        tally = run(home, given.kills, given.seed)
        found, difference = finish(home, tally)
    for line in (*tally.failures, *(finding.line() for finding in found.findings)):
        sys.stderr.write(f"{line}\n")
    print(json.dumps(report(tally, found, difference), allow_nan=False))
    return int(bool(tally.failures or found.findings or difference))


if __name__ == "__main__":
    sys.exit(main())
