"""How long is a new position without its stop and target? As the venue's own ledger saw it, in wall seconds.

`python -m bench.protect [--entries 200]` enters and closes real orders on a simulator process through the
product's own entry, guard and exit. `--faults` plays instead every scenario of the fault matrix, one fresh venue each:
how long was a position of ours larger than its cover, and how did it end?
One JSON line; exit status 1 when a limit is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from decimal import Decimal
from typing import Any

from bench.drill.drill import Result
from bench.drill.scenario import NAKED_LIMIT_S, chosen_scenarios
from bench.drill.side_by_side import played
from bench.rig import Rig, open_rig, percentile
from engine.reasons import Reason

# Venue seconds per wall second: rate limits count in venue time, what is measured is wall time.
SPEED = 60.0
TICKERS = ("BTC", "ETH", "SOL", "XRP", "SUI", "XAU")
USDT = Decimal(2_000)
P99_LIMIT_S, MAX_LIMIT_S = 0.5, 2.0


async def measure(entries: int) -> dict[str, Any]:
    """Rounds of entries, one instrument each and all at once, until `entries` were filled."""
    refused = done = round_ = 0
    async with open_rig(SPEED) as rig:
        while done < entries and refused < entries:
            reasons = await _round(rig, round_, min(len(TICKERS), entries - done))
            done += reasons.count(Reason.ENTERED)
            refused += len(reasons) - reasons.count(Reason.ENTERED)
            round_ += 1
        assert rig.venue.embedded is not None
        ledger = await asyncio.to_thread(rig.venue.embedded.ledger)
    waits = [float(entry["unprotected_s"]) for entry in ledger["entries"]]
    p99, longest = percentile(waits, 0.99), max(waits)
    return {
        "entries": len(waits),
        "unprotected_s": {"p50": round(percentile(waits, 0.50), 4), "p99": round(p99, 4), "max": round(longest, 4)},
        "duplicates": ledger["duplicates"],
        "orphans": ledger["orphans"],
        "never_covered": sum(entry["covered_wall_ms"] is None for entry in ledger["entries"]),
        "refused": refused,
        "within_limits": p99 <= P99_LIMIT_S and longest <= MAX_LIMIT_S,
    }


async def _round(rig: Rig, number: int, width: int) -> list[Reason]:
    tickers = TICKERS[:width]
    inst_ids = [f"{ticker}-USDT-SWAP" for ticker in tickers]
    entries = (rig.enter(inst_ids[i], f"bench{number}{ticker}", USDT) for i, ticker in enumerate(tickers))
    reasons = list(await asyncio.gather(*entries))
    await asyncio.gather(*(rig.close_all([inst_id], f"benchclose{number}") for inst_id in inst_ids))
    return reasons


def under_faults(jobs: int) -> dict[str, Any]:
    """Every row of the matrix: the longest naked time of each scenario, and the end."""
    results = list(played(chosen_scenarios([]), jobs))
    missed = [result.name for result in results if not _holds(result)]
    return {
        "faults": {result.name: {"s": round(result.unprotected_s, 3), "end": result.end} for result in results},
        "rows": sorted({result.row for result in results}),
        "max_s": round(max(result.unprotected_s for result in results), 3),
        "limit_s": NAKED_LIMIT_S,
        "missed": missed,
        "not_as_described": [result.name for result in results if not result.passed],
        "within_limits": not missed,
    }


def _holds(result: Result) -> bool:
    """Covered within the limit and still so at the end, or without a position at the end; never neither."""
    return result.end == "flat" or (result.end == "protected" and result.unprotected_s <= NAKED_LIMIT_S)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.protect", description=__doc__)
    parser.add_argument("--entries", type=int, default=200)
    parser.add_argument("--faults", action="store_true", help="one run per fault instead of many without")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="with --faults: so many at once")
    given = parser.parse_args()
    result = {"bench": "protect"} | (under_faults(given.jobs) if given.faults else asyncio.run(measure(given.entries)))
    print(json.dumps(result, allow_nan=False))
    return 0 if result["within_limits"] else 1


if __name__ == "__main__":
    sys.exit(main())
