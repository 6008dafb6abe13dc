"""The market side of the simulated venue: what venue and server may ask of it.

Every answer is a pure function of (seed or files, instrument, venue time): the same in any order of calls,
in any process. The future never changes the past. Nothing later than the asked-for moment leaks out.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple, Protocol, Required, TypedDict, Unpack

from engine.exchange.simulator.specs import InstrumentSpec
from engine.model import FloatArray, IntArray

CandleRow = tuple[str, str, str, str, str, str, str, str, str]
"""OKX's row as text, ready for the wire: (ts, o, h, l, c, vol in contracts, volCcy in base, volCcyQuote in
USDT, confirm "0" or "1")."""

PriceRow = tuple[str, str, str, str, str, str]
"""OKX's mark and index candle row as text: (ts, o, h, l, c, confirm)."""


class BookRow(NamedTuple):
    """One level: price on the tick grid, contracts on the lot grid, number of orders."""

    price: Decimal
    contracts: Decimal
    orders: int


class Trade(NamedTuple):
    """A public trade; `side` is the taker's, "buy" or "sell"."""

    trade_id: str
    price: Decimal
    contracts: Decimal
    side: str
    ts: int


class Ticker(TypedDict):
    """OKX's ticker under OKX's names, as Python values. Sizes in contracts, volCcy24h in base units."""

    last: Decimal
    lastSz: Decimal
    askPx: Decimal
    askSz: Decimal
    bidPx: Decimal
    bidSz: Decimal
    open24h: Decimal
    high24h: Decimal
    low24h: Decimal
    vol24h: Decimal
    volCcy24h: Decimal
    sodUtc0: Decimal
    sodUtc8: Decimal


class FundingView(NamedTuple):
    """`rate` is the running interval's estimate, charged at `funding_time`; fractions of notional."""

    rate: float
    funding_time: int
    next_funding_time: int
    prev_rate: float
    prev_time: int


class FundingSettlement(NamedTuple):
    """One settled interval."""

    funding_time: int
    rate: float


class OpenInterestRow(NamedTuple):
    """Open interest at `ts` in contracts, base units and USDT."""

    ts: int
    contracts: float
    base: float
    usd: float


class RatioRow(NamedTuple):
    """Accounts net long / accounts net short at `ts`."""

    ts: int
    ratio: float


class Liquidation(NamedTuple):
    """Somebody else's liquidation: `side` of the closing order, `pos_side` of the position that died."""

    inst_id: str
    side: str
    pos_side: str
    price: Decimal
    contracts: Decimal
    ts: int


class Page(TypedDict, total=False):
    """Which bars are asked for; `limit` is 100 unless told. Bounds as in `Market.candles`."""

    before_ms: int | None
    after_ms: int | None
    limit: int
    now_ms: Required[int]


class Market(Protocol):
    """Where prices come from: generated or recorded. An unknown `inst_id` raises KeyError."""

    @property
    def specs(self) -> Mapping[str, InstrumentSpec]:
        """By instrument id; only instruments that have data."""
        ...

    @property
    def identity(self) -> str:
        """What the state file must agree with: "seed:7" or "replay:<digest>"."""
        ...

    @property
    def history_start_ms(self) -> int:
        """Open time of the first bar known."""
        ...

    @property
    def start_ms(self) -> int:
        """Where a fresh venue begins."""
        ...

    @property
    def end_ms(self) -> int | None:
        """Last moment of a recording; None when the market goes on for ever."""
        ...

    @property
    def base_ms(self) -> int:
        """Length of the bars underneath, ms."""
        ...

    def last_price(self, inst_id: str, t_ms: int) -> Decimal:
        """The last trade at or before `t_ms`, on the tick grid."""
        ...

    def mark_price(self, inst_id: str, t_ms: int) -> Decimal:
        """A smoothed index near the last price, on the tick grid."""
        ...

    def index_price(self, inst_id: str, t_ms: int) -> Decimal: ...

    def path(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[IntArray, FloatArray]:
        """Times in (from_ms, to_ms] and last-trade prices; steps of a few seconds, none while quiet."""
        ...

    def mark_path(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[IntArray, FloatArray]:
        """As `path`, at the same times, with mark prices."""
        ...

    def extremes(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[float, float]:
        """(low, high) of the last-trade path in (from_ms, to_ms] and of the price at from_ms."""
        ...

    def mark_extremes(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[float, float]:
        """Bounds (low, high) that no mark price of (from_ms, to_ms] leaves; not always touched."""
        ...

    def candles(self, inst_id: str, bar: str, **page: Unpack[Page]) -> list[CandleRow]:
        """Newest first; only bars that open at or before `now_ms`; row 0 may be unfinished.

        Exclusive bounds in OKX's sense: `after_ms` keeps bars older than it, `before_ms` bars newer than
        it. More than `limit` matching: the newest ones. An unknown `bar` raises KeyError.
        """
        ...

    def mark_candles(self, inst_id: str, bar: str, **page: Unpack[Page]) -> list[PriceRow]: ...

    def index_candles(self, inst_id: str, bar: str, **page: Unpack[Page]) -> list[PriceRow]: ...

    def book(self, inst_id: str, t_ms: int, depth: int = 20) -> tuple[list[BookRow], list[BookRow]]:
        """(bids, asks), best first, `depth` ≤ 400 levels a side."""
        ...

    def trades(self, inst_id: str, t_ms: int, limit: int = 100) -> list[Trade]:
        """The latest trades at or before `t_ms`, newest first."""
        ...

    def trades_between(self, inst_id: str, from_ms: int, to_ms: int) -> list[Trade]:
        """Trades in (from_ms, to_ms], oldest first."""
        ...

    def ticker(self, inst_id: str, t_ms: int) -> Ticker: ...

    def funding(self, inst_id: str, t_ms: int) -> FundingView: ...

    def funding_settled(self, inst_id: str, settle_ms: int) -> float:
        """The rate charged at that settlement."""
        ...

    def funding_history(
        self, inst_id: str, now_ms: int, *, before_ms: int | None = None, after_ms: int | None = None, limit: int = 100
    ) -> list[FundingSettlement]:
        """Settled intervals, newest first; bounds as for candles."""
        ...

    def open_interest(self, inst_id: str, t_ms: int) -> Decimal:
        """Contracts outstanding, on the lot grid."""
        ...

    def open_interest_history(
        self, inst_id: str, period: str, now_ms: int, limit: int = 100
    ) -> list[OpenInterestRow]: ...

    def long_short_ratio(self, inst_or_ccy: str, period: str, now_ms: int, limit: int = 100) -> list[RatioRow]:
        """Newest first; [] for metals, indices, stocks and for what is unknown."""
        ...

    def taker_volume(self, inst_id: str, period: str, now_ms: int, limit: int = 100) -> list[tuple[int, float, float]]:
        """(ts, sell contracts, buy contracts), newest first."""
        ...

    def liquidations(self, from_ms: int, to_ms: int) -> list[Liquidation]:
        """Liquidations across the market in (from_ms, to_ms], oldest first; crypto only."""
        ...
