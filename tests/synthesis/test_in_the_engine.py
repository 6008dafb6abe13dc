"""The whole engine on the simulated market with a scripted model: advocate, recording, replay, and what is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bench.synthesis import cycle
from engine.bus import EventBus
from engine.config import Settings
from engine.engine import Engine
from engine.events import Event, HealthChanged, LogLine, Synthesized
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.jobs import CYCLE_OFFSET_MS
from engine.model import Action, AdviceVerdict, DecisionRecord, SynthesisSource, Timeframe, Verdict
from engine.options import EngineOptions
from engine.reasons import Reason
from engine.schedule import next_boundary
from engine.synthesis.cassette import CASSETTE, read_cassette
from tests.ollama_server import PERSONA, OllamaServer, Script, Step, advice, answer, until_asked

SEED = 600
BARS = 2
"""XRP is bought at the second bar, with a confidence of 0.74."""


class Advised(OllamaServer):
    """A persona that proposes, and an advocate that says what the test wants."""

    verdict = "PROCEED"

    def _step(self, call: int, asked: dict[str, Any]) -> Step:
        if "\nPROPOSAL BUY" in asked["messages"][1]["content"]:
            return Step(advice(self.verdict, "4H is tired"))
        return super()._step(call, asked)


@asynccontextmanager
async def running(
    folder: Path, host: str, heard: list[Event], cassette: Path | None = None, **llm: Any
) -> AsyncIterator[Engine]:
    home = Home(folder).prepare()
    settings = Settings.model_validate({"llm": {"host": host, **llm}, "demo": {"seed": SEED}, "watchlist": ["XRP"]})
    options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False, cassette=cassette)
    bus = EventBus()
    bus.listen(heard.append)
    engine = Engine(settings, home, bus, EntryLatch(home.storage), options)
    try:
        await engine.start()
        yield engine
    finally:
        await engine.close()


async def decisions(folder: Path, host: str, heard: list[Event], cassette: Path | None = None) -> list[DecisionRecord]:
    async with running(folder, host, heard, cassette) as engine:
        return [record for _ in range(BARS) for record in (await cycle(engine)).records]


def timeless(record: DecisionRecord) -> DecisionRecord:
    """Without what the wall clock adds."""
    advice_ = None if record.advice is None else replace(record.advice, latency_ms=None)
    synthesis = replace(record.synthesis, latency_ms=None)
    return replace(record, stages_ms={}, synthesis=synthesis, advice=advice_, decided_at=0)


@pytest.mark.slow
async def test_an_advocate_that_shrinks_a_buy_is_recorded_and_replayed_to_the_same_decisions(tmp_path: Path) -> None:
    heard: list[Event] = []
    with Advised(Script((Step(PERSONA),))) as server:
        server.verdict = "REDUCE_SIZE"
        records = await decisions(tmp_path / "live", server.host, heard)
        assert len(server.warm_ups) == 1
        host = server.host
    bought = records[-1]
    assert (bought.action, bought.reason) == (Action.BUY, Reason.ENTERED)
    assert bought.advice is not None and bought.advice.verdict is AdviceVerdict.REDUCE_SIZE
    assert bought.sizing is not None and bought.sizing.advocate_factor == 0.6
    assert bought.synthesis.model_digest and bought.synthesis.prompt_version
    assert any(isinstance(e, LogLine) and e.source == "llm" and "is loaded" in e.text for e in heard)
    assert any(isinstance(e, HealthChanged) and e.source == "llm" and e.status == "ok" for e in heard)

    cassette = tmp_path / "live" / "storage" / CASSETTE
    assert len(read_cassette(cassette)) == 2, "the proposal and the advice"
    again = await decisions(tmp_path / "again", host, [], cassette)
    assert [timeless(record) for record in again] == [timeless(record) for record in records]
    assert Decimal(0) < bought.sizing.contracts


@pytest.mark.slow
async def test_an_answer_that_was_asked_for_late_is_judged_by_the_books_as_they_are_when_it_comes(
    tmp_path: Path,
) -> None:
    """XRP is paused, so that nobody asks; resumed, so that the question is put after all; and while the model thinks,
    a person stops all entries."""
    heard: list[Event] = []
    with OllamaServer(Script((Step(PERSONA, delay_s=0.8),))) as server:
        # No advocate: its answer, too, has the decision taken anew, and would hide a decision on old books.
        nobody_doubts = {"da_confidence_min": 0.98, "da_confidence_max": 0.99}
        async with running(tmp_path, server.host, heard, **nobody_doubts) as engine:
            await cycle(engine)
            works = engine.opened()
            await works.venue.advance_to(next_boundary(engine.clock.now_ms(), Timeframe.M15.ms, CYCLE_OFFSET_MS))
            await engine.refresh_books()
            controls, (xrp,) = works.desk.controls, works.watch.instruments
            await controls.pause("XRP", "test")
            prepared = await works.agent.prepare(xrp, 2)
            assert prepared.synthesis.source is SynthesisSource.SKIPPED
            await controls.resume("XRP", "test")
            concluding = asyncio.get_running_loop().create_task(works.agent.conclude(prepared))
            await until_asked(server)
            await controls.stop_entries("test")
            record = await concluding
    assert record.synthesis.source is SynthesisSource.OLLAMA
    assert record.synthesis.action is Action.BUY, "it would have been bought"
    gates = {gate.name: gate.verdict for gate in record.gates}
    assert gates["entries_stopped"] is Verdict.BLOCK
    assert (record.action, record.reason) == (Action.HOLD, Reason.ENTRIES_PAUSED)
    told = [e.synthesis.source for e in heard if isinstance(e, Synthesized) and e.cycle == 2]
    assert told == [SynthesisSource.SKIPPED, SynthesisSource.OLLAMA]
    assert record.stages_ms["synthesis"] > 700, "the time that it took is shown"


@pytest.mark.slow
async def test_how_freely_the_model_invents_is_known_again_after_a_restart(tmp_path: Path) -> None:
    """From the decisions that the database keeps."""
    boast = answer("HOLD", reasoning="RSI 93.7 and 777% upside")
    with OllamaServer(Script((Step(boast),))) as server:
        async with running(tmp_path, server.host, [], skip_when_forced=False) as engine:
            for _ in range(BARS):
                await cycle(engine)
        async with running(tmp_path, server.host, []) as engine:
            probe = engine.opened().synthesizer._probe
            assert probe is not None and probe.inventions.numbers == 2 * BARS
            assert sum(counted.invented for counted in probe.inventions._latest) == 2 * BARS
