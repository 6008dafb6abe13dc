"""On a real engine and a real venue: every decision is measured and told, and measuring never spoils a cycle."""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

import engine.engine as engine_module
from engine.bus import EventBus
from engine.cli.worth_text import worth_document, worth_lines
from engine.config import Settings
from engine.engine import Engine
from engine.events import DecisionMade, LogLine, WorthMeasured
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.model.worth import Answerer, Comparison, Policy, PolicyTally, Worth
from engine.options import EngineOptions
from engine.risk.inputs import DecisionInputs

SETTINGS = Settings.model_validate(
    {"llm": {"backend": "rules"}, "demo": {"seed": 7}, "watchlist": ["BTC", "ETH", "SOL"]}
)


@pytest.mark.slow
async def test_no_order_waits_for_a_measurement(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measuring hangs: every decision of the cycle is taken, carried out and told before the first one is measured."""
    home = Home(tmp_path).prepare()
    bus = EventBus()
    options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False)
    engine = Engine(SETTINGS, home, bus, EntryLatch(home.storage), options)
    order: list[str] = []
    bus.listen(lambda event: order.append(type(event).__name__))
    try:
        await engine.start()
        works = engine.opened()

        async def slow(inputs: DecisionInputs) -> None:
            order.append("measured")
            await asyncio.sleep(0.5)

        monkeypatch.setattr(works.measuring.shadows, "observe", slow)
        report = await engine.run_cycle()
        assert report is not None and len(report.records) == 3
        assert order.count("measured") == 3
        seen = [name for name in order if name in {"DecisionMade", "CycleFinished", "measured"}]
        assert seen == ["DecisionMade"] * 3 + ["CycleFinished"] + ["measured"] * 3
        assert report.wall_ms < 1_500, "no decision waited 0.5 s for the one before it"
    finally:
        await engine.close()


@pytest.mark.slow
@pytest.mark.parametrize("hangs", [False, True])
async def test_what_a_cut_off_cycle_decided_is_measured_before_the_end_or_said_to_be_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hangs: bool
) -> None:
    bus = EventBus()
    options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False)
    engine = Engine(SETTINGS, Home(tmp_path).prepare(), bus, EntryLatch(tmp_path / "storage"), options)
    decided = asyncio.Event()
    bus.listen(lambda event: decided.set() if isinstance(event, DecisionMade) else None)
    rows: list[object] = []
    try:
        await engine.start()
        measuring = engine.opened().measuring

        async def put(*given: object) -> None:
            if hangs:
                await asyncio.sleep(60)
            rows.append(given)

        monkeypatch.setattr(measuring.signals, "put", put)
        monkeypatch.setattr(engine_module, "MEASURE_S", 0.2 if hangs else 3.0)
        engine.supervisor.start("cycle", running(engine))
        await decided.wait()
    finally:
        await engine.close()
    told = [event.text for event in bus.latest()[1] if isinstance(event, LogLine)]
    assert (len(rows) >= 1, "not measured: the engine stopped before it was" in told) == (not hangs, hangs)


async def running(engine: Engine) -> None:
    await engine.run_cycle()


@pytest.mark.slow
async def test_a_cycle_leaves_signals_and_shadows_and_a_broken_measure_spoils_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path).prepare()
    bus = EventBus()
    options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False)
    engine = Engine(SETTINGS, home, bus, EntryLatch(home.storage), options)
    try:
        await engine.start()
        works = engine.opened()
        assert (await engine.run_cycle()) is not None
        rows = await works.db.fetch_all("SELECT ticker FROM signal_rows ORDER BY ticker")
        assert [row["ticker"] for row in rows] == ["BTC", "ETH", "SOL"]
        assert len(await works.db.fetch_all("SELECT 1 FROM shadow_books")) == len(Policy)
        told = [event for event in bus.latest()[1] if isinstance(event, WorthMeasured)]
        assert sum(told[-1].worth.answers.values()) == 3
        assert not works.measuring._noted, "all is measured"
        intents = await works.db.fetch_all("SELECT 1 FROM intents")

        async def breaks(_: object) -> None:
            raise sqlite3.OperationalError("disk I/O error")

        monkeypatch.setattr(works.measuring.shadows, "observe", breaks)
        report = await engine.run_cycle()
        assert report is not None
        assert (len(report.records), report.failed) == (3, {})
        lines = [event.text for event in bus.latest()[1] if isinstance(event, LogLine)]
        assert lines.count("not measured: the database refused: disk I/O error") == 3
        assert len(await works.db.fetch_all("SELECT 1 FROM intents")) >= len(intents)
    finally:
        await engine.close()


def test_status_tells_the_three_comparisons_once_a_model_answers() -> None:
    against = tuple(
        Comparison(policy, 0.001, -0.002, 0.004, 40, 0, 0, f"not distinguishable from {policy}")
        for policy in (Policy.RULES, Policy.HOLD, Policy.RANDOM)
    )
    tallies = (PolicyTally(Policy.MODEL, 0.034, 50, 21, 1),)
    worth = Worth("2025-06-01", Answerer.MODEL, against, tallies, {"by_model": 90}, 0)
    lines = worth_lines(worth_document(worth))
    assert lines == [
        "worth     model less the rules: +0.10 %/day [-0.20, +0.40] n 40 d: not distinguishable from rules",
        "          model less always HOLD: +0.10 %/day [-0.20, +0.40] n 40 d: not distinguishable from hold",
        "          model less random entry: +0.10 %/day [-0.20, +0.40] n 40 d: not distinguishable from random",
        "          if each had traded since 2025-06-01: model +3.40% (50 closed, 21 won, 1 open)",
    ]
    named = worth_lines(worth_document(replace(worth, model="qwen3.5:4b abababababab, prompt 3")))
    assert named[0] == f"{lines[0]}; qwen3.5:4b abababababab, prompt 3 since 2025-06-01"
    assert worth_document(replace(worth, model="qwen"))["model"] == "qwen"
    rules = Worth("2025-06-01", Answerer.RULES, against, tallies, {}, 0)
    assert worth_lines(worth_document(rules)) == ["worth     rules answer: nothing to compare"]
    assert worth_lines(None) == []
