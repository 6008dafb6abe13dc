"""Opens one position for one decision, under a stop and a target from the first moment, or does nothing.

The order of things (okx.md §15): look for anything that forbids it, confirm 1x isolated leverage, quote again,
commit the intent, send with the bracket attached, settle what became of it, verify the cover, heal or close.
"""

from __future__ import annotations

import sqlite3
from decimal import Decimal

from engine.events import BracketVerified, OrderFilled, OrderRefused
from engine.exchange.errors import AuthFailed, ClockSkewed, ErrorClass, ExchangeError, Rejected
from engine.execution.bracket_rows import BracketRow
from engine.execution.bracket_states import BracketLife
from engine.execution.context import Desk, ExecutionOutcome
from engine.execution.controls import Controls
from engine.execution.entry_ground import Ground
from engine.execution.entry_plan import EntryDenied, EntryPlan
from engine.execution.exit import Exit
from engine.execution.gateway import EntriesLatched
from engine.execution.ids import TAG, bracket_id, entry_id
from engine.execution.intent import Intent
from engine.execution.journal import AlreadyJournalled
from engine.execution.protect import Protected, Protector
from engine.execution.resolve import Resolver
from engine.execution.states import IntentState, Kind
from engine.execution.trade_book import OpenTrade, trade_of
from engine.model import Bracket, BracketState, OrderRequest, OrderType, Protection, Side
from engine.reasons import Reason

S = IntentState


class Entry:
    """`enter` is the only way in which a position is opened."""

    def __init__(self, desk: Desk, controls: Controls, resolver: Resolver, protector: Protector, leave: Exit) -> None:
        self._desk = desk
        self._ground = Ground(desk, controls)
        self._resolver = resolver
        self._protector = protector
        self._exit = leave

    async def enter(self, plan: EntryPlan) -> ExecutionOutcome:
        """Never raises ExchangeError; a second call for the same decision never sends."""
        async with self._desk.locks.of(plan.instrument.inst_id):
            try:
                await self._ground.check(plan)
                intent = await self._commit(plan)
            except EntryDenied as denied:
                return ExecutionOutcome(denied.reason, denied.detail)
            sent_at = self._desk.clock.monotonic()
            outcome = await self._send(plan, intent)
            if isinstance(outcome, ExecutionOutcome):
                return outcome
            return await self._settle(plan, outcome, sent_at)

    # ---------------------------------------------------------------- the send, and after

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
        if intent.state is S.CLOSED:
            return await self._over_already(intent)
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
        detail = f"bracket {bracket.algo_id}"
        intent = await self._desk.advance(intent, S.COVERED, detail, unprotected_ms=unprotected_ms)
        if intent.state is S.CLOSED:
            return await self._over_already(intent)
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
        if intent.state not in (S.CLOSING, S.CLOSED):
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
        if intent.state is S.CLOSED:
            return await self._over_already(intent)
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


def _attached(intent: Intent) -> BracketRow:
    """The bracket that rides on an entry, before anything is sent."""
    assert intent.prices is not None, "an entry always has its stop and target"
    return BracketRow(
        bracket_id(intent.decision_id, 0), intent.decision_id, intent.inst_id, True, intent.contracts,
        intent.prices.stop, intent.prices.target, intent.created_at, detail="attached to its entry",
    )  # fmt: skip
