"""What entry, exit and guard share: the venue, the books, the clock, and whom to tell."""

from __future__ import annotations

import sqlite3
from collections.abc import MutableMapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TypeGuard

from engine.clock import Clock
from engine.events import LogLine
from engine.exchange.errors import ExchangeError
from engine.exchange.port import Exchange
from engine.execution.blocks import Blocks
from engine.execution.bracket_journal import BracketJournal
from engine.execution.gateway import OrderGateway, Publish
from engine.execution.intent import Intent
from engine.execution.journal import Journal
from engine.execution.locks import InstrumentLocks
from engine.execution.states import IllegalTransition, IntentState
from engine.execution.timing import ExecutionTiming
from engine.execution.trade_book import OpenTrade, TradeBook, trade_of
from engine.model import Bracket, Instrument, Position
from engine.reasons import Reason

SWAP_SUFFIX = "-USDT-SWAP"


@dataclass(frozen=True, slots=True)
class ExecutionOutcome:
    """How an entry or an exit ended, in the words of the one enum of reasons.

    `unprotected_ms` is wall time from the send to the verified bracket, at most; None = not measured.
    """

    reason: Reason
    detail: str
    client_id: str = ""
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None
    unprotected_ms: float | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """The shared parts. `instruments` is by instrument id and may be refreshed in place. `unbooked` are trades that
    the database refused, by instrument id: the guard knows them from here until they are booked."""

    exchange: Exchange
    gateway: OrderGateway
    journal: Journal
    brackets: BracketJournal
    book: TradeBook
    locks: InstrumentLocks
    blocks: Blocks
    clock: Clock
    publish: Publish
    instruments: MutableMapping[str, Instrument]
    timing: ExecutionTiming
    unjournalled: set[str] = field(default_factory=set)
    unbooked: dict[str, OpenTrade] = field(default_factory=dict)

    def ticker(self, inst_id: str) -> str:
        known = self.instruments.get(inst_id)
        return known.ticker if known is not None else inst_id.removesuffix(SWAP_SUFFIX)

    def log(self, level: str, text: str, inst_id: str = "") -> None:
        ticker = self.ticker(inst_id) if inst_id else ""
        self.publish(LogLine(level, "execution", text, self.clock.now_ms(), ticker))

    async def position(self, inst_id: str) -> Position | None:
        """None = flat, by the venue's word. Raises Unavailable."""
        return next((p for p in await self.exchange.positions() if p.inst_id == inst_id), None)

    async def refresh_instruments(self) -> None:
        """After a refusal that changed terms may explain (tick, lot); those that cannot be read stay as they were."""
        try:
            self.instruments.update(await self.exchange.instruments())
        except ExchangeError as error:
            self.log("warning", f"the instruments' terms cannot be read: {error}")

    async def take_away(self, inst_id: str, brackets: Sequence[Bracket], why: str) -> None:
        """Cancels brackets of ours; why is on record before it is asked. Raises as the port's writes do."""
        await self.brackets.cancelling(brackets, why)
        await self.gateway.cancel_brackets(inst_id, [bracket.algo_id for bracket in brackets])

    async def mark(self, inst_id: str) -> Decimal | None:
        """None when the venue does not tell, or tells no price: 0 and NaN decide nothing (incident row 44)."""
        try:
            mark = await self.exchange.mark_price(inst_id)
        except ExchangeError:
            return None
        return mark if is_price(mark) else None

    async def advance(
        self,
        intent: Intent,
        after: IntentState,
        detail: str = "",
        *,
        order_id: str | None = None,
        filled: Decimal | None = None,
        average_price: Decimal | None = None,
        unprotected_ms: float | None = None,
    ) -> Intent:
        """A journalled step that a broken database cannot stop: once an order is out, protecting it comes first.

        On a database error this and the later steps are taken in memory, said aloud, and made good by the next
        reconcile. A trade that the books have closed meanwhile takes no more steps: its row is returned, CLOSED.
        """
        try:
            if intent.client_id in self.unjournalled:
                raise sqlite3.OperationalError("an earlier step is missing")
            return await self.journal.move(
                intent.client_id,
                after,
                detail,
                order_id=order_id,
                filled=filled,
                average_price=average_price,
                unprotected_ms=unprotected_ms,
            )
        except IllegalTransition:
            now = await self.journal.get(intent.client_id)
            if now is None or now.state is not IntentState.CLOSED:
                raise
            return now
        except sqlite3.Error as error:
            self.unjournalled.add(intent.client_id)
            self.log("error", f"journal not written ({error}); going on: {after.value}", intent.inst_id)
            return replace(
                intent,
                state=after,
                detail=detail,
                order_id=intent.order_id if order_id is None else order_id,
                filled=intent.filled if filled is None else filled,
                average_price=intent.average_price if average_price is None else average_price,
            )

    async def book_trade(self, intent: Intent, opened_at: int) -> OpenTrade:
        """As `TradeBook.open`, but a broken database does not stop the protection."""
        try:
            trade = await self.book.open(intent, opened_at)
        except sqlite3.Error as error:
            self.log("error", f"trade not booked ({error}); the next reconcile will", intent.inst_id)
            return self.unbooked.setdefault(intent.inst_id, trade_of(intent, opened_at))
        self.unbooked.pop(intent.inst_id, None)
        return trade


def is_price(value: Decimal | None) -> TypeGuard[Decimal]:
    """Known, finite and above 0."""
    return value is not None and value.is_finite() and value > 0
