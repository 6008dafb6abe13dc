"""Reading one field of a venue row. OKX sends every number as a string and "" for unknown.

Each reader raises Unavailable naming field and value; KeyError and InvalidOperation never leave here.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from engine.exchange.errors import ErrorClass, Unavailable

ZERO = Decimal(0)


def text(row: Any, field: str) -> str:
    """The field as text; "" when absent, null or blank."""
    if not isinstance(row, Mapping):
        raise malformed("row", row, "an object")
    value = row.get(field)
    return "" if value is None else str(value)


def required_text(row: Any, field: str) -> str:
    value = text(row, field)
    if not value:
        raise malformed(field, value, "a value")
    return value


def order_id(row: Any, field: str) -> str:
    """An id; OKX writes "" or "0" for none."""
    value = text(row, field)
    return "" if value == "0" else value


def optional_decimal(row: Any, field: str) -> Decimal | None:
    """None when the venue left it blank: unknown is not 0."""
    value = text(row, field)
    return parse_decimal(field, value) if value else None


def positive_decimal(row: Any, field: str) -> Decimal | None:
    """As optional_decimal, for prices and ratios where OKX also writes "0" for none."""
    value = optional_decimal(row, field)
    return value if value is not None and value > 0 else None


def decimal(row: Any, field: str) -> Decimal:
    return parse_decimal(field, text(row, field))


def amount(row: Any, field: str) -> Decimal:
    """A sum of money that is nothing while blank (fee of an unfilled order, pnl of an opening fill)."""
    return optional_decimal(row, field) or ZERO


def number(row: Any, field: str) -> float:
    return float(decimal(row, field))


def time_ms(row: Any, field: str) -> int:
    """Milliseconds since 1970; required."""
    return parse_ms(field, text(row, field))


def flag(row: Any, field: str) -> bool:
    """OKX sends "true" or true; anything else is false."""
    return text(row, field).lower() == "true"


def rows_of(row: Any, field: str) -> list[Any]:
    """A nested list; empty when absent."""
    value = row.get(field) if isinstance(row, Mapping) else None
    return value if isinstance(value, list) else []


def column(row: Any, index: int, field: str) -> str:
    """The text at `index` of a row that is a list (candles, rubik, book levels)."""
    if not isinstance(row, (list, tuple)) or len(row) <= index:
        raise malformed(field, row, f"a list with more than {index} columns")
    return str(row[index])


def parse_decimal(field: str, value: str) -> Decimal:
    try:
        parsed = Decimal(value)
    except InvalidOperation:
        raise malformed(field, value, "a number") from None
    if not parsed.is_finite():
        raise malformed(field, value, "a finite number")
    return parsed


def parse_ms(field: str, value: str) -> int:
    if not (value.isascii() and value.isdigit()):
        raise malformed(field, value, "milliseconds since 1970")
    return int(value)


def malformed(field: str, value: object, expected: str) -> Unavailable:
    shown = repr(value)[:80]
    return Unavailable(f"the venue sent {field} = {shown}, expected {expected}", "", ErrorClass.UNCLASSIFIED)
