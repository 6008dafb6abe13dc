"""Everything that an engine opens before it trades, step by step, each step visible while it runs."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from engine.account_watch import SOURCE, account_problems
from engine.clock import SystemClock
from engine.config import Settings
from engine.db import Database
from engine.events import ClockChanged, Event, StartupStep
from engine.exchange.errors import AuthFailed, ExchangeError, Unavailable
from engine.execution.blocks import ACCOUNT, Block
from engine.execution.desk import TradingDesk
from engine.execution.latch import EntryLatch
from engine.execution.latch_record import agree
from engine.home import Home, HomeError
from engine.limits_from_settings import risk_limits
from engine.model import Instrument, Protection
from engine.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.venue import Venue, open_venue
from engine.watchlist import Resolved

if TYPE_CHECKING:
    from engine.agent import Agent
    from engine.books_view import BooksView
    from engine.cycle import Cycle
    from engine.outcome.measuring import Measuring
    from engine.outcome.review import Reviewer
    from engine.surroundings import Surroundings
    from engine.synthesis.choice import ChosenSynthesizer

log = logging.getLogger(__name__)

DECISION_CORE = "engine.assembly"
"""What decides, and half of the program's start-up time with it (pandas, SciPy, TA-Lib): loaded when the positions
are under their brackets, not before."""
BOOKS_OF = "books_of"
PROVEN_TRADES = 30


class VenueRefused(Exception):
    """The account cannot be traded as it is set up; a person must change it. One line says how."""


@dataclass(slots=True)
class Works:
    """The open parts of a running engine."""

    limits: RiskLimits
    db: Database
    venue: Venue
    instruments: dict[str, Instrument]
    watch: Resolved
    desk: TradingDesk
    books: BooksView
    synthesizer: ChosenSynthesizer
    surroundings: Surroundings
    agent: Agent
    cycle: Cycle
    measuring: Measuring
    reviewer: Reviewer

    async def close(self, stop_embedded: bool) -> None:
        """What cannot be closed never keeps the venue, the lease and the books from it."""
        for part in (self.synthesizer.aclose, self.surroundings.aclose):
            try:
                await part()
            except Exception:
                log.exception("closing")
        await self.venue.close(stop_embedded)
        with suppress(sqlite3.Error):
            await self.desk.lease.release()
        await self.db.close()


class WorksOpener:
    """Opens what is not open yet, so that a failed attempt can be repeated without starting over."""

    def __init__(
        self,
        settings: Settings,
        home: Home,
        latch: EntryLatch,
        publish: Callable[[Event], None],
        tell: Callable[[str, str, str], None],
        cassette: Path | None = None,
    ) -> None:
        """`cassette` answers in the place of the model's server."""
        self._settings = settings
        self._home = home
        self._latch = latch
        self._publish = publish
        self._tell_line = tell
        self._cassette = cassette
        self._limits = risk_limits(settings)
        self._db: Database | None = None
        self._venue: Venue | None = None
        self._unproven = ""

    @property
    def venue(self) -> Venue | None:
        return self._venue

    async def open(self, speed: float | None, observe: bool = False) -> Works:
        """`observe` looks at what there is and heals nothing.

        Raises ExchangeError when the venue does not answer (try again), VenueRefused, DatabaseCorrupt,
        GateProofFailed or VenueStartError when trying again would not help.
        """
        db = await self._opened_database()
        if not observe:
            await agree(self._latch, db)
        venue = await self._opened_venue(speed)
        async with self._step("account"):
            config = await venue.exchange.account_config()
            problem = next(account_problems(config, self._settings.goals.mode), None)
            if observe:
                check_account(problem)
        instruments: dict[str, Instrument] = {}
        desk = TradingDesk(db, venue.exchange, self._latch, venue.clock, self._publish, instruments, self._home.logs)
        # Positions before anything else: neither specifications nor gates nor a model are needed to protect them.
        async with self._step("positions"):
            await desk.load()
            if not observe:
                await desk.boot()
                log.info(verified(desk))
                only_reduce(desk, problem)
            if self._unproven:
                desk.blocks.replace(BOOKS_OF, {ACCOUNT: Block(Reason.ENTRIES_PAUSED, self._unproven)})
                desk.shared.log("error", f"only looking after what is open: {self._unproven}")
        async with self._step("instruments"):
            instruments.update(await venue.exchange.instruments())
        return await self._assemble(db, venue, desk, instruments, observe)

    async def _opened_database(self) -> Database:
        async with self._step("database"):
            self._db = self._db or await Database.open(self._home.database)
            self._unproven = await check_books(self._db, self._settings, self._home)
        assert self._db is not None, "a failed step raises"
        return self._db

    async def _opened_venue(self, speed: float | None) -> Venue:
        async with self._step("venue"):
            if self._venue is None:
                self._venue = await asyncio.to_thread(open_venue, self._settings, self._home, speed)
            await self._sync_clock(self._venue)
        assert self._venue is not None, "a failed step raises"
        return self._venue

    async def _assemble(
        self, db: Database, venue: Venue, desk: TradingDesk, instruments: dict[str, Instrument], observe: bool
    ) -> Works:
        async with self._step("gates"):
            await asyncio.to_thread(import_module, DECISION_CORE)
            from engine.assembly import Assembly, prove_gates_trip  # noqa: PLC0415 - loaded on a thread just now

            prove_gates_trip(self._limits)
        async with self._step("synthesis"):
            from engine.synthesis.choice import Tape  # noqa: PLC0415 - as above

            tape = Tape(None if observe else self._home.storage, self._cassette)
            assembly = Assembly(
                self._settings, self._limits, self._latch, self._publish, self._tell_line, self._home, tape
            )
            return await assembly.works(db, venue, desk, instruments, observe)

    async def abandon(self, stop_embedded: bool) -> None:
        """Closes what a failed start left open."""
        if self._venue is not None:
            await self._venue.close(stop_embedded)
        if self._db is not None:
            await self._db.close()

    async def _sync_clock(self, venue: Venue) -> None:
        try:
            offset = await venue.sync_clock()
        except Unavailable as error:
            raise Unavailable(f"{venue.name} does not answer ({error}); check the network and apis.okx.host") from error
        now = venue.clock.now_ms()
        self._publish(ClockChanged(now, venue.clock.speed(), offset, now))

    @asynccontextmanager
    async def _step(self, name: str) -> AsyncIterator[None]:
        self._tell(name, "running", "")
        try:
            yield
        except Exception as error:
            self._tell(name, "failed", str(error))
            raise
        self._tell(name, "ok", "")

    def _tell(self, name: str, status: str, detail: str) -> None:
        clock = self._venue.clock if self._venue is not None else SystemClock()
        self._publish(StartupStep(name, status, detail, clock.now_ms()))


async def check_books(db: Database, settings: Settings, home: Home) -> str:
    """One home, one kind of money: the books of another account would make every figure untrue. Raises HomeError,
    and VenueRefused for real money that nothing speaks for yet. With trades open in these books that is no refusal,
    which would leave them unguarded, but returned: why nothing more may open; "" = nothing against it."""
    mode = settings.goals.mode
    kept_for = await db.meta(BOOKS_OF)
    if kept_for is None:
        await db.set_meta(BOOKS_OF, mode.value)
    elif kept_for != mode.value:
        raise HomeError(f"{home.root}: holds the books of {kept_for} mode; use another --home for mode '{mode}'")
    if not mode.profile.real_money or settings.risk.acknowledge_unproven:
        return ""
    closed, still_open = await _trades(db, "closed"), await _trades(db, "open")
    if closed >= PROVEN_TRADES:
        return ""
    why = (
        f"real money with {closed} closed trades: run paper mode in a home of its own for at least "
        f"{PROVEN_TRADES} closed trades, then set risk.acknowledge_unproven: true"
    )
    if not still_open:
        raise VenueRefused(why)
    return why


async def _trades(db: Database, state: str) -> int:
    row = await db.fetch_one("SELECT count(*) FROM trades WHERE state = ?", (state,))
    return int(row[0]) if row is not None else 0


def check_account(problem: tuple[Reason, str] | None) -> None:
    """Net mode, permission to trade, none to withdraw. Raises VenueRefused."""
    if problem is not None:
        raise VenueRefused(problem[1])


def only_reduce(desk: TradingDesk, problem: tuple[Reason, str] | None) -> None:
    """An account that is set up wrongly, after the guard's first pass. Where something is open, or not known to be
    closed, the engine goes on for its sake and nothing opens; an account that is flat is refused: VenueRefused."""
    if problem is None:
        return
    if not (desk.guard.last or desk.unreadable or desk.blocks.all()):
        check_account(problem)
    desk.blocks.replace(SOURCE, {ACCOUNT: Block(*problem)})
    desk.shared.log("error", f"only looking after what is open: {problem[1]}")


def verified(desk: TradingDesk) -> str:
    """The first thing worth knowing of a start, in the log with its instant: who stands under a bracket."""
    bare = sum(p.protection not in (Protection.PROTECTED, Protection.FOREIGN) for p in desk.guard.last)
    unread = f"; {desk.unreadable}" if desk.unreadable else ""
    return f"positions verified: {len(desk.guard.last)}, {bare} without a whole bracket{unread}"


def is_transient(error: Exception) -> bool:
    """Worth another attempt without a person's help: a refused key is not."""
    return isinstance(error, ExchangeError) and not isinstance(error, AuthFailed)
