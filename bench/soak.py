"""Weeks of trading in minutes: does anything leak, pile up, hang, or lose its way?

`python -m bench.soak [--days 30] [--speed 1920] [--watchlist BTC,ETH,…] [--fault-rate 0.01] [--seed 600] [--home DIR]`

The real program (`app.py --daemon`) trades on the real simulator process at high speed, with limits so wide that it
trades often, while faults of every request kind befall `fault-rate` of its requests. Memory, threads, tasks, files,
database and logs are sampled every second; at the end the auditor recomputes the venue's state file and compares it
with the home's books. Prints one JSON line; exit status 1 when a limit is broken, and the home is then kept.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.audit import Audit, Kind, Limits, audit
from bench.soak_run import Plan, Run, settle, start
from bench.soak_samples import floor, slope

WATCHLIST = ("BTC", "ETH", "SOL", "XRP", "SUI", "XAU", "XAG", "NVDA", "TSLA", "PLTR")
SETTLE_S = 5.0

NAKED_S = 30.0
SLOPE_MB_PER_DAY = 0.5
"""Over 30 days 15 MB: the noise of an allocator. A leak of one decision per decision would be ten times that."""
SHORT_DAYS = 10
"""Below that the run is a warm-up: its slope says nothing, and only the growth as a whole is limited."""
SHORT_GROWTH_MB = 60.0
DATABASE_MB = 100.0
LOGS_MB = 250.0
THREADS = 64
PER_DAY = 0.5
"""Of tasks and of open files: what leaks one an hour of simulated time is far above."""
CENT = Decimal("0.01")
UNRETRIEVED = ("exception was never retrieved", "was never awaited", "Traceback (most recent call last)")


def counts(home: Path) -> dict[str, Any]:
    """From the engine's own books."""
    with closing(sqlite3.connect(home / "storage" / "cynosure.db")) as books:

        def number(query: str) -> int:
            return int(books.execute(query).fetchone()[0] or 0)

        return {
            "cycles": number("SELECT value FROM meta WHERE key = 'cycle_number'"),
            "entries": number("SELECT count(*) FROM trades"),
            "exits": number("SELECT count(*) FROM trades WHERE state = 'closed'"),
            "exit_reasons": dict(
                books.execute("SELECT reason, count(*) FROM trades WHERE state = 'closed' GROUP BY 1 ORDER BY 2 DESC")
            ),
            "hold_reasons": dict(
                books.execute("SELECT reason, count(*) FROM decisions GROUP BY 1 ORDER BY 2 DESC LIMIT 8")
            ),
        }


def unretrieved(home: Path) -> list[str]:
    """Lines of any log that tell of an error that nobody handled."""
    files = [*(home / "logs").glob("*.log*"), home / "daemon.out"]
    lines = (line for path in files for line in path.read_text(errors="replace").splitlines())
    return [line for line in lines if any(re.search(re.escape(phrase), line) for phrase in UNRETRIEVED)]


def report(run: Run, code: int, status: dict[str, Any], result: Audit, wall_s: float) -> dict[str, Any]:
    settled, samples = run.watch.settled(), run.watch.samples
    fired: Counter[str] = Counter()
    for row in run.faults:
        fired[row["kind"]] += row["fired"]
    account = status.get("account") or {}
    document: dict[str, Any] = {
        "bench": "soak",
        "days": round(samples[-1].day, 2),
        "wall_s": round(wall_s, 1),
        **counts(run.home),
        "speed": run.plan.speed,
        "watchlist": list(run.plan.watchlist),
        "seed": run.plan.seed,
        "fault_rate": run.plan.fault_rate,
        "faults_fired": sum(fired.values()),
        "faults": dict(fired),
        "naked_max_s": round(result.longest_naked_s, 3),
        "duplicates": len(result.of(Kind.DUPLICATE)),
        "orphans": len(result.of(Kind.ORPHAN)),
        "audit": dict(Counter(finding.kind.value for finding in result.findings)),
        "audited": result.counts,
        "ledger_diff": account.get("difference"),
        "rss_mb": _memory([(s.day, s.rss_mb) for s in settled]),
        "venue_rss_mb": _memory([(s.day, s.venue_rss_mb) for s in settled]),
        "tasks": _range([(s.day, s.tasks) for s in settled if s.tasks is not None]),
        "threads": max(s.threads for s in settled),
        "open_files": _range([(s.day, s.open_files) for s in settled]),
        "db_mb": round(max(s.database_mb for s in samples), 1),
        "logs_mb": round(max(s.logs_mb for s in samples), 1),
        "venue_db_mb": round(max(s.state_mb for s in samples), 1),
        "counted": run.watch.counted,
        "unretrieved": len(unretrieved(run.home)),
        "stuck": len(run.watch.stuck),
        "exit_code": code,
    }
    return {**document, "breaches": breaches(document, run.plan)}


def _memory(points: list[tuple[float, float]]) -> dict[str, float]:
    return {
        "start": round(points[0][1], 1),
        "end": round(points[-1][1], 1),
        "max": round(max(value for _, value in points), 1),
        "slope_mb_per_day": round(slope(points), 3),
    }


def _range(points: list[tuple[float, int]]) -> dict[str, float]:
    """How many there were, and how many more each day: by the floor, for a cycle's own come and go."""
    counts = [count for _, count in points]
    rise = round(slope(floor(points)), 3)
    return {"min": min(counts, default=0), "max": max(counts, default=0), "slope_per_day": rise}


def breaches(document: dict[str, Any], plan: Plan) -> list[str]:
    """What must not be so, by the name of the figure."""
    memory, long = document["rss_mb"], plan.days >= SHORT_DAYS
    growth = (
        memory["slope_mb_per_day"] > SLOPE_MB_PER_DAY if long else memory["end"] - memory["start"] > SHORT_GROWTH_MB
    )
    difference = document["ledger_diff"]
    wrong = {
        "entries": document["entries"] < plan.days / 2,
        "exits": document["exits"] < plan.days / 4,
        "faults_fired": plan.fault_rate > 0 and not document["faults_fired"],
        "naked_max_s": document["naked_max_s"] > NAKED_S,
        "audit": bool(document["audit"]),
        "ledger_diff": difference is None or abs(Decimal(difference)) >= CENT,
        "rss_mb": growth,
        "tasks": not document["tasks"]["max"] or (long and document["tasks"]["slope_per_day"] > PER_DAY),
        "open_files": long and document["open_files"]["slope_per_day"] > PER_DAY,
        "threads": document["threads"] > THREADS,
        "db_mb": document["db_mb"] > DATABASE_MB,
        "logs_mb": document["logs_mb"] > LOGS_MB,
        "unretrieved": bool(document["unretrieved"]),
        "stuck": bool(document["stuck"]),
        "exit_code": bool(document["exit_code"]),
    }
    return [name for name, is_wrong in wrong.items() if is_wrong]


def measure(plan: Plan, home: Path) -> dict[str, Any]:
    began = time.monotonic()
    run = start(plan, home)
    try:
        run.arm()
        run.go()
        run.disarm()
        time.sleep(SETTLE_S)
        code = run.stop()
    finally:
        if run.engine.poll() is None:
            run.engine.kill()
            run.engine.wait()
            run.venue.stop()
    status = settle(home)
    result = audit(home / "storage" / "simulator.db", home, Limits(naked_s=NAKED_S))
    for line in [*(finding.line() for finding in result.findings), *run.watch.stuck, *unretrieved(home)][:40]:
        print(line, file=sys.stderr)
    return report(run, code, status, result, time.monotonic() - began)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__)
    parser.add_argument("--days", type=float, default=30.0)
    parser.add_argument("--speed", type=float, default=1920.0)
    parser.add_argument("--watchlist", default=",".join(WATCHLIST))
    parser.add_argument("--fault-rate", type=float, default=0.01)
    parser.add_argument("--seed", type=int, default=600)
    parser.add_argument("--home", type=Path, help="keep everything there (it must be empty)")
    chosen = parser.parse_args()
    plan = Plan(chosen.days, chosen.speed, tuple(chosen.watchlist.split(",")), chosen.fault_rate, chosen.seed)
    home = chosen.home or Path(tempfile.mkdtemp(prefix="cynosure-soak-"))
    home.mkdir(parents=True, exist_ok=True)
    document = measure(plan, home)
    print(json.dumps(document, allow_nan=False))
    if document["breaches"]:
        print(f"broken limits: {', '.join(document['breaches'])}; the home is kept: {home}", file=sys.stderr)
        return 1
    if chosen.home is None:
        shutil.rmtree(home)
    return 0


if __name__ == "__main__":
    sys.exit(main())
