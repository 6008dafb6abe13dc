"""The signals of one ticker-bar as plain numbers by name, so that each one's quality can be measured. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping

from engine.experts.market_stats import funding_per_8h
from engine.model import ForecastSignals, GatherResult, Outlook, RegimeSignals, Timeframe, TimeframeSignals

VOTES = ("ema", "rsi", "macd", "ofi", "vwap")


def signal_values(gathered: GatherResult) -> Mapping[str, float | None]:
    """None = n/a, never 0. Votes −1, 0, +1; scores in [−1, 1]; changes and rates are fractions, funding per 8 h."""
    values: dict[str, float | None] = {}
    for timeframe in Timeframe:
        values |= _of_timeframe(timeframe, gathered.technical.timeframes.get(timeframe))
    known = bool(gathered.technical.timeframes)
    values["score"] = gathered.technical.score if known else None
    values["streak"] = float(gathered.direction_streak) if known else None
    values |= _of_market(gathered) | _of_forecast(gathered.forecast) | _of_regime(gathered.regime)
    values["sentiment"] = None if gathered.sentiment is None else gathered.sentiment.score
    return {name: value if value is not None and math.isfinite(value) else None for name, value in values.items()}


def _of_timeframe(timeframe: Timeframe, signals: TimeframeSignals | None) -> dict[str, float | None]:
    """A vote of 0 whose indicator could not be computed is still the vote that counted."""
    votes = (None,) * len(VOTES) if signals is None else signals.votes
    named = {
        f"{name}_{timeframe}": None if vote is None else float(vote) for name, vote in zip(VOTES, votes, strict=True)
    }
    return named | {
        f"score_{timeframe}": None if signals is None else signals.score,
        f"bollinger_{timeframe}": None if signals is None else signals.bollinger_position,
        f"toxicity_{timeframe}": None if signals is None else signals.toxicity,
    }


def _of_market(gathered: GatherResult) -> dict[str, float | None]:
    book, stats = gathered.book, gathered.stats
    return {
        "book_imbalance": None if book is None else book.imbalance,
        "book_depth": None if book is None else _balance(book.depth_10bp_usd),
        "event_ofi": None if book is None else book.event_ofi,
        "funding": funding_per_8h(stats),
        "oi_change": stats.open_interest_change_pct,
        "oi_change_1h": stats.open_interest_change_1h_pct,
        "long_short": stats.long_short_ratio,
        "liquidated_longs": stats.liquidated_long_share,
    }


def _balance(depth: tuple[float, float] | None) -> float | None:
    """(bid − ask)/(bid + ask) of what rests close to mid, in [−1, 1]."""
    return None if depth is None or not sum(depth) > 0 else (depth[0] - depth[1]) / sum(depth)


def _of_forecast(forecast: ForecastSignals | None) -> dict[str, float | None]:
    def median(outlook: Outlook | None) -> float | None:
        return None if outlook is None else outlook.median

    return {
        "forecast_short": None if forecast is None else median(forecast.short),
        "forecast_medium": None if forecast is None else median(forecast.medium),
    }


def _of_regime(regime: RegimeSignals | None) -> dict[str, float | None]:
    fear_greed = None if regime is None or regime.fear_greed is None else float(regime.fear_greed)
    return {
        "fear_greed": fear_greed,
        "regime_trend": None if regime is None else regime.p_trend,
        "regime_reversal": None if regime is None else regime.p_reversal,
    }
