"""Compares positions with brackets, again and again, and heals the difference. Level, not edge: it relies on no
event, so that a restart, a lost message or a stranger's hand changes nothing about it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from engine.events import BracketHealed, PositionsChanged
from engine.exchange.errors import ExchangeError
from engine.execution.bracket_fates import BracketFates
from engine.execution.churn import Churn
from engine.execution.context import Desk
from engine.execution.cover import Cover
from engine.execution.exit import Exit
from engine.execution.protect import Protected, Protector
from engine.execution.resolve import Resolver
from engine.execution.seen import UNTOLD, Seen, cover_of, foreign_view, fresh, guarded_view
from engine.execution.states import HOLDING, IntentState
from engine.execution.strangers import Strangers
from engine.execution.trade_book import OpenTrade
from engine.execution.trailing import Trailing
from engine.execution.upkeep import Upkeep
from engine.model import Position, ProtectedPosition, Protection
from engine.reasons import Reason

S = IntentState

ADOPTABLE = frozenset({S.SENT, S.UNKNOWN, S.ACCEPTED, S.ABSENT})

LEFT = {Reason.EXITED: "closed at market", Reason.SELL_WHEN_FLAT: "nothing left to close"}
"""How a close ended after which nothing of ours is held, as it is told."""


@dataclass(frozen=True, slots=True)
class GuardReport:
    """What one pass saw and did. `closed` are instruments where a trade is open in our books but not at the venue."""

    positions: tuple[ProtectedPosition, ...]
    closed: tuple[str, ...]
    healed: int
    swept: int

    @property
    def silent(self) -> bool:
        return not self.healed and not self.swept and not self.closed


class Guard:
    """`run` is one pass; the caller repeats it."""

    def __init__(
        self, desk: Desk, resolver: Resolver, protector: Protector, leave: Exit, trailing: Trailing, churn: Churn,
        book: Callable[[], Awaitable[object]], fates: BracketFates,
    ) -> None:  # fmt: skip
        """`book` books what is new at the venue."""
        self._desk = desk
        self._book = book
        self._fates = fates
        self._churn = churn
        self._upkeep = Upkeep(desk)
        self._strangers = Strangers(desk)
        self._resolver = resolver
        self._protector = protector
        self._exit = leave
        self._trailing = trailing
        self._last: tuple[ProtectedPosition, ...] = ()
        self._trades: Mapping[str, OpenTrade] = {}

    @property
    def last(self) -> tuple[ProtectedPosition, ...]:
        """As the latest pass that could read the venue saw them."""
        return self._last

    async def run(self) -> GuardReport:
        """Raises ExchangeError when the venue cannot be read; what it showed last then still stands."""
        seen = await self._see()
        views = await asyncio.gather(*(self._look_after_one(position, seen) for position in seen.positions))
        await self._fates.watch(seen.recorded, seen.brackets)
        swept = await self._strangers.sweep_orphans(seen)
        await self._strangers.block(seen, (view for view, _ in views))
        self._desk.blocks.replace("upkeep", self._upkeep.blocks(seen.positions, seen.trades))
        held = {position.inst_id for position in seen.positions}
        closed = tuple(i for i in seen.trades if i not in held and not self._desk.locks.busy(i))
        self._last = tuple(view for view, _ in views if view is not None)
        self._desk.publish(PositionsChanged(self._last, self._desk.clock.now_ms()))
        return GuardReport(self._last, closed, sum(healed for _, healed in views), swept)

    async def look(self) -> tuple[ProtectedPosition, ...]:
        """What a pass would see, without acting on it. Raises ExchangeError."""
        seen = await self._see()
        self._last = tuple(
            guarded_view(self._desk, position, trade, cover_of(position, seen.brackets))
            if (trade := seen.trades.get(position.inst_id)) is not None
            else foreign_view(self._desk, position, seen.brackets)
            for position in seen.positions
        )
        self._desk.publish(PositionsChanged(self._last, self._desk.clock.now_ms()))
        return self._last

    # ---------------------------------------------------------------- what is there

    async def _see(self) -> Seen:
        recorded = self._desk.brackets.open()
        brackets, orders = await asyncio.gather(self._desk.exchange.brackets(), self._desk.exchange.open_orders())
        positions = await self._desk.exchange.positions()
        try:
            self._trades = await self._desk.book.open_trades()
        except sqlite3.Error as error:
            self._desk.log("error", f"books cannot be read ({error}); guarding by the last known terms")
        return Seen(recorded, brackets, orders, positions, {**self._desk.unbooked, **self._trades})

    async def _look_after_one(self, position: Position, seen: Seen) -> tuple[ProtectedPosition | None, bool]:
        """What goes wrong with one position never keeps the guard from the others."""
        try:
            return await self._look_after(position, seen)
        except Exception as error:  # noqa: BLE001 - a defect met on one position must not bare the others
            text = str(error) if isinstance(error, (ExchangeError, sqlite3.Error)) else repr(error)
            self._desk.log("error", f"guarding is hindered: {text}", position.inst_id)
            return replace(self._busy_view(position, seen), detail=text), False

    async def _look_after(self, position: Position, seen: Seen) -> tuple[ProtectedPosition | None, bool]:
        """The position's view (None = it has gone meanwhile), and whether something was done about it."""
        inst_id = position.inst_id
        if self._desk.locks.busy(inst_id):
            return guarded_view(
                self._desk, position, seen.trades.get(inst_id), cover_of(position, seen.brackets), busy=True
            ), False
        trade = seen.trades.get(inst_id)
        if trade is not None and (position.contracts < 0 or self._is_another(position, trade)):
            trade = await self._still_open(trade)
        try:
            trade = trade or await self._adopt(inst_id)
        except (ExchangeError, sqlite3.Error) as error:
            self._desk.log("error", f"not known whether this program opened it: {error}", inst_id)
            return foreign_view(self._desk, position, seen.brackets, UNTOLD), False
        if trade is None or position.contracts < 0:
            taken = await self._strangers.release(position, seen.brackets)
            left = [bracket for bracket in seen.brackets if bracket not in taken]
            return foreign_view(self._desk, position, left), bool(taken)
        cover = cover_of(position, seen.brackets)
        if cover.protection is Protection.PROTECTED and not cover.surplus and cover.resizable is None:
            await self._settle_entry(trade, cover)
            return await self._kept_up(position, trade, cover)
        async with self._desk.locks.of(inst_id):
            return await self._heal(inst_id, trade)

    def _busy_view(self, position: Position, seen: Seen) -> ProtectedPosition:
        """Of one that somebody is at work on, or that could not be looked after."""
        trade, cover = seen.trades.get(position.inst_id), cover_of(position, seen.brackets)
        return guarded_view(self._desk, position, trade, cover, busy=True)

    def _is_another(self, position: Position, trade: OpenTrade) -> bool:
        """It opened after the trade did: ours may have ended meanwhile, and this one be somebody else's."""
        second_ms = 1000 * max(1.0, self._desk.clock.speed())
        return position.opened_at > trade.opened_at + second_ms

    async def _still_open(self, trade: OpenTrade) -> OpenTrade | None:
        """The trade once what is new at the venue is booked; None = it has ended. Where that cannot be learnt it is
        held for ours: covered once too often is better than bare."""
        try:
            await self._book()
            return (await self._desk.book.open_trades()).get(trade.inst_id)
        except (ExchangeError, sqlite3.Error) as error:
            self._desk.log("warning", f"not known whether this is still our trade: {error}", trade.inst_id)
            return trade

    async def _adopt(self, inst_id: str) -> OpenTrade | None:
        """A position without a trade may be that of an entry whose fate was not known: the venue is asked. Raises
        ExchangeError and sqlite3.Error while nobody tells."""
        async with self._desk.locks.of(inst_id):
            intent = await self._desk.journal.latest_entry(inst_id, ADOPTABLE | HOLDING)
            if intent is None:
                return None
            if intent.state in HOLDING:
                await self._desk.book.open(intent, intent.created_at)
            else:
                await self._resolver.settle(intent)
            return (await self._desk.book.open_trades()).get(inst_id)

    # ---------------------------------------------------------------- healing

    async def _heal(self, inst_id: str, trade: OpenTrade) -> tuple[ProtectedPosition | None, bool]:
        """Holds the lock, so it looks again before it acts."""
        position, brackets = await fresh(self._desk, inst_id)
        if position is None:
            return None, False
        cover = cover_of(position, brackets)
        if cover.protection is Protection.MISSING and self._is_young(position):
            deadline = self._desk.timing.cover_deadline_s
            cover = (
                await self._protector.await_cover(trade, position.contracts, deadline, position.margin_mode) or cover
            )
        if cover.protection is Protection.PROTECTED:
            await self._settle_entry(trade, cover)
            acted = await self._trim(trade, position, cover)
            return guarded_view(self._desk, position, trade, cover), acted
        await self._mark_healing(trade, cover)
        outcome = await self._protector.protect(trade, position.contracts)
        if outcome.result is Protected.FLAT:
            return None, True
        if outcome.result is Protected.COVERED:
            now_covered = Cover(Protection.PROTECTED, outcome.bracket)
            await self._settle_entry(trade, now_covered)
            return guarded_view(self._desk, position, trade, now_covered), True
        return await self._close(trade, position, cover, outcome.detail), True

    def _is_young(self, position: Position) -> bool:
        """Just opened: the bracket that rode on its entry may become live any moment (a restart can be that
        fast), and one placed beside it would be a second."""
        clock = self._desk.clock
        wall_ms = (clock.now_ms() - position.opened_at) / max(clock.speed(), 1.0)
        return wall_ms < self._desk.timing.cover_deadline_s * 1000

    async def _close(
        self, trade: OpenTrade, position: Position, cover: Cover, why: str, reason: Reason = Reason.UNPROTECTED_CLOSED
    ) -> ProtectedPosition | None:
        """A position that cannot be covered, or must not stay, is closed, and said aloud; None = it has gone. `cover`
        is what rests as long as it has not."""
        self._desk.log("error", f"closing at market: {why}", trade.inst_id)
        await self._mark(trade, (S.FILLED, S.COVERED, S.HEALING), S.CLOSING, why)
        closed = await self._exit.close_locked(trade.inst_id, reason, trade.trade_id)
        self._tell(trade.ticker, LEFT.get(closed.reason, "could not be closed"), f"{why}; {closed.detail}")
        if closed.reason is Reason.SELL_WHEN_FLAT:
            return await self._left_behind(trade.inst_id)
        if closed.reason is Reason.EXITED:
            return None
        view = guarded_view(self._desk, position, trade, replace(cover, protection=Protection.CLOSING))
        return replace(view, detail=closed.detail)

    async def _left_behind(self, inst_id: str) -> ProtectedPosition | None:
        """Ours has ended; what is there all the same is somebody else's. Raises ExchangeError."""
        position, brackets = await fresh(self._desk, inst_id)
        return None if position is None else foreign_view(self._desk, position, brackets)

    async def _trim(self, trade: OpenTrade, position: Position, cover: Cover) -> bool:
        """Takes away brackets beyond the one that counts, and cuts that one to the position's size."""
        acted = False
        try:
            if cover.surplus:
                await self._desk.take_away(trade.inst_id, cover.surplus, "another one covers the position")
                self._tell(
                    trade.ticker, "surplus brackets cancelled", f"{len(cover.surplus)} beside the one that counts"
                )
                acted = True
            if cover.resizable is not None and self._churn.may(trade.inst_id):
                await self._desk.gateway.amend_bracket(
                    trade.inst_id, cover.resizable.algo_id, contracts=position.contracts
                )
                self._tell(trade.ticker, "bracket resized", f"to {position.contracts} contracts")
                acted = True
        except ExchangeError as error:
            self._desk.log("warning", f"covered, but not tidy: {error}", trade.inst_id)
        return acted

    async def _settle_entry(self, trade: OpenTrade, cover: Cover) -> None:
        """The entry's row says COVERED once the venue does."""
        assert cover.bracket is not None, "what covers is a bracket"
        await self._mark(trade, (S.FILLED, S.HEALING, S.CLOSING), S.COVERED, f"bracket {cover.bracket.algo_id}")
        if cover.bracket.stop is not None and cover.bracket.stop > trade.prices.stop:
            try:
                await self._desk.book.raise_stop(trade.trade_id, cover.bracket.stop)
            except sqlite3.Error as error:
                self._desk.log("error", f"the raised stop is not written ({error})", trade.inst_id)

    async def _mark_healing(self, trade: OpenTrade, cover: Cover) -> None:
        self._desk.log("warning", f"bracket {cover.protection.value}; restoring it", trade.inst_id)
        await self._mark(trade, (S.FILLED, S.COVERED, S.CLOSING), S.HEALING, f"bracket {cover.protection.value}")

    async def _mark(self, trade: OpenTrade, before: tuple[IntentState, ...], after: IntentState, detail: str) -> None:
        """The entry's row follows what the guard does; a broken database does not hold the guard up."""
        try:
            intent = await self._desk.journal.entry_of(trade.trade_id)
            if intent is not None and intent.state in before:
                await self._desk.journal.move(intent.client_id, after, detail)
        except sqlite3.Error as error:
            self._desk.log("error", f"journal not written ({error})", trade.inst_id)

    async def _kept_up(
        self, position: Position, trade: OpenTrade, cover: Cover
    ) -> tuple[ProtectedPosition | None, bool]:
        """Covered: what else must hold of it, and then its stop follows the price."""
        assert cover.bracket is not None
        async with self._desk.locks.of(trade.inst_id):
            leave = await self._upkeep.look(trade, position, cover.bracket)
            if leave is not None:
                return await self._close(trade, position, cover, leave.why, leave.reason), True
            raised = await self._trailing.follow(trade, position, cover.bracket)
        if raised is None:
            return guarded_view(self._desk, position, trade, cover), False
        return guarded_view(
            self._desk, position, trade, replace(cover, bracket=replace(cover.bracket, stop=raised))
        ), True

    def _tell(self, ticker: str, action: str, detail: str) -> None:
        self._desk.publish(BracketHealed(ticker, action, detail, self._desk.clock.now_ms()))
