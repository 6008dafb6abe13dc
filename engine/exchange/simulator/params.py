"""Reading request parameters and writing numbers the way OKX does. "" and null mean absent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from typing import Any

from engine.exchange.simulator.okx_errors import parameter, refusal

Params = Mapping[str, Any]
Row = dict[str, Any]

_CLIENT_ID = re.compile(r"[A-Za-z0-9]{1,32}")
_TAG = re.compile(r"[A-Za-z0-9]{1,16}")
_TRUTH = {True: True, False: False, "true": True, "false": False, "": False, None: False}


def text(params: Params, name: str) -> str:
    """The parameter as text, "" when absent."""
    value = params.get(name)
    return "" if value is None else str(value)


def required(params: Params, name: str) -> str:
    """Raises 50014 when absent."""
    value = text(params, name)
    if not value:
        raise refusal("50014", name=name)
    return value


def choice(params: Params, name: str, choices: frozenset[str], default: str | None = None) -> str:
    """One of `choices`; `default` when absent. Raises 51000."""
    value = text(params, name) or default
    if value not in choices:
        raise parameter(name)
    return value


def flag(params: Params, name: str) -> bool:
    """A boolean, also as the text "true" or "false"; False when absent. Raises 51000."""
    value = params.get(name)
    if not isinstance(value, str | bool | None) or value not in _TRUTH:
        raise parameter(name)
    return _TRUTH[value]


def number(params: Params, name: str) -> Decimal | None:
    """A finite decimal, None when absent. Raises 51000."""
    value = text(params, name)
    if not value:
        return None
    try:
        parsed = Decimal(value)
    except InvalidOperation:
        raise parameter(name) from None
    if not parsed.is_finite():
        raise parameter(name)
    return parsed


def positive(params: Params, name: str) -> Decimal:
    """A decimal above zero. Raises 51000 also when absent."""
    value = number(params, name)
    if value is None or value <= 0:
        raise parameter(name)
    return value


def client_id(params: Params, name: str) -> str:
    """Up to 32 letters and digits, "" when absent. Raises 51000."""
    value = text(params, name)
    if value and not _CLIENT_ID.fullmatch(value):
        raise parameter(name)
    return value


def tag_of(params: Params) -> str:
    """Up to 16 letters and digits, "" when absent. Raises 51000."""
    value = text(params, "tag")
    if value and not _TAG.fullmatch(value):
        raise parameter("tag")
    return value


def plain(value: Decimal | None) -> str:
    """Plain digits without exponent or trailing zeros; "" for unknown."""
    if value is None:
        return ""
    written = format(value, "f")
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return "0" if written in {"-0", ""} else written


def yes(value: bool) -> str:
    return "true" if value else "false"


def on_grid(value: Decimal, step: Decimal) -> bool:
    return value % step == 0


def floor_to(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_FLOOR) * step


def ceil_to(value: Decimal, step: Decimal) -> Decimal:
    return (value / step).to_integral_value(ROUND_CEILING) * step
