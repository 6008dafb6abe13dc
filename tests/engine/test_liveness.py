"""An engine whose guard hangs must not look alive."""

from __future__ import annotations

import pytest

from engine.clock import ManualClock
from engine.liveness import Liveness


class Clock(ManualClock):
    rate = 1.0

    def speed(self) -> float:
        return self.rate


@pytest.mark.parametrize(("job", "limit_s"), [("guard", 120), ("cycle", 1860)])
def test_a_job_is_overdue_after_several_periods_and_some_slack(job: str, limit_s: int) -> None:
    clock = Clock(0)
    live = Liveness(clock)
    live.beat(job)
    clock.advance(limit_s * 1000)
    assert live.overdue() == {}
    clock.advance(1000)
    assert live.overdue() == {job: limit_s + 1}
    live.beat(job)
    assert live.overdue() == {}


def test_nothing_is_due_while_the_venues_time_stands_still() -> None:
    clock = Clock(0)
    clock.rate = 0.0
    live = Liveness(clock)
    live.beat("guard")
    clock.advance(10_000_000)
    assert live.overdue() == {}


def test_a_job_that_never_ran_has_no_age() -> None:
    assert Liveness(Clock(0)).age_s("guard") is None
