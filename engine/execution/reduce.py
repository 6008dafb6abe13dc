"""Closes a part of a position and brings its bracket to what is left, as one act under one lock (incident rows 8
and 9): the bracket rests all the time, larger than needed for a moment, and never too small."""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from engine.exchange.errors import ExchangeError
from engine.execution.context import Desk, ExecutionOutcome
from engine.execution.exit import Exit
from engine.execution.protect import Protected, Protector
from engine.execution.trade_book import OpenTrade
from engine.model import Bracket, Position
from engine.reasons import Reason
from engine.rounding import floor_to_lot


class Reduce:
    """`part` is the only way in which the engine makes a position smaller without ending it."""

    def __init__(self, desk: Desk, leave: Exit, protector: Protector) -> None:
        self._desk = desk
        self._exit = leave
        self._protector = protector

    async def part(self, inst_id: str, share: float, reason: Reason, decision_id: str) -> ExecutionOutcome:
        """Closes `share` (0 < share ≤ 1) of the position, floored to the lot; all of it where less than the venue's
        smallest size would remain.

        REDUCED with the rest under its bracket, EXITED when nothing is left, SELL_WHEN_FLAT when nothing was open,
        MIN_SIZE when the part is under the smallest size, UNPROTECTED_CLOSED when the rest could not be covered;
        ORDER_REJECTED or VENUE_UNAVAILABLE leave all as it was. Never raises ExchangeError.
        """
        assert 0 < share <= 1, f"share must be in (0, 1], got {share}"
        async with self._desk.locks.of(inst_id):
            try:
                position = await self._desk.position(inst_id)
            except ExchangeError as error:
                return ExecutionOutcome(Reason.VENUE_UNAVAILABLE, f"positions cannot be read: {error}")
            part = None if position is None else self._part(position, share)
            if position is None or part is None or part == abs(position.contracts):
                return await self._exit.close_locked(inst_id, reason, decision_id)
            over = await self._exit.over_already(position, reason)
            if over is not None:
                return over
            if part == 0:
                return ExecutionOutcome(Reason.MIN_SIZE, f"{share:.0%} of {position.contracts} contracts is too little")
            left, outcome = await self._exit.part_locked(position, part, reason, decision_id)
            if left is None or left.contracts == position.contracts:
                return outcome
            return await self._rebracket(left, outcome, decision_id)

    def _part(self, position: Position, share: float) -> Decimal | None:
        """Contracts to close; None = all of them."""
        instrument = self._desk.instruments.get(position.inst_id)
        size = abs(position.contracts)
        if instrument is None or share >= 1:
            return None
        part = floor_to_lot(size * Decimal(str(share)), instrument.lot_size, instrument.min_size)
        return part if size - part >= instrument.min_size else None

    async def _rebracket(self, left: Position, outcome: ExecutionOutcome, decision_id: str) -> ExecutionOutcome:
        """What is left without a bracket is closed as well."""
        trade = await self._trade(left.inst_id)
        if trade is None:
            return outcome  # a stranger's position: its brackets are not ours to change
        covered = await self._protector.protect(trade, left.contracts)
        if covered.result is Protected.COVERED and covered.bracket is not None:
            await self._shrink(covered.bracket, left)
            return outcome
        if covered.result is Protected.FLAT:
            return outcome
        self._desk.log("error", f"the rest is closed: {covered.detail}", left.inst_id)
        closed = await self._exit.close_locked(left.inst_id, Reason.UNPROTECTED_CLOSED, f"{decision_id}-rest")
        return ExecutionOutcome(Reason.UNPROTECTED_CLOSED, f"{covered.detail}; {closed.detail}", closed.client_id)

    async def _shrink(self, bracket: Bracket, left: Position) -> None:
        """A larger one covers as well (reduce-only never flips), so a refusal is only told; the guard tries again."""
        if bracket.closes_all or bracket.contracts == left.contracts:
            return
        try:
            await self._desk.gateway.amend_bracket(left.inst_id, bracket.algo_id, contracts=left.contracts)
        except ExchangeError as error:
            self._desk.log("warning", f"the bracket is larger than the position: {error}", left.inst_id)

    async def _trade(self, inst_id: str) -> OpenTrade | None:
        try:
            known = (await self._desk.book.open_trades()).get(inst_id)
        except sqlite3.Error:
            known = None
        return known or self._desk.unbooked.get(inst_id)
