"""What the market shows of one instrument: bars, quote, book, funding, crowding, and all of it at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from engine.model.instrument import Instrument
from engine.model.timeframe import Timeframe
from engine.model.world import FearGreed, Forecast, Headlines, LiquidationFlow, QuoteFlow

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Candles:
    """Confirmed bars only, oldest first, as equally long arrays of shape (n,).

    `ts` is the open time in ms; prices in USDT; `volume` in base units.
    """

    ts: IntArray
    open: FloatArray
    high: FloatArray
    low: FloatArray
    close: FloatArray
    volume: FloatArray

    def __len__(self) -> int:
        return len(self.ts)


@dataclass(frozen=True, slots=True)
class Quote:
    """Best bid and ask and the last trade. An empty side is None."""

    inst_id: str
    bid: Decimal | None
    ask: Decimal | None
    last: Decimal
    open_24h: Decimal | None
    volume_24h_base: Decimal | None
    ts: int

    @property
    def mid(self) -> Decimal | None:
        return (self.bid + self.ask) / 2 if self.bid is not None and self.ask is not None else None


@dataclass(frozen=True, slots=True)
class BookLevel:
    price: Decimal
    contracts: Decimal


@dataclass(frozen=True, slots=True)
class Book:
    """Up to 20 levels a side, best first."""

    inst_id: str
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    ts: int


@dataclass(frozen=True, slots=True)
class Funding:
    """`rate` is the estimate charged at `settles_at`, a fraction of notional; longs pay when > 0."""

    inst_id: str
    rate: float
    settles_at: int
    interval_ms: int
    ts: int


@dataclass(frozen=True, slots=True)
class OpenInterest:
    """Contracts outstanding now and, where known, an hour and 24 h ago in USD terms."""

    inst_id: str
    contracts: float
    usd: float | None
    usd_24h_ago: float | None
    ts: int
    usd_1h_ago: float | None = None


@dataclass(frozen=True, slots=True)
class LongShortRatio:
    """Accounts net long / accounts net short."""

    inst_id: str
    ratio: float
    ts: int


@dataclass(frozen=True, slots=True)
class MarketSnapshot:
    """Everything that was fetched for one ticker at one moment; input of the pure experts.

    A missing source is None; how old the others are says `engine.model.ages`. `earlier_books` are those seen before
    `book`, oldest first, as far as they are recent enough to compare; `btc_hours` are BTC's 1H bars, which the regime
    is read from.
    """

    instrument: Instrument
    taken_at: int
    bar_ts: int
    candles: Mapping[Timeframe, Candles]
    quote: Quote | None
    book: Book | None
    mark_price: Decimal | None
    funding: Funding | None
    open_interest: OpenInterest | None
    long_short: LongShortRatio | None
    errors: Mapping[str, str] = field(default_factory=dict)
    earlier_books: tuple[Book, ...] = ()
    quote_flow: QuoteFlow | None = None
    liquidations: LiquidationFlow | None = None
    forecast: Forecast | None = None
    fear_greed: FearGreed | None = None
    headlines: Headlines | None = None
    btc_hours: Candles | None = None
