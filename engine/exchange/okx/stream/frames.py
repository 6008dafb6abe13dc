"""One text from the socket → what it is (okx.md §13). Pure; nothing that arrives can raise."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

PONG = "pong"
PING = "ping"


@dataclass(frozen=True, slots=True)
class Pong:
    """The bare text, not JSON."""


@dataclass(frozen=True, slots=True)
class Answer:
    """To an operation of ours: `code` is "0" when it was accepted. `request_id` is "" when the venue left it out."""

    event: str
    request_id: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Notice:
    """64008: the venue will close this connection within a minute."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Pushed:
    channel: str
    arg: Mapping[str, Any]
    action: str
    rows: tuple[Any, ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Ignored:
    """A word without consequence, such as channel-conn-count."""

    event: str


@dataclass(frozen=True, slots=True)
class Unreadable:
    text: str


Frame = Pong | Answer | Notice | Pushed | Ignored | Unreadable

_ANSWERS = frozenset({"login", "subscribe", "unsubscribe", "error", "channel-conn-count-error"})
SHOWN = 120


def read_frame(text: str | bytes) -> Frame:
    if text in (PONG, PONG.encode()):
        return Pong()
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return Unreadable(_shown(text))
    if not isinstance(body, dict):
        return Unreadable(_shown(text))
    return _event(body) if "event" in body else _push(body, text)


def _event(body: Mapping[str, Any]) -> Frame:
    event, code, message = str(body["event"]), str(body.get("code") or ""), str(body.get("msg") or "")
    if event == "notice":
        return Notice(code, message)
    if event not in _ANSWERS:
        return Ignored(event)
    refused = "error" in event
    return Answer(event, str(body.get("id") or ""), code or ("unknown" if refused else "0"), message)


def _push(body: Mapping[str, Any], text: str | bytes) -> Frame:
    arg, rows = body.get("arg"), body.get("data")
    if not isinstance(arg, dict) or not isinstance(rows, list):
        return Unreadable(_shown(text))
    return Pushed(str(arg.get("channel", "")), arg, str(body.get("action", "")), tuple(rows))


def _shown(text: str | bytes) -> str:
    return repr(text[:SHOWN])
