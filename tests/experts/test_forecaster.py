"""What the forecasting model is asked, what is refused by name, and what is read from its answer."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.experts.forecaster import (
    MEDIUM,
    MIN_BARS,
    SHORT,
    Horizon,
    Refusal,
    SeriesRefused,
    band_of,
    forecast_signals,
    is_current,
    newest_closed,
    usable_series,
)
from engine.model import Candles, Direction, FloatArray, Forecast, ForecastBand, Timeframe
from tests.experts.markets import NOW, candles, head, walk

H1 = Timeframe.H1
HOUR_MS = H1.ms
LAST_CLOSE = NOW // HOUR_MS * HOUR_MS


def refusal(close: FloatArray) -> SeriesRefused:
    with pytest.raises(SeriesRefused) as caught:
        usable_series(candles(close, H1), H1, NOW, 512)
    assert "\n" not in str(caught.value)
    return caught.value


def band(median: float, low: float = -0.05, high: float = 0.05, horizon: Horizon = SHORT, age_bars: int = 0):
    tf = horizon.timeframe
    made_from = NOW // tf.ms * tf.ms - (1 + age_bars) * tf.ms
    return ForecastBand(tf, horizon.steps, median, low, high, made_from)


def test_prices_become_changes_against_the_last_close() -> None:
    close = walk(3, 100)
    series = usable_series(candles(close, H1), H1, NOW, 512)
    assert series.made_from == LAST_CLOSE - HOUR_MS
    assert series.changes[-1] == 0
    assert np.allclose(series.changes, close / close[-1] - 1)


@pytest.mark.parametrize("factor", [1e-7, 1e5])
def test_the_size_of_the_price_is_no_part_of_the_question(factor: float) -> None:
    """Closes near 1e-5 vary by less than the model's own normalisation notices."""
    plain = usable_series(candles(walk(3), H1), H1, NOW, 512)
    scaled = usable_series(candles(walk(3) * factor, H1), H1, NOW, 512)
    assert np.allclose(plain.changes, scaled.changes, rtol=1e-9, atol=1e-12)


def test_the_model_sees_the_last_bars_only() -> None:
    series = usable_series(candles(walk(3, 300), H1), H1, NOW, 128)
    assert np.array_equal(series.changes, usable_series(candles(walk(3, 300)[-128:], H1), H1, NOW, 512).changes)


@pytest.mark.parametrize(
    ("close", "name", "figures"),
    [
        (walk(1, MIN_BARS - 1), Refusal.TOO_SHORT, "63 unbroken 1H bars, 64 needed"),
        (np.append(walk(1, 99), math.nan), Refusal.NOT_FINITE, "1 of 100 closes"),
        (np.append(walk(1, 99), math.inf), Refusal.NOT_FINITE, "1 of 100 closes"),
        (np.full(100, 42.0), Refusal.CONSTANT, "100 1H closes that do not move"),
        (np.append(walk(1, 99), 0.0), Refusal.NOT_POSITIVE, "a close of 0"),
        (np.append(walk(1, 99), -3.0), Refusal.NOT_POSITIVE, "a close of -3"),
    ],
)
def test_a_series_that_cannot_be_forecast_is_refused_by_name(close: FloatArray, name: Refusal, figures: str) -> None:
    error = refusal(close)
    assert error.refusal is name
    assert str(error) == f"{name}: {figures}"


def test_a_close_that_is_wrong_but_out_of_sight_refuses_nothing() -> None:
    close = np.concatenate(([math.nan, math.inf], walk(1, 100)))
    assert len(usable_series(candles(close, H1), H1, NOW, 100).changes) == 100


def test_a_missing_bar_ends_the_series_there() -> None:
    """The model's steps are even: what lies before a hole is not the step before."""
    bars = candles(walk(1, 200), H1)
    keep = np.arange(200) != 100
    holed = Candles(*(getattr(bars, column.name)[keep] for column in dataclasses.fields(Candles)))
    assert len(usable_series(holed, H1, NOW, 512).changes) == 99
    with pytest.raises(SeriesRefused, match="50 unbroken"):
        keep = np.arange(200) != 149
        usable_series(
            Candles(*(getattr(bars, column.name)[keep] for column in dataclasses.fields(Candles))), H1, NOW, 512
        )


@given(n=st.integers(MIN_BARS + 1, 120), later=st.integers(1, 20), into_ms=st.integers(0, HOUR_MS - 1))
def test_bars_that_close_later_change_nothing(n: int, later: int, into_ms: int) -> None:
    """Prefix-safe: the question asked at a moment is the same whether or not the future is in the window."""
    bars = candles(walk(5, n + later), H1)
    moment = int(bars.ts[n - 1]) + HOUR_MS + into_ms
    with_future, without = (usable_series(part, H1, moment, 512) for part in (bars, head(bars, n)))
    assert np.array_equal(with_future.changes, without.changes)
    assert with_future.made_from == without.made_from == bars.ts[n - 1] == newest_closed(bars, H1, moment)


def test_nothing_has_closed_in_an_empty_window() -> None:
    empty = head(candles(walk(1, 10), H1), 0)
    assert newest_closed(empty, H1, NOW) is None
    with pytest.raises(SeriesRefused, match="too short: 0 unbroken"):
        usable_series(empty, H1, NOW, 512)


def test_the_band_is_the_10_50_and_90_percent_quantile() -> None:
    quantiles = [9.0, -0.04, -0.03, -0.02, -0.01, 0.0, 0.01, 0.02, 0.03, 0.05]
    assert band_of(SHORT, 7, quantiles) == ForecastBand(H1, 4, 0.0, -0.04, 0.05, 7)


@pytest.mark.parametrize(
    "wrong", [{5: math.nan}, {1: -math.inf}, {9: math.inf}, {1: 0.2}, {9: -0.2}, {1: -1.0}], ids=str
)
def test_an_answer_that_no_price_can_follow_is_refused(wrong: dict[int, float]) -> None:
    quantiles = [0.0, -0.04, -0.03, -0.02, -0.01, 0.0, 0.01, 0.02, 0.03, 0.05]
    for place, value in wrong.items():
        quantiles[place] = value
    with pytest.raises(SeriesRefused) as caught:
        band_of(SHORT, 7, quantiles)
    assert caught.value.refusal is Refusal.NO_ANSWER


@pytest.mark.parametrize(
    ("median", "direction"),
    [
        (0.0031, Direction.BULLISH),
        (0.003, Direction.NEUTRAL),
        (0.0, Direction.NEUTRAL),
        (-0.003, Direction.NEUTRAL),
        (-0.0031, Direction.BEARISH),
    ],
)
def test_it_leans_beyond_thirty_basis_points_of_the_median(median: float, direction: Direction) -> None:
    signals = forecast_signals(Forecast(band(median), None, NOW), NOW)
    assert signals is not None and signals.short is not None
    assert (signals.short.direction, signals.short.hours, signals.medium) == (direction, 4.0, None)


def test_the_medium_term_looks_a_day_ahead() -> None:
    signals = forecast_signals(Forecast(None, band(0.02, horizon=MEDIUM), NOW), NOW)
    assert signals is not None and signals.medium is not None
    assert (signals.medium.hours, signals.medium.low, signals.medium.high) == (24.0, -0.05, 0.05)


def test_what_is_not_there_is_unknown_and_never_neutral() -> None:
    assert forecast_signals(None, NOW) is None
    assert forecast_signals(Forecast(None, None, NOW, "no weights"), NOW) is None


def test_a_forecast_ages_until_it_is_unknown() -> None:
    assert is_current(band(0.01, age_bars=0), NOW)
    assert is_current(band(0.01, age_bars=1), NOW), "while the new bar's forecast is made, the last one holds"
    assert not is_current(band(0.01, age_bars=2), NOW)
    stale = Forecast(band(0.01, age_bars=2), band(0.01, horizon=MEDIUM), NOW)
    signals = forecast_signals(stale, NOW)
    assert signals is not None and signals.short is None and signals.medium is not None


def test_a_forecast_from_the_future_is_unknown() -> None:
    assert not is_current(band(0.01, age_bars=-1), NOW)
