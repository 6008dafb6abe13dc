from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cynosure_tui import format as f
from cynosure_tui.widgets.brief import sparkline


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (Decimal("67412.1"), 1, "67,412.1"),
        (Decimal("67412"), 1, "67,412.0"),
        (Decimal("0.5871"), None, "0.5871"),
        (None, 2, "—"),
        (Decimal("NaN"), 2, "—"),
        (Decimal("Infinity"), 2, "—"),
        (Decimal("-0.001"), 2, "0.00"),
    ],
)
def test_prices_keep_their_tick_and_unknown_is_a_dash(value: Decimal | None, decimals: int | None, text: str) -> None:
    assert f.price(value, decimals) == text


def test_a_sum_that_floats_would_spoil_stays_exact() -> None:
    assert f.fixed(Decimal("0.1") + Decimal("0.2"), 17) == "0.30000000000000000"


@pytest.mark.parametrize(
    ("value", "text"),
    [(22.1, "+22.10"), (-4.28, "-4.28"), (0, "+0.00"), (Decimal("-0.001"), "+0.00"), (None, "—"), (float("nan"), "—")],
)
def test_signed_numbers_always_carry_their_sign(value: float | Decimal | None, text: str) -> None:
    assert f.signed(value) == text


def test_fractions_become_percentages() -> None:
    assert f.percent(0.0042) == "+0.42%"
    assert f.percent(Decimal("-0.0255")) == "-2.55%"
    assert f.share(0.081) == "8.1%"
    assert f.percent(None) == "—"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (4.9, "4s"), (660, "11m"), (11_520, "3h12m"), (187_200, "2d04h"), (None, "—"), (float("inf"), "—")],
)
def test_ages_are_short(seconds: float | None, text: str) -> None:
    assert f.age(seconds) == text


def test_countdown_reaches_zero_and_stays() -> None:
    assert (f.countdown(451), f.countdown(0.4), f.countdown(-5), f.countdown(3661)) == (
        "07:31",
        "00:01",
        "00:00",
        "1:01:01",
    )


def test_large_amounts_are_compact() -> None:
    assert [f.compact(v) for v in (940, 12_345, 1_230_000, 4.56e9, None)] == ["940", "12.3k", "1.23M", "4.56B", "—"]


def test_a_column_gives_up_digits_before_width() -> None:
    assert f.narrow(Decimal("1234567.891"), 9) == "1,234,568"
    assert f.narrow(Decimal("1234567.891"), 6) == "1.23M"


@given(st.one_of(st.none(), st.floats(), st.decimals(allow_nan=True, allow_infinity=True)))
def test_no_number_is_ever_shown_as_nan_or_infinity(value: float | Decimal | None) -> None:
    if value is not None and f.known(value) and abs(value) > 1e15:
        return
    for text in (f.fixed(value), f.signed(value), f.percent(value), f.compact(value)):
        assert "nan" not in text.lower()
        assert "inf" not in text.lower()


def test_sparkline_spans_the_ramp_and_fits() -> None:
    assert sparkline([1, 2, 3, 4], 4, "abcd") == "abcd"
    assert sparkline([5, 5, 5], 10, "abcd") == "aaa"
    assert len(sparkline(list(range(96)), 40, "abcdefgh")) == 40
    assert sparkline([], 10, "ab") == ""
