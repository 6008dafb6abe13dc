"""A forecast on its way: from the child to the snapshot, the brief and the record of a cycle."""

from __future__ import annotations

import functools
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import engine.assembly
from bench.synthesis import cycle
from engine.bus import EventBus
from engine.config import FeedSettings, Settings
from engine.engine import Engine
from engine.events import BriefReady
from engine.execution.latch import EntryLatch
from engine.experts.gather_result import gather
from engine.feeds.board import FeedBoard
from engine.forecast.service import ForecastService
from engine.home import Home
from engine.model import Forecast
from engine.options import EngineOptions
from engine.risk.inputs import DecisionInputs
from engine.surroundings import Surroundings
from tests.experts.markets import snapshot
from tests.forecast.rig import rig, stand_in

ROOT = Path(__file__).parents[2]
ONE_LAYER = (sys.executable, "-m", "tests.forecast.small_model")
WATCHLIST = ["BTC", "ETH", "XAU"]


async def test_an_answer_of_the_child_stands_in_the_snapshot_and_in_the_brief(tmp_path: Path) -> None:
    async with rig(tmp_path, "--drift", "0.01") as desk:
        feeds = FeedBoard(FeedSettings(enabled=False), tmp_path, desk.clock, lambda *_: None)
        around = Surroundings(desk.clock, desk.service, feeds).around
        bare = snapshot()
        inst_id = bare.instrument.inst_id
        before = gather(around(bare), 0)
        assert before.ages_s["forecast"] is None
        assert "\nFORECAST n/a" in before.brief
        await desk.forecast(inst_id)
        known = around(bare)
        assert known.forecast is not None and known.forecast.short is not None
        told = gather(known, 0)
        assert told.ages_s["forecast"] == pytest.approx(12.0)
        assert "\nFORECAST (12s): 4h up +1.00% (+0.6 to +1.4), 24h up +1.00%" in told.brief
        stale = around(replace(bare, taken_at=desk.clock.now_ms() + 9 * 3_600_000))
        assert "\nFORECAST n/a" in gather(stale, 0).brief


@asynccontextmanager
async def engine_with(folder: Path, forecast: dict[str, Any], heard: list[BriefReady]) -> AsyncIterator[Engine]:
    home = Home(folder).prepare()
    given = {"llm": {"backend": "rules"}, "watchlist": WATCHLIST, "forecast": {"device": "cpu", **forecast}}
    bus = EventBus()
    bus.listen(lambda event: heard.append(event) if isinstance(event, BriefReady) else None)
    options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False, wait_for_forecasts=True)
    started = Engine(Settings.model_validate(given), home, bus, EntryLatch(home.storage), options)
    try:
        await started.start()
        yield started
    finally:
        await started.close()


@pytest.mark.slow
@pytest.mark.timeout(300)
async def test_a_single_cycle_waits_for_the_model_and_has_its_forecasts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real architecture in the real child, with random weights: what it says means nothing."""
    file = tmp_path / "weights" / "model.safetensors"
    subprocess.run((*ONE_LAYER, "--only-build", "--build", str(file)), cwd=ROOT, check=True)  # noqa: ASYNC221
    monkeypatch.setattr(engine.assembly, "ForecastService", functools.partial(ForecastService, child=ONE_LAYER))
    heard: list[BriefReady] = []
    seen: dict[str, Forecast | None] = {}
    async with engine_with(tmp_path / "home", {"checkpoint": str(file)}, heard) as started:

        def keep(inputs: DecisionInputs) -> None:
            seen[inputs.ticker] = inputs.snapshot.forecast

        started.opened().agent.after_decision = keep
        report = await cycle(started)
        assert report.failed == {}
        assert started.opened().surroundings.forecast_health().status == "ok"
    assert set(seen) == set(WATCHLIST)
    for brief in heard:
        forecast = seen[brief.ticker]
        assert forecast is not None, brief.ticker
        has = forecast.short is not None or forecast.medium is not None
        assert has or "no usable answer" in forecast.why
        assert ("\nFORECAST (" in brief.brief) is has
        assert brief.ages_s["forecast"] is not None
    assert any("\nFORECAST (" in brief.brief for brief in heard)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("forecast", "why"),
    [
        ({"checkpoint": "nowhere"}, "is no model.safetensors and holds none"),
        ({"enabled": False}, "forecast.enabled is false"),
        ({"child": "hangs"}, "loading"),
    ],
    ids=["no weights", "switched off", "a model that never loads"],
)
async def test_without_a_model_a_single_cycle_waits_no_longer_than_allowed_and_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forecast: dict[str, Any], why: str
) -> None:
    settings = dict(forecast)
    if settings.pop("child", ""):
        (tmp_path / "model.safetensors").touch()
        settings |= {"checkpoint": str(tmp_path), "timeout_s": 0.5}
        hangs = functools.partial(ForecastService, child=stand_in("--does", "sleep"))
        monkeypatch.setattr(engine.assembly, "ForecastService", hangs)
    heard: list[BriefReady] = []
    async with engine_with(tmp_path / "home", settings, heard) as started:
        report = await cycle(started)
        assert len(report.records) == len(WATCHLIST)
        health = started.opened().surroundings.forecast_health()
    assert health.status != "ok"
    assert why in health.detail
    assert all("\nFORECAST n/a" in brief.brief for brief in heard)
