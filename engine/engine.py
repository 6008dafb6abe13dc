"""The engine: start-up, jobs, commands, shutdown. Everything here runs on the engine's own loop."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.bus import EventBus
from engine.clock import Clock, SystemClock
from engine.command_handler import CommandHandler
from engine.commands import Ack, Command
from engine.config import Settings
from engine.events import ClockChanged, EngineStateChanged, HealthChanged, KillChanged, LogLine, WatchlistRanked
from engine.exchange.errors import ExchangeError
from engine.execution.controls import HaltLimits
from engine.execution.kill_switch import KillReport, KillResumeRefused
from engine.execution.latch import EntryLatch
from engine.execution.latch_record import agree, forget
from engine.heartbeat import HEARTBEAT_S, heartbeat
from engine.home import Home
from engine.kill_desk import KillDesk
from engine.limits_from_settings import risk_limits
from engine.model import EngineState, FloatArray, Instrument, KillState
from engine.supervisor import Supervisor
from engine.systemd import notify
from engine.venue import Venue
from engine.venue_watch import VenueWatch, watch_over
from engine.watchlist import by_strength, resolve
from engine.works import Works, WorksOpener, is_transient

if TYPE_CHECKING:
    from engine.cycle import CycleReport
    from engine.jobs import Jobs

log = logging.getLogger(__name__)

RETRY_VENUE_S = 5.0
FINISH_S = 20.0
CYCLE_NUMBER = "cycle_number"


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How this run differs from the settings: `speed` None = as configured; `scheduled` False = cycles only
    when asked for; `keep_venue` leaves a simulated market running at the end; `record` keeps the event stream;
    `observe` looks without healing or trading."""

    speed: float | None = None
    scheduled: bool = True
    retry_venue: bool = True
    keep_venue: bool = False
    record: Path | None = None
    observe: bool = False


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
        self.state = EngineState.STARTING
        self.counted: Counter[str] = Counter()
        self.works: Works | None = None
        self.supervisor = Supervisor(self._task_died)
        self._kill_desk = KillDesk(latch, self._tell_kill)
        self._opener = WorksOpener(settings, home, latch, bus.publish)
        self._limits = risk_limits(settings)
        self._cycling = asyncio.Lock()
        self._resuming = asyncio.Lock()
        self._scores: Mapping[str, float | None] = {}
        self._jobs: Jobs | None = None
        self._watch: VenueWatch | None = None

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
                self._announce(EngineState.REDUCING, f"venue unreachable: {error}; trying again")
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
        self._announce(EngineState.STARTING, "")
        self._announce_kill()
        self.works = await self._opener.open(self.options.speed, self.options.observe)
        self._watch = watch_over(self.works, self.settings, self.sync_clock, self.refresh_instruments, self.tell)
        await self._watch.start()
        await self.warm_kill()
        self._resume_flatten()
        self._warn_of_skipped(self.works)
        await self.works.books.refresh()
        await self.tell_health()
        self._announce(EngineState.RUNNING, "")

    async def close(self) -> None:
        """Stops jobs, closes connections. Positions stay under their brackets; a kill under way ends first."""
        failed = self.state is EngineState.FAILED
        self._announce(EngineState.STOPPING, "positions stay under their brackets")
        await self._finish_trading()
        if self._jobs is not None:
            self._jobs.stop()
        await self.supervisor.cancel_all()
        await asyncio.to_thread(self._kill_desk.close)
        stop_embedded = not self.options.keep_venue
        if self.works is not None:
            await self.works.close(stop_embedded)
        else:
            await self._opener.abandon(stop_embedded)
        self._announce(EngineState.FAILED if failed else EngineState.STOPPED, "")

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

    def _resume_flatten(self) -> None:
        """A flatten that its process, this one or another, did not live to finish goes on."""
        if not self.options.observe and not self._kill_desk.at_work and self.latch.cut_off():
            self.tell("warning", "kill", "an unfinished flatten goes on")
            self.engage_kill(True, "restart")

    async def _agree_on_kill(self) -> None:
        """The latch's file and its record in the database: what one has lost, the other puts back."""
        try:
            async with self._resuming:
                lost = await agree(self.latch, self.opened().db)
        except sqlite3.Error as error:
            lost = "" if self.latch.engaged() else f"the database's record of the kill switch cannot be read: {error}"
        if lost:
            self.tell("error", "kill", lost)
            self._announce_kill()

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
            if not self._scores:
                await self.rank()
            number = int(await works.db.meta(CYCLE_NUMBER) or 0) + 1
            await works.db.set_meta(CYCLE_NUMBER, str(number))
            report = await works.cycle.run(number, self._order(only), next_at)
            await self.refresh_books()
        return report

    def _order(self, only: str) -> tuple[Instrument, ...]:
        order = by_strength(self.opened().watch.instruments, self._scores)
        return tuple(i for i in order if i.ticker == only) if only else order

    async def refresh_books(self) -> None:
        """Positions, account, halts. Called around cycles and by a job between them."""
        works, risk = self.opened(), self.settings.risk
        await works.books.refresh()
        if works.books.account is not None:
            limits = HaltLimits(risk.daily_loss_limit_pct, risk.max_consecutive_losses, risk.min_margin_ratio)
            await works.desk.controls.assess(works.books.account, limits)
        self._announce_books()

    async def guard(self) -> bool:
        """One pass of the guard; False when the venue could not be read. FLAT is a level, not an edge: what was
        still on the wire when the account went flat is closed as well."""
        books = self.opened().books
        await books.guard()
        self._announce_books()
        await self._agree_on_kill()
        self._resume_flatten()
        if books.positions and not self._kill_desk.at_work and self.latch.status().state is KillState.FLAT:
            self.tell("error", "kill", "a position is open although the kill switch says FLAT: closing it")
            self.engage_kill(True, "guard")
        return books.positions is not None

    def _announce_books(self) -> None:
        books = self.opened().books
        fault = f"venue: {books.venue_down}" if books.venue_down else books.ledger_fault or self._reducing()
        if fault:
            self._announce(EngineState.REDUCING, fault)
        elif self.state is EngineState.REDUCING:
            self._announce(EngineState.RUNNING, "")

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
        """The hourly scanner: relative strength from 1H closes; an unreadable ticker has no score."""
        from engine.experts.scanner import rs_scores  # noqa: PLC0415 - loaded with the decision core

        works = self.opened()
        closes: dict[str, FloatArray] = {}
        for instrument in works.watch.instruments:
            try:
                closes[instrument.ticker] = (await works.agent.hourly_candles(instrument)).close
            except ExchangeError as error:
                log.warning("no 1H candles of %s: %s", instrument.ticker, error)
        self._scores = rs_scores(closes)
        order = tuple(i.ticker for i in by_strength(works.watch.instruments, self._scores))
        self.bus.publish(WatchlistRanked(order, dict(self._scores), tuple(works.watch.skipped), self.clock.now_ms()))

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

    # ------------------------------------------------------------ the kill switch

    def engage_kill(self, flatten: bool, by: str) -> Future[KillReport] | None:
        """From any thread, also when the loop is stuck or has ended. None = the venue is not open yet: only the
        latch is set."""
        venue = self._opener.venue
        if venue is None:
            self.latch.engage(KillState.LATCHED, by)
            return None
        return self._kill_desk.engage(venue.endpoint, flatten, by)

    def expect_kill(self) -> None:
        """From any thread: the latch fell by a person's hand."""
        venue = self._opener.venue
        if venue is not None:
            self._kill_desk.look_ahead(venue.endpoint)

    async def after_kill(self) -> None:
        """What the kill did at the venue comes into our books now rather than at the next pass."""
        if self.works is not None:
            await self.works.desk.reconcile()
            await self.refresh_books()

    async def warm_kill(self) -> None:
        """Keeps the kill switch's own connection open."""
        endpoint = self.opened().venue.endpoint
        if not await asyncio.to_thread(self._kill_desk.warm, endpoint):
            log.warning("the kill switch's own connection does not answer")

    def _tell_kill(self, report: KillReport) -> None:
        now = self.clock.now_ms()
        event = KillChanged(report.state, report.by, report.since, report.detail, dict(report.results), now)
        self.bus.publish(event)
        if self.works is not None:
            self.works.desk.decisions.trade_event(event)

    async def resume_latch(self, by: str) -> None:
        """Releases the kill switch. Raises KillResumeRefused while positions are being closed, OSError or sqlite3.Error
        when file or record cannot be removed: it then stays engaged."""
        db = self.opened().db
        if self.latch.status().state is KillState.FLATTENING:
            raise KillResumeRefused("positions are being closed right now; resume when that has ended")
        async with self._resuming:
            await forget(db)
            await asyncio.to_thread(self.latch.resume, by)
        self._announce_kill()
        self.tell("warning", "operator", f"{by} released the kill switch")

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
        self.bus.publish(LogLine(level, source, text, self.clock.now_ms(), ticker))
        log.log({"info": logging.INFO, "warning": logging.WARNING}.get(level, logging.ERROR), "%s: %s", source, text)

    async def tell_health(self) -> None:
        """Venue and model: who answers, how fast, how long ago."""
        works, now = self.opened(), self.clock.now_ms()
        down = works.books.venue_down
        age, latency = last_contact(works.venue)
        status = "down" if down else "ok"
        self.bus.publish(HealthChanged("okx", status, age, latency, down, now))
        status, detail = await works.synthesizer.describe()
        self.bus.publish(HealthChanged("llm", status, None, None, detail, now))

    def _announce(self, state: EngineState, detail: str) -> None:
        if state is self.state and state is not EngineState.STARTING and not detail:
            return
        self.state = state
        self.bus.publish(EngineStateChanged(state, detail, self.clock.now_ms()))

    def _announce_kill(self) -> None:
        status = self.latch.status()
        self.bus.publish(KillChanged(status.state, status.by, status.since, status.detail, {}, self.clock.now_ms()))

    def _warn_of_skipped(self, works: Works) -> None:
        for name, why in works.watch.skipped.items():
            self.tell("warning", "watchlist", f"{name} skipped: {why}")

    def unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop's last resort: what nobody waited for is told and counted, not only logged."""
        self.counted["error that nobody handled"] += 1
        text = str(context.get("message", "an error in the event loop"))
        log.error(text, exc_info=context.get("exception"))
        self.tell("error", "engine", text)

    def _task_died(self, name: str, error: BaseException) -> None:
        self.counted["task died"] += 1
        log.error("task %s died", name, exc_info=error)
        self.tell("error", "engine", f"task {name} died: {type(error).__name__}: {error}")


def last_contact(venue: Venue) -> tuple[float | None, float | None]:
    """Wall seconds since the venue last answered, and that answer's latency in ms; None before the first."""
    answers = venue.exchange.health().values()
    if not answers:
        return None, None
    newest = max(answers, key=lambda answer: answer.last_ok)
    return venue.clock.monotonic() - newest.last_ok, newest.latency_ms
