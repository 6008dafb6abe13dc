"""`python -m tests.app.open_positions HOME INST...`: opens real positions in a home, through the desk."""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal
from pathlib import Path

from bench.rig import open_rig
from engine.reasons import Reason


async def main(home: Path, inst_ids: list[str]) -> None:
    async with open_rig(speed=1.0, seed=7, home=home) as rig:
        for inst_id in inst_ids:
            reason = await rig.enter(inst_id, f"{inst_id.split('-')[0]}1", Decimal(2000), Decimal("0.2"))
            if reason is not Reason.ENTERED:
                raise SystemExit(f"{inst_id}: {reason}")
        await rig.desk.guard_pass()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2:]))
