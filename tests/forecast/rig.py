"""Windows of candles, a clock that stands still, and a service on a stand-in of the model."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.clock import ManualClock
from engine.config import ForecastSettings
from engine.forecast.service import ForecastService, Patience
from engine.model import Candles, Timeframe
from engine.supervisor import Supervisor
from tests.experts.markets import NOW, candles, walk

HOUR_MS = 3_600_000
SWIFT = Patience(load_s=60.0, look_again_s=0.05, first_restart_s=0.05, longest_restart_s=0.1)


def stand_in(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.forecast.stand_in", *arguments)


def windows(*inst_ids: str, end: int = NOW, bars: int = 300) -> Mapping[str, Mapping[Timeframe, Candles]]:
    return {
        inst_id: {
            timeframe: candles(walk(number, bars), timeframe, end=end) for timeframe in (Timeframe.H1, Timeframe.H4)
        }
        for number, inst_id in enumerate(inst_ids)
    }


@dataclass
class Rig:
    service: ForecastService
    clock: ManualClock
    supervisor: Supervisor
    told: list[tuple[str, str, str]] = field(default_factory=list)
    deaths: list[str] = field(default_factory=list)

    async def until(self, wanted: Callable[[], Any], within_s: float = 30.0) -> None:
        for _ in range(int(within_s / 0.01)):
            if wanted():
                return
            await asyncio.sleep(0.01)
        raise AssertionError(f"not within {within_s:g} s; {self.service.health()}, told {self.told}")

    async def forecast(self, *inst_ids: str) -> None:
        """Requests what there is by now, and waits for the answers."""
        self.service.request(windows(*inst_ids, end=self.clock.now_ms()))
        await self.until(lambda: self.service.state == "ok")
        assert await self.service.settled(30.0)


@asynccontextmanager
async def rig(
    tmp_path: Path, *arguments: str, child: tuple[str, ...] | None = None, patience: Patience = SWIFT, **settings: Any
) -> AsyncIterator[Rig]:
    """A started service on weights that a stand-in never reads."""
    file = tmp_path / "model.safetensors"
    file.touch()
    told: list[tuple[str, str, str]] = []
    deaths: list[str] = []
    supervisor = Supervisor(lambda name, error: deaths.append(f"{name}: {error!r}"))
    clock = ManualClock(NOW)
    given = ForecastSettings.model_validate({"checkpoint": str(file), **settings})
    service = ForecastService(
        given,
        clock,
        lambda *said: told.append(said),
        log=tmp_path / "forecast.log",
        child=child or stand_in(*arguments),
        patience=patience,
    )
    service.start(supervisor)
    try:
        yield Rig(service, clock, supervisor, told, deaths)
    finally:
        await service.aclose()
    assert not deaths, deaths
