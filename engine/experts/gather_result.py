"""From one snapshot to everything that a decision reads: the experts, then the brief. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from engine.experts.forecaster import forecast_signals
from engine.experts.freshness import DEFAULT_LIMITS, InputLimits, age_s, candle_age_s, usable
from engine.experts.market_brief import BriefInputs, Identity, market_brief
from engine.experts.market_stats import market_stats
from engine.experts.orderbook_expert import book_signals
from engine.experts.regime import regime_signals
from engine.experts.sentiment import sentiment_signals
from engine.experts.signal_board import SignalBoard
from engine.experts.technical_expert import technical_signals
from engine.model import BookSignals, GatherResult, MarketSnapshot, TechnicalSignals


def technical_of(
    snapshot: MarketSnapshot, limits: InputLimits = DEFAULT_LIMITS, board: SignalBoard | None = None
) -> TechnicalSignals:
    """The price signals alone: the streak needs their direction before the brief can be written. A `board` knows
    those of windows that were computed together with others'."""
    candles = usable(snapshot, limits).candles
    return technical_signals(candles) if board is None else board.technical(snapshot.instrument.inst_id, candles)


def gather(
    snapshot: MarketSnapshot,
    streak: int,
    deidentify: bool = True,
    limits: InputLimits = DEFAULT_LIMITS,
    technical: TechnicalSignals | None = None,
) -> GatherResult:
    """What the experts make of a snapshot. `streak` is the signed streak that includes this bar;
    `technical` is `technical_of(snapshot)` where it is already known.

    Stale or malformed inputs are left out, so they are n/a in the brief and vote nothing.
    """
    current = usable(snapshot, limits)
    technical = technical or technical_signals(current.candles)
    instrument, now_ms = snapshot.instrument, snapshot.taken_at
    inputs = BriefInputs(
        asset_class=instrument.asset_class,
        technical=technical,
        streak=streak,
        book=_book(current),
        stats=market_stats(current),
        ages_s=data_ages_s(current),
        identity=None if deidentify else _identity(snapshot),
        forecast=forecast_signals(current.forecast, now_ms),
        regime=regime_signals(current.btc_hours, current.fear_greed, now_ms, instrument.asset_class),
        sentiment=sentiment_signals(current.headlines, instrument.ticker, instrument.asset_class, now_ms),
    )
    brief = market_brief(inputs)
    return GatherResult(
        brief=brief.text,
        brief_tokens=brief.tokens,
        atr_pct_avg=technical.atr_pct_avg,
        tf_alignment=technical.bullish_count,
        dominant_direction=technical.direction,
        direction_streak=streak,
        technical=technical,
        book=inputs.book,
        stats=inputs.stats,
        ages_s=snapshot.ages_s,
        dropped=brief.dropped,
        forecast=inputs.forecast,
        regime=inputs.regime,
        sentiment=inputs.sentiment,
    )


def data_ages_s(snapshot: MarketSnapshot) -> Mapping[str, float | None]:
    """Age of each source by its own time stamp, in venue seconds at `taken_at`."""
    feeds = {
        "book": snapshot.book,
        "funding": snapshot.funding,
        "open_interest": snapshot.open_interest,
        "long_short": snapshot.long_short,
        "liquidations": snapshot.liquidations,
        "quote_flow": snapshot.quote_flow,
        "forecast": snapshot.forecast,
        "fear_greed": snapshot.fear_greed,
        "news": snapshot.headlines,
    }
    ages: dict[str, float | None] = {
        str(timeframe): candle_age_s(snapshot.taken_at, timeframe, candles)
        for timeframe, candles in snapshot.candles.items()
    }
    return ages | {name: None if feed is None else age_s(snapshot.taken_at, feed.ts) for name, feed in feeds.items()}


def _book(snapshot: MarketSnapshot) -> BookSignals | None:
    if snapshot.book is None:
        return None
    instrument = snapshot.instrument
    return book_signals(snapshot.book, instrument.contract_value * instrument.contract_multiplier)


def _identity(snapshot: MarketSnapshot) -> Identity:
    price = None if snapshot.quote is None else float(snapshot.quote.last)
    return Identity(snapshot.instrument.ticker, price, snapshot.taken_at)
