"""From one snapshot to everything that a decision reads: the experts, then the brief. Pure."""

from __future__ import annotations

from decimal import Decimal

from engine.experts.forecaster import forecast_signals
from engine.experts.freshness import DEFAULT_LIMITS, InputLimits, usable
from engine.experts.market_brief import BriefInputs, Identity, market_brief
from engine.experts.market_stats import market_stats
from engine.experts.orderbook_expert import book_signals
from engine.experts.regime import regime_signals
from engine.experts.sentiment import sentiment_signals
from engine.experts.signal_board import SignalBoard
from engine.experts.technical_expert import technical_signals
from engine.model import BookSignals, GatherResult, MarketSnapshot, TechnicalSignals
from engine.model.ages import source_ages


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
    contracts: Decimal | None = None,
) -> GatherResult:
    """What the experts make of a snapshot. `streak` is the signed streak that includes this bar;
    `technical` is `technical_of(snapshot)` where it is already known; `contracts` is the size of ours that slippage is
    computed for.

    Stale or malformed inputs are left out, so they are n/a in the brief and vote nothing.
    """
    current = usable(snapshot, limits)
    technical = technical or technical_signals(current.candles)
    instrument, now_ms, ages_s = snapshot.instrument, snapshot.taken_at, source_ages(snapshot, limits.ahead_s)
    inputs = BriefInputs(
        asset_class=instrument.asset_class,
        technical=technical,
        streak=streak,
        book=_book(current, contracts),
        stats=market_stats(current),
        ages_s=ages_s,
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
        ages_s=ages_s,
        dropped=brief.dropped,
        forecast=inputs.forecast,
        regime=inputs.regime,
        sentiment=inputs.sentiment,
    )


def _book(snapshot: MarketSnapshot, contracts: Decimal | None) -> BookSignals | None:
    if snapshot.book is None:
        return None
    instrument, flow = snapshot.instrument, snapshot.quote_flow
    return book_signals(
        snapshot.book,
        instrument.contract_value * instrument.contract_multiplier,
        snapshot.earlier_books,
        contracts,
        flow.imbalance if flow is not None else None,
    )


def _identity(snapshot: MarketSnapshot) -> Identity:
    price = None if snapshot.quote is None else float(snapshot.quote.last)
    return Identity(snapshot.instrument.ticker, price, snapshot.taken_at)
