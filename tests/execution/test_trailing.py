"""The trailed stop, as a table: only after the gain, only upward, a tick or more, below the mark."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.risk.stops import trailed_stop

D = Decimal


@pytest.mark.parametrize(
    ("entry", "mark", "stop", "expected"),
    [
        ("100", "102.5", "97", None),  # the gain must exceed the trail
        ("100", "102.6", "97", "100.1"),  # 102.6 × 0.975 = 100.035, up to the tick
        ("100", "110", "97", "107.3"),  # 107.25 rounds up: a long's stop never adds risk
        ("100", "110", "107.2", "107.3"),
        ("100", "110", "107.3", None),  # the same stop is not sent again
        ("100", "110", "108", None),  # never downward
        ("100", "99", "97", None),
    ],
)
def test_table(entry: str, mark: str, stop: str, expected: str | None) -> None:
    result = trailed_stop(D(entry), D(mark), D(stop), D("0.025"), D("0.1"))
    assert result == (None if expected is None else D(expected))


@given(st.integers(1, 10**6), st.integers(1, 2 * 10**6), st.integers(1, 10**6), st.integers(1, 400))
def test_never_lowers_never_reaches_the_mark(entry: int, mark: int, stop: int, trail: int) -> None:
    tick = D("0.1")
    e, m, s = D(entry) / 10, D(mark) / 10, D(stop) / 10
    raised = trailed_stop(e, m, s, D(trail) / 1000, tick)
    if raised is not None:
        assert raised >= s + tick
        assert raised <= m - tick
        assert m > e * (1 + D(trail) / 1000)
        assert raised % tick == 0
