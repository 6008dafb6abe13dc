"""The real trading desk on the real simulator process, step by step as a scenario says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import yaml

from bench.drill.line import Line, spoilable_line
from bench.drill.scenario import Scenario, inst
from engine.account_watch import AccountWatch
from engine.clock_watch import ClockWatch
from engine.config import Settings
from engine.db import Database
from engine.events import Event, LogLine
from engine.exchange.contracts import contracts_for_notional
from engine.exchange.errors import ExchangeError
from engine.exchange.okx.kill_client import OkxKillVenue
from engine.exchange.simulator.embedded import EmbeddedVenue
from engine.execution.desk import TradingDesk
from engine.execution.entry_plan import EntryPlan
from engine.execution.kill_switch import KillSwitch, KillTiming
from engine.execution.latch import EntryLatch
from engine.execution.timing import ExecutionTiming
from engine.home import Home
from engine.maintenance import MaintenanceWatch
from engine.mode import Mode
from engine.model import BracketPrices, Instrument, Quote
from engine.reasons import Reason
from engine.rounding import round_stop_up_to_tick, round_target_down_to_tick
from engine.venue import Venue, open_venue
from engine.venue_watch import VenueWatch, judge_clock
from engine.works import check_books

EQUITY = 100_000
RECONCILE_EVERY = 3
LOOK_S = 0.5
LEAD_MINUTES = 30.0


@dataclass(slots=True)
class DeskDriver:
    """One desk. `restart` is a crash: new objects, the same files, the same venue. `quotes` are the last ones that
    could be had: what was decided on them may be sent when the venue is gone."""

    scenario: Scenario
    home: Home
    venue: Venue
    db: Database
    desk: TradingDesk
    instruments: dict[str, Instrument]
    events: list[Event]
    lines: list[Line]
    quotes: dict[str, Quote]
    reasons: list[Reason] = field(default_factory=list)
    details: list[str] = field(default_factory=list)

    @property
    def embedded(self) -> EmbeddedVenue:
        assert self.venue.embedded is not None
        return self.venue.embedded

    def told(self) -> list[str]:
        """Every line of the tape so far, and how each entry ended in words."""
        return [event.text for event in self.events if isinstance(event, LogLine)] + self.details

    async def enter(self, name: str, usdt: float = 2_000, stop_pct: float = 0.03, decision: str = "") -> Reason:
        """A long of about `usdt`, its target twice as far as its stop; why it was entered, or was not."""
        instrument = self.instruments[inst(name)]
        outcome = await self.desk.entry.enter(await self._plan(instrument, usdt, stop_pct, decision))
        self.reasons.append(outcome.reason)
        self.details.append(f"{inst(name)}: {outcome.reason}: {outcome.detail}")
        return outcome.reason

    async def close(self, name: str) -> Reason:
        decision = f"drillclose{len(self.details)}"
        outcome = await self.desk.exit.close(inst(name), Reason.OPERATOR_CLOSE, decision)
        self.details.append(f"{inst(name)}: {outcome.reason}: {outcome.detail}")
        return outcome.reason

    async def guard(self, passes: int = 1) -> None:
        for _ in range(passes):
            await self.desk.guard_pass()

    async def watch(self, seconds: float) -> None:
        """The guard and the reconciler at work for `seconds` of wall time, more often than in the product."""
        loop = asyncio.get_running_loop()
        end, passes = loop.time() + seconds, 0
        while loop.time() < end:
            await self._measure_clock()
            await self.desk.guard_pass()
            passes += 1
            if passes % RECONCILE_EVERY == 0:
                await self.desk.reconcile()
                await self.look()
            await asyncio.sleep(LOOK_S)

    async def look(self) -> None:
        """The engine's watch over status page, account and whatever the venue's refusals made doubtful."""
        exchange, blocks, clock = self.venue.exchange, self.desk.blocks, self.venue.clock
        watch = VenueWatch(
            self.desk,
            MaintenanceWatch(exchange, blocks, clock, LEAD_MINUTES),
            AccountWatch(exchange, blocks, Mode.DEMO, self._tell),
            ClockWatch(clock, self.venue.endpoint.clock, self.venue.offset_ms),
            self._measure_clock,
            self.respecify,
            self._tell,
        )
        await watch.start()
        with contextlib.suppress(ExchangeError):
            await watch.follow_up()

    async def _measure_clock(self) -> None:
        judge_clock(self.desk.blocks, await self.venue.sync_clock(), self._tell)

    def _tell(self, level: str, source: str, text: str) -> None:
        self.events.append(LogLine(level, source, text, self.venue.clock.now_ms()))

    async def kill(self, flatten: bool) -> str:
        """The kill switch as the engine has it; the state it ended with."""
        switch = KillSwitch(OkxKillVenue(self.venue.endpoint), self.desk.latch, KillTiming())
        report = await asyncio.to_thread(switch.engage, flatten, "drill")
        self.details.append(f"kill: {report.state}: {report.results}")
        return str(report.state)

    async def restart(self) -> None:
        await self.db.close()
        self.db = await Database.open(self.home.database)
        self.desk = await _desk(self.scenario, self.home, self.venue, self.db, self.events, self.instruments)

    async def respecify(self) -> None:
        """Instrument terms as they are now."""
        self.instruments.update(await self.venue.exchange.instruments())

    async def _plan(self, instrument: Instrument, usdt: float, stop_pct: float, decision: str) -> EntryPlan:
        with contextlib.suppress(ExchangeError):
            self.quotes.update(await self.venue.exchange.quotes())
        quote = self.quotes[instrument.inst_id]
        price = quote.mid or quote.last
        stop, target = price * Decimal(str(1 - stop_pct)), price * Decimal(str(1 + 2 * stop_pct))
        return EntryPlan(
            decision_id=decision or f"drill{len(self.reasons)}{instrument.ticker}",
            ticker=instrument.ticker,
            instrument=instrument,
            contracts=contracts_for_notional(instrument, Decimal(str(usdt)), price),
            prices=BracketPrices(
                stop=round_stop_up_to_tick(stop, instrument.tick_size),
                target=round_target_down_to_tick(target, instrument.tick_size),
            ),
            price=price,
            decided_at=self.venue.clock.now_ms(),
            strength=None,
            atr15_pct=None,
            trail_pct=0.025,
            max_age_s=3600.0,
        )


async def _desk(
    scenario: Scenario, home: Home, venue: Venue, db: Database, events: list[Event], instruments: dict[str, Instrument]
) -> TradingDesk:
    timing = ExecutionTiming(**scenario.timing)  # type: ignore[arg-type]
    latch = EntryLatch(home.storage)
    desk = TradingDesk(db, venue.exchange, latch, venue.clock, events.append, instruments, home.logs, timing)
    await desk.load()
    await desk.boot()
    return desk


async def _hold(driver: DeskDriver) -> None:
    for name in driver.scenario.held:
        reason = await driver.enter(name)
        assert reason is Reason.ENTERED, driver.details[-1]
    if driver.scenario.held:
        await driver.desk.guard_pass()
        await driver.desk.reconcile()


def start_venue(scenario: Scenario, home: Path) -> EmbeddedVenue:
    """The simulator of this home; the faults that already play while the engine boots are in its file."""
    faults = None
    if scenario.boot_faults:
        faults = home / "faults.yaml"
        faults.write_text(yaml.safe_dump({"seed": scenario.seed, "faults": scenario.boot_faults}))
    return EmbeddedVenue.start(home, seed=scenario.seed, speed=scenario.speed, equity=EQUITY, faults=faults)


def arm(embedded: EmbeddedVenue, scenario: Scenario) -> None:
    if scenario.faults:
        embedded.arm_faults({"seed": scenario.seed, "faults": list(scenario.faults)})


def settings_of(scenario: Scenario) -> Settings:
    demo: dict[str, Any] = {"seed": scenario.seed, "speed": scenario.speed, "equity_usdt": EQUITY}
    return Settings.model_validate({**scenario.config, "demo": demo | scenario.config.get("demo", {})})


@asynccontextmanager
async def open_desk(scenario: Scenario, folder: Path, keep_venue: bool = False) -> AsyncIterator[DeskDriver]:
    """A booted desk in a fresh home, the scenario's faults armed. The venue is stopped at the end unless it is to be
    kept; its state stays in any case."""
    home = Home(folder).prepare()
    lines: list[Line] = []
    embedded = await asyncio.to_thread(start_venue, scenario, home.root)
    try:
        with spoilable_line(lines):
            settings = settings_of(scenario)
            venue = await asyncio.to_thread(open_venue, settings, home)
            db = await Database.open(home.database)
            await check_books(db, settings, home)
            events: list[Event] = []
            instruments: dict[str, Instrument] = dict(await venue.exchange.instruments())
            desk = await _desk(scenario, home, venue, db, events, instruments)
            driver = DeskDriver(
                scenario, home, venue, db, desk, instruments, events, lines, dict(await venue.exchange.quotes())
            )
            try:
                await _hold(driver)
                await asyncio.to_thread(arm, embedded, scenario)
                yield driver
            finally:
                await driver.db.close()
                await venue.close(stop_embedded=False)
    finally:
        if not keep_venue:
            await asyncio.to_thread(embedded.stop)
