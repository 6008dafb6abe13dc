"""Better, worse, or not distinguishable: how often the words are right."""

from __future__ import annotations

from types import ModuleType

import numpy as np
import pytest

from engine.model.worth import Answerer, Policy, Worth
from engine.risk.bootstrap import block_length, mean_interval, resampled_means, t_over_normal
from engine.risk.model_value import compare, verdict

NOBODY_KNOWS = "not distinguishable from rules"


def daily(seed: int, days: int = 60, mean: float = 0.0, memory: float = 0.0) -> np.ndarray:
    """Fat-tailed daily differences of 1 %, each keeping `memory` of the day before."""
    rng = np.random.default_rng(seed)
    noise = 0.01 / np.sqrt(3) * rng.standard_t(3, days + 20)
    for day in range(1, len(noise)):
        noise[day] += memory * noise[day - 1]
    return mean + noise[20:]


def test_two_policies_that_are_alike_are_not_told_apart() -> None:
    for memory in (0.0, 0.3):
        words = [compare(Policy.RULES, daily(seed, memory=memory), 100).verdict for seed in range(100)]
        assert words.count(NOBODY_KNOWS) >= 90


def test_a_real_edge_is_found() -> None:
    words = [compare(Policy.RULES, daily(seed, 120, mean=0.005), 100).verdict for seed in range(40)]
    assert words.count("better than rules") >= 38
    assert compare(Policy.RULES, -daily(1, 120, mean=0.005), 100).verdict == "worse than rules"


def test_the_same_book_has_no_difference() -> None:
    found = compare(Policy.RULES, np.zeros(60), 100)
    assert (found.per_day, found.low, found.high, found.verdict) == (0.0, 0.0, 0.0, NOBODY_KNOWS)


@pytest.mark.parametrize(("days", "trades"), [(29, 100), (60, 29), (0, 0), (9, 3)])
def test_too_little_is_never_a_verdict_and_says_what_is_missing(days: int, trades: int) -> None:
    found = compare(Policy.RULES, np.full(days, 0.01) + 0.001 * np.arange(days), trades)
    assert found.verdict == NOBODY_KNOWS
    assert (found.days_missing, found.trades_missing) == (max(0, 30 - days), max(0, 30 - trades))
    assert (f"{30 - days} more days" in found.text) == (days < 30)
    assert (f"{30 - trades} more trades" in found.text) == (trades < 30)
    assert (found.low is None) == (days < 10)


def test_an_end_at_zero_is_no_difference() -> None:
    assert verdict("rules", 0.0, 0.1) == verdict("rules", -0.1, 0.0) == NOBODY_KNOWS


def test_the_same_values_have_the_same_interval() -> None:
    assert mean_interval(daily(1)) == mean_interval(daily(1))


def test_blocks_keep_the_memory_that_single_draws_lose() -> None:
    values = daily(4, 300, memory=0.7)
    spread = resampled_means(values, np.random.default_rng(1)).std()
    alone = values.std() / np.sqrt(len(values))
    assert spread > 1.4 * alone
    assert [block_length(n) for n in (1, 27, 30, 64, 216)] == [1, 3, 4, 4, 6]


@pytest.fixture(scope="module")
def stats() -> ModuleType:
    """Two seconds of reading that only who runs these tests pays."""
    from scipy import stats

    return stats


@pytest.mark.parametrize("freedom", [4, 6.5, 14, 40])
def test_students_quantile(stats: ModuleType, freedom: float) -> None:
    exact = stats.t.ppf(0.975, freedom) / stats.norm.ppf(0.975)
    assert t_over_normal(0.975, freedom) == pytest.approx(exact, rel=0.02)


def test_rules_that_answer_have_nothing_to_be_compared_with() -> None:
    found = (compare(Policy.RULES, daily(1), 100),)
    worth = Worth("2025-01-01", Answerer.RULES, found, (), {}, 0)
    assert worth.text == "rules answer: nothing to compare"
    assert "not distinguishable" in Worth("2025-01-01", Answerer.MODEL, found, (), {}, 0).text
