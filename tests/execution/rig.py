"""A desk on the real simulator through the real adapter, with faults on the way where a test asks for them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.clock import ScaledClock
from engine.db import Database
from engine.events import Event
from engine.exchange.errors import Rejected, Unavailable, UnknownOutcome
from engine.exchange.okx.exchange import OkxExchange
from engine.exchange.okx.kill_client import OkxKillVenue
from engine.exchange.okx.sdk import OkxEndpoint
from engine.execution.desk import TradingDesk
from engine.execution.entry_plan import EntryPlan
from engine.execution.kill_switch import KillSwitch, KillTiming
from engine.execution.latch import EntryLatch
from engine.execution.timing import ExecutionTiming
from engine.model import Bracket, BracketPrices, Instrument, Position
from engine.rounding import ceil_to_step, floor_to_step
from tests.simulator_process import Simulator

QUICK = ExecutionTiming(
    cover_deadline_s=0.4,
    fill_deadline_s=1.0,
    absent_after_s=0.5,
    resolve_deadline_s=1.5,
    flat_deadline_s=3.0,
    protect_deadline_s=3.0,
    longest_poll_s=0.2,
)

Fault = Callable[[Callable[..., Awaitable[Any]], tuple[Any, ...], dict[str, Any]], Awaitable[Any]]


async def lose_reply(call: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The venue did it; the answer never came."""
    await call(*args, **kwargs)
    raise UnknownOutcome("read time-out")


async def lose_request(call: object, args: object, kwargs: object) -> Any:
    """The venue never got it; neither did we get an answer."""
    raise UnknownOutcome("connection dropped")


async def down(call: object, args: object, kwargs: object) -> Any:
    raise Unavailable("venue down", "50001")


async def passes(call: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    return await call(*args, **kwargs)


async def without_bracket(call: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """The entry is accepted, its attached bracket is lost on the way."""
    return await call(replace(args[0], bracket=None, bracket_client_id=""), **kwargs)


async def hidden(call: object, args: object, kwargs: object) -> Any:
    """The venue knows no such thing (yet)."""
    return None


def refuse(code: str = "51000", error_class: Any = None) -> Fault:
    async def fault(call: object, args: object, kwargs: object) -> Any:
        error = Rejected("refused by the test", code)
        if error_class is not None:
            error.error_class = error_class
        raise error

    return fault


class FaultyExchange:
    """The real adapter; `faults[name]` are used up one a call, the last of `always[name]` for ever."""

    def __init__(self, real: OkxExchange) -> None:
        self._real = real
        self.faults: dict[str, list[Fault]] = {}
        self.always: dict[str, Fault] = {}
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._real, name)
        if name == "listen":  # answers at once: no call of the venue
            return real

        async def call(*args: Any, **kwargs: Any) -> Any:
            self.calls.append(name)
            queue = self.faults.get(name)
            if queue:
                return await queue.pop(0)(real, args, kwargs)
            if name in self.always:
                return await self.always[name](real, args, kwargs)
            return await real(*args, **kwargs)

        return call

    def sent(self, name: str) -> int:
        return self.calls.count(name)


@dataclass
class Rig:
    """One engine's worth of execution. `restart` is a crash: new objects, the same files, the same venue."""

    sim: Simulator
    home: Path
    clock: ScaledClock
    real: OkxExchange
    venue: FaultyExchange
    instruments: dict[str, Instrument]
    db: Database
    desk: TradingDesk
    latch: EntryLatch
    events: list[Event] = field(default_factory=list)
    timing: ExecutionTiming = QUICK

    @classmethod
    async def open(cls, sim: Simulator, home: Path, timing: ExecutionTiming = QUICK) -> Rig:
        clock = ScaledClock(*sim.clock())
        real = OkxExchange(endpoint(sim), clock)
        venue = FaultyExchange(real)
        instruments = dict(await real.instruments())
        events: list[Event] = []
        latch = EntryLatch(home / "storage")
        db = await Database.open(home / "storage" / "cynosure.db")
        desk = _desk(db, venue, latch, clock, events, instruments, home, timing)
        await desk.load()
        return cls(sim, home, clock, real, venue, instruments, db, desk, latch, events, timing)

    async def restart(self) -> None:
        await self.db.close()
        self.db = await Database.open(self.home / "storage" / "cynosure.db")
        self.latch = EntryLatch(self.home / "storage")
        self.venue.faults.clear()
        self.venue.always.clear()
        self.desk = _desk(
            self.db, self.venue, self.latch, self.clock, self.events, self.instruments, self.home, self.timing
        )
        await self.desk.load()

    async def close(self) -> None:
        await self.db.close()
        await self.flatten()
        await self.real.aclose()

    async def flatten(self) -> None:
        """Leaves the venue clean, by the kill switch."""
        kill = KillSwitch(
            OkxKillVenue(endpoint(self.sim)), EntryLatch(self.home / "cleanup"),
            KillTiming(retry_s=0.02, settle_s=0.05),
        )  # fmt: skip
        await asyncio.to_thread(kill.engage, True, "test")

    def sync_clock(self) -> None:
        self.clock.set_anchor(*self.sim.clock())

    def advance(self, ms: int) -> None:
        self.sim.advance(ms=ms)
        self.sync_clock()

    async def plan(self, decision: str, inst_id: str = "BTC-USDT-SWAP", **change: Any) -> EntryPlan:
        """An entry of about 500 USDT, 3 % stop, 6 % target."""
        instrument = self.instruments[inst_id]
        mark = await self.real.mark_price(inst_id)
        stop = ceil_to_step(mark * Decimal("0.97"), instrument.tick_size)
        target = floor_to_step(mark * Decimal("1.06"), instrument.tick_size)
        contracts = floor_to_step(Decimal(500) / instrument.notional(Decimal(1), mark), instrument.lot_size)
        plan = EntryPlan(
            decision_id=decision, ticker=instrument.ticker, instrument=instrument,
            contracts=max(contracts, instrument.min_size), prices=BracketPrices(stop, target), price=mark,
            decided_at=self.clock.now_ms(), strength=0.7, atr15_pct=0.004, trail_pct=0.025, max_age_s=120,
        )  # fmt: skip
        return replace(plan, **change)

    async def position(self, inst_id: str = "BTC-USDT-SWAP") -> Position | None:
        return next((p for p in await self.real.positions() if p.inst_id == inst_id), None)

    async def brackets(self, inst_id: str = "BTC-USDT-SWAP") -> list[Bracket]:
        return [b for b in await self.real.brackets() if b.inst_id == inst_id]

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


def endpoint(sim: Simulator) -> OkxEndpoint:
    return OkxEndpoint(sim.base_url, sim.flag, sim.key, sim.secret, sim.passphrase, 2.0, 5.0)


def _desk(
    db: Database, venue: Any, latch: EntryLatch, clock: ScaledClock, events: list[Event],
    instruments: dict[str, Instrument], home: Path, timing: ExecutionTiming,
) -> TradingDesk:  # fmt: skip
    return TradingDesk(db, venue, latch, clock, events.append, instruments, home / "logs", timing)
