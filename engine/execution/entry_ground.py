"""What must hold directly before an entry: nothing of the past in its way, 1x isolated leverage, and a market that the
decision still fits."""

from __future__ import annotations

import asyncio
import sqlite3
from decimal import Decimal

from engine.exchange.errors import ExchangeError
from engine.execution.context import Desk
from engine.execution.controls import Controls
from engine.execution.entry_plan import EntryDenied, EntryPlan
from engine.execution.gateway import EntriesLatched
from engine.execution.resolve import may_still_arrive
from engine.execution.states import IntentState
from engine.model import Bracket, BracketState
from engine.reasons import Reason
from engine.risk.gates_control import off_reason
from engine.risk.limits import NO_ENTRY_BEFORE_EXPIRY_MS

S = IntentState

LEVERAGE = Decimal(1)
MIN_DRIFT = 0.003
ATR_DRIFT = 0.5


class Ground:
    """`check` is asked once an entry, under the instrument's lock."""

    def __init__(self, desk: Desk, controls: Controls) -> None:
        self._desk = desk
        self._controls = controls

    async def check(self, plan: EntryPlan) -> None:
        """In this order: what costs nothing, what is asked, what is set, what moves. Raises EntryDenied."""
        await self._check_ground(plan)
        await self._confirm_leverage(plan)
        await self._requote(plan)

    async def _check_ground(self, plan: EntryPlan) -> None:
        """Nothing of the past may stand in the way of this entry. Raises EntryDenied."""
        inst_id = plan.instrument.inst_id
        self._check_controls(plan.ticker)
        block = self._desk.blocks.of(inst_id)
        if block is not None:
            raise EntryDenied(block.reason, block.detail)
        listed = self._desk.instruments.get(inst_id, plan.instrument)
        off = off_reason(listed, self._desk.clock.now_ms(), NO_ENTRY_BEFORE_EXPIRY_MS)
        if off:
            raise EntryDenied(Reason.INSTRUMENT_OFF, off)
        try:
            if await self._desk.journal.unresolved(inst_id):
                raise EntryDenied(Reason.UNKNOWN_ORDER, "an earlier order's fate is not known yet")
            lost = await self._desk.journal.latest_entry(inst_id, frozenset({S.ABSENT}))
            if lost is not None and may_still_arrive(lost, self._desk.clock.wall_ms()):
                raise EntryDenied(Reason.UNKNOWN_ORDER, "an earlier order was lost and may still arrive")
            if inst_id in await self._desk.book.open_trades() or inst_id in self._desk.unbooked:
                raise EntryDenied(Reason.ALREADY_IN_POSITION, "a trade is open in our books")
            self._check_cooldown(plan, await self._desk.book.last_close(inst_id))
        except sqlite3.Error as error:
            raise EntryDenied(Reason.LEDGER_MISMATCH, f"the journal cannot be read: {error}") from error
        await self._check_venue(inst_id)

    def _check_controls(self, ticker: str) -> None:
        try:
            self._desk.gateway.check()
        except EntriesLatched as latched:
            raise EntryDenied(Reason.KILL_ENGAGED, str(latched)) from latched
        if self._controls.entries_stopped:
            raise EntryDenied(Reason.ENTRIES_PAUSED, "entries are stopped by the operator")
        if ticker in self._controls.paused:
            raise EntryDenied(Reason.TICKER_PAUSED, f"{ticker} is paused by the operator")
        for halt in self._controls.halts:
            raise EntryDenied(halt.reason, halt.detail)

    def _check_cooldown(self, plan: EntryPlan, closed_at: int | None) -> None:
        """Also what closed after the decision was taken counts (incident row 23)."""
        if closed_at is None or plan.cooldown_s <= 0:
            return
        since_s = (self._desk.clock.now_ms() - closed_at) / 1000
        if since_s < plan.cooldown_s:
            raise EntryDenied(Reason.COOLDOWN, f"closed {since_s:.0f} s ago, limit {plan.cooldown_s:.0f} s")

    async def _check_venue(self, inst_id: str) -> None:
        exchange = self._desk.exchange
        try:
            brackets, orders, positions = await asyncio.gather(
                exchange.brackets(inst_id), exchange.open_orders(), exchange.positions()
            )
        except ExchangeError as error:
            raise EntryDenied(Reason.VENUE_UNAVAILABLE, f"the account cannot be read: {error}") from error
        if any(p.inst_id == inst_id for p in positions):
            raise EntryDenied(Reason.ALREADY_IN_POSITION, "the venue shows a position")
        if any(order.inst_id == inst_id for order in orders):
            raise EntryDenied(Reason.FOREIGN_ORDER, "an order rests on this instrument")
        if any(b.inst_id == inst_id and _rests(b) for b in brackets):
            raise EntryDenied(Reason.ORPHAN_BRACKET, "a bracket rests without a position")

    async def _confirm_leverage(self, plan: EntryPlan) -> None:
        """Set and read back before every entry: a person may have changed it since. Raises EntryDenied."""
        try:
            read_back = await self._desk.gateway.set_leverage(plan.instrument.inst_id, LEVERAGE)
        except ExchangeError as error:
            raise EntryDenied(Reason.LEVERAGE_REFUSED, str(error)) from error
        if read_back != LEVERAGE:
            raise EntryDenied(Reason.LEVERAGE_REFUSED, f"the venue reads back {read_back}x")

    async def _requote(self, plan: EntryPlan) -> None:
        """The decision must still fit the market, and nobody may have bought while the leverage was being set: the
        position is one, and our exit would sell theirs. Raises EntryDenied(DRIFT | STOP_INVALID | VENUE_UNAVAILABLE |
        ALREADY_IN_POSITION)."""
        inst_id = plan.instrument.inst_id
        exchange = self._desk.exchange
        try:
            book, mark, positions = await asyncio.gather(
                exchange.book(inst_id, 5), exchange.mark_price(inst_id), exchange.positions()
            )
        except ExchangeError as error:
            raise EntryDenied(Reason.VENUE_UNAVAILABLE, f"no quote: {error}") from error
        if any(p.inst_id == inst_id for p in positions):
            raise EntryDenied(Reason.ALREADY_IN_POSITION, "the venue shows a position by now")
        if not book.bids or not book.asks:
            raise EntryDenied(Reason.DATA_MISSING, "one side of the book is empty")
        age_s = (self._desk.clock.now_ms() - plan.decided_at) / 1000
        if age_s > plan.max_age_s:
            raise EntryDenied(Reason.DRIFT, f"decided {age_s:.0f} s ago, limit {plan.max_age_s:.0f} s")
        mid = (book.bids[0].price + book.asks[0].price) / 2
        drift, limit = abs(float(mid / plan.price) - 1), drift_limit(plan.atr15_pct)
        if drift > limit:
            raise EntryDenied(Reason.DRIFT, f"the price moved {drift:.2%} since the decision, limit {limit:.2%}")
        if not plan.prices.stop < min(mark, book.bids[0].price) or not max(mark, mid) < plan.prices.target:
            raise EntryDenied(Reason.STOP_INVALID, f"mark {mark} and mid {mid} no longer lie between stop and target")


def drift_limit(atr15_pct: float | None) -> float:
    """How far the price may move between decision and order, as a fraction: max(0.3 %, half the 15m ATR)."""
    return max(MIN_DRIFT, ATR_DRIFT * (atr15_pct or 0.0))


def _rests(bracket: Bracket) -> bool:
    return bracket.state in (BracketState.LIVE, BracketState.DORMANT)
