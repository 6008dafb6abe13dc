"""A round trip's cost: both fees, the spread, the book, and the funding that a long will pay."""

from __future__ import annotations

import pytest

from engine.model import Funding
from engine.risk.costs import expected_funding, round_trip, settlements

HOUR = 3_600_000
DAY = 24 * HOUR


def funding(rate: float = 0.0001, in_hours: float = 4, interval_h: int = 8) -> Funding:
    return Funding("X", rate, int(in_hours * HOUR), interval_h * HOUR, 0)


@pytest.mark.parametrize(
    ("in_hours", "interval_h", "hold_h", "expected"),
    [
        (4, 8, 24, 3),
        (8, 8, 24, 3),
        (0, 8, 24, 4),
        (4, 4, 24, 6),
        (1, 1, 24, 24),
        (25, 8, 24, 0),
        (24, 8, 24, 1),
        (-1, 8, 7, 1),
    ],
)
def test_settlements_within_the_hold_are_counted(in_hours: float, interval_h: int, hold_h: int, expected: int) -> None:
    assert settlements(funding(in_hours=in_hours, interval_h=interval_h), 0, hold_h * HOUR) == expected


def test_a_long_pays_a_positive_rate_at_every_settlement() -> None:
    assert expected_funding(funding(0.0001), 0, DAY) == pytest.approx(0.0003)


def test_funding_income_is_never_counted_on() -> None:
    assert expected_funding(funding(-0.001), 0, DAY) == 0


def test_fees_are_paid_twice_and_all_parts_add_up() -> None:
    costs = round_trip(0.0005, 0.0001, 0.0002, 0.0003)
    assert costs.fees == 0.001
    assert costs.total == pytest.approx(0.0016)


def test_an_interval_of_zero_is_refused() -> None:
    with pytest.raises(AssertionError):
        expected_funding(funding(interval_h=0), 0, DAY)
