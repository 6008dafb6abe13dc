"""Numbers are plain strings, unknown is empty, and the items of a write decide its code."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from engine.exchange.simulator.envelope import answer, dump, fault, gateway_fault, text, trade_answer
from engine.exchange.simulator.request_log import CAPACITY, RequestLog


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (Decimal("1E+3"), "1000"),
        (Decimal("0.00001"), "0.00001"),
        (1e-7, "0.0000001"),
        (1.5e20, "150000000000000000000"),
        (0.1, "0.1"),
        (7, "7"),
        (None, ""),
    ],
)
def test_numbers_carry_no_exponent(value: Decimal | float | None, shown: str) -> None:
    assert text(value) == shown


@pytest.mark.parametrize(
    ("codes", "expected"), [(["0"], "0"), (["51000"], "1"), (["0", "51000"], "2"), (["51000", "51001"], "1")]
)
def test_the_items_decide_the_code(codes: list[str], expected: str) -> None:
    code, body = trade_answer([{"sCode": code, "sMsg": ""} for code in codes], 5, 9)
    assert code == json.loads(body)["code"] == expected
    assert (json.loads(body)["inTime"], json.loads(body)["outTime"]) == ("5", "9")


def test_gateway_errors_have_no_data_and_venue_errors_do() -> None:
    assert json.loads(gateway_fault("50102", "x")) == {"code": "50102", "msg": "x"}
    assert fault("51001", "x") == (200, dump({"code": "51001", "msg": "x", "data": []}))
    assert fault("51000", "x")[0] == 400
    assert json.loads(answer([])) == {"code": "0", "msg": "", "data": []}


def test_what_is_no_number_never_reaches_the_wire() -> None:
    with pytest.raises(ValueError, match="JSON"):
        dump(float("nan"))


def test_the_log_is_a_ring_numbered_without_gaps() -> None:
    log = RequestLog()
    for i in range(CAPACITY + 10):
        log.add(i, i + 1, "POST", "/x", {"instId": "A", "side": "buy", "px": "1"}, "0")
    entries = list(log.since(CAPACITY + 5))
    assert [entry["n"] for entry in entries] == list(range(CAPACITY + 6, CAPACITY + 11))
    assert entries[-1]["body_digest"] == {"instId": "A", "side": "buy"}
    assert len(list(log.since(0))) == CAPACITY >= 50_000
