"""What is asked, what is held, and for how long: without any child."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from engine.experts.forecaster import HORIZONS, SHORT, forecast_signals
from engine.forecast.shelf import Shelf
from engine.model import Candles, FloatArray, Timeframe
from tests.experts.markets import NOW, candles
from tests.forecast.rig import HOUR_MS, windows

BTC, ETH, PEPE = "BTC-USDT-SWAP", "ETH-USDT-SWAP", "PEPE-USDT-SWAP"
LAST_HOUR = NOW // HOUR_MS * HOUR_MS - HOUR_MS


def answered(shelf: Shelf, now_ms: int, row: FloatArray | None = None) -> None:
    """Answers everything that waits."""
    for horizon in HORIZONS:
        asked = shelf.batch(horizon, now_ms)
        shelf.answer(
            horizon, asked, np.tile(np.linspace(-0.05, 0.04, 10) if row is None else row, (len(asked), 1)), now_ms
        )


def asked_at(now_ms: int, frames: Mapping[str, Mapping[Timeframe, Candles]]) -> Shelf:
    shelf = Shelf(512)
    shelf.ask(frames, now_ms)
    return shelf


def test_a_bar_that_has_not_closed_is_not_seen() -> None:
    shelf = asked_at(NOW, windows(BTC, end=NOW + 5 * HOUR_MS))
    assert shelf.batch(SHORT, NOW)[BTC].made_from == LAST_HOUR


def test_one_horizon_alone_is_a_forecast() -> None:
    shelf = asked_at(NOW, {BTC: {Timeframe.H1: windows(BTC)[BTC][Timeframe.H1]}})
    answered(shelf, NOW)
    forecast = shelf.latest(BTC, NOW, "forecast ok")
    assert forecast is not None and forecast.short is not None and forecast.medium is None
    assert forecast.why == "medium: none yet (forecast ok)"


def test_a_series_that_cannot_be_forecast_is_answered_by_name_and_not_asked() -> None:
    frozen = {tf: candles(np.full(100, 7.0), tf) for tf in (Timeframe.H1, Timeframe.H4)}
    shelf = asked_at(NOW, {PEPE: frozen, **windows(BTC)})
    assert list(shelf.batch(SHORT, NOW)) == [BTC]
    refused = shelf.latest(PEPE, NOW, "")
    assert refused is not None and refused.short is refused.medium is None
    assert refused.why.startswith("short: constant: 100 1H closes that do not move; medium: constant")
    assert forecast_signals(refused, NOW) is None


def test_a_series_that_broke_withdraws_the_question_and_the_forecast() -> None:
    """What was read of a market that has stopped since is no longer what is known of it."""
    shelf = asked_at(NOW, windows(BTC))
    answered(shelf, NOW)
    later = NOW + HOUR_MS
    shelf.ask(windows(BTC, end=later), later)
    assert shelf.waiting == 1
    frozen = candles(np.full(100, 7.0), Timeframe.H1, end=later + HOUR_MS)
    assert not shelf.ask({BTC: {Timeframe.H1: frozen}}, later + HOUR_MS)
    assert shelf.waiting == 0
    forecast = shelf.latest(BTC, later + HOUR_MS, "")
    assert forecast is not None and forecast.short is None and forecast.medium is not None


def test_an_answer_of_nan_is_no_forecast() -> None:
    shelf = asked_at(NOW, windows(BTC))
    answered(shelf, NOW, np.full(10, np.nan))
    forecast = shelf.latest(BTC, NOW, "")
    assert forecast is not None and forecast.short is forecast.medium is None
    assert forecast.why.startswith("short: no usable answer")
    assert shelf.newest(NOW) == (None, 0)


def test_a_forecast_ages_horizon_by_horizon() -> None:
    shelf = asked_at(NOW, windows(BTC))
    answered(shelf, NOW)
    assert shelf.newest(NOW) == (NOW, 1)
    later = shelf.latest(BTC, NOW + 2 * HOUR_MS, "forecast failed")
    assert later is not None and later.short is None and later.medium is not None
    assert later.why == "short: stale (forecast failed)" and later.ts == NOW // (4 * HOUR_MS) * (4 * HOUR_MS)
    much_later = shelf.latest(BTC, NOW + 12 * HOUR_MS, "forecast failed")
    assert much_later is not None and much_later.medium is None
    assert shelf.newest(NOW + 12 * HOUR_MS) == (NOW, 0)


def test_a_question_that_waited_too_long_is_dropped() -> None:
    """A child that comes back after hours is not kept busy with yesterday."""
    shelf = asked_at(NOW, windows(BTC))
    assert shelf.batch(SHORT, NOW + HOUR_MS)
    assert not shelf.batch(SHORT, NOW + 3 * HOUR_MS)


def test_a_newer_bar_that_comes_while_the_older_is_computed_is_still_asked() -> None:
    shelf = asked_at(NOW, windows(BTC))
    computing = shelf.batch(SHORT, NOW)
    shelf.ask(windows(BTC, end=NOW + HOUR_MS), NOW + HOUR_MS)
    shelf.answer(SHORT, computing, np.zeros((1, 10)), NOW + HOUR_MS)
    assert shelf.batch(SHORT, NOW + HOUR_MS)[BTC].made_from == LAST_HOUR + HOUR_MS
    forecast = shelf.latest(BTC, NOW + HOUR_MS, "")
    assert forecast is not None and forecast.short is not None and forecast.short.made_from == LAST_HOUR


def test_a_ticker_that_was_never_asked_for_has_no_forecast() -> None:
    assert asked_at(NOW, windows(BTC)).latest(ETH, NOW, "") is None
