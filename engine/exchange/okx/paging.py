"""Walking the venue's lists back in time. Newest first everywhere; `after` is exclusive and means older."""

from __future__ import annotations

from typing import Any

from engine.exchange.okx.calls import Calls, Rows
from engine.exchange.okx.endpoints import CANDLES, Endpoint
from engine.exchange.okx.market_rows import candle_ts, confirmed
from engine.exchange.okx.wire import required_text, time_ms
from engine.model import Timeframe

PAGE = 100
CANDLE_PAGE = 300
CANDLES_MOST = 1000
"""market/candles keeps 1440 bars; the port promises at most 1000."""


async def by_id(calls: Calls, endpoint: Endpoint, cursor: str, **params: Any) -> Rows:
    """Every row of a list that pages by an id field."""
    return await by_id_since(calls, endpoint, cursor, None, **params)


async def by_id_since(calls: Calls, endpoint: Endpoint, cursor: str, since_ms: int | None, **params: Any) -> Rows:
    """Rows with ts ≥ since_ms (all when None) of a list that pages by an id field, newest first."""
    rows: Rows = []
    after = ""
    while True:
        page = await calls.read(endpoint, **params, after=after, limit=str(PAGE))
        rows += page if since_ms is None else [row for row in page if time_ms(row, "ts") >= since_ms]
        if len(page) < PAGE or (since_ms is not None and time_ms(page[-1], "ts") < since_ms):
            return rows
        after = required_text(page[-1], cursor)


async def by_update_time(calls: Calls, endpoint: Endpoint, since_ms: int, **params: Any) -> Rows:
    """Rows with uTime ≥ since_ms of a list that pages by uTime.

    Rows may share a millisecond across a page border, so the cursor steps one ahead and repeats are dropped.
    """
    rows: dict[tuple[str, str], Any] = {}
    after = ""
    while True:
        page = await calls.read(endpoint, **params, after=after, limit=str(PAGE))
        known = len(rows)
        rows |= {(required_text(row, "posId"), required_text(row, "uTime")): row for row in page}
        if len(page) < PAGE or len(rows) == known or time_ms(page[-1], "uTime") < since_ms:
            return [row for row in rows.values() if time_ms(row, "uTime") >= since_ms]
        after = str(time_ms(page[-1], "uTime") + 1)


async def candle_rows(calls: Calls, inst_id: str, timeframe: Timeframe, limit: int) -> Rows:
    """At least the newest `limit` confirmed bars when the venue has them, forming ones among them."""
    rows: Rows = []
    after = ""
    final = 0
    while True:
        asked = min(CANDLE_PAGE, limit - final + 1)  # one more for the bar that is still forming
        page = await calls.read(CANDLES, instId=inst_id, bar=timeframe.value, after=after, limit=str(asked))
        rows += page
        final += sum(confirmed(row) for row in page)
        if len(page) < asked or final >= limit:
            return rows
        after = str(candle_ts(page[-1]))
