"""The engine's recurring work, on venue time: APScheduler fires, the supervisor sees to the deaths."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MAX_INSTANCES, EVENT_JOB_MISSED, JobEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from engine.events import HealthChanged, QuotesChanged
from engine.exchange.errors import ExchangeError
from engine.execution.dead_man import REFRESH_S
from engine.heartbeat import HEARTBEAT_S, heartbeat, tell_status
from engine.listening import Listening
from engine.liveness import Liveness
from engine.model import Timeframe
from engine.schedule import VenueGridTrigger, next_boundary
from engine.systemd import notify

if TYPE_CHECKING:
    from engine.engine import Engine

CYCLE_OFFSET_MS = 5_000
REVIEW_OFFSET_MS = 120_000
"""Once the day's last bar is measured. A day is reviewed once; asked every hour, a missed midnight is no lost day."""
CLOCK_SYNC_DEMO_S = 10
CLOCK_SYNC_S = 3600
KILL_WARM_S = 10
STATUS_DEMO_S, STATUS_S = 10, 60
ACCOUNT_DEMO_S, ACCOUNT_S = 10, 60
FOLLOW_UP_S = 2
STANDSTILL_S = 20.0
"""The heartbeat is due every two seconds, also on a loop that is busy: this late, the scheduler itself has died."""


class Jobs:
    """Owns the scheduler of one engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._liveness = Liveness(engine.clock)
        self._stopping = False
        self._beat_at = engine.clock.monotonic()
        self._guarding = asyncio.Lock()
        self._listening = Listening(
            engine,
            guard=self._guard,
            specs=engine.refresh_instruments,
            status=engine.watch.status,
        )
        self._scheduler = self._new_scheduler()

    def start(self) -> None:
        """The first cycle runs at once; the rest follow the venue's grid."""
        for job in ("guard", "cycle"):
            self._liveness.beat(job)
        self._schedule()
        self._engine.supervisor.start("first cycle", self._cycle())
        self._engine.supervisor.start("review", self._guarded("review", self._review)())
        self._engine.supervisor.keep("watch over the jobs", self._watch)
        self._listening.start()
        notify("READY=1")

    def _new_scheduler(self) -> AsyncIOScheduler:
        scheduler = AsyncIOScheduler(
            timezone="UTC", job_defaults={"misfire_grace_time": 60, "coalesce": True, "max_instances": 1}
        )
        scheduler.add_listener(self._trouble, EVENT_JOB_MISSED | EVENT_JOB_ERROR | EVENT_JOB_MAX_INSTANCES)
        return scheduler

    def _schedule(self) -> None:
        self._schedule_grid()
        self._every("heartbeat", HEARTBEAT_S, self._heartbeat)
        embedded = self._engine.opened().venue.embedded is not None
        self._every("clock", CLOCK_SYNC_DEMO_S if embedded else CLOCK_SYNC_S, self._sync_clock)
        self._every("kill line", KILL_WARM_S, self._engine.kill.warm)
        watch = self._engine.watch
        self._every("status", STATUS_DEMO_S if embedded else STATUS_S, watch.status)
        self._every("account", ACCOUNT_DEMO_S if embedded else ACCOUNT_S, watch.account)
        self._every("follow up", FOLLOW_UP_S, watch.follow_up)
        self._every("dead man", REFRESH_S, self._engine.opened().desk.dead_man.keep)
        self._scheduler.start()

    async def _watch(self) -> None:
        """A scheduler whose timer was lost would leave positions unguarded without a word: it is replaced."""
        while True:
            await asyncio.sleep(HEARTBEAT_S)
            idle_s = self._engine.clock.monotonic() - self._beat_at
            if idle_s <= STANDSTILL_S or self._stopping:
                continue
            self._engine.counted["scheduler restarted"] += 1
            self._engine.tell("error", "jobs", f"no job has begun for {idle_s:.0f} s: the scheduler is started again")
            self._beat_at = self._engine.clock.monotonic()
            self._scheduler.shutdown(wait=False)
            self._scheduler = self._new_scheduler()
            self._schedule()

    def reschedule(self) -> None:
        """After a change of the venue's speed."""
        for name in ("cycle", "guard", "books", "rank", "quotes", "review"):
            self._scheduler.remove_job(name)
        self._schedule_grid()

    def stop(self) -> None:
        self._stopping = True
        notify("STOPPING=1")
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)

    def _schedule_grid(self) -> None:
        self._grid("cycle", Timeframe.M15.ms, self._cycle, offset_ms=CYCLE_OFFSET_MS)
        self._grid("guard", 15_000, self._guard, min_wall_s=1.0)
        self._grid("books", 300_000, self._books, min_wall_s=2.0)
        self._grid("rank", Timeframe.H1.ms, self._rank, offset_ms=2_000, min_wall_s=5.0)
        self._grid("quotes", 1_000, self._quotes, min_wall_s=1.0)
        self._grid("review", Timeframe.H1.ms, self._review, offset_ms=REVIEW_OFFSET_MS, min_wall_s=5.0)

    def _grid(
        self,
        name: str,
        period_ms: int,
        work: Callable[[], Awaitable[None]],
        offset_ms: int = 0,
        min_wall_s: float = 0.0,
    ) -> None:
        trigger = VenueGridTrigger(self._engine.clock, period_ms, offset_ms, min_wall_s)
        self._scheduler.add_job(self._guarded(name, work), trigger, id=name)

    def _every(self, name: str, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        self._scheduler.add_job(self._guarded(name, work), "interval", seconds=seconds, id=name)

    def _guarded(self, name: str, work: Callable[[], Awaitable[None]]) -> Callable[[], Coroutine[Any, Any, None]]:
        """The venue's silence is no defect of a job: it is told, and the next run tries again."""

        async def run() -> None:
            try:
                await work()
            except (ExchangeError, sqlite3.Error) as error:
                self._engine.counted[f"{name} not done"] += 1
                self._engine.tell("warning", name, f"not done: {error}")
            except asyncio.CancelledError:
                # A run that the stop cut short is no failure of the job.
                if not self._stopping:
                    raise

        return run

    async def _cycle(self) -> None:
        now = self._engine.clock.now_ms()
        await self._engine.run_cycle(next_at=next_boundary(now, Timeframe.M15.ms, CYCLE_OFFSET_MS))
        self._liveness.beat("cycle")

    async def _guard(self) -> None:
        """On its grid, and whenever the bell rings; one look at a time."""
        async with self._guarding:
            if await self._engine.guard():
                self._liveness.beat("guard")

    async def _rank(self) -> None:
        await self._engine.refresh_instruments()
        await self._engine.rank()

    async def _books(self) -> None:
        await self._engine.refresh_books()

    async def _review(self) -> None:
        await self._engine.opened().reviewer.due(self._engine.counted)

    async def _quotes(self) -> None:
        works = self._engine.opened()
        board = await works.agent.lists.quotes()
        watched = {i.ticker: board[i.inst_id] for i in works.watch.instruments if i.inst_id in board}
        self._engine.bus.publish(QuotesChanged(watched, self._engine.clock.now_ms()))

    async def _sync_clock(self) -> None:
        venue = self._engine.opened().venue
        if venue.embedded is not None:
            await asyncio.to_thread(venue.embedded.bound_log)
        try:
            await self._engine.sync_clock()
        except ExchangeError:
            if not await venue.revive(self._engine.settings.demo.equity_usdt):
                raise
            self._engine.tell("warning", "venue", "the simulated exchange had died; it goes on where it stood")
            await self._engine.sync_clock()

    async def _heartbeat(self) -> None:
        """The watchdog is fed only while positions are watched and cycles run."""
        self._beat_at = self._engine.clock.monotonic()
        overdue = self._liveness.overdue()
        self._tell_liveness(overdue)
        if overdue:
            tell_status(self._engine)
        else:
            heartbeat(self._engine)
        self._listening.tell_health()
        await self._engine.tell_health()

    def _tell_liveness(self, overdue: Mapping[str, float]) -> None:
        now = self._engine.clock.now_ms()
        for job in ("guard", "cycle"):
            age = self._liveness.age_s(job)
            detail = f"no {job} has finished for {age:.0f} s" if job in overdue and age is not None else ""
            self._engine.bus.publish(HealthChanged(job, "stuck" if detail else "ok", age, None, detail, now))

    def _trouble(self, event: JobEvent) -> None:
        """Skipped, late and failed runs are counted events, never silent."""
        words = {EVENT_JOB_MISSED: "missed its time", EVENT_JOB_MAX_INSTANCES: "skipped: still running"}
        outcome = {EVENT_JOB_MISSED: "missed", EVENT_JOB_MAX_INSTANCES: "skipped"}.get(event.code, "failed")
        self._engine.counted[f"{event.job_id} {outcome}"] += 1
        error = getattr(event, "exception", None)
        text = words.get(event.code) or f"failed: {type(error).__name__}: {error}"
        level = "error" if event.code == EVENT_JOB_ERROR else "warning"
        self._engine.tell(level, "jobs", f"{event.job_id} {text}")
