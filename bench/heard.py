"""`python -m bench.heard`: how soon the engine knows that a position was closed by somebody else.

A real engine in real time on a real simulator process: it holds a position, a person closes it in the venue's app,
and the clock runs until the closed trade is in the books. The guard's own turn comes every 15 s.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.rig import Rig, percentile
from engine.bus import EventBus
from engine.config import Settings
from engine.engine import Engine
from engine.events import Event, HealthChanged, TradeClosed
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.options import EngineOptions
from engine.reasons import Reason

INST = "BTC-USDT-SWAP"
START_S = 60.0
SEEN_WITHIN_S = 30.0
REST_S = 1.5


async def measure(rounds: int, deaf: bool) -> list[float]:
    """Seconds from the act to the TradeClosed event, one a round. `deaf`: without any push."""
    with tempfile.TemporaryDirectory(prefix="cynosure-heard-") as folder:
        home = Home(Path(folder)).prepare()
        demo = {"seed": 7, "equity_usdt": 100_000}
        settings = Settings.model_validate({"llm": {"backend": "rules"}, "demo": demo, "watchlist": ("BTC",)})
        bus, events = EventBus(), []
        bus.listen(lambda event: events.append((time.monotonic(), event)))
        engine = Engine(settings, home, bus, EntryLatch(home.storage), EngineOptions(speed=1.0))
        stopping = asyncio.Event()
        life = asyncio.ensure_future(engine.run(stopping))
        try:
            await _until(lambda: any(_is_listening(event) for _, event in events), START_S)
            return [await _round(engine, events, number, deaf) for number in range(rounds)]
        finally:
            stopping.set()
            await life
            await engine.close()


def _is_listening(event: Event) -> bool:
    return isinstance(event, HealthChanged) and event.source == "stream" and event.status == "ok"


async def _round(engine: Engine, events: list[tuple[float, Any]], number: int, deaf: bool) -> float:
    works = engine.opened()
    assert works.venue.embedded is not None
    if deaf:
        await asyncio.to_thread(works.venue.embedded.arm_faults, {"kind": "ws_stall", "for_s": 15})
    rig = Rig(engine.home, works.venue, works.desk, works.instruments, [])
    reason = await rig.enter(INST, f"heard{number}", Decimal(2_000))
    assert reason is Reason.ENTERED, reason
    await asyncio.sleep(REST_S)
    before, began = len(events), time.monotonic()
    await asyncio.to_thread(works.venue.embedded.arm_faults, {"kind": "user_closes", "inst": INST})
    await _until(lambda: any(isinstance(event, TradeClosed) for _, event in events[before:]), SEEN_WITHIN_S)
    return next(at for at, event in events[before:] if isinstance(event, TradeClosed)) - began


async def _until(wanted: Any, within_s: float) -> None:
    for _ in range(int(within_s / 0.01)):
        if wanted():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"not within {within_s:g} s")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.heard")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--deaf", action="store_true", help="the sockets push nothing: REST alone")
    given = parser.parse_args()
    seen = asyncio.run(measure(given.rounds, given.deaf))
    report = {
        "bench": "heard",
        "rounds": len(seen),
        "pushes": not given.deaf,
        "seen_s": {"p50": percentile(seen, 0.5), "p99": percentile(seen, 0.99), "max": max(seen)},
    }
    print(json.dumps(report, default=str, allow_nan=False))


if __name__ == "__main__":
    main()
