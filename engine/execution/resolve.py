"""What became of an order: asked of the venue by client id, and by positions where it knows no such order.

Only the venue's word moves an intent on. "No such order" counts as "never placed" only when enough time has
passed since the send and no position of it exists (okx.md §12).
"""

from __future__ import annotations

import asyncio

from engine.exchange.errors import ExchangeError
from engine.execution.context import Desk
from engine.execution.ids import bracket_id
from engine.execution.intent import Intent
from engine.execution.states import IntentState, Kind
from engine.execution.timing import pauses
from engine.model import Order, OrderState, Position, Side

S = IntentState

ENDED = (OrderState.FILLED, OrderState.CANCELED)

ON_THE_WIRE_S = 120
"""An order opens its position within this many wall seconds of its intent or never: the venue refuses signatures
that are older than 30 s. A position that opened later is somebody else's."""


UNTOLD_TIMES = 3
"""So many times as long as for an order that is absent, who bought a position may stay untold."""

SIGNED_FOR_S = 35
"""So long after it left an order may still reach the matcher: its signature is good for 30 s, plus a little."""


def may_still_arrive(intent: Intent, wall_ms: int) -> bool:
    """Whether an order that the venue does not know may only be late: another one now could be a second."""
    return intent.sent_wall_ms is not None and wall_ms - intent.sent_wall_ms < SIGNED_FOR_S * 1000


class Resolver:
    """Callers hold the instrument's lock."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def until_known(self, intent: Intent, deadline_s: float) -> Intent:
        """Looks again and again until the intent's end is known or `deadline_s` is over; never raises."""
        clock = self._desk.clock
        stop_at = clock.monotonic() + deadline_s
        for pause in pauses(self._desk.timing):
            try:
                intent = await self.look(intent)
            except ExchangeError as error:
                self._desk.log("warning", f"the venue does not tell about {intent.client_id}: {error}", intent.inst_id)
            if intent.state not in (S.SENT, S.UNKNOWN, S.ACCEPTED) or clock.monotonic() >= stop_at:
                break
            await asyncio.sleep(pause)
        return intent

    async def settle(self, intent: Intent) -> Intent:
        """As `look`; an entry that still rests is cancelled, for its decision is past, and what it filled counts: until
        its end nothing of it is under a bracket."""
        intent = await self.look(intent)
        if intent.kind is not Kind.ENTRY or intent.state is not S.ACCEPTED:
            return intent
        try:
            await self._desk.gateway.cancel_order(intent.inst_id, intent.client_id)
        except ExchangeError as error:
            self._desk.log("warning", f"a resting entry is not cancelled yet: {error}", intent.inst_id)
        return await self.look(intent)

    async def look(self, intent: Intent) -> Intent:
        """One look at the venue, and the step that its answer allows. Raises ExchangeError when it does not tell."""
        if intent.state is S.INTENDED:
            return await self._desk.advance(intent, S.ABANDONED, "never sent")
        order = await self._desk.exchange.order(intent.inst_id, intent.client_id)
        if order is None:
            return await self._without_order(intent)
        if intent.state in (S.SENT, S.UNKNOWN, S.ABSENT):
            intent = await self._desk.advance(intent, S.ACCEPTED, "known to the venue", order_id=order.order_id)
        return await self._with_order(intent, order)

    async def _with_order(self, intent: Intent, order: Order) -> Intent:
        if order.state not in ENDED:
            return intent
        if intent.kind is Kind.EXIT:
            return await self._exit_ended(intent)
        if order.filled <= 0:
            return await self._desk.advance(intent, S.UNFILLED, f"ended {order.state.value} without a fill")
        filled = await self._desk.advance(
            intent,
            S.FILLED,
            f"filled {order.filled} at {order.average_price}",
            order_id=order.order_id,
            filled=order.filled,
            average_price=order.average_price,
        )
        await self._desk.book_trade(filled, order.created_at)
        return filled

    async def _exit_ended(self, intent: Intent) -> Intent:
        flat = await self._desk.position(intent.inst_id) is None
        return await self._desk.advance(intent, S.FLAT if flat else S.RESIDUAL, "ended at the venue")

    async def _without_order(self, intent: Intent) -> Intent:
        position = await self._desk.position(intent.inst_id)
        if intent.state is S.SENT:
            intent = await self._desk.advance(intent, S.UNKNOWN, "the venue does not know it yet")
        if not self._waited_long_enough(intent):
            return intent
        if intent.kind is Kind.EXIT:
            return await self._exit_lost(intent, position)
        if position is not None and await self._may_be_of(intent, position):
            return await self._adopt(intent, position)
        if intent.state is S.UNKNOWN:
            return await self._desk.advance(intent, S.ABSENT, "the venue knows no such order and no position of it")
        if intent.state is S.ACCEPTED:
            return await self._desk.advance(intent, S.UNFILLED, "the venue forgot it and shows no position")
        return intent

    async def _exit_lost(self, intent: Intent, position: Position | None) -> Intent:
        if position is None:
            return await self._desk.advance(intent, S.FLAT, "flat at the venue")
        after = S.RESIDUAL if intent.state is S.ACCEPTED else S.ABSENT
        return await self._desk.advance(intent, after, "no such order at the venue, still open")

    async def _adopt(self, intent: Intent, position: Position) -> Intent:
        """The position's own word wins over a missing order: better protected twice than not at all."""
        if intent.state in (S.UNKNOWN, S.ABSENT):
            intent = await self._desk.advance(intent, S.ACCEPTED, "its position is there")
        filled = await self._desk.advance(
            intent, S.FILLED, "by its position", filled=position.contracts, average_price=position.entry_price
        )
        await self._desk.book_trade(filled, position.opened_at)
        return filled

    async def _may_be_of(self, intent: Intent, position: Position) -> bool:
        """A long, no larger than intended, opened soon after the intent, and of no other trade."""
        if intent.inst_id in await self._desk.book.open_trades():
            return False
        fits = 0 < position.contracts <= intent.contracts
        second_ms = 1000 * max(1, round(self._desk.clock.speed()))
        since_ms = position.opened_at - intent.created_at
        soon = -second_ms <= since_ms <= ON_THE_WIRE_S * second_ms
        return fits and soon and not await self._bought_by_others(intent, position.opened_at - second_ms)

    async def _bought_by_others(self, intent: Intent, since_ms: int) -> bool:
        """Whether the venue tells who bought, and it was not this order. What it does not tell counts as ours under a
        bracket that rode on this entry, or once it was not told for long: bare would be worse than taken by mistake.
        Raises ExchangeError until then."""
        try:
            fills = await self._desk.exchange.fills(since_ms)
        except ExchangeError:
            if self._waited_long_enough(intent, UNTOLD_TIMES) or await self._its_bracket_rests(intent):
                return False
            raise
        bought = [fill for fill in fills if fill.inst_id == intent.inst_id and fill.side is Side.BUY]
        return bool(bought) and all(fill.client_id != intent.client_id for fill in bought)

    async def _its_bracket_rests(self, intent: Intent) -> bool:
        """The venue creates it when the entry fills, and never otherwise."""
        attached = bracket_id(intent.decision_id, 0)
        return any(b.client_id == attached for b in await self._desk.exchange.brackets(intent.inst_id))

    def _waited_long_enough(self, intent: Intent, times: int = 1) -> bool:
        if intent.sent_wall_ms is None:
            return True
        waited_ms = self._desk.clock.wall_ms() - intent.sent_wall_ms
        return waited_ms >= times * self._desk.timing.absent_after_s * 1000
