"""A stage for hostile inputs: the whole engine on the simulated market, at a bar at which XRP is bought, asked again
and again what it makes of that bar. Only the order itself is left out: the next question meets the same world."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bench.synthesis import cycle
from engine.agent import Prepared
from engine.bus import EventBus
from engine.config import Settings
from engine.engine import Engine
from engine.events import BriefReady, Event
from engine.exchange.okx.calls import Calls, Rows
from engine.exchange.okx.endpoints import Endpoint
from engine.execution.latch import EntryLatch
from engine.experts.signal_board import SignalBoard
from engine.feeds.board import FeedBoard
from engine.feeds.worlds import feeds_of_world
from engine.fetch import CandleWindows
from engine.forecast.service import ForecastService
from engine.home import Home
from engine.jobs import CYCLE_OFFSET_MS
from engine.market_lists import MarketLists
from engine.model import DecisionRecord, Timeframe
from engine.options import EngineOptions
from engine.schedule import next_boundary
from engine.surroundings import Surroundings
from engine.synthesis.choice import choose_synthesizer

SEED, TICKER = 600, "XRP"
"""At its second bar XRP is bought, by the rules and by a model that reads the brief."""

Spoil = Callable[[Endpoint, Mapping[str, Any], Rows], Rows]
"""Rows as the venue sent them to rows as an enemy would."""


@dataclass
class Stage:
    """`spoil` touches every row on its way from the HTTP client to our parser."""

    engine: Engine
    settings: Settings
    storage: Path
    heard: list[Event] = field(default_factory=list)
    spoil: Spoil | None = None

    async def decide(self, model_host: str = "", **feed_fault: Any) -> tuple[str, DecisionRecord]:
        """The brief and the decision of this bar, everything read anew. `model_host` asks a model instead of the rules;
        `feed_fault` is what becomes of both feeds, in the simulator's words."""
        works = self.engine.opened()
        agent, exchange, clock = works.agent, works.venue.exchange, works.venue.clock
        embedded = works.venue.embedded
        assert embedded is not None
        embedded.clear_faults()
        if feed_fault:
            embedded.arm_faults({"kind": "feed", "when": {"path": "/feeds/*", "every": 1}, **feed_fault})
        feeds = FeedBoard(
            feeds_of_world(self.settings, works.venue.endpoint.rest_host), self.storage, clock, lambda *_: None
        )
        forecasts = ForecastService(self.settings.forecast, clock, lambda *_: None)
        agent._surroundings = Surroundings(clock, forecasts, feeds)
        llm = {"host": model_host, "record": False} if model_host else {"backend": "rules"}
        answering = Settings.model_validate({"llm": llm})
        agent._counsel = synthesizer = await choose_synthesizer(answering, clock)
        agent.windows, agent.signals = CandleWindows(exchange), SignalBoard()
        agent.lists = MarketLists(exchange, clock)
        self.heard.clear()
        try:
            await agent._surroundings.read_once()
            await agent.read_windows(works.watch.instruments)
            report = await works.cycle.run(99, works.watch.instruments, None)
        finally:
            await feeds.aclose()
            await synthesizer.aclose()
        assert report.failed == {}, report.failed
        (record,) = report.records
        (brief,) = [event.brief for event in self.heard if isinstance(event, BriefReady)]
        return brief, record


@asynccontextmanager
async def stage(folder: Path, patch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    home = Home(folder).prepare()
    settings = Settings.model_validate(
        {
            "llm": {"backend": "rules"},
            "demo": {"seed": SEED},
            "watchlist": [TICKER],
            "forecast": {"enabled": False},
        }
    )
    bus = EventBus()
    engine = Engine(settings, home, bus, EntryLatch(home.storage), EngineOptions(speed=0.0, scheduled=False))
    on = Stage(engine, settings, home.storage)
    bus.listen(on.heard.append)
    read = Calls.read

    async def through(calls: Calls, endpoint: Endpoint, **params: Any) -> Rows:
        rows = await read(calls, endpoint, **params)
        return rows if on.spoil is None else on.spoil(endpoint, params, rows)

    patch.setattr(Calls, "read", through)
    try:
        await engine.start()
        await cycle(engine)
        works = engine.opened()

        async def sends_nothing(record: DecisionRecord, _: Prepared) -> DecisionRecord:
            return record

        works.agent._execute = sends_nothing  # type: ignore[method-assign]
        await works.venue.advance_to(next_boundary(engine.clock.now_ms(), Timeframe.M15.ms, CYCLE_OFFSET_MS))
        await engine.guard()
        yield on
    finally:
        await engine.close()
