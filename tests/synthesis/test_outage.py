"""A model's server that hangs, dies and comes back: positions stay managed, entries wait under a named reason, and
the model answers again without a restart."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest

from bench.rig import Rig
from engine.bus import EventBus
from engine.clock import ScaledClock
from engine.config import Settings
from engine.engine import Engine
from engine.events import BracketHealed, Event, HealthChanged
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.jobs import CYCLE_OFFSET_MS
from engine.model import Action, DecisionRecord, Protection, SynthesisSource, Timeframe
from engine.options import EngineOptions
from engine.reasons import Reason
from engine.schedule import next_boundary
from engine.synthesis.breaker import COOL_DOWN_S, BreakerState
from tests.ollama_server import PERSONA, OllamaServer, Script, Step, until_asked

SEED = 600
HELD = "BTC-USDT-SWAP"
WATCHED = ("XRP", "BTC", "ETH", "SOL")
DEADLINE_S = 1.0


@dataclass
class Stage:
    """An engine that asks about every ticker, and the guard's looks beside each of its cycles."""

    engine: Engine
    late_s: float = 0.0
    looks: list[Protection] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)

    async def hold(self) -> None:
        """A position of ours with its bracket, too far away for the market to reach."""
        works = self.engine.opened()
        rig = Rig(self.engine.home, works.venue, works.desk, works.instruments, [])
        assert await rig.enter(HELD, "BTC1", Decimal(1000), Decimal("0.2")) is Reason.ENTERED

    async def bar(self) -> dict[str, DecisionRecord]:
        """The next bar's cycle, with the guard looking all the while."""
        venue = self.engine.opened().venue
        await venue.advance_to(next_boundary(self.engine.clock.now_ms(), Timeframe.M15.ms, CYCLE_OFFSET_MS))
        before = len(self.looks)
        running = asyncio.get_running_loop().create_task(self.engine.run_cycle())
        while not running.done():
            await self.look()
            await asyncio.wait((running,), timeout=0.2)
        report = running.result()
        assert report is not None and not report.failed, report
        assert len(self.looks) > before
        return {record.ticker: record for record in report.records}

    async def lose_the_bracket(self) -> None:
        """Somebody cancels it by hand: the guard has to place another, whoever answers."""
        venue = self.engine.opened().venue
        assert venue.embedded is not None
        await asyncio.to_thread(venue.embedded.arm_faults, {"kind": "user_cancels_algo", "inst": HELD})

    async def look(self) -> None:
        assert await self.engine.guard(), "the venue answers throughout"
        positions = self.engine.opened().books.positions or ()
        self.looks.append(next(p.protection for p in positions if p.position.inst_id == HELD))

    async def health(self) -> tuple[str, str]:
        """What the status bar says of the model."""
        await self.engine.tell_health()
        told = [event for event in self.heard if isinstance(event, HealthChanged) and event.source == "llm"]
        return told[-1].status, told[-1].detail

    @property
    def breaker(self) -> BreakerState:
        probe = self.engine.opened().synthesizer._probe
        assert probe is not None
        return probe.breaker.state


@asynccontextmanager
async def staged(folder: Path, host: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """As in paper and live, nobody answers in the model's place."""
    settings = Settings.model_validate(
        {
            "llm": {"host": host, "timeout_s": DEADLINE_S, "skip_when_forced": False},
            "demo": {"seed": SEED},
            "watchlist": WATCHED,
        }
    )
    home, bus = Home(folder).prepare(), EventBus()
    options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False)
    engine = Engine(settings, home, bus, EntryLatch(home.storage), options)
    stage = Stage(engine)
    monkeypatch.setattr(ScaledClock, "monotonic", lambda _: time.monotonic() + stage.late_s)
    bus.listen(stage.heard.append)
    try:
        await engine.start()
        engine.opened().synthesizer._fallback = None
        yield stage
    finally:
        await engine.close()


def by_model(records: dict[str, DecisionRecord]) -> bool:
    return all(
        record.synthesis.source is SynthesisSource.OLLAMA and record.synthesis.failure is None
        for record in records.values()
    )


def waits(records: dict[str, DecisionRecord]) -> bool:
    """Every ticker holds because nobody answered, and says so: it is never shown as the model's own HOLD."""
    return all(
        (record.action, record.reason, record.synthesis.failure) == (Action.HOLD, Reason.LLM_DOWN, Reason.LLM_DOWN)
        for record in records.values()
    )


async def dies_at_the_next_question(server: OllamaServer) -> None:
    """As a process does that is killed while it generates: its connections are reset, the next ones refused."""
    await until_asked(server)
    await asyncio.to_thread(server.__exit__)


@pytest.mark.slow
async def test_a_server_that_hangs_dies_in_mid_cycle_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = OllamaServer(Script((Step(PERSONA),))).__enter__()
    port = int(server.host.rpartition(":")[2])
    async with staged(tmp_path, server.host, monkeypatch) as stage:
        await stage.hold()
        assert by_model(await stage.bar())
        assert await stage.health() == ("ok", "qwen3.5:4b abababababab")

        server.play = Script((Step(PERSONA, fault="hang"),))
        asked = len(server.requests)
        assert waits(await stage.bar())
        assert len(server.requests) - asked == 4, "each was asked: a breaker cannot know before"
        await stage.lose_the_bracket()
        assert waits(await stage.bar()), "and none is asked a server that has failed three times in a row"
        assert len(server.requests) - asked == 4
        status, detail = await stage.health()
        assert (status, "no answer within 1 s; next try in " in detail) == ("down", True), detail

        stage.late_s += COOL_DOWN_S
        server.play = Script((Step(PERSONA, delay_s=0.5),))
        assert by_model(await stage.bar()), "it answers again, and so does everybody who waited for the probe"
        assert stage.breaker is BreakerState.CLOSED
        dying = asyncio.get_running_loop().create_task(dies_at_the_next_question(server))
        records = await stage.bar()
        await dying
        assert waits(records)
        assert waits(await stage.bar())
        status, detail = await stage.health()
        assert (status, detail.startswith("no Ollama at ")) == ("down", True), detail

        stage.late_s += COOL_DOWN_S
        assert waits(await stage.bar()), "the probe is refused, too"
        assert stage.breaker is BreakerState.OPEN
        with OllamaServer(Script((Step(PERSONA),)), port=port) as back:
            stage.late_s += 2 * COOL_DOWN_S
            records = await stage.bar()
            assert back.requests, "the same engine asks the same address"
            assert by_model(records)
            assert await stage.health() == ("ok", "qwen3.5:4b abababababab")
        assert stage.breaker is BreakerState.CLOSED
    assert len(stage.looks) > 20
    assert set(stage.looks) == {Protection.PROTECTED}
    assert [event.ticker for event in stage.heard if isinstance(event, BracketHealed)] == ["BTC"]
