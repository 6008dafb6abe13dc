"""Frozen domain types. Imports nothing of ours but reasons; money is Decimal, signals are float, time is ms UTC.

`None` means unknown and is shown as "n/a"; it is never replaced by 0.
"""

from __future__ import annotations

from engine.model.account import AccountConfig, Balance, Bill, BillKind, FeeRates
from engine.model.books import AccountView, ClosedTrade, ProtectedPosition, Protection
from engine.model.bracket import Bracket, BracketState
from engine.model.decision import (
    Action,
    Advice,
    AdviceVerdict,
    DecisionRecord,
    GateResult,
    Override,
    Sizing,
    Synthesis,
    SynthesisSource,
    Verdict,
)
from engine.model.engine_state import EngineState, Halt, KillState, Stage
from engine.model.instrument import AssetClass, Instrument, InstrumentState
from engine.model.maintenance import Maintenance, MaintenanceState
from engine.model.market import (
    Book,
    BookLevel,
    Candles,
    FloatArray,
    Funding,
    IntArray,
    LongShortRatio,
    MarketSnapshot,
    OpenInterest,
    Quote,
)
from engine.model.order import ISOLATED, BracketPrices, Fill, Order, OrderRequest, OrderState, OrderType, Side
from engine.model.position import ClosedPosition, Position
from engine.model.signals import (
    BookSignals,
    Direction,
    ForecastSignals,
    GatherResult,
    MarketStats,
    Outlook,
    RegimeSignals,
    SentimentSignals,
    TaggedHeadline,
    TechnicalSignals,
    TimeframeSignals,
)
from engine.model.timeframe import Timeframe
from engine.model.world import FearGreed, Forecast, ForecastBand, Headline, Headlines, LiquidationFlow, QuoteFlow

__all__ = [
    "ISOLATED",
    "AccountConfig",
    "AccountView",
    "Action",
    "Advice",
    "AdviceVerdict",
    "AssetClass",
    "Balance",
    "Bill",
    "BillKind",
    "Book",
    "BookLevel",
    "BookSignals",
    "Bracket",
    "BracketPrices",
    "BracketState",
    "Candles",
    "ClosedPosition",
    "ClosedTrade",
    "DecisionRecord",
    "Direction",
    "EngineState",
    "FearGreed",
    "FeeRates",
    "Fill",
    "FloatArray",
    "Forecast",
    "ForecastBand",
    "ForecastSignals",
    "Funding",
    "GateResult",
    "GatherResult",
    "Halt",
    "Headline",
    "Headlines",
    "Instrument",
    "InstrumentState",
    "IntArray",
    "KillState",
    "LiquidationFlow",
    "LongShortRatio",
    "Maintenance",
    "MaintenanceState",
    "MarketSnapshot",
    "MarketStats",
    "OpenInterest",
    "Order",
    "OrderRequest",
    "OrderState",
    "OrderType",
    "Outlook",
    "Override",
    "Position",
    "ProtectedPosition",
    "Protection",
    "Quote",
    "QuoteFlow",
    "RegimeSignals",
    "SentimentSignals",
    "Side",
    "Sizing",
    "Stage",
    "Synthesis",
    "SynthesisSource",
    "TaggedHeadline",
    "TechnicalSignals",
    "Timeframe",
    "TimeframeSignals",
    "Verdict",
]
