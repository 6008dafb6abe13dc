"""The clock is judged again as soon as it may be another one, not an hour later."""

from __future__ import annotations

import pytest

from engine.clock import SystemClock
from engine.clock_watch import ClockWatch
from engine.exchange.okx.signing import SigningClock


@pytest.fixture
def signing() -> SigningClock:
    return SigningClock(5)


@pytest.fixture
def watch(signing: SigningClock) -> ClockWatch:
    return ClockWatch(SystemClock(), signing, 5)


def test_a_clock_as_it_was_judged_is_not_measured_again(watch: ClockWatch) -> None:
    assert not watch.doubtful()


def test_a_correction_that_a_refused_call_has_made_is_judged(watch: ClockWatch, signing: SigningClock) -> None:
    signing.correct(-60_000)
    assert watch.doubtful()
    watch.judged(-60_000)
    assert not watch.doubtful()


@pytest.mark.parametrize("step_ms", [-15_000, 15_000])
def test_a_clock_that_was_set_is_judged_also_when_no_call_was_refused(
    watch: ClockWatch, monkeypatch: pytest.MonkeyPatch, step_ms: int
) -> None:
    wall_ms = SystemClock.wall_ms
    monkeypatch.setattr(SystemClock, "wall_ms", lambda clock: wall_ms(clock) + step_ms)
    assert watch.doubtful()
    watch.judged(5)
    assert not watch.doubtful()
