"""The deciding half of an engine, put together once the positions are safe. Importing it is what takes time."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engine.agent import Agent
from engine.books_view import BooksView
from engine.config import Settings
from engine.cycle import Cycle
from engine.db import Database
from engine.events import Event
from engine.execution.desk import TradingDesk
from engine.execution.latch import EntryLatch
from engine.feeds.board import FeedBoard
from engine.feeds.worlds import feeds_of_world
from engine.forecast.service import ForecastService
from engine.home import Home
from engine.known_hours import known_correlations
from engine.model import Instrument
from engine.outcome.answers import latest_answers, latest_digest
from engine.outcome.decision_log import prepare_records
from engine.outcome.measuring import Measuring
from engine.outcome.review import Reviewer
from engine.outcome.signal_log import SignalLog
from engine.outcome.worth.shadows import Shadows
from engine.outcome.worth.store import prepare_books
from engine.risk.limits import RiskLimits
from engine.risk.self_test import prove_gates_trip
from engine.surroundings import Surroundings
from engine.synthesis.choice import ChosenSynthesizer, Tape, choose_synthesizer, doctrine_of
from engine.venue import Venue
from engine.watchlist import resolve
from engine.works import Works

# Here, because this module is loaded on a thread while the positions are looked after.
prepare_records()
prepare_books()

__all__ = ["Assembly", "prove_gates_trip"]


@dataclass(frozen=True, slots=True)
class Assembly:
    """What every part of it is built from."""

    settings: Settings
    limits: RiskLimits
    latch: EntryLatch
    publish: Callable[[Event], None]
    tell: Callable[[str, str, str], None]
    home: Home
    tape: Tape

    async def works(
        self, db: Database, venue: Venue, desk: TradingDesk, instruments: dict[str, Instrument], observe: bool
    ) -> Works:
        """`observe` looks without healing or trading."""
        watch = resolve(self.settings.watchlist, instruments)
        books = BooksView(desk, self.latch, instruments)
        books.observe = observe
        surroundings = self._surroundings(venue)
        await surroundings.load()
        synthesizer = await choose_synthesizer(
            self.settings, venue.clock, self.tape, lambda level, text: self.tell(level, "llm", text)
        )
        await self._remember(db, synthesizer)
        agent = Agent(
            self.settings,
            self.limits,
            venue.exchange,
            venue.clock,
            desk,
            synthesizer,
            books,
            lambda: venue.offset_ms,
            self.publish,
            surroundings,
        )
        await agent.load()
        measuring = await self._measuring(db, venue, instruments, agent)
        reviewer = Reviewer(db, measuring, desk.tracker.history, venue.clock, self.home.logs, self.publish)
        cycle = Cycle(agent, venue.clock, self.publish)
        return Works(
            self.limits, db, venue, instruments, watch, desk, books, synthesizer, surroundings, agent, cycle, measuring,
            reviewer,
        )  # fmt: skip

    async def _remember(self, db: Database, synthesizer: ChosenSynthesizer) -> None:
        """The weights that answered last, and those that are there now where they are others: a swap is told, and what
        the new ones did before it counts. Books that cannot be read cost this memory, and not the start."""
        model = self.settings.llm.model
        try:
            for digest in dict.fromkeys((await latest_digest(db, model), synthesizer.digest)):
                synthesizer.remember(digest, await latest_answers(db, model, digest))
        except sqlite3.Error as error:
            self.tell("warning", "llm", f"how freely the model invented before cannot be read: {error}")

    def _surroundings(self, venue: Venue) -> Surroundings:
        clock, tell = venue.clock, self.tell
        forecasts = ForecastService(self.settings.forecast, clock, tell, self.home.logs / "forecast.log")
        feeds = FeedBoard(feeds_of_world(self.settings, venue.endpoint.rest_host), self.home.storage, clock, tell)
        return Surroundings(clock, forecasts, feeds, lambda: venue.flows)

    async def _measuring(
        self, db: Database, venue: Venue, instruments: dict[str, Instrument], agent: Agent
    ) -> Measuring:
        """Hears every decision, and has told once what the last run measured."""
        trail = self.settings.trading.trail_percent / 100

        def correlate(ticker: str, others: tuple[str, ...]) -> Mapping[str, float | None]:
            return known_correlations(agent.windows, ticker, others, instruments.values())

        shadows = Shadows(db, doctrine_of(self.settings), trail, correlate)
        measuring = Measuring(SignalLog(db), shadows, venue.clock, self.publish)
        try:
            await shadows.load()
        except (sqlite3.Error, ValueError) as error:
            # What measures never keeps the engine from its positions: this run goes unmeasured, and says so.
            self.tell("error", "worth", f"nothing is measured in this run, the shadow books cannot be read: {error}")
            return measuring
        await measuring.tell()
        if self.tape.cassette is None:
            agent.after_decision = measuring.note
        else:
            # What was said once is measured once: said again, it would end the measure of the model that answers live.
            self.tell("info", "worth", "the answers are a cassette's: nothing is measured in this run")
        return measuring
