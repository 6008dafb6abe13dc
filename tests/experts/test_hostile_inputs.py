"""Hostile inputs of the market: NaN, frozen prices, stale books, missing fields. No exception comes of any, the brief
says n/a where the figure stood and is the same everywhere else, and the decision is the same or a HOLD with a name."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from engine.experts.freshness import usable
from engine.experts.gather_result import gather
from engine.experts.market_stats import market_stats
from engine.experts.orderbook_expert import book_signals, slippage_pct
from engine.model import (
    Action,
    AssetClass,
    Book,
    BookLevel,
    Candles,
    LiquidationFlow,
    MarketSnapshot,
    QuoteFlow,
    Side,
    Timeframe,
)
from engine.reasons import Reason
from engine.risk.decide import decide
from tests.experts.markets import NOW, snapshot
from tests.risk.cases import sound

D = Decimal
BASE = snapshot()
HOUR = 3_600_000
Change = Callable[[MarketSnapshot], MarketSnapshot]


@dataclass(frozen=True)
class Hostile:
    """`lines` are the beginnings of the brief's lines that may differ; each of `gone` must then say n/a. `reason` is
    the HOLD that the gates answer with, None when any will do or the trade goes on."""

    name: str
    change: Change
    lines: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    reason: Reason | None = None


def put(**fields: Any) -> Change:
    return lambda base: replace(base, **fields)


def inside(field: str, **changes: Any) -> Change:
    return lambda base: replace(base, **{field: replace(getattr(base, field), **changes)})


def level(side: str, at: int, **changes: Any) -> Change:
    def change(base: MarketSnapshot) -> MarketSnapshot:
        assert base.book is not None
        levels = list(getattr(base.book, side))
        levels[at] = replace(levels[at], **changes)
        return replace(base, book=replace(base.book, **{side: tuple(levels)}))

    return change


def bars(frame: Timeframe, change: Callable[[Candles], Candles]) -> Change:
    return lambda base: replace(base, candles={**base.candles, frame: change(base.candles[frame])})


def without(frame: Timeframe) -> Change:
    return lambda base: replace(base, candles={name: bars for name, bars in base.candles.items() if name != frame})


def last(column: str, value: float) -> Callable[[Candles], Candles]:
    def change(candles: Candles) -> Candles:
        values = getattr(candles, column).copy()
        values[-1] = value
        return replace(candles, **{column: values})

    return change


def frozen(candles: Candles) -> Candles:
    """The last eight bars at one price, nothing traded."""
    columns = {name: getattr(candles, name).copy() for name in ("open", "high", "low", "close", "volume")}
    for name in ("open", "high", "low", "close"):
        columns[name][-8:] = candles.close[-9]
    columns["volume"][-8:] = 0
    return replace(candles, **columns)


BOOK = {"lines": ("BOOK",), "gone": ("BOOK",)}
FUNDING = {"lines": ("FUNDING",), "gone": ("FUNDING",)}
INTEREST = {"lines": ("OPEN INTEREST",), "gone": ("OPEN INTEREST",)}
CROWD = {"lines": ("LONG/SHORT",), "gone": ("LONG/SHORT",)}
M15 = {"lines": ("15m", "DIRECTION"), "gone": ("15m",)}
H4 = {"lines": ("4H", "DIRECTION"), "gone": ("4H",)}

HOSTILE = [
    Hostile("a level's price is NaN", level("bids", 3, price=D("NaN")), **BOOK),
    Hostile("a level's price signals NaN", level("bids", 3, price=D("sNaN")), **BOOK),
    Hostile("a level's size is NaN", level("asks", 0, contracts=D("NaN")), **BOOK),
    Hostile("a level's size is infinite", level("asks", 7, contracts=D("Infinity")), **BOOK),
    Hostile("a level is empty", level("asks", 2, contracts=D(0)), **BOOK),
    Hostile("the book is crossed", level("bids", 0, price=D(500)), **BOOK),
    Hostile("the book has no asks", inside("book", asks=()), **BOOK),
    Hostile("the book is missing", put(book=None), **BOOK),
    Hostile("the book is stale", inside("book", ts=NOW - 121_000), **BOOK, reason=Reason.DATA_STALE),
    Hostile("the book is of the future", inside("book", ts=NOW + HOUR), **BOOK, reason=Reason.DATA_STALE),
    Hostile("funding is NaN", inside("funding", rate=math.nan), **FUNDING),
    Hostile("funding is infinite", inside("funding", rate=math.inf), **FUNDING),
    Hostile("funding has no interval", inside("funding", interval_ms=0), lines=("FUNDING",)),
    Hostile("funding is stale", inside("funding", ts=NOW - 901_000), **FUNDING),
    Hostile("funding is missing", put(funding=None), **FUNDING, reason=Reason.DATA_MISSING),
    Hostile("open interest is NaN", inside("open_interest", usd=math.nan), **INTEREST),
    Hostile("open interest is infinite", inside("open_interest", usd=math.inf), **INTEREST),
    Hostile("interest ago is nought", inside("open_interest", usd_24h_ago=0.0, usd_1h_ago=0.0), **INTEREST),
    Hostile("interest ago is NaN", inside("open_interest", usd_24h_ago=math.nan, usd_1h_ago=math.nan), **INTEREST),
    Hostile(
        "open interest ago is below nought", inside("open_interest", usd_24h_ago=-1.0, usd_1h_ago=-1.0), **INTEREST
    ),
    Hostile("open interest a day ago is NaN", inside("open_interest", usd_24h_ago=math.nan), lines=("OPEN INTEREST",)),
    Hostile("open interest is stale", inside("open_interest", ts=NOW - 901_000), **INTEREST),
    Hostile("the crowd is NaN", inside("long_short", ratio=math.nan), **CROWD),
    Hostile("the crowd is nought", inside("long_short", ratio=0.0), **CROWD),
    Hostile("the crowd is stale", inside("long_short", ts=NOW - 3_601_000), **CROWD),
    Hostile("the crowd is of the future", inside("long_short", ts=NOW + HOUR), **CROWD),
    Hostile("a close is NaN", bars(Timeframe.M15, last("close", math.nan)), **M15),
    Hostile("a low is nought", bars(Timeframe.M15, last("low", 0.0)), **M15),
    Hostile("a volume is below nought", bars(Timeframe.M15, last("volume", -1.0)), **M15),
    Hostile("a volume is infinite", bars(Timeframe.H4, last("volume", math.inf)), **H4),
    Hostile("times run backwards", bars(Timeframe.H4, lambda c: replace(c, ts=c.ts[::-1].copy())), **H4),
    Hostile(
        "a timeframe is missing", lambda s: replace(s, candles={k: v for k, v in s.candles.items() if k != "4H"}), **H4
    ),
    Hostile("bars are stale", bars(Timeframe.M15, lambda c: replace(c, ts=c.ts - 4 * 900_000)), **M15),
    Hostile("bars are of the future", bars(Timeframe.H4, lambda c: replace(c, ts=c.ts + 4 * HOUR)), **H4),
    Hostile("the price stood still for eight bars", bars(Timeframe.M15, frozen), **M15),
]


def brief_of(of: MarketSnapshot) -> str:
    return gather(of, streak=3).brief


def differing(one: str, other: str) -> list[str]:
    return [line for line in other.splitlines() if line not in one.splitlines()]


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_the_brief_says_not_available_and_nothing_else_moves(hostile: Hostile) -> None:
    brief = brief_of(hostile.change(BASE))
    assert not {"nan", "inf", "-inf", "NaN"} & set(brief.replace(",", " ").split())
    for line in differing(brief_of(BASE), brief):
        assert line.startswith(hostile.lines), line
    for start in hostile.gone:
        (line,) = [line for line in brief.splitlines() if line.startswith(start)]
        assert line.endswith("n/a"), line


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_the_decision_is_the_same_or_a_hold_with_a_name(hostile: Hostile) -> None:
    """The book, funding and crowding of the hostile snapshot laid into a case that is bought."""
    case = sound()
    assert decide(case).action is Action.BUY
    shift = case.snapshot.taken_at - BASE.taken_at
    broken = hostile.change(BASE)

    def moved(source: Any) -> Any:
        return None if source is None else replace(source, ts=source.ts + shift)

    funding = None if broken.funding is None else replace(moved(broken.funding), settles_at=case.decided_at + HOUR)
    market = replace(
        case.snapshot,
        book=moved(broken.book),
        funding=funding,
        open_interest=moved(broken.open_interest),
        long_short=moved(broken.long_short),
    )
    gathered = gather(broken, streak=3)
    inputs = replace(case, snapshot=market, gathered=replace(case.gathered, book=gathered.book, stats=gathered.stats))
    record = decide(inputs)
    named = record.action is Action.HOLD and isinstance(record.reason, Reason)
    assert record.action is Action.BUY or named, record
    if hostile.reason is not None:
        assert (record.action, record.reason) == (Action.HOLD, hostile.reason)


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
def test_what_was_gathered_is_json_without_nan(hostile: Hostile) -> None:
    gathered = gather(hostile.change(BASE), streak=3)
    numbers = [getattr(gathered.stats, name) for name in type(gathered.stats).__slots__]
    if gathered.book is not None:
        numbers += [getattr(gathered.book, name) for name in type(gathered.book).__slots__]
    json.dumps(numbers, allow_nan=False, default=str)
    assert math.isfinite(gathered.technical.score)


# ------------------------------------------------------------ streamed inputs

FLOW = QuoteFlow("ABC-USDT-SWAP", 0.3, 400, 60_000, NOW - 1_000)
DEAD = LiquidationFlow("ABC-USDT-SWAP", 3_000.0, 1_000.0, 2_000.0, HOUR, NOW - 1_000)


def test_streamed_figures_that_are_sound_are_used() -> None:
    current = usable(replace(BASE, quote_flow=FLOW, liquidations=DEAD))
    assert current.quote_flow == FLOW
    stats = market_stats(current)
    assert (stats.liquidations_usd, stats.liquidated_long_share) == (4_000.0, 0.75)


@pytest.mark.parametrize(
    "broken",
    [
        {"imbalance": math.nan},
        {"imbalance": 1.01},
        {"imbalance": -math.inf},
        {"ts": NOW - 121_000},
        {"ts": NOW + HOUR},
    ],
)
def test_a_flow_that_is_none_is_left_out(broken: dict[str, Any]) -> None:
    assert usable(replace(BASE, quote_flow=replace(FLOW, **broken))).quote_flow is None


@pytest.mark.parametrize(
    "broken",
    [
        {"long_usd": math.nan},
        {"short_usd": math.inf},
        {"long_usd": -1.0},
        {"ts": NOW - 301_000},
        {"ts": NOW + HOUR},
    ],
)
def test_liquidations_that_are_none_are_not_available(broken: dict[str, Any]) -> None:
    stats = market_stats(usable(replace(BASE, liquidations=replace(DEAD, **broken))))
    assert (stats.liquidations_usd, stats.liquidated_long_share) == (None, None)


@pytest.mark.parametrize("asset_class", [AssetClass.METAL, AssetClass.INDEX, AssetClass.STOCK])
def test_what_only_a_crypto_crowd_does_is_not_available_for_others(asset_class: AssetClass) -> None:
    stats = market_stats(usable(replace(snapshot(asset_class=asset_class), liquidations=DEAD)))
    assert (stats.liquidations_usd, stats.liquidated_long_share, stats.long_short_ratio) == (None, None, None)


def test_nobody_liquidated_is_nought_and_has_no_share() -> None:
    stats = market_stats(replace(BASE, liquidations=replace(DEAD, long_usd=0.0, short_usd=0.0)))
    assert (stats.liquidations_usd, stats.liquidated_long_share) == (0.0, None)


def test_earlier_books_of_another_time_are_left_out() -> None:
    assert BASE.book is not None
    kept = replace(BASE.book, ts=NOW - 60_000)
    others = (replace(kept, ts=NOW - 901_000), replace(kept, ts=NOW + HOUR))
    assert usable(replace(BASE, earlier_books=(*others, kept))).earlier_books == (kept,)


def test_a_book_of_garbage_has_neither_signals_nor_a_price_for_our_size() -> None:
    garbage = (BookLevel(D("NaN"), D("NaN")), BookLevel(D("-1"), D("-1")), BookLevel(D(0), D(0)))
    book = Book("X", garbage, garbage, NOW)
    assert book_signals(book, D(1), (book, book, book, book)) is None
    assert slippage_pct(book, Side.BUY, D(1)) is None


def test_a_market_that_traded_at_one_price_is_not_frozen() -> None:
    """Volume is a trade, and says that the price is one."""
    still = frozen(BASE.candles[Timeframe.M15])
    traded = replace(still, volume=np.full(len(still), 5.0))
    current = usable(replace(BASE, candles={Timeframe.M15: traded}))
    assert Timeframe.M15 in current.candles
