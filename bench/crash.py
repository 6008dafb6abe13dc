"""kill -9 at every step and at random moments, restart each time: is anything naked, doubled or lost?

`python -m bench.crash [--steps all] [--moments 200] [--seed 7]` prints one JSON line. `--steps`: a process of the
product's own desk is killed directly before or after each transaction of its journals and books, and each write at the
venue, in an entry, its cover, a trail, an exit and the booking; a number takes so many of them, evenly spread. A step
that a trade did not come to (an order of an earlier trade was still unknown) is tried again. `--moments`: the real
daemon, which trades all the time, is killed at random moments, also while it starts; now and then the simulated venue
dies with it. After each kill the daemon starts on what is left, and is then killed itself: that is a moment, too. Some
attached brackets fail at the venue, so that there is something to heal.

At the end the auditor reads the venue's state and the engine's books. `naked`: spans of more than 20 s without a whole
bracket, dead time included. `boot_to_verified_s`: from the start of the process to the log's word that every position
stands under its bracket; `with_venue_s` the same where the venue had to be started, too. Exits as
`bench/limits.py` says.
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
from bench.limits import Limit, exit_status, load_now, verdict
from bench.rig import percentile

NAKED_S = 20.0
BOOT_PATIENCE_S = 30.0
VENUE_DIES = 0.08
DIES_WHILE_STARTING = 0.2
TRIES = 3
DENIED_S = 60.0
"""Longer than an entry that was lost on its way can still arrive."""
BOOT_LIMIT_S = 3.0
FAILING_BRACKETS = {"kind": "attach_fails", "when": {"chance": 0.1}}


@dataclass(slots=True)
class Tally:
    boundaries: int = 0
    steps: int = 0
    moments: int = 0
    venue_kills: int = 0
    boots: list[Boot] = field(default_factory=list)
    boots_with_venue: list[Boot] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    not_reached: list[str] = field(default_factory=list)
    """Boundaries that no try came to."""
    again: int = 0
    """Tries that did not come to their boundary: the trade had fewer steps than the counted one, or an order of an
    earlier trade was still unknown, so that nothing might open there."""


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


def chosen(items: list[str], steps: str) -> list[str]:
    """ "all", or so many of the items, evenly over all of them."""
    count = len(items) if steps == "all" else min(int(steps), len(items))
    return [items[i * len(items) // count] for i in range(count)]


def run(home: Path, steps: str, moments: int, seed: int) -> Tally:
    tally, rng = Tally(), np.random.default_rng(seed)
    every = boundaries(home)
    tally.boundaries = len(every)
    number = 0
    for at in chosen(every, steps):
        patience, tries, ended = time.monotonic() + DENIED_S, 0, ""
        while tries < TRIES:
            number += 1
            ended = dies_at(home, number, at, tally)
            restart(home, tally, rng, venue_lives=True)
            if not ended:
                break
            # An order whose fate is open denies the next entry for a while: that is no try.
            tries += not (ended.startswith("not entered") and time.monotonic() < patience)
        if ended:
            tally.not_reached.append(f"{at}: {ended}")
    while tally.moments < moments:
        restart(home, tally, rng, venue_lives=rng.random() > VENUE_DIES)
    return tally


def dies_at(home: Path, number: int, at: str, tally: Tally) -> str:
    """ "" when the process came to the boundary and died there; else how it ended."""
    ended = step(home, number, at)
    if ended.returncode == -9:
        tally.steps += 1
        return ""
    tally.again += 1
    words = ended.stderr.strip()[-200:]
    if ended.returncode not in (0, NOT_ENTERED):
        tally.failures.append(f"{at}: ended with {ended.returncode}: {words}")
    return words or "the trade ended before it"


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
    time.sleep(rng.uniform(0.1, 2.0))
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


def report(tally: Tally, found: Audit, difference: Decimal, load: float) -> dict[str, object]:
    boots = seconds(tally.boots)
    return {
        "bench": "crash",
        "kills": tally.steps + tally.moments,
        "naked": len(found.of(Kind.NAKED)),
        "doubled": len(found.of(Kind.DUPLICATE)),
        "lost_fills": len(found.of(Kind.UNLOGGED)),
        "ledger_diff": f"{difference.normalize():f}" if difference else "0",
        "boot_to_verified_s": boots,
        "with_venue_s": seconds(tally.boots_with_venue),
        "boundaries": tally.boundaries,
        "at_steps": tally.steps,
        "not_reached": tally.not_reached,
        "tried_again": tally.again,
        "at_random": tally.moments,
        "venue_kills": tally.venue_kills,
        "bare_at_boot": sum(boot.bare for boot in tally.boots + tally.boots_with_venue),
        "longest_naked_s": found.longest_naked_s,
        "looked_at": found.counts,
        "other_findings": dict(Counter(f.kind.value for f in found.findings)),
        "failures": len(tally.failures),
    } | verdict(limits(tally, found, difference, boots), load)


def limits(tally: Tally, found: Audit, difference: Decimal, boots: dict[str, float] | None) -> list[Limit]:
    named = (Kind.NAKED, Kind.DUPLICATE, Kind.UNLOGGED)
    return [
        Limit("naked", len(found.of(Kind.NAKED)), 0),
        Limit("doubled", len(found.of(Kind.DUPLICATE)), 0),
        Limit("lost_fills", len(found.of(Kind.UNLOGGED)), 0),
        Limit("ledger_diff", float(abs(difference)), 0),
        Limit("other_findings", sum(finding.kind not in named for finding in found.findings), 0),
        Limit("steps_not_reached", len(tally.not_reached), 0),
        Limit("failed_starts", len(tally.failures), 0),
        Limit("boot_to_verified_p99_s", boots["p99"] if boots else None, BOOT_LIMIT_S, speed=True),
    ]


def steps_of(text: str) -> str:
    """Raises ValueError for neither "all" nor a number from 1 on."""
    if text != "all" and int(text) < 1:
        raise ValueError(text)
    return text


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__.split("\n\n")[0])
    parser.add_argument("--steps", type=steps_of, default="all", metavar="all|N", help="boundaries of a trade")
    parser.add_argument("--moments", type=int, default=200, metavar="N", help="random moments of the daemon, at least")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--home", type=Path, help="keep everything in this new folder")
    given = parser.parse_args()
    load = load_now()
    with tempfile.TemporaryDirectory(prefix="cynosure-bench-") as folder:
        home = busy_home(given.home or Path(folder) / "home")
        tally = run(home, given.steps, given.moments, given.seed)
        found, difference = finish(home, tally)
    for line in (*tally.failures, *(finding.line() for finding in found.findings)):
        sys.stderr.write(f"{line}\n")
    result = report(tally, found, difference, load)
    print(json.dumps(result, allow_nan=False))
    return exit_status(result)


if __name__ == "__main__":
    sys.exit(main())
