"""The engine: start-up, jobs, commands, shutdown. Everything here runs on the engine's own loop."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from engine.bus import EventBus
from engine.clock import Clock, SystemClock
from engine.command_handler import CommandHandler
from engine.commands import Ack, Command
from engine.config import Settings
from engine.events import ClockChanged
from engine.exchange.errors import ExchangeError
from engine.execution.controls import HaltLimits
from engine.execution.latch import EntryLatch
from engine.heartbeat import HEARTBEAT_S, heartbeat
from engine.home import Home
from engine.kill_care import KillCare
from engine.limits_from_settings import risk_limits
from engine.memory import settle_memory, tidy
from engine.model import EngineState, Instrument
from engine.options import EngineOptions
from engine.ranking import Ranking
from engine.supervisor import Supervisor
from engine.systemd import notify
from engine.telling import Telling
from engine.venue import Venue
from engine.venue_watch import VenueWatch, watch_over
from engine.watchlist import resolve
from engine.works import Works, WorksOpener, is_transient

if TYPE_CHECKING:
    from engine.cycle import CycleReport
    from engine.jobs import Jobs

log = logging.getLogger(__name__)

RETRY_VENUE_S = 5.0
FINISH_S = 20.0
MEASURE_S = 3.0
CYCLE_NUMBER = "cycle_number"


class Engine:
    """One engine on one account."""

    def __init__(
        self, settings: Settings, home: Home, bus: EventBus, latch: EntryLatch, options: EngineOptions
    ) -> None:
        self.settings = settings
        self.home = home
        self.bus = bus
        self.latch = latch
        self.options = options
        self.telling = Telling(bus.publish, lambda: self.clock)
        self.works: Works | None = None
        self.supervisor = Supervisor(self.telling.task_died)
        self.kill = KillCare(self)
        self._opener = WorksOpener(settings, home, latch, bus.publish, self.telling.tell, options.cassette)
        self._limits = risk_limits(settings)
        self._cycling = asyncio.Lock()
        self._ranking = Ranking()
        self._jobs: Jobs | None = None
        self._watch: VenueWatch | None = None

    @property
    def state(self) -> EngineState:
        return self.telling.state

    @property
    def counted(self) -> Counter[str]:
        return self.telling.counted

    @property
    def clock(self) -> Clock:
        venue = self._opener.venue
        return venue.clock if venue is not None else SystemClock()

    @property
    def venue(self) -> Venue | None:
        """Open as soon as its address is known, also while the rest is still starting."""
        return self._opener.venue

    @property
    def cycling(self) -> bool:
        return self._cycling.locked()

    @property
    def venue_name(self) -> str:
        venue = self._opener.venue
        return venue.name if venue is not None else ""

    @property
    def risk_limits(self) -> Mapping[str, float]:
        return self._limits.as_mapping()

    # ------------------------------------------------------------ life

    async def run(self, stopping: asyncio.Event) -> None:
        """Starts, runs its jobs until `stopping` is set, and stops. A clean stop leaves brackets in place."""
        beating = self.supervisor.keep("heartbeat while starting", self.beat)
        if not await self._start_patiently(stopping):
            return
        if self.options.scheduled:
            from engine.jobs import Jobs  # noqa: PLC0415 - the scheduler is not needed to look after positions

            self._jobs = Jobs(self)
            self._jobs.start()
            beating.cancel()
        await stopping.wait()

    async def beat(self) -> None:
        """Says that the loop is alive, for as long as no job does: while starting, and in `--once`."""
        while True:
            heartbeat(self)
            await asyncio.sleep(HEARTBEAT_S)

    async def _start_patiently(self, stopping: asyncio.Event) -> bool:
        """True once running; False when asked to stop before that. Waits for an unreachable venue."""
        while not stopping.is_set():
            try:
                await self.start()
            except Exception as error:
                if not (is_transient(error) and self.options.retry_venue):
                    raise
                self.telling.announce(EngineState.REDUCING, f"venue unreachable: {error}; trying again")
                self.tell("error", "engine", f"the venue does not answer: {error}")
                # For systemd the service is up: it watches itself and waits. A restart would not help.
                notify("READY=1")
                try:
                    await asyncio.wait_for(stopping.wait(), RETRY_VENUE_S)
                except TimeoutError:
                    continue
            else:
                return True
        return False

    async def start(self) -> None:
        """Opens everything once; raises what WorksOpener.open raises."""
        self.telling.announce(EngineState.STARTING, "")
        self.kill.announce()
        self.works = await self._opener.open(self.options.speed, self.options.observe)
        self._watch = watch_over(self.works, self.settings, self.sync_clock, self.refresh_instruments, self.tell)
        await self._watch.start()
        await self.kill.warm()
        self.kill.go_on()
        if not self.options.observe:
            self.supervisor.start("model warm-up", self.works.synthesizer.warm_up())
        self._warn_of_skipped(self.works)
        if self.options.scheduled:
            self.works.surroundings.start(self.supervisor)
        elif self.options.wait_for_forecasts:
            await self.works.surroundings.load_forecasts(self.supervisor, self.settings.forecast.timeout_s)
        await self.works.books.refresh()
        await self.tell_health()
        settle_memory()
        reducing = self._reducing()
        self.telling.announce(EngineState.REDUCING if reducing else EngineState.RUNNING, reducing)

    async def close(self) -> None:
        """Stops jobs, closes connections. Positions stay under their brackets; a kill under way ends first."""
        failed = self.state is EngineState.FAILED
        self.telling.announce(EngineState.STOPPING, "positions stay under their brackets")
        await self._finish_trading()
        if self._jobs is not None:
            self._jobs.stop()
        await self.supervisor.cancel_all()
        await self._finish_measuring()
        await self.kill.close()
        stop_embedded = not self.options.keep_venue
        if self.works is not None:
            await self.works.close(stop_embedded)
        else:
            await self._opener.abandon(stop_embedded)
        self.telling.announce(EngineState.FAILED if failed else EngineState.STOPPED, "")

    async def _finish_measuring(self) -> None:
        """A cycle that was cut off leaves decisions that were carried out and not measured."""
        if self.works is None:
            return
        measuring = self.works.measuring
        with suppress(TimeoutError):
            async with asyncio.timeout(MEASURE_S):
                await measuring.finish()
        measuring.give_up()

    async def _finish_trading(self) -> None:
        """Nothing new begins, and what is in hand at the venue ends: an entry that was sent gets its bracket."""
        if self.works is None:
            return
        self.works.books.closing = True
        try:
            async with asyncio.timeout(FINISH_S):
                await self.works.desk.shared.locks.idle()
        except TimeoutError:
            self.tell("error", "engine", f"an order was still in hand after {FINISH_S:g} s; the next start settles it")
            return
        try:
            await self.works.desk.dead_man.disarm()
        except ExchangeError as error:
            log.warning("the dead-man switch was not disarmed, it runs out by itself: %s", error)

    @property
    def watch(self) -> VenueWatch:
        """Raises ExchangeError while the engine is still starting."""
        if self._watch is None:
            raise ExchangeError("the engine is still starting")
        return self._watch

    def opened(self) -> Works:
        """The open works; raises ExchangeError while the engine is still starting."""
        if self.works is None:
            raise ExchangeError("the engine is still starting")
        return self.works

    # ------------------------------------------------------------ work

    async def run_cycle(self, only: str = "", next_at: int | None = None) -> CycleReport | None:
        """One cycle over the watchlist (or one ticker). None when one is running already."""
        if self._cycling.locked():
            self.counted["cycle skipped"] += 1
            self.tell("warning", "cycle", "skipped: the previous cycle is still running")
            return None
        works = self.opened()
        async with self._cycling:
            await works.desk.reconcile()
            await self.refresh_books()
            await self._look_around(works, only)
            number = int(await works.db.meta(CYCLE_NUMBER) or 0) + 1
            await works.db.set_meta(CYCLE_NUMBER, str(number))
            report = await works.cycle.run(number, self._ranking.order(works, only), next_at)
            await self.refresh_books()
            await works.measuring.tell()
        tidy()
        return report

    async def _look_around(self, works: Works, only: str) -> None:
        """What a cycle needs of the market and the world, side by side: each has a rate limit of its own."""
        reads = [works.agent.read_windows(_watched(works, only))]
        if not self._ranking.known:
            reads.append(self.rank())
        if not self.options.scheduled:
            reads.append(works.surroundings.read_once())
        try:
            async with asyncio.TaskGroup() as group:
                for read in reads:
                    group.create_task(read)
        except ExceptionGroup as defects:
            raise defects.exceptions[0] from None

    async def refresh_books(self) -> None:
        """Positions, account, halts. Called around cycles and by a job between them."""
        works, risk = self.opened(), self.settings.risk
        await works.books.refresh()
        if works.books.account is not None:
            limits = HaltLimits(risk.daily_loss_limit_pct, risk.max_consecutive_losses, risk.min_margin_ratio)
            await works.desk.controls.assess(works.books.account, limits)
        self._announce_books()

    async def guard(self) -> bool:
        """One pass of the guard; False when the venue could not be read."""
        books = self.opened().books
        await books.guard()
        self._announce_books()
        await self.kill.agree()
        self.kill.go_on()
        if books.positions is not None:
            self.kill.keep_flat(len(books.positions))
        return books.positions is not None

    def _announce_books(self) -> None:
        books = self.opened().books
        fault = f"venue: {books.venue_down}" if books.venue_down else books.ledger_fault or self._reducing()
        if fault:
            self.telling.announce(EngineState.REDUCING, fault)
        elif self.state is EngineState.REDUCING:
            self.telling.announce(EngineState.RUNNING, "")

    def _reducing(self) -> str:
        """Why the venue or the account lets us only reduce; "" when it does not, or is not watched yet."""
        return self._watch.reducing() if self._watch is not None else ""

    async def refresh_instruments(self) -> None:
        """Specifications change while an engine runs for weeks; one that has gone is traded no more. Those of open
        positions are kept."""
        works = self.opened()
        listed = await works.venue.exchange.instruments()
        works.instruments.update(listed)
        works.watch = resolve(self.settings.watchlist, listed)

    async def rank(self) -> None:
        self.bus.publish(await self._ranking.measure(self.opened()))

    async def sync_clock(self) -> None:
        """Measures how far the clocks are apart, and follows a simulated market's speed. Raises ExchangeError."""
        venue = self.opened().venue
        speed = venue.clock.speed()
        offset = await venue.sync_clock()
        self.watch.clock_measured(offset)
        clock = venue.clock
        if clock.speed() != speed:
            self.speed_changed()
        self.bus.publish(ClockChanged(clock.now_ms(), clock.speed(), offset, clock.now_ms()))

    def speed_changed(self) -> None:
        """The venue runs at another speed: jobs are planned anew."""
        if self._jobs is not None:
            self._jobs.reschedule()
        clock = self.clock
        self.bus.publish(ClockChanged(clock.now_ms(), clock.speed(), None, clock.now_ms()))

    async def handle(self, command: Command) -> Ack:
        """Carries out a command; a failure is an answer, never an exception."""
        try:
            return await CommandHandler(self).handle(command)
        except ExchangeError as error:
            return Ack(False, str(error))
        except (sqlite3.Error, OSError) as error:
            return Ack(False, f"the database or the disk refused: {error}")

    # ------------------------------------------------------------ telling

    def tell(self, level: str, source: str, text: str, ticker: str = "") -> None:
        self.telling.tell(level, source, text, ticker)

    async def tell_health(self) -> None:
        await self.telling.health(self.opened())

    def _warn_of_skipped(self, works: Works) -> None:
        for name, why in works.watch.skipped.items():
            self.tell("warning", "watchlist", f"{name} skipped: {why}")


def _watched(works: Works, only: str) -> tuple[Instrument, ...]:
    return tuple(i for i in works.watch.instruments if not only or i.ticker == only)
