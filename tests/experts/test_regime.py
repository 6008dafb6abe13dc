"""The weather: soft, bounded, blind to price levels and to the future, and n/a where nothing is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.experts.regime import CLOSES, FEAR_GREED_LIMIT_MS, HOUR_MS, SHARE_OF_SIZE, regime_signals
from engine.model import AssetClass, Candles, FearGreed, FloatArray, RegimeSignals, Timeframe
from tests.experts.markets import candles, head, recorded_btc, scaled, tail, walk

H1 = Timeframe.H1
UNKNOWN = (None, None, None)


def weather(bars: Candles | None, index: FearGreed | None = None, later_ms: int = 0) -> RegimeSignals:
    """The signals just after the last bar closed."""
    now = later_ms if bars is None else int(bars.ts[-1]) + HOUR_MS + later_ms
    return regime_signals(bars, index, now)


def hours(close: FloatArray) -> Candles:
    return candles(close, H1)


def probabilities(signals: RegimeSignals) -> tuple[float | None, float | None, float | None]:
    return signals.p_trend, signals.p_range, signals.p_reversal


@given(seed=st.integers(0, 400), drift=st.floats(-0.004, 0.004), sigma=st.floats(0.0005, 0.05))
@settings(max_examples=60, deadline=None)
def test_probabilities_sum_to_one_and_the_multiplier_never_enlarges_a_size(
    seed: int, drift: float, sigma: float
) -> None:
    signals = weather(hours(walk(seed, 300, drift, sigma)))
    assert sum(p or 0 for p in probabilities(signals)) == pytest.approx(1)
    assert all(0 <= (p or 0) <= 1 for p in probabilities(signals))
    assert SHARE_OF_SIZE.min() <= signals.volatility_multiplier <= 1


@given(seed=st.integers(0, 400), cut=st.integers(CLOSES, 399))
@settings(max_examples=40, deadline=None)
def test_the_future_changes_nothing_and_older_history_neither(seed: int, cut: int) -> None:
    whole = hours(walk(seed, 400))
    then = head(whole, cut)
    now = int(then.ts[-1]) + HOUR_MS
    assert regime_signals(whole, None, now) == regime_signals(then, None, now) == weather(tail(then, CLOSES))


@given(seed=st.integers(0, 400), power=st.integers(-20, 20))
@settings(max_examples=40, deadline=None)
def test_the_price_level_changes_nothing(seed: int, power: int) -> None:
    bars = hours(walk(seed, 300))
    one, other = weather(bars), weather(scaled(bars, 2.0**power))
    assert probabilities(one) == pytest.approx(probabilities(other), abs=1e-9)
    assert one.volatility_multiplier == pytest.approx(other.volatility_multiplier)


@given(seed=st.integers(0, 100), jump=st.floats(-0.3, 0.3))
@settings(max_examples=30, deadline=None)
def test_one_bar_never_flips_the_regime(seed: int, jump: float) -> None:
    calm = walk(seed, 300)
    shocked = np.append(calm, calm[-1] * math.exp(jump))
    before, after = weather(hours(calm)), weather(hours(shocked))
    for p, q in zip(probabilities(before), probabilities(after), strict=True):
        assert p is not None
        assert q is not None
        assert abs(p - q) <= 0.115


def test_recorded_hours_change_regime_slowly_and_see_every_regime() -> None:
    bars = hours(recorded_btc(12_000).close[3::4])
    named, before = set(), None
    for n in range(CLOSES, len(bars), 3):
        signals = weather(head(bars, n))
        now = np.array(probabilities(signals), dtype=float)
        assert SHARE_OF_SIZE.min() <= signals.volatility_multiplier <= 1
        assert before is None or np.abs(now - before).max() <= 3 * 0.115
        named.add(signals.name)
        before = now
    assert named == {"trend", "range", "reversal"}


def test_a_trend_a_range_and_a_turn_are_told_apart() -> None:
    rng = np.random.default_rng(3)
    noise = rng.normal(0, 0.001, 300)
    trend = 100 * np.exp(np.cumsum(0.002 + noise))
    ranging = 100 * np.exp(noise + 0.002 * np.sin(np.arange(300)))
    turn = trend.copy()
    turn[-14:] = turn[-15] * np.exp(np.cumsum(-0.003 + noise[:14]))
    assert weather(hours(trend)).name == "trend"
    assert weather(hours(ranging)).name == "range"
    assert weather(hours(turn)).name == "reversal"


def test_a_steady_trend_keeps_whole_sizes_and_a_turn_shrinks_them() -> None:
    rng = np.random.default_rng(3)
    steps = 0.004 + rng.normal(0, 0.001, 300)
    steady = 100 * np.exp(np.cumsum(steps))
    steps[-14:] = -0.006
    turned = 100 * np.exp(np.cumsum(steps))
    assert weather(hours(steady)).volatility_multiplier > 0.9
    assert weather(hours(turned)).volatility_multiplier < 0.75


def test_the_multiplier_is_the_blend_of_the_regimes_shares() -> None:
    signals = weather(hours(walk(4)))
    known = [p for p in probabilities(signals) if p is not None]
    assert signals.volatility_multiplier == pytest.approx(known @ SHARE_OF_SIZE)


@pytest.mark.parametrize(
    ("bars", "why"),
    [
        (None, "no BTC hours"),
        (hours(walk(1, CLOSES - 1)), "95 of 96 BTC hours"),
        (hours(np.full(300, 60_000.0)), "BTC's prices stand still"),
        (hours(np.append(walk(1, 299), np.nan)), "BTC's hours are not sound"),
        (hours(np.append(walk(1, 299), np.inf)), "BTC's hours are not sound"),
        (hours(np.append(walk(1, 299), 0.0)), "BTC's hours are not sound"),
        (hours(np.append(walk(1, 299), -5.0)), "BTC's hours are not sound"),
    ],
    ids=["missing", "too short", "frozen prices", "NaN", "infinite", "zero", "negative"],
)
def test_what_cannot_be_read_is_unknown_says_why_and_never_leaves_sizes_whole(bars: Candles | None, why: str) -> None:
    signals = weather(bars)
    assert probabilities(signals) == UNKNOWN
    assert (signals.name, signals.why) == ("", why)
    assert signals.volatility_multiplier == SHARE_OF_SIZE.min() == 0.5


def test_a_regime_that_is_known_says_nothing_is_missing() -> None:
    assert weather(hours(walk(1))).why == ""


def test_bars_that_stopped_coming_are_unknown_after_two_hours() -> None:
    bars = hours(walk(1))
    assert weather(bars, later_ms=2 * HOUR_MS).p_trend is not None
    late = weather(bars, later_ms=3 * HOUR_MS)
    assert (probabilities(late), late.why) == (UNKNOWN, "BTC's hours end 3h ago")
    assert probabilities(weather(bars, later_ms=2 * HOUR_MS + 1)) == UNKNOWN


@pytest.mark.parametrize(
    ("age_ms", "value", "read"),
    [
        (0, 38, 38),
        (FEAR_GREED_LIMIT_MS, 0, 0),
        (FEAR_GREED_LIMIT_MS + 1, 38, None),
        (-HOUR_MS, 38, None),
        (0, 101, None),
        (0, -1, None),
    ],
)
def test_fear_and_greed_reads_only_while_it_is_young_and_possible(age_ms: int, value: int, read: int | None) -> None:
    now = 1_800_000_000_000
    signals = regime_signals(None, FearGreed(value, now - age_ms), now)
    assert signals.fear_greed == read


def test_neither_fear_nor_greed_changes_a_size() -> None:
    bars = hours(walk(5))
    now = int(bars.ts[-1]) + HOUR_MS
    by_index = {regime_signals(bars, FearGreed(index, now), now).volatility_multiplier for index in (0, 20, 75, 100)}
    assert by_index == {weather(bars).volatility_multiplier}


def test_fear_and_greed_is_crypto_s_alone() -> None:
    now = 1_800_000_000_000
    signals = regime_signals(None, FearGreed(100, now), now, AssetClass.METAL)
    assert (signals.fear_greed, signals.volatility_multiplier) == (None, SHARE_OF_SIZE.min())
