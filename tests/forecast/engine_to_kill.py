"""A process like an engine: a forecaster in the middle of a batch, and a child of another kind that
outlives it, as the embedded exchange does. It says when it is so far, and waits to be killed."""

from __future__ import annotations

import asyncio
import sys

from engine.clock import ManualClock
from engine.config import ForecastSettings
from engine.forecast.service import ForecastService
from engine.supervisor import Supervisor
from tests.experts.markets import NOW
from tests.forecast.rig import windows


async def main(weights: str, *child: str) -> None:
    supervisor = Supervisor(lambda name, error: None)
    settings = ForecastSettings(checkpoint=weights)
    service = ForecastService(settings, ManualClock(NOW), lambda *_: None, child=child)
    service.start(supervisor)
    service.request(windows(*(f"T{number}-USDT-SWAP" for number in range(34)), bars=512))
    while service.state != "ok":
        await asyncio.sleep(0.02)
    await asyncio.create_subprocess_exec(sys.executable, "-c", "import time; time.sleep(60)", start_new_session=True)
    await asyncio.sleep(0.2)
    assert not await service.settled(0.01)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    await asyncio.sleep(60)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
