"""The service beside an engine: what it answers, what it keeps, and what it says when there is nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from engine.experts.forecaster import forecast_signals
from engine.forecast.pipe import Batch
from engine.forecast.process import ForecastProcess
from engine.model import Direction
from tests.experts.markets import NOW
from tests.forecast.rig import HOUR_MS, rig, windows

BTC, ETH = "BTC-USDT-SWAP", "ETH-USDT-SWAP"

LAST_4H_CLOSE = NOW // (4 * HOUR_MS) * (4 * HOUR_MS)


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[Batch]:
    """Every batch that goes to the child."""
    sent: list[Batch] = []
    real = ForecastProcess.quantiles

    async def noted(self: ForecastProcess, batch: Batch, within_s: float) -> object:
        sent.append(batch)
        return await real(self, batch, within_s)

    monkeypatch.setattr(ForecastProcess, "quantiles", noted)
    return sent


async def test_all_tickers_are_forecast_in_one_batch_per_horizon(tmp_path: Path, batches: list[Batch]) -> None:
    async with rig(tmp_path, "--drift", "0.01") as desk:
        assert desk.service.health().status == "connecting"
        assert not await desk.service.loaded(0.0) and await desk.service.loaded(30.0)
        await desk.forecast(BTC, ETH)
        assert [(batch.steps, len(batch.series)) for batch in batches] == [(4, 2), (6, 2)]
        forecast = desk.service.latest(BTC)
        assert forecast is not None and forecast.short is not None and forecast.medium is not None
        assert forecast.ts == LAST_4H_CLOSE and not forecast.why
        assert forecast.short.made_from == NOW // HOUR_MS * HOUR_MS - HOUR_MS
        assert forecast.short.median == pytest.approx(0.01 + 4e-6)
        assert (forecast.short.low, forecast.short.high) == pytest.approx((0.006 + 4e-6, 0.014 + 4e-6))
        assert forecast.medium.median == pytest.approx(0.01 + 6e-6)
        signals = forecast_signals(forecast, NOW)
        assert signals is not None and signals.short is not None and signals.short.direction is Direction.BULLISH
        health = desk.service.health()
        assert (health.status, health.age_s) == ("ok", 0.0) and "cpu" in health.detail


async def test_nothing_is_computed_until_a_new_bar_has_closed(tmp_path: Path, batches: list[Batch]) -> None:
    async with rig(tmp_path) as desk:
        await desk.forecast(BTC)
        assert not desk.service.request(windows(BTC, end=desk.clock.now_ms()))
        desk.clock.advance(HOUR_MS)
        await desk.forecast(BTC)
        assert [batch.steps for batch in batches] == [4, 6, 4], "an hour later no four-hour bar has closed"
        newer = desk.service.latest(BTC)
        assert newer is not None and newer.ts == LAST_4H_CLOSE, "as old as its older part"
        assert newer.short is not None and newer.short.made_from == NOW // HOUR_MS * HOUR_MS
        desk.clock.advance(2 * HOUR_MS)
        assert desk.service.latest(BTC).why == "short: stale (forecast ok)"
        assert (desk.service.health().status, desk.service.health().age_s) == ("ok", 7200.0)
        desk.clock.advance(8 * HOUR_MS)
        assert desk.service.latest(BTC).medium is None
        assert desk.service.health().status == "stale"


async def test_switched_off_it_starts_nothing_and_keeps_nothing(tmp_path: Path) -> None:
    async with rig(tmp_path, enabled=False) as desk:
        assert not desk.service.request(windows(BTC))
        assert desk.supervisor.names() == ()
        assert desk.service.latest(BTC) is None
        assert (desk.service.health().status, desk.service.health().detail) == ("off", "forecast.enabled is false")
        assert await desk.service.settled(5.0), "nothing is left to answer"


async def test_weights_that_come_later_are_found(tmp_path: Path) -> None:
    file = tmp_path / "later" / "model.safetensors"
    async with rig(tmp_path, checkpoint=str(file.parent)) as desk:
        assert desk.service.request(windows(BTC))
        await desk.until(lambda: desk.service.state == "absent")
        health = desk.service.health()
        assert health.status == "off" and str(file.parent) in health.detail and health.age_s is None
        assert not await desk.service.settled(5.0) and not await desk.service.loaded(5.0)
        assert desk.service.latest(BTC) is None
        await asyncio.sleep(0.2)
        assert [level for level, *_ in desk.told] == ["info"], "said once, however often it looked"
        file.parent.mkdir()
        file.touch()
        await desk.until(lambda: desk.service.latest(BTC) is not None)
