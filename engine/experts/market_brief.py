"""The MarketBrief: all that a model is told about one market, in at most 500 tokens.

Fixed order: header, direction, 4H, 1H, 15m, book, funding, open interest, long/short, liquidations,
regime, forecast, news. It carries no ticker, absolute price, size or date unless asked to, so a model
cannot recognise the day and remember what came next. What is unknown says n/a.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from engine.experts.market_stats import funding_per_8h
from engine.experts.tokens import estimated_tokens
from engine.experts.wording import NA, basis_points, duration, number, percent, signed, signed_percent
from engine.model import AssetClass, BookSignals, Direction, MarketStats, TechnicalSignals, Timeframe, TimeframeSignals

TOKEN_BUDGET = 500
DROP_ORDER = ("news", "liquidations", "long/short", "open interest", "funding")
"""The last two go only where every number is at its widest, as no sound market's are."""

_VOTE = {1: "up", 0: "flat", -1: "down"}
_WALL = {Direction.BULLISH: "bid", Direction.BEARISH: "ask"}


@dataclass(frozen=True, slots=True)
class Identity:
    """What a de-identified brief leaves out."""

    ticker: str
    price: float | None
    taken_at: int


@dataclass(frozen=True, slots=True)
class BriefInputs:
    """Signals and their ages in venue seconds (by source: "15m", "book", "funding", "open_interest",
    "long_short"). `identity` None keeps the brief de-identified. `news` None or empty is n/a."""

    asset_class: AssetClass
    technical: TechnicalSignals
    streak: int
    book: BookSignals | None
    stats: MarketStats
    ages_s: Mapping[str, float | None] = field(default_factory=dict)
    identity: Identity | None = None
    news: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class Brief:
    """The text, its estimated tokens, and the sections that the budget pushed out."""

    text: str
    tokens: int
    dropped: tuple[str, ...]


def market_brief(inputs: BriefInputs, budget: int = TOKEN_BUDGET) -> Brief:
    """The brief within `budget` tokens: what leaves does so in DROP_ORDER, and it says so."""
    sections = _sections(inputs)
    dropped: list[str] = []
    for name in DROP_ORDER:
        if _cost(sections) > budget and not sections[name].endswith(NA):
            sections[name] = f"{name.upper()} dropped"
            dropped.append(name)
    text = "\n".join(sections.values())
    return Brief(text, estimated_tokens(text), tuple(dropped))


def _cost(sections: Mapping[str, str]) -> int:
    return estimated_tokens("\n".join(sections.values()))


def _sections(inputs: BriefInputs) -> dict[str, str]:
    """Lines by name, in the brief's order."""
    ages = inputs.ages_s
    frames = inputs.technical.timeframes
    lines = {"header": _header(inputs), "direction": _direction(inputs.technical, inputs.streak)}
    for timeframe in (Timeframe.H4, Timeframe.H1, Timeframe.M15):
        lines[timeframe] = _timeframe(timeframe, frames.get(timeframe), ages.get(timeframe))
    return lines | {
        "book": _book(inputs.book, ages.get("book")),
        "funding": _funding(inputs.stats, ages.get("funding")),
        "open interest": _open_interest(inputs.stats, ages.get("open_interest")),
        "long/short": _long_short(inputs.stats, ages.get("long_short")),
        "liquidations": f"LIQUIDATIONS {number(inputs.stats.liquidations_usd, 0, 1e12, ' USD')}",
        "regime": f"FEAR GREED {NA}; REGIME {NA}; FORECAST {NA}",
        "news": "\n".join(("NEWS", *inputs.news)) if inputs.news else f"NEWS {NA}",
    }


def _header(inputs: BriefInputs) -> str:
    who = inputs.identity
    if who is None:
        return f"CLASS {inputs.asset_class}"
    at = f"{np.datetime64(who.taken_at, 'ms').astype('datetime64[m]')} UTC"
    return f"{who.ticker} CLASS {inputs.asset_class}, {at}, price {NA if who.price is None else f'{who.price:.8g}'}"


def _direction(technical: TechnicalSignals, streak: int) -> str:
    return (
        f"DIRECTION {technical.direction}, streak {streak:+d}, signals up {technical.bullish_count}/15"
        f" down {technical.bearish_count}/15, timeframes up {technical.timeframes_aligned}/3,"
        f" score {technical.score:+.2f}, strength {technical.strength:.2f}"
    )


def _timeframe(timeframe: Timeframe, signals: TimeframeSignals | None, age_s: float | None) -> str:
    if signals is None:
        return f"{timeframe} {NA}"
    return (
        f"{timeframe} ({duration(age_s)}): EMA {_vote(signals.vote_ema, signals.ema50)},"
        f" RSI {number(signals.rsi, 0)} {_vote(signals.vote_rsi, signals.rsi)},"
        f" MACD {signed(_macd_in_atr(signals), 2, unit='ATR')} {_vote(signals.vote_macd, _macd_in_atr(signals))},"
        f" OFI {signed(signals.ofi_bar, 2)} {_vote(signals.vote_ofi, signals.ofi_bar)},"
        f" VWAP {signed(signals.vwap_deviation_sigma, 1, 99, 'sd')}"
        f" {_vote(signals.vote_vwap, signals.vwap_deviation_sigma)};"
        f" band {signed(signals.bollinger_position, 1, 99)} ATR {percent(signals.atr_pct)}"
        f" vol {percent(signals.realised_vol, 0)} jump {_yes(signals.jump)} toxic {number(signals.toxicity, 1)};"
        f" score {signed(signals.score, 2)}"
    )


def _macd_in_atr(signals: TimeframeSignals) -> float | None:
    """The evidence that MACD votes with: (line + histogram) / ATR."""
    if signals.macd is None or signals.macd_histogram is None or not signals.atr:
        return None
    return (signals.macd + signals.macd_histogram) / signals.atr


def _vote(vote: int, value: float | None) -> str:
    return NA if value is None else _VOTE[vote]


def _yes(flag: bool | None) -> str:
    return NA if flag is None else ("yes" if flag else "no")


def _book(book: BookSignals | None, age_s: float | None) -> str:
    if book is None:
        return f"BOOK {NA}"
    wall = "no wall"
    if book.wall_side is not None:
        wall = f"{_WALL[book.wall_side]} wall at {percent(book.wall_distance_pct, 3)}"
    return (
        f"BOOK ({duration(age_s)}): imbalance {signed(book.imbalance, 2)},"
        f" micro {basis_points(book.micro_price_offset_pct)},"
        f" spread {number(book.spread_pct * 1e4, 1, unit='bp')}, {wall}"
    )


def _funding(stats: MarketStats, age_s: float | None) -> str:
    if stats.funding_rate is None:
        return f"FUNDING {NA}"
    interval = number(stats.funding_interval_h, 0, unit="h")
    due = NA if stats.funding_in_h is None else duration(stats.funding_in_h * 3600)
    scaled = "" if stats.funding_interval_h == 8 else f" ({signed_percent(funding_per_8h(stats), 3)} per 8h)"
    return f"FUNDING ({duration(age_s)}): {signed_percent(stats.funding_rate, 4)} per {interval}{scaled}, due in {due}"


def _open_interest(stats: MarketStats, age_s: float | None) -> str:
    if stats.open_interest_change_pct is None:
        return f"OPEN INTEREST {NA}"
    return f"OPEN INTEREST ({duration(age_s)}): {signed_percent(stats.open_interest_change_pct, 1)} in 24h"


def _long_short(stats: MarketStats, age_s: float | None) -> str:
    if stats.long_short_ratio is None:
        return f"LONG/SHORT {NA}"
    return f"LONG/SHORT ({duration(age_s)}): {number(stats.long_short_ratio, 2)}"
