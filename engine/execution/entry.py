"""Opens one position for one decision, under a stop and a target from the first moment, or does nothing.

The order of things (okx.md §15): look for anything that forbids it, confirm 1x isolated leverage, quote again,
commit the intent, send with the bracket attached, settle what became of it, verify the cover, heal or close.
"""

from __future__ import annotations

import asyncio
import sqlite3
from dataclasses import dataclass
from decimal import Decimal

from engine.events import BracketVerified, OrderFilled, OrderRefused
from engine.exchange.errors import AuthFailed, ClockSkewed, ErrorClass, ExchangeError, Rejected
from engine.execution.bracket_rows import BracketRow
from engine.execution.bracket_states import BracketLife
from engine.execution.context import Desk, ExecutionOutcome
from engine.execution.controls import Controls
from engine.execution.exit import Exit
from engine.execution.gateway import EntriesLatched
from engine.execution.ids import TAG, bracket_id, entry_id
from engine.execution.intent import Intent
from engine.execution.journal import AlreadyJournalled
from engine.execution.protect import Protected, Protector
from engine.execution.resolve import Resolver, may_still_arrive
from engine.execution.states import IntentState, Kind
from engine.execution.trade_book import OpenTrade, trade_of
from engine.model import Bracket, BracketPrices, BracketState, Instrument, OrderRequest, OrderType, Protection, Side
from engine.reasons import Reason
from engine.risk.gates_control import off_reason
from engine.risk.limits import NO_ENTRY_BEFORE_EXPIRY_MS

S = IntentState

LEVERAGE = Decimal(1)
MIN_DRIFT = 0.003
ATR_DRIFT = 0.5


@dataclass(frozen=True, slots=True)
class EntryPlan:
    """What was decided. `price` is the price that the decision saw; `atr15_pct` and `trail_pct` are fractions;
    `decided_at` is venue ms, `max_age_s` and `cooldown_s` (since the instrument's last close) are venue seconds."""

    decision_id: str
    ticker: str
    instrument: Instrument
    contracts: Decimal
    prices: BracketPrices
    price: Decimal
    decided_at: int
    strength: float | None
    atr15_pct: float | None
    trail_pct: float
    max_age_s: float
    cooldown_s: float = 0.0

    def __post_init__(self) -> None:
        assert self.contracts > 0, f"contracts must be > 0, got {self.contracts}"
        assert 0 < self.prices.stop < self.price < self.prices.target, "a long's stop is below, its target above"


class EntryDenied(Exception):
    """Nothing was sent, for a named reason."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


class Entry:
    """`enter` is the only way in which a position is opened."""

    def __init__(self, desk: Desk, controls: Controls, resolver: Resolver, protector: Protector, leave: Exit) -> None:
        self._desk = desk
        self._controls = controls
        self._resolver = resolver
        self._protector = protector
        self._exit = leave

    async def enter(self, plan: EntryPlan) -> ExecutionOutcome:
        """Never raises ExchangeError; a second call for the same decision never sends."""
        async with self._desk.locks.of(plan.instrument.inst_id):
            try:
                await self._check_ground(plan)
                await self._confirm_leverage(plan)
                await self._requote(plan)
                intent = await self._commit(plan)
            except EntryDenied as denied:
                return ExecutionOutcome(denied.reason, denied.detail)
            sent_at = self._desk.clock.monotonic()
            outcome = await self._send(plan, intent)
            if isinstance(outcome, ExecutionOutcome):
                return outcome
            return await self._settle(plan, outcome, sent_at)

    # ---------------------------------------------------------------- before the send

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
        """The decision must still fit the market. Raises EntryDenied(DRIFT | STOP_INVALID | VENUE_UNAVAILABLE)."""
        inst_id = plan.instrument.inst_id
        try:
            book, mark = await asyncio.gather(
                self._desk.exchange.book(inst_id, 5), self._desk.exchange.mark_price(inst_id)
            )
        except ExchangeError as error:
            raise EntryDenied(Reason.VENUE_UNAVAILABLE, f"no quote: {error}") from error
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

    async def _commit(self, plan: EntryPlan) -> Intent:
        """The intent is on disk before anything is on the wire. Raises EntryDenied."""
        intent = Intent(
            client_id=entry_id(plan.decision_id),
            kind=Kind.ENTRY,
            decision_id=plan.decision_id,
            attempt=0,
            ticker=plan.ticker,
            inst_id=plan.instrument.inst_id,
            contracts=plan.contracts,
            reason=Reason.ENTERED,
            created_at=self._desk.clock.now_ms(),
            contract_units=plan.instrument.contract_value * plan.instrument.contract_multiplier,
            price=plan.price,
            prices=plan.prices,
            strength=plan.strength,
            trail_pct=plan.trail_pct,
        )
        brackets = self._desk.brackets
        intended = brackets.first(_attached(intent))
        sent = brackets.next(intended.row, BracketLife.SENT)
        try:
            await self._desk.journal.record(intent, intended)
            brackets.keep(intended)
            intent = await self._desk.journal.move(intent.client_id, S.SENT, bracket=sent)
        except AlreadyJournalled as error:
            raise EntryDenied(Reason.UNKNOWN_ORDER, f"{error}; never sent twice") from error
        except sqlite3.Error as error:
            raise EntryDenied(Reason.LEDGER_MISMATCH, f"the journal cannot be written: {error}") from error
        brackets.keep(sent)
        return intent

    # ---------------------------------------------------------------- the send, and after

    async def _send(self, plan: EntryPlan, intent: Intent) -> Intent | ExecutionOutcome:
        """The intent to be settled, or how it ended when nothing is at the venue."""
        request = OrderRequest(
            inst_id=intent.inst_id,
            client_id=intent.client_id,
            side=Side.BUY,
            order_type=OrderType.MARKET,
            contracts=plan.contracts,
            bracket=plan.prices,
            bracket_client_id=bracket_id(plan.decision_id, 0),
            tag=TAG,
        )
        try:
            ack = await self._desk.gateway.send(plan.ticker, request, "entry")
        except EntriesLatched as latched:
            await self._desk.advance(intent, S.ABANDONED, str(latched))
            await self._bracket(intent, BracketLife.ABANDONED, str(latched))
            return ExecutionOutcome(Reason.KILL_ENGAGED, str(latched), intent.client_id)
        except (Rejected, AuthFailed, ClockSkewed) as error:
            if error.error_class is ErrorClass.DUPLICATE_ID:
                return await self._unknown(intent, error)
            return await self._refused(plan, intent, error)
        except ExchangeError as error:
            self._desk.log("warning", f"the answer to {intent.client_id} was lost: {error}", intent.inst_id)
            return await self._unknown(intent, error)
        return await self._desk.advance(intent, S.ACCEPTED, order_id=ack.order_id)

    async def _unknown(self, intent: Intent, error: ExchangeError) -> Intent:
        await self._bracket(intent, BracketLife.UNKNOWN, str(error))
        return await self._desk.advance(intent, S.UNKNOWN, str(error))

    async def _bracket(self, intent: Intent, after: BracketLife, detail: str) -> None:
        """What became of the entry's send became of the bracket on it."""
        await self._desk.brackets.answered(bracket_id(intent.decision_id, 0), after, detail)

    async def _refused(self, plan: EntryPlan, intent: Intent, error: ExchangeError) -> ExecutionOutcome:
        await self._desk.advance(intent, S.REFUSED, str(error))
        await self._bracket(intent, BracketLife.REFUSED, f"with its entry: {error}")
        now = self._desk.clock.now_ms()
        self._desk.publish(OrderRefused(plan.ticker, intent.client_id, "entry", error.code, error.message, now))
        return ExecutionOutcome(Reason.ORDER_REJECTED, str(error), intent.client_id)

    async def _settle(self, plan: EntryPlan, intent: Intent, sent_at: float) -> ExecutionOutcome:
        timing = self._desk.timing
        patience = timing.fill_deadline_s if intent.state is S.ACCEPTED else timing.resolve_deadline_s
        intent = await self._resolver.until_known(intent, patience)
        if intent.state is S.ACCEPTED:
            intent = await self._cancel_rest(intent)
        if intent.state is S.FILLED:
            return await self._cover(plan, intent, sent_at)
        if intent.state in (S.UNFILLED, S.ABSENT):
            return ExecutionOutcome(Reason.ORDER_UNFILLED, intent.detail, intent.client_id)
        self._desk.log("error", f"{intent.client_id}: its fate is unknown; nothing opens here until the venue tells",
                       intent.inst_id)  # fmt: skip
        return ExecutionOutcome(Reason.UNKNOWN_ORDER, "the venue has not told what became of it", intent.client_id)

    async def _cancel_rest(self, intent: Intent) -> Intent:
        """A market order that still rests after `fill_deadline_s` is cancelled; what it filled counts."""
        try:
            await self._desk.gateway.cancel_order(intent.inst_id, intent.client_id)
        except ExchangeError as error:
            self._desk.log("warning", f"could not cancel the rest: {error}", intent.inst_id)
        return await self._resolver.until_known(intent, self._desk.timing.fill_deadline_s)

    async def _cover(self, plan: EntryPlan, intent: Intent, sent_at: float) -> ExecutionOutcome:
        """Ends with a listed bracket under the whole position, or without a position."""
        await self._tell_fill(intent)
        trade = trade_of(intent, intent.created_at)
        cover = await self._protector.await_cover(trade, intent.filled, self._desk.timing.cover_deadline_s)
        if cover is not None and cover.protection is Protection.PROTECTED and cover.bracket is not None:
            if cover.resizable is not None:
                await self._resize(trade, intent, cover.resizable)
            return await self._covered(intent, cover.bracket, sent_at)
        intent = await self._desk.advance(intent, S.HEALING, "no whole bracket is listed")
        self._desk.log("warning", "filled, but no whole bracket is listed; placing one", intent.inst_id)
        healed = await self._protector.protect(trade, intent.filled)
        if healed.result is Protected.COVERED and healed.bracket is not None:
            return await self._covered(intent, healed.bracket, sent_at)
        if healed.result is Protected.FLAT:
            return await self._over_already(intent)
        return await self._close_unprotected(plan, intent, healed.detail)

    async def _resize(self, trade: OpenTrade, intent: Intent, bracket: Bracket) -> None:
        """A partly filled entry's bracket is cut to what was filled; larger is safe, so a refusal is only told."""
        try:
            await self._desk.gateway.amend_bracket(trade.inst_id, bracket.algo_id, contracts=intent.filled)
        except ExchangeError as error:
            self._desk.log("warning", f"the bracket is larger than the position: {error}", trade.inst_id)

    async def _covered(self, intent: Intent, bracket: Bracket, sent_at: float) -> ExecutionOutcome:
        unprotected_ms = (self._desk.clock.monotonic() - sent_at) * 1000
        await self._desk.advance(intent, S.COVERED, f"bracket {bracket.algo_id}", unprotected_ms=unprotected_ms)
        assert bracket.stop is not None
        assert bracket.target is not None
        now = self._desk.clock.now_ms()
        self._desk.publish(
            BracketVerified(intent.ticker, bracket.algo_id, bracket.stop, bracket.target, unprotected_ms, now)
        )
        detail = f"{intent.filled} contracts at {intent.average_price}, stop {bracket.stop}, target {bracket.target}"
        return ExecutionOutcome(
            Reason.ENTERED, detail, intent.client_id, intent.filled, intent.average_price, unprotected_ms
        )

    async def _over_already(self, intent: Intent) -> ExecutionOutcome:
        """The position that was opened is gone before its bracket was seen: told as what it was, never as a stop
        that could not be placed. What remains of ours is swept; the books name the trade's end by their evidence."""
        if intent.state is not S.CLOSING:
            intent = await self._desk.advance(intent, S.CLOSING, "already flat at the venue")
        await self._exit.sweep(intent.inst_id)
        reason, how = await self._how_it_ended(intent)
        detail = f"{intent.filled} contracts at {intent.average_price}; {how}"
        self._desk.log("warning", detail, intent.inst_id)
        return ExecutionOutcome(reason, detail, intent.client_id, intent.filled, intent.average_price)

    async def _how_it_ended(self, intent: Intent) -> tuple[Reason, str]:
        try:
            ended = await self._desk.exchange.bracket_history(intent.inst_id)
        except ExchangeError as error:
            return Reason.ENTERED, f"already closed, how is not known yet: {error}"
        ours = bracket_id(intent.decision_id, 0)
        fired = next((b for b in ended if b.client_id == ours and b.state is BracketState.TRIGGERED), None)
        if fired is not None:
            return Reason.ENTERED, f"the bracket closed it already ({fired.triggered_leg or 'one leg'} triggered)"
        if self._desk.gateway.flattened():
            return Reason.KILL_FLATTEN, "the kill switch closed it already"
        return Reason.ENTERED, "closed already, and not by this program"

    async def _close_unprotected(self, plan: EntryPlan, intent: Intent, why: str) -> ExecutionOutcome:
        intent = await self._desk.advance(intent, S.CLOSING, why)
        self._desk.log("error", f"closing at market: {why}", intent.inst_id)
        closed = await self._exit.close_locked(intent.inst_id, Reason.UNPROTECTED_CLOSED, plan.decision_id)
        if closed.reason is Reason.SELL_WHEN_FLAT:
            return await self._over_already(intent)
        detail = f"{why}; {closed.detail}"
        return ExecutionOutcome(
            Reason.UNPROTECTED_CLOSED, detail, intent.client_id, intent.filled, intent.average_price
        )

    async def _tell_fill(self, intent: Intent) -> None:
        fee = Decimal(0)
        try:
            order = await self._desk.exchange.order(intent.inst_id, intent.client_id)
            fee = order.fee if order is not None else fee
        except ExchangeError:
            self._desk.log("info", "the entry's fee will be known with the fills", intent.inst_id)
        price = intent.average_price
        if price is not None:
            now = self._desk.clock.now_ms()
            self._desk.publish(
                OrderFilled(intent.ticker, intent.client_id, "buy", intent.filled, price, fee, "entry", now)
            )


def drift_limit(atr15_pct: float | None) -> float:
    """How far the price may move between decision and order, as a fraction: max(0.3 %, half the 15m ATR)."""
    return max(MIN_DRIFT, ATR_DRIFT * (atr15_pct or 0.0))


def _attached(intent: Intent) -> BracketRow:
    """The bracket that rides on an entry, before anything is sent."""
    assert intent.prices is not None, "an entry always has its stop and target"
    return BracketRow(
        bracket_id(intent.decision_id, 0), intent.decision_id, intent.inst_id, True, intent.contracts,
        intent.prices.stop, intent.prices.target, intent.created_at, detail="attached to its entry",
    )  # fmt: skip


def _rests(bracket: Bracket) -> bool:
    return bracket.state in (BracketState.LIVE, BracketState.DORMANT)
