"""Raises the stop behind a winning position; never lowers it, never takes it away."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from engine.events import BracketHealed
from engine.exchange.errors import ExchangeError
from engine.execution.churn import Churn
from engine.execution.context import Desk, is_price
from engine.execution.trade_book import OpenTrade
from engine.model import Bracket, Position
from engine.risk.stops import trailed_stop


class Trailing:
    """Amends the resting bracket in place: a refusal leaves it as it was (incident row 11)."""

    def __init__(self, desk: Desk, churn: Churn) -> None:
        self._desk = desk
        self._churn = churn

    async def follow(self, trade: OpenTrade, position: Position, bracket: Bracket) -> Decimal | None:
        """The raised stop as the venue lists it, or None when nothing changed. Never raises ExchangeError."""
        instrument = self._desk.instruments.get(trade.inst_id)
        if instrument is None or trade.trail_pct is None or bracket.stop is None or not is_price(position.mark_price):
            return None
        trail = Decimal(str(trade.trail_pct))
        stop = trailed_stop(position.entry_price, position.mark_price, bracket.stop, trail, instrument.tick_size)
        if stop is None or (bracket.target is not None and stop >= bracket.target):
            return None
        try:
            # What was seen may be older than what another pass has raised meanwhile: a stop is never lowered.
            now = await self._listed_stop(bracket)
            if now is None or stop < now + instrument.tick_size or not self._churn.may(trade.inst_id):
                return None
            await self._desk.gateway.amend_bracket(trade.inst_id, bracket.algo_id, stop=stop)
            listed = await self._listed_stop(bracket)
        except ExchangeError as error:
            self._desk.log("warning", f"the stop stays at {bracket.stop}: {error}", trade.inst_id)
            return None
        if listed is None or listed <= bracket.stop:
            return None
        try:
            await self._desk.book.raise_stop(trade.trade_id, listed)
        except sqlite3.Error as error:
            self._desk.log("error", f"the raised stop is not written ({error}); the venue has it", trade.inst_id)
        detail = f"stop raised from {bracket.stop} to {listed}"
        self._desk.publish(BracketHealed(trade.ticker, "stop raised", detail, self._desk.clock.now_ms()))
        return listed

    async def _listed_stop(self, bracket: Bracket) -> Decimal | None:
        found = (b for b in await self._desk.exchange.brackets(bracket.inst_id) if b.algo_id == bracket.algo_id)
        return next((b.stop for b in found), None)
