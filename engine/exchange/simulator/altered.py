"""The market after what was done to it: prices shifted by a gap, contract terms and funding intervals changed.

The market underneath stays the pure function that it is; so is this one, of the world's record and time. A change
counts from its moment on and leaves everything before it as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Unpack

from engine.exchange.simulator.altered_funding import AlteredFunding
from engine.exchange.simulator.altered_prices import AlteredPrices
from engine.exchange.simulator.candles import Shape
from engine.exchange.simulator.market import (
    BookRow,
    CandleRow,
    FundingSettlement,
    FundingView,
    Liquidation,
    Market,
    OpenInterestRow,
    Page,
    PriceRow,
    RatioRow,
    Ticker,
    Trade,
)
from engine.exchange.simulator.specs import InstrumentSpec
from engine.exchange.simulator.world import World
from engine.model import FloatArray, IntArray

_DAY = 86_400_000


class AlteredMarket:
    """Implements `Market` on another one. `show` tells it the world as it is now."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._specs: Mapping[str, InstrumentSpec] = market.specs
        self._prices: dict[str, AlteredPrices] = {}
        self._funding: dict[str, AlteredFunding] = {}

    def show(self, world: World) -> None:
        """From now on every answer is that of `world`."""
        base = self._market.specs
        self._specs = {inst_id: _spec_in(world, spec) for inst_id, spec in base.items()}
        moved = [inst_id for inst_id in base if inst_id in world.shifts or inst_id in world.terms]
        self._prices = {
            inst_id: AlteredPrices(
                base[inst_id],
                [(int(since), factor) for since, factor in world.shifts.get(inst_id, [])],
                world.terms.get(inst_id, []),
            )
            for inst_id in moved
        }
        self._funding = {
            inst_id: AlteredFunding(self._market, base[inst_id], [(since, hours) for since, hours in intervals])
            for inst_id, intervals in world.intervals.items()
            if inst_id in base
        }

    # ---- what does not change

    @property
    def specs(self) -> Mapping[str, InstrumentSpec]:
        return self._specs

    @property
    def identity(self) -> str:
        return self._market.identity

    @property
    def history_start_ms(self) -> int:
        return self._market.history_start_ms

    @property
    def start_ms(self) -> int:
        return self._market.start_ms

    @property
    def end_ms(self) -> int | None:
        return self._market.end_ms

    @property
    def base_ms(self) -> int:
        return self._market.base_ms

    def open_interest(self, inst_id: str, t_ms: int) -> Decimal:
        return self._market.open_interest(inst_id, t_ms)

    def open_interest_history(self, inst_id: str, period: str, now_ms: int, limit: int = 100) -> list[OpenInterestRow]:
        return self._market.open_interest_history(inst_id, period, now_ms, limit)

    def long_short_ratio(self, inst_or_ccy: str, period: str, now_ms: int, limit: int = 100) -> list[RatioRow]:
        return self._market.long_short_ratio(inst_or_ccy, period, now_ms, limit)

    def taker_volume(self, inst_id: str, period: str, now_ms: int, limit: int = 100) -> list[tuple[int, float, float]]:
        return self._market.taker_volume(inst_id, period, now_ms, limit)

    # ---- prices

    def last_price(self, inst_id: str, t_ms: int) -> Decimal:
        return self._price(inst_id, self._market.last_price(inst_id, t_ms), t_ms)

    def mark_price(self, inst_id: str, t_ms: int) -> Decimal:
        return self._price(inst_id, self._market.mark_price(inst_id, t_ms), t_ms)

    def index_price(self, inst_id: str, t_ms: int) -> Decimal:
        return self._price(inst_id, self._market.index_price(inst_id, t_ms), t_ms)

    def _price(self, inst_id: str, price: Decimal, t_ms: int) -> Decimal:
        altered = self._prices.get(inst_id)
        return price if altered is None else altered.price(price, t_ms)

    def path(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[IntArray, FloatArray]:
        return self._path(inst_id, *self._market.path(inst_id, from_ms, to_ms))

    def mark_path(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[IntArray, FloatArray]:
        return self._path(inst_id, *self._market.mark_path(inst_id, from_ms, to_ms))

    def _path(self, inst_id: str, times: IntArray, prices: FloatArray) -> tuple[IntArray, FloatArray]:
        altered = self._prices.get(inst_id)
        return times, prices if altered is None else altered.prices(times, prices)

    def extremes(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[float, float]:
        altered = self._prices.get(inst_id)
        if altered is None:
            return self._market.extremes(inst_id, from_ms, to_ms)
        return altered.extremes(self._market.extremes, inst_id, from_ms, to_ms)

    def mark_extremes(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[float, float]:
        altered = self._prices.get(inst_id)
        if altered is None:
            return self._market.mark_extremes(inst_id, from_ms, to_ms)
        return altered.extremes(self._market.mark_extremes, inst_id, from_ms, to_ms)

    # ---- candles

    def candles(self, inst_id: str, bar: str, **page: Unpack[Page]) -> list[CandleRow]:
        rows = self._market.candles(inst_id, bar, **page)
        altered = self._prices.get(inst_id)
        if altered is None:
            return rows
        length = Shape.of(bar).length
        return [altered.candle(row, length, page["now_ms"], self._market.extremes, inst_id) for row in rows]

    def mark_candles(self, inst_id: str, bar: str, **page: Unpack[Page]) -> list[PriceRow]:
        return self._price_rows(inst_id, bar, self._market.mark_candles(inst_id, bar, **page), page["now_ms"])

    def index_candles(self, inst_id: str, bar: str, **page: Unpack[Page]) -> list[PriceRow]:
        return self._price_rows(inst_id, bar, self._market.index_candles(inst_id, bar, **page), page["now_ms"])

    def _price_rows(self, inst_id: str, bar: str, rows: list[PriceRow], now_ms: int) -> list[PriceRow]:
        altered = self._prices.get(inst_id)
        if altered is None:
            return rows
        length = Shape.of(bar).length
        return [altered.price_candle(row, length, now_ms, self._market.mark_extremes, inst_id) for row in rows]

    # ---- book and tape

    def book(self, inst_id: str, t_ms: int, depth: int = 20) -> tuple[list[BookRow], list[BookRow]]:
        bids, asks = self._market.book(inst_id, t_ms, depth)
        altered = self._prices.get(inst_id)
        if altered is None:
            return bids, asks
        return altered.side(bids, t_ms, up=False), altered.side(asks, t_ms, up=True)

    def trades(self, inst_id: str, t_ms: int, limit: int = 100) -> list[Trade]:
        return self._tape(inst_id, self._market.trades(inst_id, t_ms, limit))

    def trades_between(self, inst_id: str, from_ms: int, to_ms: int) -> list[Trade]:
        return self._tape(inst_id, self._market.trades_between(inst_id, from_ms, to_ms))

    def _tape(self, inst_id: str, trades: list[Trade]) -> list[Trade]:
        altered = self._prices.get(inst_id)
        if altered is None:
            return trades
        return [trade._replace(price=altered.price(trade.price, trade.ts)) for trade in trades]

    def ticker(self, inst_id: str, t_ms: int) -> Ticker:
        row = self._market.ticker(inst_id, t_ms)
        altered = self._prices.get(inst_id)
        if altered is None:
            return row
        bids, asks = self.book(inst_id, t_ms, 1)
        low, high = self.extremes(inst_id, t_ms - _DAY, t_ms)
        row["last"] = altered.price(row["last"], t_ms)
        row["bidPx"], row["askPx"] = bids[0].price, asks[0].price
        row["open24h"] = altered.price(row["open24h"], t_ms - _DAY)
        row["low24h"], row["high24h"] = altered.on_grid(low), altered.on_grid(high)
        row["sodUtc0"] = self.last_price(inst_id, t_ms // _DAY * _DAY)
        return row

    def liquidations(self, from_ms: int, to_ms: int) -> list[Liquidation]:
        return [
            one._replace(price=self._price(one.inst_id, one.price, one.ts))
            for one in self._market.liquidations(from_ms, to_ms)
        ]

    # ---- funding

    def funding(self, inst_id: str, t_ms: int) -> FundingView:
        altered = self._funding.get(inst_id)
        return self._market.funding(inst_id, t_ms) if altered is None else altered.view(t_ms)

    def funding_settled(self, inst_id: str, settle_ms: int) -> float:
        altered = self._funding.get(inst_id)
        return self._market.funding_settled(inst_id, settle_ms) if altered is None else altered.settled(settle_ms)

    def funding_history(
        self, inst_id: str, now_ms: int, *, before_ms: int | None = None, after_ms: int | None = None, limit: int = 100
    ) -> list[FundingSettlement]:
        altered = self._funding.get(inst_id)
        if altered is None:
            return self._market.funding_history(
                inst_id, now_ms, before_ms=before_ms, after_ms=after_ms, limit=limit
            )  # fmt: skip
        return altered.history(now_ms, before_ms, after_ms, limit)


def _spec_in(world: World, spec: InstrumentSpec) -> InstrumentSpec:
    """The contract as the venue describes it now."""
    inst_id = spec.inst_id
    if inst_id in world.terms:
        terms = world.terms[inst_id][-1]
        spec = replace(spec, tick_sz=terms.tick_sz, lot_sz=terms.lot_sz, min_sz=terms.min_sz)
    if inst_id in world.intervals:
        spec = replace(spec, funding_interval_h=world.intervals[inst_id][-1][1])
    if world.closed.get(inst_id) == SUSPENDED:
        spec = replace(spec, state="suspend")
    return replace(spec, exp_time=world.expiries[inst_id]) if inst_id in world.expiries else spec


SUSPENDED = "51022"
"""The code that orders for a suspended contract meet."""
