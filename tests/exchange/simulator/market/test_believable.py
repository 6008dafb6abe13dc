"""The generated market's statistics lie where recorded markets' do."""

from __future__ import annotations

import numpy as np
import pytest

from bench.market import judge
from engine.exchange.simulator.generator import GeneratedBars
from engine.exchange.simulator.noise import key_of, normal, normals, smooth, smooths, uniform, uniforms
from engine.exchange.simulator.stats import autocorrelation, jump_mask, kurtosis, series_of, tail_exponent

# One seed is one history; a few figures of fat tails may fall outside by luck.
ENOUGH = 0.93


def outside(seed: int, days: int) -> tuple[float, list[str]]:
    verdicts = judge(GeneratedBars(seed), days)
    figures = [(f"{who} {name}", f) for who, group in verdicts.items() for name, f in group.items()]
    wrong = [f"{name} {figure['value']} not in {figure['range']}" for name, figure in figures if not figure["inside"]]
    return 1 - len(wrong) / len(figures), wrong


def test_the_default_market_is_believable() -> None:
    share, wrong = outside(seed=7, days=160)
    assert share >= ENOUGH, wrong


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5, 6])
def test_other_seeds_are_believable_too(seed: int) -> None:
    share, wrong = outside(seed, days=365)
    assert share >= ENOUGH, wrong


def test_a_recorded_year_is_judged_as_the_reference_says(recordings: object) -> None:
    from engine.exchange.simulator.recorded import RecordedBars

    source = RecordedBars.load(recordings, start_ms=1_756_598_400_000)  # 2025-08-31, 200 days behind it
    series = series_of(source.bars("ETH-USDT-SWAP", 0, 2**50))
    assert 0.2 < autocorrelation(np.abs(series.returns), 1) < 0.35
    assert 2.5 < tail_exponent(series.returns) < 3.6
    assert 10 < kurtosis(series.returns) < 60


def test_pure_noise_is_seen_as_pure_noise() -> None:
    noise = normals(key_of("noise"), np.arange(40_000, dtype=np.int64)) * 0.002
    assert abs(kurtosis(noise)) < 0.2
    assert abs(autocorrelation(np.abs(noise), 1)) < 0.02
    assert jump_mask(noise, 6).sum() == 0


def test_randomness_by_place_is_the_same_one_by_one_and_all_at_once() -> None:
    key, index = key_of(7, "x"), np.array([0, 5, 123_456_789_012], dtype=np.int64)
    assert uniforms(key, index).tolist() == [uniform(key, int(place)) for place in index]
    assert normals(key, index) == pytest.approx([normal(key, int(place)) for place in index])
    times = np.array([1_000, 2_500, 9_999_999], dtype=np.int64)
    assert smooths(key, times, 1_000) == pytest.approx([smooth(key, int(t), 1_000) for t in times])
    assert key_of("x", 1) != key_of("x", 2)
