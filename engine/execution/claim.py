"""A position that a person opened is never touched, until a person claims it for the program: then it is booked as
a trade of ours, gets a bracket, and is guarded from then on."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from decimal import Decimal

from engine.events import BracketHealed
from engine.exchange.errors import ExchangeError
from engine.execution.context import Desk, ExecutionOutcome, is_price
from engine.execution.cover import ours_on
from engine.execution.ids import entry_id
from engine.execution.protect import Protected, Protector
from engine.execution.trade_book import OpenTrade
from engine.model import BracketPrices, Instrument, Position, Timeframe
from engine.reasons import Reason
from engine.risk.limits import RiskLimits
from engine.risk.stops import place_bracket

ATR_BARS = 14
STOP_ATRS = 3.0
REWARD = 2.0
"""The target stands so many times as far away as the stop."""

FALLBACK_STOP = 0.05
"""Stop distance where no candles can be read, as a fraction of the mark."""


class Claim:
    """`take` is one claim. Nothing is opened by it."""

    def __init__(
        self, desk: Desk, protector: Protector, book: Callable[[], Awaitable[bool]], trail_pct: float = 0.025
    ) -> None:
        """`book` books what is new at the venue: what a person traded there before must not count as the trade's."""
        self._desk = desk
        self._book = book
        self._protector = protector
        self._trail_pct = trail_pct

    async def take(self, inst_id: str, by: str, stop_pct: float = 0.0) -> ExecutionOutcome:
        """`stop_pct`: distance of the stop from the mark in percent; 0 = three hourly ATRs, between 0.3 and 8 %.

        ENTERED once the venue lists the bracket; UNKNOWN_ORDER when it does not tell whether one rests: it is claimed
        then. Otherwise nothing was changed, and the reason says why: SELL_WHEN_FLAT, FOREIGN_ORDER (a short),
        ALREADY_IN_POSITION, STOP_INVALID, LEDGER_MISMATCH, VENUE_UNAVAILABLE. Never raises ExchangeError.
        """
        async with self._desk.locks.of(inst_id):
            try:
                position = await self._desk.position(inst_id)
                trade = await self._terms(inst_id, position, stop_pct)
                if isinstance(trade, ExecutionOutcome):
                    return trade
                assert position is not None
                await self._book()
                await self._desk.book.claim(trade, position.contracts, position.entry_price, self._desk.clock.now_ms())
            except ExchangeError as error:
                return ExecutionOutcome(Reason.VENUE_UNAVAILABLE, f"the account cannot be read: {error}")
            except sqlite3.Error as error:
                return ExecutionOutcome(Reason.LEDGER_MISMATCH, f"the claim cannot be written: {error}")
            return await self._cover(trade, position, by)

    async def _terms(self, inst_id: str, position: Position | None, stop_pct: float) -> OpenTrade | ExecutionOutcome:
        """What the trade would be, or why it cannot be claimed."""
        instrument = self._desk.instruments.get(inst_id)
        if position is None or instrument is None:
            return ExecutionOutcome(Reason.SELL_WHEN_FLAT, "no position to claim")
        if position.contracts < 0:
            return ExecutionOutcome(Reason.FOREIGN_ORDER, "a short cannot be claimed: this program is long only")
        if inst_id in await self._desk.book.open_trades() or inst_id in self._desk.unbooked:
            return ExecutionOutcome(Reason.ALREADY_IN_POSITION, "it is a trade of ours already")
        prices = await self._prices(instrument, position, stop_pct / 100)
        if prices is None:
            return ExecutionOutcome(Reason.STOP_INVALID, "no stop and target can be set: the mark price is unknown")
        claim_id = f"claim-{position.position_id}-{self._desk.clock.now_ms()}"
        return OpenTrade(
            claim_id, instrument.ticker, inst_id, entry_id(claim_id),
            instrument.contract_value * instrument.contract_multiplier, prices, None, self._trail_pct,
            position.opened_at,
        )  # fmt: skip

    async def _prices(self, instrument: Instrument, position: Position, given: float) -> BracketPrices | None:
        """Around the mark, not the entry: a stop above the price would close the position at once."""
        mark = await self._desk.mark(instrument.inst_id) or position.mark_price
        if not is_price(mark):
            return None
        distance = given or await self._atr_distance(instrument.inst_id)
        prices = place_bracket(mark, distance, distance * REWARD, instrument.tick_size)
        return prices if prices.stop < mark < prices.target else None

    async def _atr_distance(self, inst_id: str) -> float:
        limits = RiskLimits()
        try:
            bars = await self._desk.exchange.candles(inst_id, Timeframe.H1, ATR_BARS)
        except ExchangeError:
            return FALLBACK_STOP
        if len(bars) < ATR_BARS:
            return FALLBACK_STOP
        atr = float(((bars.high - bars.low) / bars.close).mean())
        return min(max(STOP_ATRS * atr, limits.min_stop_frac), limits.max_stop_frac)

    async def _cover(self, trade: OpenTrade, position: Position, by: str) -> ExecutionOutcome:
        """A bracket that the person has set, whole, is cover as well; else ours is placed. What cannot be covered is
        given back: it stays the person's, as it was, with nothing of ours under it."""
        placed = await self._protector.protect(trade, position.contracts)
        if placed.result is not Protected.COVERED or placed.bracket is None:
            if not await self._withdrawn(trade.inst_id):
                return ExecutionOutcome(
                    Reason.UNKNOWN_ORDER,
                    f"claimed, its bracket is not confirmed yet; the guard goes on: {placed.detail}",
                )
            await self._give_back(trade)
            return ExecutionOutcome(Reason.STOP_INVALID, f"not claimed: {placed.detail}")
        bracket = placed.bracket
        detail = f"{by} claimed {position.contracts} contracts; stop {bracket.stop}, target {bracket.target}"
        self._desk.log("warning", detail, trade.inst_id)
        self._desk.publish(BracketHealed(trade.ticker, "position claimed", detail, self._desk.clock.now_ms()))
        return ExecutionOutcome(
            Reason.ENTERED, detail, trade.entry_client_id, Decimal(position.contracts), position.entry_price
        )

    async def _withdrawn(self, inst_id: str) -> bool:
        """False when the venue does not tell what of ours rests there, or keeps it: it would close a position that is
        the person's again."""
        try:
            ours = ours_on(inst_id, await self._desk.exchange.brackets(inst_id))
            if ours:
                await self._desk.gateway.cancel_brackets(inst_id, [bracket.algo_id for bracket in ours])
        except ExchangeError:
            return False
        return True

    async def _give_back(self, trade: OpenTrade) -> None:
        try:
            await self._desk.book.drop_claim(trade.trade_id)
        except sqlite3.Error as error:
            self._desk.log("error", f"the claim could not be taken back ({error}); the guard goes on", trade.inst_id)
