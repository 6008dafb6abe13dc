"""The trading desk: execution and books wired together, as the engine and the tests use them."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import MutableMapping
from pathlib import Path

from engine.clock import Clock
from engine.db import Database
from engine.events import AccountChanged, Event, LogLine, TradeClosed
from engine.exchange.errors import ExchangeError
from engine.exchange.port import Exchange
from engine.execution.blocks import ACCOUNT, Block, Blocks
from engine.execution.bracket_fates import BracketFates
from engine.execution.bracket_journal import BracketJournal
from engine.execution.churn import Churn
from engine.execution.claim import Claim
from engine.execution.context import Desk
from engine.execution.controls import Controls
from engine.execution.dead_man import DeadMan
from engine.execution.entry import Entry
from engine.execution.exit import Exit
from engine.execution.gateway import OrderGateway, Publish
from engine.execution.guard import Guard
from engine.execution.journal import Journal
from engine.execution.latch import EntryLatch
from engine.execution.lease import Lease
from engine.execution.locks import InstrumentLocks
from engine.execution.protect import Protector
from engine.execution.reconcile import Reconciler, ReconcileReport
from engine.execution.reduce import Reduce
from engine.execution.resolve import Resolver
from engine.execution.stops import VenueStops
from engine.execution.timing import DEFAULT_TIMING, ExecutionTiming
from engine.execution.trade_book import TradeBook
from engine.execution.trailing import Trailing
from engine.model import AccountView, ClosedTrade, Instrument, ProtectedPosition
from engine.outcome.decision_log import DecisionLog
from engine.outcome.outcome_tracker import OutcomeTracker
from engine.outcome.streak_store import StreakStore
from engine.reasons import Reason

FORCED = {Reason.LIQUIDATED: "liquidated, wholly or in part,", Reason.DELEVERAGED: "auto-deleveraged (ADL)"}


LEVELS = {"info": logging.INFO, "warning": logging.WARNING}

_log = logging.getLogger(__name__)


class TradingDesk:
    """`load`, then `boot`, before anything else; then the guard pass, the reconcile and the outcome sync as jobs.

    `instruments` is by instrument id and may be refreshed in place.
    """

    def __init__(
        self,
        db: Database,
        exchange: Exchange,
        latch: EntryLatch,
        clock: Clock,
        publish: Publish,
        instruments: MutableMapping[str, Instrument],
        logs_dir: Path,
        timing: ExecutionTiming = DEFAULT_TIMING,
    ) -> None:
        self._clock = clock
        self._publish = publish
        self._forced: list[ClosedTrade] = []
        self.unreadable = ""
        self.latch = latch
        self.decisions = DecisionLog(db, logs_dir, self._warn)
        self.streaks = StreakStore(db)
        self.journal = Journal(db, clock)
        self.brackets = BracketJournal(db, clock, self._log)
        self.blocks = Blocks()
        self.dead_man = DeadMan(exchange, self.journal, clock, self._log)
        self.gateway = OrderGateway(exchange, latch, clock, self._tell, self.dead_man.arm)
        self.controls = Controls(db, clock, self._tell)
        self.stops = VenueStops(self.controls, self.blocks, clock, self._log)
        exchange.listen(self.stops.hear)
        self.tracker = OutcomeTracker(db, exchange, self.journal, latch.status, clock, self._tell)
        self.shared = Desk(
            exchange=exchange, gateway=self.gateway, journal=self.journal, brackets=self.brackets, book=TradeBook(db),
            locks=InstrumentLocks(), blocks=self.blocks, clock=clock, publish=self._tell, instruments=instruments,
            timing=timing,
        )  # fmt: skip
        resolver, protector = Resolver(self.shared), Protector(self.shared)
        self.exit = Exit(self.shared, self.tracker.sync)
        self.entry = Entry(self.shared, self.controls, resolver, protector, self.exit)
        self.lease = Lease(db, clock)
        self.reduce = Reduce(self.shared, self.exit, protector)
        self.claim = Claim(self.shared, protector, self.tracker.book)
        churn = Churn(clock)
        self.trailing = Trailing(self.shared, churn)
        self.fates = BracketFates(self.shared)
        self.guard = Guard(
            self.shared, resolver, protector, self.exit, self.trailing, churn, self.tracker.sync, self.fates
        )
        self.reconciler = Reconciler(self.shared, resolver, self.tracker)

    async def load(self) -> None:
        """Pauses, stops and halts of the last run, and the brackets that it left."""
        await self.controls.load()
        await self.brackets.load()

    async def boot(self) -> ReconcileReport:
        """What the last run left: orders settled, then every position under its bracket. Raises AlreadyRunning when
        another machine's engine works with these books."""
        await self.lease.take()
        report = await self.reconcile()
        await self.guard_pass()
        return report

    async def guard_pass(self) -> tuple[ProtectedPosition, ...]:
        """One look of the guard; what the venue no longer holds is booked at once. Never raises ExchangeError.

        When the venue cannot be read, entries are blocked, `unreadable` says why, and the last view is returned.
        """
        try:
            report = await self.guard.run()
            self.blocks.replace("venue", {})
            self.unreadable = ""
            if report.closed or report.healed:
                await self.tracker.sync()
                await self._stop_after_force()
        except sqlite3.Error as error:
            self._tell(LogLine("error", "guard", f"closed trades not booked: {error}", self._clock.now_ms()))
        except ExchangeError as error:
            text = self.unreadable = f"the account cannot be read: {error}"
            if self.blocks.replace("venue", {ACCOUNT: Block(Reason.VENUE_UNAVAILABLE, text)}):
                self._tell(LogLine("error", "guard", text, self._clock.now_ms()))
        else:
            await self.fates.run()
        await self._after_the_look()
        return self.guard.last

    async def _after_the_look(self) -> None:
        """What these write must wait for a database that another has locked, a position must not."""
        await self.stops.settle()
        await self._renew_lease()

    async def _renew_lease(self) -> None:
        """Another engine on these books: nothing opens here until it has gone; what is open stays guarded by both."""
        try:
            lost = self.lease.wanted and not await self.lease.renew()
        except sqlite3.Error:
            return
        text = "another engine has taken over these books; stop one of the two"
        if not self.blocks.replace("lease", {ACCOUNT: Block(Reason.SECOND_ENGINE, text)} if lost else {}):
            return
        level, told = ("error", text) if lost else ("info", "the other engine has gone; these books are ours again")
        self._tell(LogLine(level, "execution", told, self._clock.now_ms()))

    async def look(self) -> tuple[ProtectedPosition, ...]:
        """Positions beside their brackets, without acting on them. Raises ExchangeError."""
        return await self.guard.look()

    async def reconcile(self) -> ReconcileReport:
        """Journal and books against the venue. Never raises ExchangeError."""
        report = await self.reconciler.run()
        if report.complete:
            await self.fates.run()
        try:
            await self._stop_after_force()
        except sqlite3.Error as error:
            self._tell(LogLine("error", "execution", f"the books cannot be read: {error}", self._clock.now_ms()))
        return report

    async def sync_outcomes(self) -> AccountView:
        """Books what is new and tells the account. Raises ExchangeError."""
        account = await self.tracker.account()
        await self._stop_after_force()
        self._tell(AccountChanged(account, self._clock.now_ms()))
        return account

    async def _stop_after_force(self) -> None:
        """A liquidation or an auto-deleveraging, also of a part, is never routine: entries stop until a person has
        looked (incident row 24). Known from booked fills, or from the venue's record where fills were missing."""
        news = await self.tracker.forced.news()
        told = {(close.ticker, close.reason) for close in news}
        told |= {(trade.ticker, trade.reason) for trade in self._forced}
        for ticker, reason in sorted(told):
            text = f"{ticker}: {FORCED[reason]} by the venue; entries are stopped until a person resumes them"
            self._tell(LogLine("error", "execution", text, self._clock.now_ms(), ticker))
            self.controls.halt_now(reason, text)
        if told:
            await self.controls.keep_halts()
            await self.controls.stop_entries("the venue's forced close")
            self._forced.clear()
            await self.tracker.forced.told(news)

    def _tell(self, event: Event) -> None:
        if isinstance(event, LogLine):
            # The tape is short and ends with the process; what was told must be found again afterwards.
            _log.log(LEVELS.get(event.level, logging.ERROR), "%s %s", event.ticker, event.text)
        if isinstance(event, TradeClosed) and event.trade.reason in FORCED:
            self._forced.append(event.trade)
        self.decisions.trade_event(event)
        self._publish(event)

    def _log(self, level: str, text: str, inst_id: str) -> None:
        self.shared.log(level, text, inst_id)

    def _warn(self, problem: str) -> None:
        self._publish(LogLine("warning", "log", problem, self._clock.now_ms()))
