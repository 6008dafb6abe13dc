"""What the venue tells of the whole market by one call, read once for all tickers that ask at about the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal
from typing import Generic, TypeVar

from engine.clock import Clock
from engine.exchange.errors import ExchangeError
from engine.exchange.listing import Listing
from engine.exchange.port import MarketData
from engine.model import Funding, OpenInterest, Quote, Timeframe

Listed = TypeVar("Listed")

QUOTES_S = 0.25
MARKS_S = 0.5
"""The mark moves with the market, by some hundredths of a percent a second."""
SLOW_S = 2.0
"""Funding and open interest change over hours; the venue itself tells them anew every 3 to 90 s."""


class SharedList(Generic[Listed]):
    """Read again when it is older than `fresh_s` of wall time, when the venue's time has run further than that, as a
    stepped market's does, or when a bar has closed since: a fast market's cycles are seconds apart, and none must
    decide on the list of the one before. Who asks while another reads gets that answer, also when it is a failure: a
    venue that hangs is not waited for by one after the other."""

    def __init__(self, read: Callable[[], Awaitable[Listed]], clock: Clock, fresh_s: float) -> None:
        self._read = read
        self._clock = clock
        self._fresh_s = fresh_s
        self._lock = asyncio.Lock()
        self._known: Listed | None = None
        self._failed: ExchangeError | None = None
        self._ended_at = float("-inf")
        self._read_venue_ms = 0

    async def get(self) -> Listed:
        """Raises what the venue's port raises."""
        asked_at = self._clock.monotonic()
        async with self._lock:
            if self._failed is not None and self._ended_at >= asked_at:
                raise _again(self._failed)
            if self._known is None or self._old():
                await self._read_anew()
            assert self._known is not None, "read, and nothing is known"
            return self._known

    async def _read_anew(self) -> None:
        """A read that neither answers nor fails, but is given up or meets a defect, leaves nothing: the next who waits
        must not take the old list for its answer."""
        self._known = self._failed = None
        # Of when it was asked for: an answer on its way while a bar closes may be of the bar before.
        self._read_venue_ms = self._clock.now_ms()
        try:
            self._known = await self._read()
        except ExchangeError as error:
            self._failed = _again(error)
            raise
        finally:
            self._ended_at = self._clock.monotonic()

    def _old(self) -> bool:
        now_ms = self._clock.now_ms()
        venue_limit_ms = self._fresh_s * 1000 * max(1.0, self._clock.speed())
        return (
            self._clock.monotonic() - self._ended_at > self._fresh_s
            or now_ms - self._read_venue_ms > venue_limit_ms
            or now_ms // Timeframe.M15.ms != self._read_venue_ms // Timeframe.M15.ms
        )


def _again(error: ExchangeError) -> ExchangeError:
    """The same without where it came from, so that it can be kept, and raised for another."""
    return type(error)(error.message, error.code, error.error_class)


class MarketLists:
    """One for the engine. Each method raises Unavailable when the venue does not answer, or not for this instrument."""

    def __init__(self, exchange: MarketData, clock: Clock) -> None:
        self._exchange = exchange
        self._quotes: SharedList[Mapping[str, Quote]] = SharedList(exchange.quotes, clock, QUOTES_S)
        self._marks: SharedList[Listing[Decimal]] = SharedList(exchange.mark_prices, clock, MARKS_S)
        self._fundings: SharedList[Listing[Funding]] = SharedList(exchange.fundings, clock, SLOW_S)
        self._interests: SharedList[Listing[OpenInterest]] = SharedList(exchange.open_interests, clock, SLOW_S)

    async def quotes(self) -> Mapping[str, Quote]:
        return await self._quotes.get()

    async def quote(self, inst_id: str) -> Quote | None:
        """None = the venue lists no quote of it."""
        return (await self.quotes()).get(inst_id)

    async def mark_price(self, inst_id: str) -> Decimal:
        return (await self._marks.get()).of(inst_id)

    async def funding(self, inst_id: str) -> Funding:
        return (await self._fundings.get()).of(inst_id)

    async def open_interest(self, inst_id: str) -> OpenInterest:
        """With its own past, which the venue tells of one instrument at a time."""
        return await self._exchange.with_past((await self._interests.get()).of(inst_id))
