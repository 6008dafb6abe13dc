"""Golden vectors of the sources, and indicators beside their textbook definitions."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest

from engine.experts.flow import BarFlow, bucket_vpin, buy_fraction
from engine.experts.jumps import JUMP_Z, jump_statistic, jump_z_column
from engine.experts.technical_expert import timeframe_signals
from engine.experts.volatility import realised_vol_column
from engine.experts.vwap import vwap_columns
from engine.model import Candles, Timeframe
from engine.model.quote_flow import BestQuote, QuoteFlowWindow
from tests.experts import reference
from tests.experts.markets import candles, walk

JUMPY = [0.001, -0.002, 0.0015, -0.001, 0.0005, 0.002, -0.0015, 0.001, -0.0005, 0.02, -0.001, 0.0015]


def test_vwap_keeps_nothing_of_the_days_before_on_a_days_first_bar() -> None:
    """In a history as in a live window: what a year of sums leaves by rounding is no σ."""
    day = Timeframe.M15.ms * 96
    bars = candles(np.linspace(100.0, 180.0, 96 * 30 + 1), end=20_000 * day + Timeframe.M15.ms)
    _, sigmas = vwap_columns(bars, len(bars))
    assert np.isnan(sigmas[bars.ts % day == 0]).all()
    assert not np.isnan(sigmas[bars.ts % day > Timeframe.M15.ms]).any()


def test_bulk_classification_of_one_sigma_is_phi_of_one() -> None:
    assert buy_fraction(np.array([1.0, -1.0, 0.0]), np.ones(3)) == pytest.approx([0.84134, 0.15866, 0.5], abs=1e-5)


def test_a_bar_without_dispersion_is_split_in_half() -> None:
    assert buy_fraction(np.array([0.0]), np.zeros(1)) == pytest.approx([0.5])


def test_vpin_golden_vector() -> None:
    assert bucket_vpin(np.array([60.0, 30, 50, 80, 50]), 100.0) == pytest.approx(0.24)


def test_quote_flow_golden_vector() -> None:
    rows = [
        (100, 10, 101, 8),
        (100, 12, 101, 8),
        (100.5, 5, 101, 8),
        (100.5, 5, 101, 3),
        (100, 9, 100.5, 4),
        (100, 9, 101, 7),
    ]
    assert [reference.quote_event(a, b) for a, b in pairwise(rows)] == [2, 5, 5, -9, 4]
    window, events = QuoteFlowWindow(), []
    for second, row in enumerate(rows):
        window.note(second * 1000, BestQuote(*row))
        events.append(window.totals(second * 1000).net)
    assert events == [0, 2, 7, 12, 3, 7]
    imbalance = window.totals(5000).imbalance
    assert imbalance is not None and 0 < imbalance < 1


def test_quote_flow_is_unknown_without_a_change() -> None:
    window = QuoteFlowWindow()
    for second in range(2):
        window.note(second * 1000, BestQuote(100, 1, 101, 1))
        assert window.totals(second * 1000).imbalance is None


def test_jump_statistic_golden_vectors() -> None:
    rv, bv, rj, z = jump_statistic(np.array(JUMPY))
    assert (rv, bv) == (pytest.approx(4.1925e-4, rel=1e-4), pytest.approx(7.6255e-5, rel=1e-4))
    assert (rj, z) == (pytest.approx(0.81812, abs=1e-5), pytest.approx(3.6316, abs=1e-4))
    calm = [0.0015 if r == 0.02 else r for r in JUMPY]
    _, _, rj, z = jump_statistic(np.array(calm))
    assert (rj, z) == (pytest.approx(-0.33501, abs=1e-5), pytest.approx(-1.4871, abs=1e-4))


def test_the_jump_test_refuses_short_and_frozen_series() -> None:
    returns = np.random.default_rng(3).normal(0, 0.01, 200)
    assert np.isnan(jump_z_column(returns[:95], 1))
    assert not np.isnan(jump_z_column(returns[:96], 1))
    frozen = returns.copy()
    frozen[-10:] = 0.0
    assert np.isnan(jump_z_column(frozen, 1))
    assert np.isnan(jump_z_column(np.zeros(200), 1))


def test_one_huge_return_is_a_jump() -> None:
    returns = np.random.default_rng(3).normal(0, 0.01, 200)
    assert jump_z_column(returns, 1)[0] < JUMP_Z
    returns[-20] = 0.15
    assert jump_z_column(returns, 1)[0] > JUMP_Z


def test_realised_volatility_of_a_known_series() -> None:
    returns = np.tile([0.01, -0.01], 60)
    assert realised_vol_column(returns, 35_040, 1)[0] == pytest.approx(0.01 * math.sqrt(35_040))


@pytest.mark.parametrize("seed", range(4))
def test_indicators_equal_their_textbook_definitions(seed: int) -> None:
    bars = candles(walk(seed), seed=seed)
    close, high, low = bars.close.tolist(), bars.high.tolist(), bars.low.tolist()
    signals = timeframe_signals(Timeframe.M15, bars)
    line, signal = reference.macd(close)
    assert signals.ema9 == pytest.approx(reference.ema(close, 9)[-1])
    assert signals.ema20 == pytest.approx(reference.ema(close, 20)[-1])
    assert signals.ema50 == pytest.approx(reference.ema(close, 50)[-1])
    assert signals.rsi == pytest.approx(reference.rsi(close))
    assert signals.atr == pytest.approx(reference.atr(high, low, close))
    assert (signals.macd, signals.macd_signal) == (pytest.approx(line, rel=1e-6), pytest.approx(signal, rel=1e-6))
    assert signals.bollinger_position == pytest.approx(reference.bollinger_position(close), rel=1e-6)


def test_vwap_is_anchored_at_midnight() -> None:
    bars = candles(walk(5))
    today = bars.ts // 86_400_000 == bars.ts[-1] // 86_400_000
    typical = ((bars.high + bars.low + bars.close) / 3)[today]
    volume = bars.volume[today]
    vwap = (typical * volume).sum() / volume.sum()
    sigma = math.sqrt((volume * (typical - vwap) ** 2).sum() / volume.sum())
    signals = timeframe_signals(Timeframe.M15, bars)
    assert signals.vwap_deviation_pct == pytest.approx(bars.close[-1] / vwap - 1)
    assert signals.vwap_deviation_sigma == pytest.approx((bars.close[-1] - vwap) / sigma, rel=1e-6)


def test_vwap_has_no_sigma_on_a_days_first_bar() -> None:
    midnight = candles(walk(5), end=20_000 * 86_400_000 + Timeframe.M15.ms)
    signals = timeframe_signals(Timeframe.M15, midnight)
    assert signals.vwap_deviation_pct is not None
    assert signals.vwap_deviation_sigma is None
    assert signals.vote_vwap == 0


def test_vpin_splits_bars_across_bucket_edges() -> None:
    """Equal bars of one direction fill every bucket with that direction, wherever the edges fall."""
    bars = candles(walk(2))
    flow = BarFlow(bars.close, bars.volume, 1)
    expected = _vpin_by_hand(flow.volume[-100:].tolist(), flow.signed[-100:].tolist())
    assert flow.vpin_and_toxicity()[0][0] == pytest.approx(expected)


def test_a_one_way_market_is_wholly_imbalanced() -> None:
    close = 100 * 1.01 ** np.arange(300)
    flow = BarFlow(close, np.ones(300), 1)
    assert flow.vpin_and_toxicity()[0][0] > 0.6
    assert flow.ofi_bar()[0] > 0.6


def _vpin_by_hand(volumes: list[float], signed: list[float]) -> float:
    size = sum(volumes) / 50
    total, bucket, room = 0.0, 0.0, size
    for volume, flow in zip(volumes, signed, strict=True):
        left = volume
        while left > 1e-12:
            part = min(left, room)
            bucket += flow * part / volume
            left, room = left - part, room - part
            if room <= 1e-9:
                total, bucket, room = total + abs(bucket), 0.0, size
    return (total + abs(bucket)) / (50 * size)


def test_candles_from_a_read_only_or_strided_source_are_accepted() -> None:
    table = np.random.default_rng(0).normal(0, 0.01, (300, 5)).cumsum(axis=0) + 100
    table.flags.writeable = False
    ts = np.arange(300, dtype=np.int64) * Timeframe.M15.ms
    bars = Candles(ts, table[:, 0], table.max(axis=1), table.min(axis=1), table[:, 3], np.abs(table[:, 4]))
    assert timeframe_signals(Timeframe.M15, bars).rsi is not None
