from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.synthesis.breaker import TRANSITIONS, Admission, BreakerState, CircuitBreaker


def admitted(breaker: CircuitBreaker, now: float = 0.0) -> Admission:
    admission = breaker.admit(now)
    assert admission is not None
    return admission


def opened(at: float = 0.0) -> CircuitBreaker:
    breaker = CircuitBreaker()
    for _ in range(3):
        breaker.failed(admitted(breaker, at), at)
    return breaker


def test_three_failures_in_a_row_open_it() -> None:
    breaker = CircuitBreaker()
    calls = [admitted(breaker) for _ in range(6)]
    for call in calls[:2]:
        breaker.failed(call, 0.0)
    breaker.succeeded(calls[2])
    breaker.failed(calls[3], 0.0)
    breaker.failed(calls[4], 0.0)
    assert breaker.state is BreakerState.CLOSED
    breaker.failed(calls[5], 0.0)
    assert breaker.state is BreakerState.OPEN


def test_after_the_cool_down_exactly_one_probe_passes() -> None:
    breaker = opened()
    assert breaker.admit(29.9) is None
    assert breaker.retry_in_s(20.0) == pytest.approx(10.0)
    assert breaker.admit(30.0) is not None
    assert breaker.state is BreakerState.HALF_OPEN
    assert breaker.admit(30.0) is None


def test_a_good_probe_closes_it() -> None:
    breaker = opened()
    breaker.succeeded(admitted(breaker, 30.0))
    assert breaker.state is BreakerState.CLOSED
    assert breaker.admit(30.0) and breaker.admit(30.0)


def test_each_bad_probe_doubles_the_wait_up_to_five_minutes() -> None:
    breaker, now, waits = opened(), 0.0, []
    for _ in range(5):
        wait = breaker.retry_in_s(now)
        waits.append(wait)
        now += wait
        breaker.failed(admitted(breaker, now), now)
    assert waits == [30, 60, 120, 240, 300]


def test_a_cancelled_probe_frees_the_way_for_another() -> None:
    breaker = opened()
    breaker.abandoned(admitted(breaker, 30.0), 31.0)
    assert breaker.admit(31.0) is None
    assert breaker.admit(61.0) is not None


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "abandoned"])
@pytest.mark.parametrize("state", list(BreakerState))
def test_a_call_from_before_the_outage_says_nothing_about_the_server_after_it(
    outcome: str, state: BreakerState
) -> None:
    """It began when the breaker was closed, hung through the whole cool-down, and ends beside the probe."""
    breaker = CircuitBreaker()
    straggler, *others = (admitted(breaker) for _ in range(4))
    for call in others:
        breaker.failed(call, 0.0)
    if state is not BreakerState.OPEN:
        probe = admitted(breaker, 30.0)
        if state is BreakerState.CLOSED:
            breaker.succeeded(probe)
    for _ in range(3):
        breaker.succeeded(straggler) if outcome == "succeeded" else getattr(breaker, outcome)(straggler, 31.0)
    assert breaker.state is state
    if state is BreakerState.OPEN:
        assert breaker.admit(30.0) is not None, "and the wait is not longer for it"


@given(
    st.lists(
        st.tuples(st.sampled_from(["admit", "succeeded", "failed", "abandoned"]), st.integers(0, 5), st.floats(0, 100))
    )
)
def test_only_the_table_s_transitions_happen_and_only_the_probe_ends_a_half_open_state(
    steps: list[tuple[str, int, float]],
) -> None:
    breaker, now, under_way = CircuitBreaker(), 0.0, list[Admission]()
    probe: Admission | None = None
    for name, which, wait in steps:
        now += wait
        before = breaker.state
        if name == "admit":
            admission = breaker.admit(now)
            if admission is not None:
                under_way.append(admission)
                probe = admission if breaker.state is BreakerState.HALF_OPEN else probe
            ended = None
        elif under_way:
            ended = under_way.pop(which % len(under_way))
            breaker.succeeded(ended) if name == "succeeded" else getattr(breaker, name)(ended, now)
        assert breaker.state is before or breaker.state in TRANSITIONS[before]
        if before is BreakerState.HALF_OPEN and breaker.state is not before:
            assert ended is probe
