"""Every venue code leads to exactly one class, and the class to who must act."""

from __future__ import annotations

import pytest

from engine.exchange.errors import (
    AuthFailed,
    ClockSkewed,
    ErrorClass,
    ExchangeError,
    Rejected,
    Unavailable,
    UnknownOutcome,
)
from engine.exchange.okx.codes import CLASS_BY_CODE, CODES_BY_CLASS, _expand, classify, error_type, venue_error


def test_no_code_stands_in_two_classes() -> None:
    listed = [code for text in CODES_BY_CLASS.values() for code in _expand(text)]
    assert len(listed) == len(set(listed)) == len(CLASS_BY_CODE)


def test_every_class_of_the_port_has_a_row_except_unclassified() -> None:
    assert set(CODES_BY_CLASS) == set(ErrorClass) - {ErrorClass.UNCLASSIFIED}


@pytest.mark.parametrize(
    ("code", "error_class"),
    [
        ("50104", ErrorClass.AUTH),
        ("50021", ErrorClass.RISK_FROZEN),
        ("51029", ErrorClass.TRANSIENT),
        ("51050", ErrorClass.ALGO_PRICE_SIDE),
        ("51305", ErrorClass.ALGO_PRICE_SIDE),
        ("51330", ErrorClass.ALGO_CAPS),
        ("54092", ErrorClass.INSTRUMENT_OFF),
        ("51008_1001", ErrorClass.MONEY),
        ("51004_1104", ErrorClass.SIZE_BIG),
        ("51502_1002", ErrorClass.MONEY),
        ("51016", ErrorClass.DUPLICATE_ID),
        ("51603", ErrorClass.NOT_FOUND),
        ("59999", ErrorClass.UNCLASSIFIED),
        ("", ErrorClass.UNCLASSIFIED),
    ],
)
def test_codes_ranges_and_suffixes(code: str, error_class: ErrorClass) -> None:
    assert classify(code) is error_class


@pytest.mark.parametrize(
    ("code", "on_write", "on_read"),
    [
        ("51000", Rejected, Unavailable),
        ("50011", Rejected, Unavailable),
        ("50004", UnknownOutcome, Unavailable),
        ("50001", UnknownOutcome, Unavailable),
        ("51030", UnknownOutcome, Unavailable),
        ("51149", UnknownOutcome, Unavailable),
        ("50111", AuthFailed, AuthFailed),
        ("50110", AuthFailed, AuthFailed),
        ("50102", ClockSkewed, ClockSkewed),
        ("51023", Rejected, Unavailable),
        ("59876", Rejected, Unavailable),
        ("70001", UnknownOutcome, Unavailable),
        ("", UnknownOutcome, Unavailable),
    ],
)
def test_who_must_act(code: str, on_write: type[ExchangeError], on_read: type[ExchangeError]) -> None:
    assert error_type(code, write=True) is on_write
    assert error_type(code, write=False) is on_read


def test_an_unlisted_refusal_keeps_its_code_and_says_that_it_is_unclassified() -> None:
    error = venue_error("59876", "order: something new", write=True)
    assert isinstance(error, Rejected)
    assert (error.code, error.error_class) == ("59876", ErrorClass.UNCLASSIFIED)
    assert str(error) == "order: something new [59876]"
