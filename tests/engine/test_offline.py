"""A machine without a network beyond its venue: every feed, the hub of forecasts and the model's server refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

import engine.assembly
from bench.synthesis import cycle
from engine.bus import EventBus
from engine.config import DEFAULT_WATCHLIST, FeedSettings, Settings
from engine.engine import Engine
from engine.events import BriefReady, HealthChanged
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.options import EngineOptions

REFUSES = "http://127.0.0.1:9"
FEEDS = FeedSettings(fear_greed_url=f"{REFUSES}/fng", news=(f"{REFUSES}/one", f"{REFUSES}/two"), timeout_s=2.0)


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_the_cycle_of_the_whole_watchlist_completes_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.assembly, "feeds_of_world", lambda *_: FEEDS)
    monkeypatch.setenv("HF_ENDPOINT", REFUSES)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    home, bus = Home(tmp_path / "home").prepare(), EventBus()
    briefs: dict[str, str] = {}
    health: dict[str, HealthChanged] = {}

    def hear(event: object) -> None:
        if isinstance(event, BriefReady):
            briefs[event.ticker] = event.brief
        elif isinstance(event, HealthChanged):
            health[event.source] = event

    bus.listen(hear)
    settings = Settings.model_validate(
        {"llm": {"host": REFUSES}, "forecast": {"download": True, "device": "cpu", "timeout_s": 5.0}}
    )
    options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False, wait_for_forecasts=True)
    started = Engine(settings, home, bus, EntryLatch(home.storage), options)
    try:
        await started.start()
        report = await cycle(started)
        await started.tell_health()
    finally:
        await started.close()
    assert report.failed == {}
    assert {record.ticker for record in report.records} == set(DEFAULT_WATCHLIST) == set(briefs)
    for brief in briefs.values():
        assert "FEAR GREED n/a" in brief
        assert "\nFORECAST n/a" in brief
        assert "\nNEWS n/a" in brief
        assert "\n15m (" in brief
    assert health["okx"].status == "ok"
    assert (health["f&g"].status, health["f&g"].detail) == ("down", "127.0.0.1: cannot be reached")
    assert (health["news"].status, health["news"].detail.partition(":")[0]) == ("down", "2 of 2 fail")
    assert health["forecast"].status in {"down", "connecting"}
    assert health["forecast"].detail
    assert (health["llm"].status, health["llm"].detail.partition(":")[0]) == ("off", "rules answer")
