"""alternative.me's Fear & Greed Index: `{"name", "data": [{"value": "38", "timestamp": "1772496000", …}]}`."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from engine.feeds.download import FeedError
from engine.model import FearGreed
from engine.model.ages import FEED_AHEAD_MS

MOST_BYTES = 64_000


def read_fear_greed(body: bytes, now_ms: int) -> FearGreed:
    """The newest day's index that is not of the future. Raises FeedError.

    Value and timestamp (seconds) come as strings; a whole number is accepted, too. NaN, fractions, other ranges and
    other shapes are not an index.
    """
    try:
        document = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise FeedError("not JSON") from None
    rows = document.get("data") if isinstance(document, dict) else None
    if not isinstance(rows, list) or not rows:
        raise FeedError("JSON without an index")
    days = [day for row in rows[:100] if (day := _day(row)) is not None and day.ts <= now_ms + FEED_AHEAD_MS]
    if not days:
        raise FeedError("no index that could be one")
    return max(days, key=lambda day: day.ts)


def _day(row: Any) -> FearGreed | None:
    if not isinstance(row, dict):
        return None
    value, seconds = _whole(row.get("value")), _whole(row.get("timestamp"))
    if value is None or seconds is None or value > 100 or not 0 < seconds < 10**11:
        return None
    return FearGreed(value, seconds * 1000)


def _whole(value: Any) -> int | None:
    """A whole number ≥ 0 of at most 12 digits, as such or as text."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return int(text) if isinstance(text, str) and len(text) <= 12 and text.isascii() and text.isdecimal() else None


def _no_number(_: str) -> NoReturn:
    raise ValueError("NaN is no number")
