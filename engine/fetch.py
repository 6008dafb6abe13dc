"""Fetches one ticker's MarketSnapshot in parallel; each source fails alone and says so."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.clock import Clock
from engine.exchange.errors import ExchangeError
from engine.exchange.port import MarketData
from engine.market_lists import MarketLists
from engine.model import Candles, Instrument, MarketSnapshot, Timeframe

log = logging.getLogger(__name__)

WINDOW = 300
MINIMUM_TAIL = 3
DECISION_TIMEFRAME = Timeframe.M15
BTC = "BTC-USDT-SWAP"
"""Its hours are the whole market's weather."""


def last_closed_bar(now_ms: int, timeframe: Timeframe = Timeframe.M15) -> int:
    """Open time of the newest bar that has closed by `now_ms`."""
    return (now_ms // timeframe.ms) * timeframe.ms - timeframe.ms


class CandleWindows:
    """The last 300 confirmed bars per instrument and timeframe; once warm, only new bars are fetched."""

    def __init__(self, exchange: MarketData) -> None:
        self._exchange = exchange
        self._windows: dict[tuple[str, Timeframe], Candles] = {}
        self._reading: defaultdict[tuple[str, Timeframe], asyncio.Lock] = defaultdict(asyncio.Lock)
        self.btc_error = ""
        """Why BTC's hours could not be read when they were last asked for; "" when they could."""

    async def window(self, inst_id: str, timeframe: Timeframe, now_ms: int) -> Candles:
        """Up to 300 confirmed bars, oldest first; the newest may be missing when the venue lags. Who asks while
        another reads the same window waits for that answer instead of asking again."""
        async with self._reading[(inst_id, timeframe)]:
            return await self._up_to_date(inst_id, timeframe, now_ms)

    async def _up_to_date(self, inst_id: str, timeframe: Timeframe, now_ms: int) -> Candles:
        known = self._windows.get((inst_id, timeframe))
        missing = self._missing_bars(known, timeframe, now_ms)
        if known is not None and missing == 0:
            return known
        window: Candles | None
        if known is None or missing + MINIMUM_TAIL >= WINDOW:
            window = None
        else:
            window = joined(known, await self._exchange.candles(inst_id, timeframe, missing + MINIMUM_TAIL))
        if window is None:
            window = await self._exchange.candles(inst_id, timeframe, WINDOW)
        self._windows[(inst_id, timeframe)] = window
        return window

    async def read_all(self, instruments: Sequence[Instrument], now_ms: int, within_s: float) -> None:
        """Every window of these instruments, side by side, and BTC's hours, which all of them share. Those not read
        within `within_s`, or not at all, stay as they are: whoever needs one of its own asks again, and says what is
        wrong. BTC's hours are asked for once: a venue that refuses them is not asked by every ticker in turn."""
        self.btc_error = f"not read within {within_s:g} s"
        reads = [self.window(i.inst_id, timeframe, now_ms) for timeframe in Timeframe for i in instruments]
        reads.append(self._read_btc(now_ms))
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*reads, return_exceptions=True)

    async def _read_btc(self, now_ms: int) -> Candles:
        try:
            window = await self.window(BTC, Timeframe.H1, now_ms)
        except Exception as error:  # whatever it is, the tickers name it instead of what was said before
            self.btc_error = str(error) or type(error).__name__
            raise
        self.btc_error = ""
        return window

    def btc_trouble(self, now_ms: int) -> str:
        """Why BTC's newest hour is missing; "" when it is there, whoever read it."""
        return self.btc_error if self._missing_bars(self.known(BTC, Timeframe.H1), Timeframe.H1, now_ms) else ""

    def of(self, instruments: Sequence[Instrument]) -> dict[tuple[str, Timeframe], Candles]:
        """What is known of these instruments."""
        keys = [(i.inst_id, timeframe) for timeframe in Timeframe for i in instruments]
        return {key: self._windows[key] for key in keys if key in self._windows}

    def known(self, inst_id: str, timeframe: Timeframe) -> Candles | None:
        """The window as last read, without asking the venue."""
        return self._windows.get((inst_id, timeframe))

    @staticmethod
    def _missing_bars(known: Candles | None, timeframe: Timeframe, now_ms: int) -> int:
        if known is None or not len(known):
            return WINDOW
        return int(last_closed_bar(now_ms, timeframe) - int(known.ts[-1])) // timeframe.ms


def joined(known: Candles, tail: Candles) -> Candles | None:
    """`known` extended by `tail`, cut to the window; None when they do not overlap or do not agree,
    because a venue that rewrites a closed bar must be read afresh."""
    if not len(tail):
        return known
    overlap = np.searchsorted(known.ts, tail.ts[0])
    if overlap >= len(known) or known.ts[overlap] != tail.ts[0]:
        return None
    shared = min(len(known) - overlap, len(tail))
    if not np.array_equal(known.close[overlap : overlap + shared], tail.close[:shared]):
        return None
    columns = {
        name: np.concatenate((getattr(known, name)[:overlap], getattr(tail, name)))[-WINDOW:]
        for name in ("ts", "open", "high", "low", "close", "volume")
    }
    return Candles(**columns)


@dataclass(slots=True)
class _Gathered:
    """What came back, by source, and why the rest did not."""

    values: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    async def collect(self, source: str, awaitable: Awaitable[Any]) -> None:
        try:
            self.values[source] = await awaitable
        except ExchangeError as error:
            self.errors[source] = str(error)
        except Exception as error:  # a defect of one source must not hide behind the name of a task group
            log.exception("reading %s", source)
            self.errors[source] = f"{type(error).__name__}: {error}"


async def fetch_snapshot(
    exchange: MarketData, windows: CandleWindows, lists: MarketLists, instrument: Instrument, clock: Clock
) -> MarketSnapshot:
    """All sources of one ticker at once. A source that fails is None, with its error by name. BTC's hours are those
    that `windows` read for the whole watchlist."""
    inst_id, now_ms, got = instrument.inst_id, clock.now_ms(), _Gathered()
    async with asyncio.TaskGroup() as group:
        for timeframe in Timeframe:
            group.create_task(got.collect(f"candles_{timeframe}", windows.window(inst_id, timeframe, now_ms)))
        group.create_task(got.collect("quote", lists.quote(inst_id)))
        group.create_task(got.collect("book", exchange.book(inst_id)))
        group.create_task(got.collect("mark_price", lists.mark_price(inst_id)))
        group.create_task(got.collect("funding", lists.funding(inst_id)))
        group.create_task(got.collect("open_interest", lists.open_interest(inst_id)))
        group.create_task(got.collect("long_short", exchange.long_short_ratio(inst_id)))
    if trouble := windows.btc_trouble(now_ms):
        got.errors["btc_hours"] = trouble
    taken_at = clock.now_ms()
    candles = {tf: got.values[f"candles_{tf}"] for tf in Timeframe if f"candles_{tf}" in got.values}
    return MarketSnapshot(
        instrument=instrument,
        taken_at=taken_at,
        bar_ts=_bar_of(candles, now_ms),
        candles=candles,
        quote=got.values.get("quote"),
        book=got.values.get("book"),
        mark_price=got.values.get("mark_price"),
        funding=got.values.get("funding"),
        open_interest=got.values.get("open_interest"),
        long_short=got.values.get("long_short"),
        errors=got.errors,
        btc_hours=windows.known(BTC, Timeframe.H1),
    )


def _bar_of(candles: Mapping[Timeframe, Candles], now_ms: int) -> int:
    """The bar that the 15-minute window really ends with: while the venue lags, the same bar must not count as
    two in the streak, nor stand in the record under the next one's name."""
    closed = last_closed_bar(now_ms)
    window = candles.get(DECISION_TIMEFRAME)
    return min(closed, int(window.ts[-1])) if window is not None and len(window) else closed


def has_newest_bars(snapshot: MarketSnapshot) -> bool:
    """Every timeframe was read up to the bar that had closed when the fetch began."""
    closed_at = snapshot.bar_ts + Timeframe.M15.ms
    return all(
        (window := snapshot.candles.get(timeframe)) is not None
        and len(window) > 0
        and int(window.ts[-1]) == last_closed_bar(closed_at, timeframe)
        for timeframe in Timeframe
    )
