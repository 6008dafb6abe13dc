"""OKX market rows → our frozen types. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from itertools import chain
from operator import itemgetter
from typing import Any

import numpy as np

from engine.exchange.okx.wire import (
    column,
    decimal,
    malformed,
    number,
    optional_decimal,
    parse_decimal,
    parse_ms,
    positive_decimal,
    required_text,
    rows_of,
    text,
    time_ms,
)
from engine.model import (
    AssetClass,
    Book,
    BookLevel,
    Candles,
    FloatArray,
    Funding,
    Instrument,
    InstrumentState,
    LongShortRatio,
    Maintenance,
    MaintenanceState,
    OpenInterest,
    Quote,
    Timeframe,
)

SETTLE = "USDT"
CANDLE_COLUMNS = {1: "open", 2: "high", 3: "low", 4: "close", 6: "volCcy"}
"""Where a candle row has them; volCcy is the volume in base units."""
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
OI_POINT_MS = 900_000
"""History comes in points of 15 minutes; the one nearest a moment must be no further from it than this."""

METALS = frozenset({"XAU", "XAG", "XPT", "XPD", "XCU"})
INDEXES = frozenset({"QQQ", "SPY", "IWM", "DIA", "EWY", "EWJ"})
CLASS_BY_CATEGORY = {"3": AssetClass.STOCK, "4": AssetClass.METAL}
STATE_BY_RULE = {"pre_market": InstrumentState.PREOPEN, "rebase_contract": InstrumentState.REBASE}
"""Only ruleType normal may be traded: other rules show as a state that is not live."""

MAINTENANCE_STATES = {
    "scheduled": MaintenanceState.SCHEDULED,
    "ongoing": MaintenanceState.ONGOING,
    "pre_open": MaintenanceState.ONGOING,
    "completed": MaintenanceState.OVER,
    "canceled": MaintenanceState.OVER,
}
"""In pre_open only cancels and post-only orders are taken: for us that is still maintenance. So is an unknown word."""
ELSEWHERE = frozenset({"0", "6", "10", "11"})
"""Services whose pauses do not touch our orders: WebSocket (REST is the truth here), block, spread and copy trading."""
ENVIRONMENT = {"0": "1", "1": "2"}
"""The flag of the requests → `env` of a status row."""


def is_ours(row: Any) -> bool:
    """USDT-margined linear perpetual swaps; a row whose numbers are still blank (preopen) is not one yet."""
    linear = text(row, "ctType") == "linear" and text(row, "settleCcy") == SETTLE
    return linear and all(text(row, f) for f in ("ctVal", "lotSz", "minSz", "tickSz", "maxMktSz", "lever"))


def stops_trading(row: Any, flag: str) -> bool:
    """Whether a status row is about orders of our environment; one that does not say counts."""
    return text(row, "serviceType") not in ELSEWHERE and text(row, "env") in {"", ENVIRONMENT[flag]}


def maintenance(row: Any) -> Maintenance:
    return Maintenance(
        title=text(row, "title"),
        state=MAINTENANCE_STATES.get(text(row, "state"), MaintenanceState.ONGOING),
        begins_at=_moment(row, "begin"),
        ends_at=_moment(row, "end"),
    )


def _moment(row: Any, field: str) -> int | None:
    """Venue ms, None when blank: a window without an end is still a window."""
    return time_ms(row, field) if text(row, field) else None


def instrument(row: Any) -> Instrument:
    inst_id = required_text(row, "instId")
    ticker = inst_id.partition("-")[0]
    return Instrument(
        inst_id=inst_id,
        ticker=ticker,
        asset_class=asset_class(ticker, text(row, "instCategory")),
        contract_value=_above_zero(row, "ctVal"),
        contract_multiplier=positive_decimal(row, "ctMult") or parse_decimal("ctMult", "1"),
        lot_size=_above_zero(row, "lotSz"),
        min_size=_above_zero(row, "minSz"),
        tick_size=_above_zero(row, "tickSz"),
        max_market_size=_above_zero(row, "maxMktSz"),
        max_leverage=_above_zero(row, "lever"),
        state=instrument_state(text(row, "state"), text(row, "ruleType")),
        fee_group=text(row, "groupId"),
        expires_at=time_ms(row, "expTime") if text(row, "expTime") else None,
    )


def asset_class(ticker: str, category: str) -> AssetClass:
    """Known names first (OKX mis-tags: demo XRP is "3"), then instCategory; unset means crypto."""
    if ticker in METALS:
        return AssetClass.METAL
    if ticker in INDEXES:
        return AssetClass.INDEX
    if ticker in {"BTC", "ETH", "SOL", "XRP", "SUI", "DOGE", "BNB", "LTC", "BCH"}:
        return AssetClass.CRYPTO
    return CLASS_BY_CATEGORY.get(category, AssetClass.CRYPTO)


def instrument_state(state: str, rule: str) -> InstrumentState:
    """A state or rule that we do not know is not tradable: suspend."""
    if state == InstrumentState.LIVE and rule not in {"", "normal"}:
        return STATE_BY_RULE.get(rule, InstrumentState.SUSPEND)
    return InstrumentState(state) if state in set(InstrumentState) else InstrumentState.SUSPEND


def quote(row: Any) -> Quote:
    return Quote(
        inst_id=required_text(row, "instId"),
        bid=positive_decimal(row, "bidPx"),
        ask=positive_decimal(row, "askPx"),
        last=_above_zero(row, "last"),
        open_24h=positive_decimal(row, "open24h"),
        volume_24h_base=optional_decimal(row, "volCcy24h"),
        ts=time_ms(row, "ts"),
    )


def confirmed(row: Any) -> bool:
    """Only confirm "1" is final; row 0 is usually still forming."""
    return column(row, 8, "confirm") == "1"


def candle_ts(row: Any) -> int:
    return parse_ms("candle ts", column(row, 0, "candle ts"))


def candles(rows: Iterable[Any], timeframe: Timeframe, limit: int) -> Candles:
    """The newest `limit` confirmed bars, oldest first, cut at the last gap.

    A thin instrument can skip bars; an indicator over a hole would lie, so only the unbroken run that
    ends at the newest bar is returned.
    """
    by_ts = {candle_ts(row): row for row in rows if confirmed(row)}
    times = np.array(sorted(by_ts), dtype=np.int64)
    gaps = np.flatnonzero(np.diff(times) != timeframe.ms)
    start = max(int(gaps[-1]) + 1 if len(gaps) else 0, len(times) - limit)
    kept = times[start:]
    table = _candle_table([by_ts[ts] for ts in kept.tolist()])
    return Candles(kept, *(np.ascontiguousarray(table[:, i]) for i in range(5)))


def _candle_table(rows: list[Any]) -> FloatArray:
    """Columns of `CANDLE_COLUMNS`, shape (bars, 5). All numbers at once: one by one, the 51 windows of a watchlist
    would hold up the event loop for longer than everything that is computed from them. Only a table that does not
    read as finite numbers is gone through again, to name the field that is at fault."""
    try:
        numbers = map(float, chain.from_iterable(map(_numbers_of, rows)))
        table = np.fromiter(numbers, np.float64, 5 * len(rows)).reshape(len(rows), 5)
    except (ValueError, TypeError, IndexError):
        table = np.full((1, 5), np.nan)
    if np.isfinite(table).all():
        return table
    return np.array([_candle_numbers(row) for row in rows], dtype=np.float64).reshape(len(rows), 5)


_numbers_of = itemgetter(*CANDLE_COLUMNS)


def _candle_numbers(row: Any) -> list[float]:
    return [float(parse_decimal(f"candle {name}", column(row, i, name))) for i, name in CANDLE_COLUMNS.items()]


def book(row: Any, inst_id: str, depth: int) -> Book:
    return Book(
        inst_id=inst_id,
        bids=tuple(_level(level) for level in rows_of(row, "bids")[:depth]),
        asks=tuple(_level(level) for level in rows_of(row, "asks")[:depth]),
        ts=time_ms(row, "ts"),
    )


def _level(level: Any) -> BookLevel:
    return BookLevel(
        parse_decimal("book price", column(level, 0, "book price")),
        parse_decimal("book size", column(level, 1, "book size")),
    )


def funding(row: Any) -> Funding:
    """The interval is the distance of the two next settlements and can change at any time."""
    settles_at, following = time_ms(row, "fundingTime"), time_ms(row, "nextFundingTime")
    if following <= settles_at:
        raise malformed("nextFundingTime", following, f"a time after fundingTime {settles_at}")
    return Funding(
        inst_id=required_text(row, "instId"),
        rate=number(row, "fundingRate"),
        settles_at=settles_at,
        interval_ms=following - settles_at,
        ts=time_ms(row, "ts"),
    )


def open_interest(row: Any) -> OpenInterest:
    """As it is now."""
    usd = optional_decimal(row, "oiUsd")
    return OpenInterest(
        inst_id=required_text(row, "instId"),
        contracts=number(row, "oi"),
        usd=None if usd is None else float(usd),
        usd_24h_ago=None,
        ts=time_ms(row, "ts"),
    )


def with_past(interest: OpenInterest, history: Iterable[Any]) -> OpenInterest:
    """`history` rows are [ts, oi, oiCcy, oiUsd]; empty where rubik publishes none."""
    points = [(parse_ms("oi ts", column(r, 0, "oi ts")), column(r, 3, "oiUsd")) for r in history]
    return replace(
        interest,
        usd_24h_ago=_usd_near(points, interest.ts - DAY_MS),
        usd_1h_ago=_usd_near(points, interest.ts - HOUR_MS),
    )


def _usd_near(points: Iterable[tuple[int, Any]], wanted_ts: int) -> float | None:
    """Of (ts, oiUsd), the point nearest `wanted_ts`, if there is one."""
    near = [(abs(ts - wanted_ts), usd) for ts, usd in points if abs(ts - wanted_ts) <= OI_POINT_MS and usd]
    return float(parse_decimal("oiUsd", min(near)[1])) if near else None


def long_short_ratio(row: Any, inst_id: str) -> LongShortRatio:
    """A rubik row [ts, ratio]."""
    ratio = parse_decimal("long/short ratio", column(row, 1, "ratio"))
    return LongShortRatio(inst_id, float(ratio), parse_ms("ratio ts", column(row, 0, "ratio ts")))


def mark_price(row: Any) -> Decimal:
    return _above_zero(row, "markPx")


def _above_zero(row: Any, field: str) -> Decimal:
    value = decimal(row, field)
    if value <= 0:
        raise malformed(field, value, "a number above 0")
    return value
