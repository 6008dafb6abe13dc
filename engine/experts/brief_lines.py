"""The lines of the MarketBrief, one function each: signals in, one line out. What is unknown says n/a."""

from __future__ import annotations

from collections.abc import Mapping

from engine.experts.headline_text import quoted
from engine.experts.market_stats import funding_per_8h
from engine.experts.score import TOXIC_FROM
from engine.experts.wording import (
    NA,
    amount,
    duration,
    number,
    percent,
    signed,
    signed_percent,
)
from engine.model import (
    BookSignals,
    Direction,
    ForecastSignals,
    MarketStats,
    Outlook,
    RegimeSignals,
    SentimentSignals,
    TaggedHeadline,
    TechnicalSignals,
    Timeframe,
    TimeframeSignals,
)

VOTE = {1: "up", 0: "flat", -1: "down"}
WALL = {Direction.BULLISH: "bid", Direction.BEARISH: "ask"}
TREND = {Direction.BULLISH: "up", Direction.NEUTRAL: "flat", Direction.BEARISH: "down"}

Ages = Mapping[str, float | None]


def direction_line(technical: TechnicalSignals, streak: int) -> str:
    return (
        f"DIRECTION {technical.direction} streak {streak:+d}, signals {technical.bullish_count} up"
        f" {technical.bearish_count} down of 15, timeframes {technical.timeframes_aligned} up of 3,"
        f" score {technical.score:+.2f}"
    )


def timeframe_line(timeframe: Timeframe, signals: TimeframeSignals | None, age_s: float | None) -> str:
    if signals is None:
        return f"{timeframe} {NA}"
    macd = macd_in_atr(signals)
    return (
        f"{timeframe} ({duration(age_s)}): EMA {_vote(signals.vote_ema, signals.ema50)}"
        f" RSI {number(signals.rsi, 0)} {_vote(signals.vote_rsi, signals.rsi)}"
        f" MACD {signed(macd, 1)} {_vote(signals.vote_macd, macd)}"
        f" OFI {signed(signals.ofi_bar, 2)} {_vote(signals.vote_ofi, signals.ofi_bar)}"
        f" VWAP {signed(signals.vwap_deviation_sigma, 1, 99)}sd"
        f" {_vote(signals.vote_vwap, signals.vwap_deviation_sigma)};"
        f" band {signed(signals.bollinger_position, 1, 99)} ATR {percent(signals.atr_pct)}"
        f" vol {percent(signals.realised_vol, 0)}{_warnings(signals)}"
    )


def _warnings(signals: TimeframeSignals) -> str:
    """Toxic flow and jumps are named where they are, or where it is not known; their absence costs no tokens."""
    toxic, jump = signals.toxicity, signals.jump
    words = f" toxic {number(toxic, 1)}" if toxic is None or toxic >= TOXIC_FROM else ""
    return words + ("" if jump is False else f" jump {NA if jump is None else 'yes'}")


def macd_in_atr(signals: TimeframeSignals) -> float | None:
    """The evidence that MACD votes with: (line + histogram) / ATR."""
    if signals.macd is None or signals.macd_histogram is None or not signals.atr:
        return None
    return (signals.macd + signals.macd_histogram) / signals.atr


def book_line(book: BookSignals | None, ages: Ages) -> str:
    if book is None:
        return f"BOOK {NA}"
    return (
        f"BOOK ({duration(ages.get('book'))}): imbalance {signed(book.imbalance, 2)}"
        f" spread {_bp(book.spread_pct)}"
        f" slip {_bp(book.slippage_pct)}, {_wall(book)}, flow {signed(book.event_ofi, 2)}"
    )


def funding_line(stats: MarketStats, ages: Ages) -> str:
    if stats.funding_rate is None:
        return f"FUNDING {NA}"
    interval = number(stats.funding_interval_h, 0, unit="h")
    due = NA if stats.funding_in_h is None else duration(stats.funding_in_h * 3600)
    scaled = "" if stats.funding_interval_h == 8 else f" ({signed_percent(funding_per_8h(stats), 3)} per 8h)"
    age = duration(ages.get("funding"))
    return f"FUNDING ({age}): {signed_percent(stats.funding_rate, 4)} per {interval}{scaled}, due in {due}"


def open_interest_line(stats: MarketStats, ages: Ages) -> str:
    day, hour = stats.open_interest_change_pct, stats.open_interest_change_1h_pct
    if day is None and hour is None:
        return f"OPEN INTEREST {NA}"
    age = duration(ages.get("open_interest"))
    return f"OPEN INTEREST ({age}): 1h {signed_percent(hour, 1)} 24h {signed_percent(day, 1)}"


def long_short_line(stats: MarketStats, ages: Ages) -> str:
    if stats.long_short_ratio is None:
        return f"LONG/SHORT {NA}"
    return f"LONG/SHORT ({duration(ages.get('long_short'))}): {number(stats.long_short_ratio, 2)}"


def liquidations_line(stats: MarketStats, ages: Ages) -> str:
    if stats.liquidations_usd is None:
        return f"LIQUIDATIONS {NA}"
    largest = stats.largest_liquidation_usd
    share = "" if not stats.liquidations_usd else f", {percent(stats.liquidated_long_share, 0)} longs"
    share += "" if largest is None else f" max {amount(largest)}"
    return f"LIQUIDATIONS 1h ({duration(ages.get('liquidations'))}): {amount(stats.liquidations_usd)} USD{share}"


def regime_line(regime: RegimeSignals | None, ages: Ages) -> str:
    """BTC's weather and the crowd's mood; the multiplier stands there because it will scale the size."""
    if regime is None:
        return f"BTC REGIME {NA}; FEAR GREED {NA}"
    why = f" ({regime.why})" if regime.why else ""
    weather = f"{NA} size x{regime.volatility_multiplier:.2f}{why}"
    if regime.p_trend is not None:
        weather = (
            f"trend {percent(regime.p_trend, 0)} range {percent(regime.p_range, 0)}"
            f" reversal {percent(regime.p_reversal, 0)} size x{regime.volatility_multiplier:.2f}"
        )
    mood = NA if regime.fear_greed is None else f"{regime.fear_greed} ({duration(ages.get('fear_greed'))})"
    return f"BTC REGIME {weather}; FEAR GREED {mood}"


def forecast_line(forecast: ForecastSignals | None, ages: Ages) -> str:
    known = [] if forecast is None else [part for part in (forecast.short, forecast.medium) if part is not None]
    if not known:
        return f"FORECAST {NA}"
    return f"FORECAST ({duration(ages.get('forecast'))}): {', '.join(_outlook(part) for part in known)}"


def news_line(sentiment: SentimentSignals | None, ages: Ages, count: int) -> str:
    """The newest `count` headlines, each in quotes: somebody else's words, never an instruction."""
    if sentiment is None:
        return f"NEWS {NA}"
    age = duration(ages.get("news"))
    if not sentiment.headlines:
        return f"NEWS ({age}): none in 24h"
    lines = [_headline(headline) for headline in sentiment.headlines[:count]]
    return "\n".join((f"NEWS ({age}):", *lines))


def _headline(headline: TaggedHeadline) -> str:
    return f"{quoted(headline.text)} {duration(headline.age_h * 3600)} {headline.tag}"


def _outlook(part: Outlook) -> str:
    low, high = signed(part.low * 100, 1), signed(part.high * 100, 1)
    return f"{part.hours:.0f}h {TREND[part.direction]} {signed_percent(part.median)} ({low} to {high})"


def _wall(book: BookSignals) -> str:
    if book.wall_side is None:
        return "no wall" if book.walls_known else f"walls {NA}"
    held = percent(book.wall_share, 0)
    return f"{WALL[book.wall_side]} wall {percent(book.wall_distance_pct)} off held {held}"


def _bp(fraction: float | None) -> str:
    return NA if fraction is None else number(fraction * 1e4, 1, unit="bp")


def _vote(vote: int, value: float | None) -> str:
    return NA if value is None else VOTE[vote]
