"""The whole engine on the simulated market with a scripted model: advocate, recording, replay, and what is told."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from bench.synthesis import cycle
from engine.bus import EventBus
from engine.config import Settings
from engine.engine import Engine
from engine.events import Event, HealthChanged, LogLine
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.model import Action, AdviceVerdict, DecisionRecord
from engine.options import EngineOptions
from engine.reasons import Reason
from engine.synthesis.cassette import CASSETTE, read_cassette
from tests.ollama_server import PERSONA, OllamaServer, Script, Step, advice

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


async def decisions(folder: Path, host: str, heard: list[Event], cassette: Path | None = None) -> list[DecisionRecord]:
    home = Home(folder).prepare()
    settings = Settings.model_validate({"llm": {"host": host}, "demo": {"seed": SEED}, "watchlist": ["XRP"]})
    options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False, cassette=cassette)
    bus = EventBus()
    bus.listen(heard.append)
    engine = Engine(settings, home, bus, EntryLatch(home.storage), options)
    try:
        await engine.start()
        return [record for _ in range(BARS) for record in (await cycle(engine)).records]
    finally:
        await engine.close()


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
