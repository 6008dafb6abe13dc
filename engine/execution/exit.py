"""Closes a whole position, reduce-only, and ends only when the venue shows flat and nothing of ours rests there."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from engine.events import OrderFilled, OrderRefused
from engine.exchange.errors import ErrorClass, ExchangeError, Rejected
from engine.execution.context import Desk, ExecutionOutcome
from engine.execution.cover import ours_on
from engine.execution.ids import EXIT_TAG, exit_id
from engine.execution.intent import Intent
from engine.execution.journal import AlreadyJournalled
from engine.execution.states import IntentState, Kind
from engine.execution.timing import pauses
from engine.model import Bracket, OrderRequest, OrderType, Position, Side
from engine.reasons import Reason

S = IntentState

GONE = (ErrorClass.POSITION_GONE, ErrorClass.NOT_FOUND)

URGENT = (Reason.OPERATOR_CLOSE, Reason.UNPROTECTED_CLOSED)
"""What a person asked for, or what is bare, is closed also while nobody can tell whether it is still our trade."""


@dataclass(frozen=True, slots=True)
class _Closing:
    """One closing, over as many attempts as it takes."""

    inst_id: str
    ticker: str
    reason: Reason
    decision_id: str
    stop_at: float
    at_most: Decimal | None = None


class Exit:
    """The only way in which the engine closes a position. The kill switch has its own."""

    def __init__(self, desk: Desk, book: Callable[[], Awaitable[object]]) -> None:
        """`book` books what is new at the venue."""
        self._desk = desk
        self._book = book

    async def close(self, inst_id: str, reason: Reason, decision_id: str) -> ExecutionOutcome:
        """EXITED when flat and swept; SELL_WHEN_FLAT when nothing was open; VENUE_UNAVAILABLE or ORDER_REJECTED
        when the venue would not. `reason` is why: SIGNAL_EXIT, OPERATOR_CLOSE… Never raises ExchangeError."""
        async with self._desk.locks.of(inst_id):
            return await self.close_locked(inst_id, reason, decision_id)

    async def close_locked(self, inst_id: str, reason: Reason, decision_id: str) -> ExecutionOutcome:
        """As `close`, for callers that hold the instrument's lock."""
        stop_at = self._desk.clock.monotonic() + self._desk.timing.flat_deadline_s
        closing = _Closing(inst_id, self._desk.ticker(inst_id), reason, decision_id, stop_at)
        try:
            position = await self._desk.position(inst_id)
        except ExchangeError as error:
            return ExecutionOutcome(Reason.VENUE_UNAVAILABLE, f"positions cannot be read: {error}")
        if position is None:
            await self.sweep(inst_id)
            return ExecutionOutcome(Reason.SELL_WHEN_FLAT, "already flat at the venue")
        over = await self.over_already(position, reason)
        if over is not None:
            return over
        outcome = await self._until_flat(closing, position)
        if outcome.reason is Reason.EXITED:
            await self.sweep(inst_id)
        return outcome

    async def over_already(self, position: Position, reason: Reason) -> ExecutionOutcome | None:
        """Why this position is not ours to trade: it opened after our trade did, which the books then find ended. None
        when it is, when no trade is open in the books, and when a person asked. Ours may be dated up to a second after
        its order: then it counts as ours while nobody tells. Callers hold the instrument's lock."""
        inst_id, second_ms = position.inst_id, 1000 * max(1.0, self._desk.clock.speed())
        doubtful = True
        try:
            trade = (await self._desk.book.open_trades()).get(inst_id)
            if trade is None or position.opened_at <= trade.opened_at or reason is Reason.OPERATOR_CLOSE:
                return None
            doubtful = position.opened_at > trade.opened_at + second_ms
            await self._book()
            now = (await self._desk.book.open_trades()).get(inst_id)
        except (ExchangeError, sqlite3.Error) as error:
            if reason in URGENT or not doubtful:
                return None
            return ExecutionOutcome(Reason.VENUE_UNAVAILABLE, f"not known whether this is still our trade: {error}")
        if now is not None:
            return None
        await self.sweep(inst_id)
        return ExecutionOutcome(Reason.SELL_WHEN_FLAT, "our position has ended; this one is not ours")

    async def part_locked(
        self, position: Position, part: Decimal, reason: Reason, decision_id: str
    ) -> tuple[Position | None, ExecutionOutcome]:
        """Closes `part` contracts, for callers that hold the lock: what is left (None = flat), and how it went.
        REDUCED when the venue shows less than before; the brackets are the caller's."""
        stop_at = self._desk.clock.monotonic() + self._desk.timing.flat_deadline_s
        closing = _Closing(position.inst_id, self._desk.ticker(position.inst_id), reason, decision_id, stop_at, part)
        client_id, why = await self._attempt(closing, position, market_close=False)
        left = await self._wait_for_change(closing, position)
        if left is None:
            await self.sweep(position.inst_id)
            return None, ExecutionOutcome(Reason.EXITED, "flat at the venue", client_id, filled=abs(position.contracts))
        closed = abs(position.contracts) - abs(left.contracts)
        if closed == 0:
            return left, self._not_flat(closing, left, why)
        return left, ExecutionOutcome(
            Reason.REDUCED, f"{closed} contracts closed, {left.contracts} left", client_id, closed
        )

    async def sweep(self, inst_id: str) -> None:
        """Cancels our brackets on an instrument that the venue shows flat. What does not go in time is swept by the
        guard's next pass. Under a position that is open, again or still, only brackets of ended trades go."""
        clock = self._desk.clock
        stop_at = clock.monotonic() + self._desk.timing.flat_deadline_s / 2
        for pause in pauses(self._desk.timing):
            try:
                left = await self._orphans(inst_id)
                if not left:
                    return
                await self._desk.take_away(inst_id, left, "the position has ended")
            except ExchangeError as error:
                self._desk.log("warning", f"orphan brackets not cancelled yet: {error}", inst_id)
            if clock.monotonic() >= stop_at:
                break
            await asyncio.sleep(pause)

    async def _orphans(self, inst_id: str) -> Sequence[Bracket]:
        """Our brackets that no position needs; they are read before it is. Raises ExchangeError."""
        ours = ours_on(inst_id, await self._desk.exchange.brackets(inst_id))
        if not ours or await self._desk.position(inst_id) is None:
            return ours
        try:
            ended = await self._desk.book.ended(bracket.client_id for bracket in ours)
        except sqlite3.Error:
            return ()
        return [bracket for bracket in ours if bracket.client_id in ended]

    async def _until_flat(self, closing: _Closing, position: Position) -> ExecutionOutcome:
        total = abs(position.contracts)
        left: Position | None = position
        why = ""
        market_close = False
        client_id = ""
        while left is not None:
            client_id, why = await self._attempt(closing, left, market_close)
            before, left = left, await self._wait_for_change(closing, left)
            unchanged = left is not None and left.contracts == before.contracts
            market_close = (bool(why) or unchanged) and not market_close and self._fits_one_order(left)
            if left is not None and self._desk.clock.monotonic() >= closing.stop_at:
                return self._not_flat(closing, left, why)
        detail = f"flat at the venue, {total} contracts closed"
        self._desk.log("info", detail, closing.inst_id)
        return ExecutionOutcome(Reason.EXITED, detail, client_id, filled=total)

    def _fits_one_order(self, left: Position | None) -> bool:
        """close-position sends one market order: beyond the largest one the venue refuses it (51108), slices go on."""
        instrument = None if left is None else self._desk.instruments.get(left.inst_id)
        return left is None or instrument is None or abs(left.contracts) <= instrument.max_market_size

    def _not_flat(self, closing: _Closing, left: Position, why: str) -> ExecutionOutcome:
        detail = f"still {left.contracts} contracts open" + (f": {why}" if why else "")
        self._desk.log("error", f"could not close: {detail}", closing.inst_id)
        return ExecutionOutcome(Reason.ORDER_REJECTED if why else Reason.VENUE_UNAVAILABLE, detail)

    async def _attempt(self, closing: _Closing, position: Position, market_close: bool) -> tuple[str, str]:
        """Sends one closing order; its client id, and why it was refused ("" = accepted, unknown or already gone)."""
        intent = await self._journal(closing, position)
        try:
            if market_close:
                await self._desk.gateway.close_position(
                    closing.ticker, closing.inst_id, intent.client_id, position.contracts, position.margin_mode
                )
            else:
                await self._desk.gateway.send(closing.ticker, _request(intent, position), "exit")
        except Rejected as error:
            return intent.client_id, await self._refused(closing, intent, error)
        except ExchangeError as error:
            await self._desk.advance(intent, S.UNKNOWN, str(error))
            return intent.client_id, ""
        await self._desk.advance(intent, S.ACCEPTED)
        return intent.client_id, ""

    async def _refused(self, closing: _Closing, intent: Intent, error: Rejected) -> str:
        await self._desk.advance(intent, S.REFUSED, str(error))
        if error.error_class in GONE:
            return ""
        now = self._desk.clock.now_ms()
        self._desk.publish(OrderRefused(closing.ticker, intent.client_id, "exit", error.code, error.message, now))
        return str(error)

    async def _journal(self, closing: _Closing, position: Position) -> Intent:
        """Commits the intent; a database that refuses does not keep a position open."""
        desk = self._desk
        instrument = desk.instruments.get(closing.inst_id)
        size = abs(position.contracts)
        if instrument is not None:
            size = min(size, instrument.max_market_size)
        if closing.at_most is not None:
            size = min(size, closing.at_most)
        try:
            attempt = await desk.journal.next_exit_attempt(closing.decision_id)
        except sqlite3.Error:
            attempt = desk.clock.wall_ms() % 600 + 600
        intent = Intent(
            client_id=exit_id(closing.decision_id, attempt), kind=Kind.EXIT, decision_id=closing.decision_id,
            attempt=attempt, ticker=closing.ticker, inst_id=closing.inst_id, contracts=size, reason=closing.reason,
            created_at=desk.clock.now_ms(),
        )  # fmt: skip
        try:
            await desk.journal.record(intent)
        except (sqlite3.Error, AlreadyJournalled) as error:
            desk.unjournalled.add(intent.client_id)
            desk.log("error", f"exit not journalled ({error}); closing all the same", closing.inst_id)
        return await desk.advance(intent, S.SENT)

    async def _wait_for_change(self, closing: _Closing, before: Position) -> Position | None:
        """The position once it differs from `before` (None = flat), or as it is when patience ends."""
        clock = self._desk.clock
        stop_at = min(clock.monotonic() + self._desk.timing.cover_deadline_s, closing.stop_at)
        latest: Position | None = before
        for pause in pauses(self._desk.timing):
            try:
                latest = _same_life(before, await self._desk.position(closing.inst_id))
            except ExchangeError as error:
                self._desk.log("warning", f"positions cannot be read: {error}", closing.inst_id)
            if latest is None or latest.contracts != before.contracts or clock.monotonic() >= stop_at:
                break
            await asyncio.sleep(pause)
        await self._settle(closing, latest)
        return latest

    async def _settle(self, closing: _Closing, latest: Position | None) -> None:
        """The journal learns how this closing's orders ended, and the tape what they cost."""
        try:
            pending = await self._desk.journal.unresolved(closing.inst_id)
        except sqlite3.Error:
            return
        for intent in pending:
            if intent.kind is not Kind.EXIT or intent.decision_id != closing.decision_id:
                continue
            if latest is None:
                await self._tell_fill(intent)
                await self._desk.advance(intent, S.FLAT, "flat at the venue")
            elif latest.contracts < intent.contracts or intent.state is S.ACCEPTED:
                await self._desk.advance(intent, S.RESIDUAL, f"{latest.contracts} contracts left")

    async def _tell_fill(self, intent: Intent) -> None:
        try:
            order = await self._desk.exchange.order(intent.inst_id, intent.client_id)
        except ExchangeError:
            return
        if order is None or order.average_price is None:
            return
        self._desk.publish(
            OrderFilled(intent.ticker, intent.client_id, order.side.value, order.filled, order.average_price, order.fee,
                        "exit", self._desk.clock.now_ms())
        )  # fmt: skip


def _same_life(before: Position, now: Position | None) -> Position | None:
    """None when what was being closed is flat: a position that opened since is somebody else's."""
    return now if now is not None and now.opened_at == before.opened_at else None


def _request(intent: Intent, position: Position) -> OrderRequest:
    """The size is the venue's position, never a memory of ours; reduce-only cannot flip it."""
    side = Side.SELL if position.contracts > 0 else Side.BUY
    contracts = min(abs(position.contracts), intent.contracts) if intent.contracts > 0 else Decimal(0)
    return OrderRequest(
        intent.inst_id, intent.client_id, side, OrderType.MARKET, contracts, reduce_only=True, tag=EXIT_TAG,
        margin_mode=position.margin_mode,
    )  # fmt: skip
