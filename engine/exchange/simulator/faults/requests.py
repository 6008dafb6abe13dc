"""Faults on the way of a request to the venue and back: their parameters, and what they do to an answer."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.exchange.simulator.envelope import FAILED, dump
from engine.exchange.simulator.faults.spec import Code, DelayMs, FaultKind, Params

PAGE = b"<html><head><title>502 Bad Gateway</title></head><body>Bad gateway</body></html>"

Status = Annotated[int, Field(ge=200, le=599)]


class Refuse(Params):
    """The venue never acts. As a top-level error, with `data: false` also without that key, or (`item`) as an item's
    sCode under the top-level code `envelope`."""

    code: Code
    message: str = ""
    status: Status = 200
    item: bool = False
    envelope: Literal["0", "1", "2"] = "1"
    data: bool = True


class Late(Params):
    """The connection breaks at once; the venue acts `delay_ms` later."""

    delay_ms: DelayMs


class Delay(Params):
    """The venue acts at once; the answer comes `delay_ms` later."""

    delay_ms: DelayMs


class Duplicate(Params):
    """`answer`: its items come twice. `request`: the venue gets it twice, and the second answer is the one told. A
    market order is then doubled: a client id protects only while its order lives (okx.md §8)."""

    twice: Literal["answer", "request"] = "answer"


class Html(Params):
    """A page of some proxy instead of the answer; the venue acted unless `acted` is false."""

    status: Status = 502
    acted: bool = True


class MissingFields(Params):
    """`fields` of the envelope and of every item are gone, or empty, or "0"."""

    fields: Annotated[list[str], Field(min_length=1)]
    how: Literal["absent", "blank", "zero"] = "absent"


PARAMS: Mapping[FaultKind, type[Params]] = {
    FaultKind.REFUSE: Refuse,
    FaultKind.LOSE_REQUEST: Params,
    FaultKind.LOSE_REPLY: Params,
    FaultKind.LATE: Late,
    FaultKind.DELAY: Delay,
    FaultKind.DUPLICATE: Duplicate,
    FaultKind.HTML: Html,
    FaultKind.GARBLE: Params,
    FaultKind.MISSING_FIELDS: MissingFields,
}


def refused(fault: Refuse, path: str, request: Any) -> bytes:
    """The answer of a venue that refuses `request` (its parameters, or a list of items)."""
    message = fault.message or f"Refused with {fault.code}"
    if not fault.item:
        body = {"code": fault.code, "msg": message, "data": []}
        return dump(body if fault.data else {"code": fault.code, "msg": message})
    items = request if isinstance(request, list) else [request]
    rows = [_refused_item(fault.code, message, "algo" in path, item) for item in items]
    return dump({"code": fault.envelope, "msg": "" if fault.envelope == "0" else FAILED, "data": rows})


def _refused_item(code: str, message: str, algo: bool, item: Mapping[str, Any]) -> dict[str, Any]:
    names = ("algoId", "algoClOrdId") if algo else ("ordId", "clOrdId")
    given = {name: str(item.get(name, "")) for name in (*names, "tag")}
    return {**given, "sCode": code, "sMsg": message}


def doubled(payload: bytes) -> bytes:
    """The answer with each of its items twice."""
    body = json.loads(payload)
    return dump({**body, "data": [item for item in body.get("data", []) for _ in range(2)]})


def cut(payload: bytes) -> bytes:
    """The answer as a proxy that gave up half-way delivers it."""
    return payload[: max(1, len(payload) * 2 // 3)]


def without(payload: bytes, fault: MissingFields) -> bytes:
    """The answer without the fault's fields, in the envelope and in every item."""
    body = _stripped(json.loads(payload), fault)
    if isinstance(body.get("data"), list):
        body["data"] = [_stripped(item, fault) if isinstance(item, dict) else item for item in body["data"]]
    return dump(body)


def _stripped(row: Mapping[str, Any], fault: MissingFields) -> dict[str, Any]:
    if fault.how == "absent":
        return {name: value for name, value in row.items() if name not in fault.fields}
    instead = "0" if fault.how == "zero" else ""
    return {name: instead if name in fault.fields else value for name, value in row.items()}
