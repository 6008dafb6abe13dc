"""The MarketBrief: all that a model is told about one market, in at most 500 tokens.

Fixed order: header, direction, 4H, 1H, 15m, book, funding, open interest, long/short, liquidations,
regime, forecast, news. It carries no absolute price, size or date unless asked to, and of names only those that
headlines speak of, so a model cannot recognise the day and remember what came next. What is unknown says n/a.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from engine.experts.brief_lines import (
    book_line,
    direction_line,
    forecast_line,
    funding_line,
    liquidations_line,
    long_short_line,
    news_line,
    open_interest_line,
    regime_line,
    timeframe_line,
)
from engine.experts.headline_text import deidentified
from engine.experts.tokens import estimated_tokens
from engine.experts.wording import NA
from engine.model import (
    AssetClass,
    BookSignals,
    ForecastSignals,
    MarketStats,
    RegimeSignals,
    SentimentSignals,
    TechnicalSignals,
    Timeframe,
)

TOKEN_BUDGET = 500
NEWS = "news"
MOST_HEADLINES = 3
DROP_ORDER = (NEWS, "liquidations", "long/short", "open interest", "funding")
"""The last two go only where every number is at its widest, as no sound market's are."""


@dataclass(frozen=True, slots=True)
class Identity:
    """What a de-identified brief leaves out."""

    ticker: str
    price: float | None
    taken_at: int


@dataclass(frozen=True, slots=True)
class BriefInputs:
    """Signals and their ages in venue seconds (by source: "15m", "book", "funding", "open_interest", "long_short",
    "liquidations", "forecast", "fear_greed", "news"). `identity` None keeps the brief de-identified."""

    asset_class: AssetClass
    technical: TechnicalSignals
    streak: int
    book: BookSignals | None
    stats: MarketStats
    ages_s: Mapping[str, float | None] = field(default_factory=dict)
    identity: Identity | None = None
    forecast: ForecastSignals | None = None
    regime: RegimeSignals | None = None
    sentiment: SentimentSignals | None = None


@dataclass(frozen=True, slots=True)
class Brief:
    """The text, its estimated tokens (never fewer than the real ones), and the sections that the budget pushed out
    or cut short."""

    text: str
    tokens: int
    dropped: tuple[str, ...]


def market_brief(inputs: BriefInputs, budget: int = TOKEN_BUDGET) -> Brief:
    """The brief within `budget` tokens: news is cut headline by headline, then leaves, and after it the rest of
    DROP_ORDER; each says so."""
    inputs = inputs if inputs.identity is not None else _nameless(inputs)
    sections = _sections(inputs)
    dropped: list[str] = []
    for name in DROP_ORDER:
        over = _cost(sections) - budget
        if over <= 0:
            break
        if sections[name].endswith(NA):
            continue
        sections[name] = _fewer_news(inputs, sections, budget) if name == NEWS else _dropped(name)
        dropped.append(name)
    text = "\n".join(sections.values())
    return Brief(text, estimated_tokens(text), tuple(dropped))


def _nameless(inputs: BriefInputs) -> BriefInputs:
    """Headlines without amounts and dates. What they speak of stays: a market's name alone is no memory of a day."""
    if inputs.sentiment is None:
        return inputs
    headlines = tuple(replace(each, text=deidentified(each.text)) for each in inputs.sentiment.headlines)
    return replace(inputs, sentiment=replace(inputs.sentiment, headlines=headlines))


def _fewer_news(inputs: BriefInputs, sections: Mapping[str, str], budget: int) -> str:
    """As many of the newest headlines as fit."""
    for count in range(MOST_HEADLINES - 1, 0, -1):
        line = news_line(inputs.sentiment, inputs.ages_s, count)
        if _cost({**sections, NEWS: line}) <= budget:
            return line
    return _dropped(NEWS)


def _dropped(name: str) -> str:
    return f"{name.upper()} dropped"


def _cost(sections: Mapping[str, str]) -> int:
    return estimated_tokens("\n".join(sections.values()))


def _sections(inputs: BriefInputs) -> dict[str, str]:
    """Lines by name, in the brief's order."""
    ages, stats, frames = inputs.ages_s, inputs.stats, inputs.technical.timeframes
    lines = {"header": _header(inputs), "direction": direction_line(inputs.technical, inputs.streak)}
    for timeframe in (Timeframe.H4, Timeframe.H1, Timeframe.M15):
        lines[timeframe] = timeframe_line(timeframe, frames.get(timeframe), ages.get(timeframe))
    return lines | {
        "book": book_line(inputs.book, ages),
        "funding": funding_line(stats, ages),
        "open interest": open_interest_line(stats, ages),
        "long/short": long_short_line(stats, ages),
        "liquidations": liquidations_line(stats, ages),
        "regime": regime_line(inputs.regime, ages),
        "forecast": forecast_line(inputs.forecast, ages),
        NEWS: news_line(inputs.sentiment, ages, MOST_HEADLINES),
    }


def _header(inputs: BriefInputs) -> str:
    who = inputs.identity
    if who is None:
        return f"CLASS {inputs.asset_class}"
    at = f"{np.datetime64(who.taken_at, 'ms').astype('datetime64[m]')} UTC"
    return f"{who.ticker} CLASS {inputs.asset_class}, {at}, price {NA if who.price is None else f'{who.price:.8g}'}"
