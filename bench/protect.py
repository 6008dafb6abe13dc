"""How long is a new position without its stop and target? As the venue's own ledger saw it.

`python -m bench.protect [--entries 200]` enters and closes real orders on a simulator process through the
product's own entry, guard and exit, and reads the venue's ledger at the end. Wall seconds.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from decimal import Decimal

from bench.rig import open_rig, percentile
from engine.reasons import Reason

# Venue seconds per wall second: rate limits count in venue time, what is measured is wall time.
SPEED = 60.0
TICKERS = ("BTC", "ETH", "SOL", "XRP", "SUI", "XAU")


async def measure(entries: int) -> dict[str, object]:
    refused = 0
    async with open_rig(SPEED) as rig:
        inst_ids = [f"{ticker}-USDT-SWAP" for ticker in TICKERS]
        done = round_ = 0
        while done < entries and refused < entries:
            for inst_id in inst_ids:
                reason = await rig.enter(inst_id, f"bench{round_}{inst_id.split('-')[0]}", Decimal(2_000))
                done += reason is Reason.ENTERED
                refused += reason is not Reason.ENTERED
            await rig.close_all(inst_ids, f"benchclose{round_}")
            round_ += 1
        assert rig.venue.embedded is not None
        ledger = await asyncio.to_thread(rig.venue.embedded.ledger)
    waits = [float(entry["unprotected_s"]) for entry in ledger["entries"]]
    never = sum(entry["covered_wall_ms"] is None for entry in ledger["entries"])
    return {
        "bench": "protect",
        "entries": len(waits),
        "unprotected_s": {
            "p50": round(percentile(waits, 0.50), 4),
            "p99": round(percentile(waits, 0.99), 4),
            "max": round(max(waits), 4),
        },
        "duplicates": ledger["duplicates"],
        "orphans": ledger["orphans"],
        "never_covered": never,
        "refused": refused,
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.protect", description=__doc__)
    parser.add_argument("--entries", type=int, default=200)
    print(json.dumps(asyncio.run(measure(parser.parse_args().entries)), allow_nan=False))


if __name__ == "__main__":
    main()
