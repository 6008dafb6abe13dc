from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.synthesis.breaker import TRANSITIONS, BreakerState, CircuitBreaker


def opened(at: float = 0.0) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(3):
        assert breaker.admits(at)
        breaker.failed(at)
    return breaker


def test_three_failures_in_a_row_open_it() -> None:
    breaker = CircuitBreaker()
    for outcome in (breaker.failed, breaker.failed):
        outcome(0.0)
    breaker.succeeded()
    breaker.failed(0.0)
    breaker.failed(0.0)
    assert breaker.state is BreakerState.CLOSED
    breaker.failed(0.0)
    assert breaker.state is BreakerState.OPEN


def test_after_the_cool_down_exactly_one_probe_passes() -> None:
    breaker = opened()
    assert not breaker.admits(29.9)
    assert breaker.retry_in_s(20.0) == pytest.approx(10.0)
    assert breaker.admits(30.0)
    assert breaker.state is BreakerState.HALF_OPEN
    assert not breaker.admits(30.0)


def test_a_good_probe_closes_it() -> None:
    breaker = opened()
    breaker.admits(30.0)
    breaker.succeeded()
    assert breaker.state is BreakerState.CLOSED
    assert breaker.admits(30.0) and breaker.admits(30.0)


def test_each_bad_probe_doubles_the_wait_up_to_five_minutes() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(5):
        wait = breaker.retry_in_s(now)
        waits.append(wait)
        now += wait
        assert breaker.admits(now)
        breaker.failed(now)
    assert waits == [30, 60, 120, 240, 300]


def test_a_cancelled_probe_frees_the_way_for_another() -> None:
    breaker = opened()
    breaker.admits(30.0)
    breaker.abandoned(31.0)
    assert not breaker.admits(31.0)
    assert breaker.admits(61.0)


def test_a_straggler_that_fails_while_open_changes_nothing() -> None:
    breaker = opened()
    breaker.failed(25.0)
    assert breaker.admits(30.0)


@given(st.lists(st.tuples(st.sampled_from(["admits", "succeeded", "failed", "abandoned"]), st.floats(0, 100))))
def test_only_the_table_s_transitions_happen(steps: list[tuple[str, float]]) -> None:
    breaker, now = CircuitBreaker(), 0.0
    for name, wait in steps:
        now += wait
        before = breaker.state
        breaker.succeeded() if name == "succeeded" else getattr(breaker, name)(now)
        assert breaker.state is before or breaker.state in TRANSITIONS[before]
