"""The market that venue and server see: one source of bars and everything that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Unpack

from engine.exchange.simulator.bars import BarSource
from engine.exchange.simulator.book_shape import BookShape
from engine.exchange.simulator.candles import CandleBook, Window
from engine.exchange.simulator.crowding import Crowding
from engine.exchange.simulator.funding_rates import FundingRates
from engine.exchange.simulator.generator import START_MS, GeneratedBars
from engine.exchange.simulator.grid import Grid
from engine.exchange.simulator.market import (
    BookRow,
    CandleRow,
    FundingSettlement,
    FundingView,
    Liquidation,
    OpenInterestRow,
    Page,
    PriceRow,
    RatioRow,
    Ticker,
    Trade,
)
from engine.exchange.simulator.path import MINUTE_MS
from engine.exchange.simulator.price_feed import PriceFeed
from engine.exchange.simulator.specs import InstrumentSpec
from engine.exchange.simulator.tape import Tape
from engine.model import FloatArray, IntArray

_DAY = 86_400_000
_HONG_KONG_MIDNIGHT = 57_600_000


def open_market(seed: int = 7, replay: Path | None = None, start_ms: int | None = None) -> SimulatedMarket:
    """The generated market of `seed`, or the recording in folder `replay` (RecordedDataError when that
    cannot be used). `start_ms`: where a fresh venue begins."""
    if replay is not None:
        # Reading Parquet costs 50 MB and a quarter of a second that a generated market does without.
        from engine.exchange.simulator.recorded import RecordedBars  # noqa: PLC0415

        return SimulatedMarket(RecordedBars.load(replay, start_ms=start_ms, seed=seed))
    return SimulatedMarket(GeneratedBars(seed, START_MS if start_ms is None else start_ms))


class SimulatedMarket:
    """Implements `Market` on any `BarSource`. Not thread-safe: caches are filled on reading."""

    def __init__(self, source: BarSource) -> None:
        self._source = source
        self._feed = PriceFeed(source)
        self._candles = CandleBook(self._feed)
        self._books = BookShape(self._feed)
        self._tape = Tape(self._feed)
        self._funding = FundingRates(self._feed)
        self._crowding = Crowding(self._feed)

    @property
    def specs(self) -> Mapping[str, InstrumentSpec]:
        return self._source.specs

    @property
    def identity(self) -> str:
        return self._source.identity

    @property
    def history_start_ms(self) -> int:
        return self._source.history_start_ms

    @property
    def start_ms(self) -> int:
        return self._source.start_ms

    @property
    def end_ms(self) -> int | None:
        return self._source.end_ms

    @property
    def base_ms(self) -> int:
        return min(self._source.interval_ms(inst_id) for inst_id in self._source.specs)

    # ---- prices

    def last_price(self, inst_id: str, t_ms: int) -> Decimal:
        return self._feed.grid(inst_id).decimal_of(self._feed.last(inst_id, t_ms))

    def mark_price(self, inst_id: str, t_ms: int) -> Decimal:
        return self._feed.grid(inst_id).decimal_of(self._feed.mark(inst_id, t_ms))

    def index_price(self, inst_id: str, t_ms: int) -> Decimal:
        return self._feed.grid(inst_id).decimal_of(self._feed.mark(inst_id, t_ms, index=True))

    def path(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[IntArray, FloatArray]:
        trades = self._feed.trades(inst_id, from_ms, to_ms)
        return trades.ts, trades.price

    def mark_path(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[IntArray, FloatArray]:
        return self._feed.marks(inst_id, from_ms, to_ms)

    def extremes(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[float, float]:
        return self._feed.extremes(inst_id, from_ms, to_ms)

    def mark_extremes(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[float, float]:
        return self._feed.mark_extremes(inst_id, from_ms, to_ms)

    # ---- candles

    def candles(self, inst_id: str, bar: str, **page: Unpack[Page]) -> list[CandleRow]:
        return self._candles.rows(inst_id, bar, _window(page))

    def mark_candles(self, inst_id: str, bar: str, **page: Unpack[Page]) -> list[PriceRow]:
        return self._candles.price_rows(inst_id, bar, _window(page))

    def index_candles(self, inst_id: str, bar: str, **page: Unpack[Page]) -> list[PriceRow]:
        return self._candles.price_rows(inst_id, bar, _window(page), index=True)

    # ---- book and tape

    def book(self, inst_id: str, t_ms: int, depth: int = 20) -> tuple[list[BookRow], list[BookRow]]:
        return self._books.snapshot(inst_id, t_ms, depth)

    def trades(self, inst_id: str, t_ms: int, limit: int = 100) -> list[Trade]:
        return self._tape.latest(inst_id, t_ms, limit)

    def trades_between(self, inst_id: str, from_ms: int, to_ms: int) -> list[Trade]:
        return self._tape.between(inst_id, from_ms, to_ms)

    def ticker(self, inst_id: str, t_ms: int) -> Ticker:
        grid, spec = self._feed.grid(inst_id), self._source.specs[inst_id]
        lots, best = Grid.of(spec.lot_sz), self._books.best(inst_id, t_ms)
        low, high = self._feed.extremes(inst_id, t_ms - _DAY, t_ms)
        volume = self._volume_24h(inst_id, t_ms)
        latest = self._tape.latest(inst_id, t_ms, 1)
        return {
            "last": self.last_price(inst_id, t_ms),
            "lastSz": latest[0].contracts if latest else Decimal(0),
            "askPx": grid.decimal(best.ask),
            "askSz": lots.decimal(best.ask_lots),
            "bidPx": grid.decimal(best.bid),
            "bidSz": lots.decimal(best.bid_lots),
            "open24h": self.last_price(inst_id, t_ms - _DAY),
            "high24h": grid.decimal_of(high),
            "low24h": grid.decimal_of(low),
            "vol24h": lots.decimal_of(volume / float(spec.units)),
            "volCcy24h": Grid.of((spec.lot_sz * spec.units).normalize()).decimal_of(volume),
            "sodUtc0": self.last_price(inst_id, t_ms // _DAY * _DAY),
            "sodUtc8": self.last_price(inst_id, (t_ms - _HONG_KONG_MIDNIGHT) // _DAY * _DAY + _HONG_KONG_MIDNIGHT),
        }

    def _volume_24h(self, inst_id: str, t_ms: int) -> float:
        """Base units of the last 24 hours, whole bars as they are and the running one from its path."""
        base = self._source.interval_ms(inst_id)
        running = t_ms // base * base
        finished = self._source.bars(inst_id, running - _DAY + base, running)
        return float(finished.volume.sum()) + float(self._feed.trades(inst_id, running - 1, t_ms).volume.sum())

    # ---- funding and crowd

    def funding(self, inst_id: str, t_ms: int) -> FundingView:
        return self._funding.view(inst_id, t_ms // MINUTE_MS * MINUTE_MS)

    def funding_settled(self, inst_id: str, settle_ms: int) -> float:
        return self._funding.settled(inst_id, settle_ms)

    def funding_history(
        self, inst_id: str, now_ms: int, *, before_ms: int | None = None, after_ms: int | None = None, limit: int = 100
    ) -> list[FundingSettlement]:
        return self._funding.history(inst_id, now_ms, before_ms, after_ms, limit)

    def open_interest(self, inst_id: str, t_ms: int) -> Decimal:
        return self._crowding.open_interest(inst_id, t_ms)

    def open_interest_history(self, inst_id: str, period: str, now_ms: int, limit: int = 100) -> list[OpenInterestRow]:
        return self._crowding.open_interest_history(inst_id, period, now_ms, limit)

    def long_short_ratio(self, inst_or_ccy: str, period: str, now_ms: int, limit: int = 100) -> list[RatioRow]:
        return self._crowding.long_short_ratio(inst_or_ccy, period, now_ms, limit)

    def taker_volume(self, inst_id: str, period: str, now_ms: int, limit: int = 100) -> list[tuple[int, float, float]]:
        return self._crowding.taker_volume(inst_id, period, now_ms, limit)

    def liquidations(self, from_ms: int, to_ms: int) -> list[Liquidation]:
        return self._crowding.liquidations(from_ms, to_ms)


def _window(page: Page) -> Window:
    return Window(page.get("before_ms"), page.get("after_ms"), page.get("limit", 100), page["now_ms"])
