"""OKX's envelope: `{"code","msg","data"}`, numbers as strings (okx.md §3)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

Row = dict[str, Any]

# Faults that the gateway answers with an HTTP status of its own; every other code rides on HTTP 200.
_HTTP_STATUS = {
    "50000": 400,
    "50002": 400,
    "50004": 400,
    "50006": 400,
    "50014": 400,
    "50015": 400,
    "50016": 400,
    "51000": 400,
    "50011": 429,
    "50013": 429,
    "50001": 503,
    "50026": 500,
    "50115": 405,
}

FAILED = "All operations failed"
PARTLY = "Bulk operation partially succeeded"

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def dump(value: Any) -> bytes:
    """Compact JSON. NaN and infinities are refused: a venue never sends them."""
    return _encoder.encode(value).encode()


def text(value: Decimal | float | None) -> str:
    """A number the way OKX writes it: plain digits, no exponent; unknown is the empty string."""
    if value is None:
        return ""
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return format(value, "f")


def answer(rows: Sequence[Any]) -> bytes:
    """A read that succeeded."""
    return dump({"code": "0", "msg": "", "data": rows})


def trade_answer(items: Sequence[Mapping[str, Any]], in_us: int, out_us: int) -> tuple[str, bytes]:
    """A write: (code, body). The items decide: "1" when every one failed, "2" when some did.

    `inTime` and `outTime` are wall microseconds: they are stamped by the gateway, which lives in wall time.
    """
    failed = sum(1 for item in items if item.get("sCode", "0") != "0")
    code, message = "0", ""
    if failed:
        code, message = ("1", FAILED) if failed == len(items) else ("2", PARTLY)
    body = {"code": code, "msg": message, "data": items, "inTime": str(in_us), "outTime": str(out_us)}
    return code, dump(body)


def fault(code: str, message: str) -> tuple[int, bytes]:
    """A top-level error: (HTTP status, body)."""
    return _HTTP_STATUS.get(code, 200), dump({"code": code, "msg": message, "data": []})


def gateway_fault(code: str, message: str) -> bytes:
    """An error of the gateway itself: it carries no `data`."""
    return dump({"msg": message, "code": code})
