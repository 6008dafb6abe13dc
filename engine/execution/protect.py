"""Puts a whole bracket under a position and believes only the venue's list. Used by the entry and by the guard."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.events import BracketHealed
from engine.exchange.errors import AuthFailed, ClockSkewed, ErrorClass, ExchangeError, Rejected, UnknownOutcome
from engine.exchange.port import BracketRequest
from engine.execution.bracket_rows import BracketRow
from engine.execution.bracket_states import BracketLife
from engine.execution.context import Desk
from engine.execution.cover import Cover, assess
from engine.execution.timing import pauses
from engine.execution.trade_book import OpenTrade
from engine.model import ISOLATED, Bracket, BracketPrices, Protection
from engine.rounding import round_stop_up_to_tick, round_target_down_to_tick


class Protected(StrEnum):
    """How an attempt to protect ended."""

    COVERED = "covered"
    FLAT = "flat"
    IMPOSSIBLE = "impossible"


@dataclass(frozen=True, slots=True)
class Protecting:
    result: Protected
    bracket: Bracket | None
    detail: str


PASSING = (ErrorClass.THROTTLE, ErrorClass.TRANSIENT, ErrorClass.CLOCK)
"""Refusals that pass by themselves: tried again within the deadline, not counted."""

_GONE = Protecting(Protected.FLAT, None, "no position is left to protect")


class Protector:
    """Callers hold the instrument's lock. Nothing here raises ExchangeError."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    async def await_cover(
        self, trade: OpenTrade, contracts: Decimal, deadline_s: float, margin_mode: str = ISOLATED
    ) -> Cover | None:
        """Polls until the position is covered by a listed bracket; the last look, or None when none succeeded."""
        clock = self._desk.clock
        stop_at = clock.monotonic() + deadline_s
        cover: Cover | None = None
        for pause in pauses(self._desk.timing):
            cover = await self._look(trade.inst_id, contracts, margin_mode) or cover
            if cover is not None and cover.protection is Protection.PROTECTED:
                break
            if clock.monotonic() >= stop_at:
                break
            await asyncio.sleep(pause)
        return cover

    async def protect(self, trade: OpenTrade, contracts: Decimal) -> Protecting:
        """Restores the bracket of the whole position as the venue has it now: resize ours, or place an OCO.

        `contracts` is the size as last read. IMPOSSIBLE after `bracket_tries` refusals, when the price has passed a
        leg, or when time is over: then the position must be closed. A lost answer is looked up in the list before
        the next try; a throttled one is not a refusal.
        """
        clock = self._desk.clock
        stop_at = clock.monotonic() + self._desk.timing.protect_deadline_s
        refusals: list[str] = []
        for pause in pauses(self._desk.timing):
            contracts, margin_mode = await self._size(trade.inst_id, contracts)
            if contracts <= 0:
                return _GONE
            done = await self._one_try(trade, contracts, margin_mode, refusals)
            if done is not None:
                return done
            if len(refusals) >= self._desk.timing.bracket_tries or clock.monotonic() >= stop_at:
                break
            await asyncio.sleep(pause)
        why = refusals[-1] if refusals else "never listed by the venue"
        return Protecting(Protected.IMPOSSIBLE, None, f"the bracket could not be placed: {why}")

    async def _one_try(
        self, trade: OpenTrade, contracts: Decimal, margin_mode: str, refusals: list[str]
    ) -> Protecting | None:
        """None = not covered yet; a refusal is added to `refusals`."""
        cover = await self._look(trade.inst_id, contracts, margin_mode)
        if cover is not None and cover.protection is Protection.PROTECTED:
            return Protecting(Protected.COVERED, cover.bracket, "covered at the venue")
        if cover is None and self._desk.brackets.undecided(trade.trade_id):
            return None  # an earlier bracket may rest: another one only after a look that succeeded
        crossed = await self._crossed(trade)
        if crossed:
            return Protecting(Protected.IMPOSSIBLE, None, crossed)
        refused = await self._restore(trade, contracts, margin_mode, cover)
        if refused is not None:
            refusals.extend([refused] if refused else [])
            return None
        cover = await self.await_cover(trade, contracts, self._desk.timing.cover_deadline_s, margin_mode)
        if cover is None or cover.protection is not Protection.PROTECTED:
            return None
        self._tell(trade, cover.bracket)
        return Protecting(Protected.COVERED, cover.bracket, "bracket restored")

    async def _restore(self, trade: OpenTrade, contracts: Decimal, margin_mode: str, cover: Cover | None) -> str | None:
        """None when accepted or unknown, the refusal in words, or "" for one that does not count (throttled)."""
        try:
            if cover is None or cover.resizable is None or await self._resize(cover.resizable, contracts):
                await self._place(trade, contracts, margin_mode)
        except UnknownOutcome:
            return None
        except Rejected as error:
            if error.error_class is ErrorClass.DUPLICATE_ID:
                return None
            if error.error_class in PASSING:
                return ""
            await self._desk.refresh_instruments()
            return str(error)
        except ExchangeError as error:
            return str(error)
        return None

    async def _place(self, trade: OpenTrade, contracts: Decimal, margin_mode: str) -> None:
        """On record before it is sent; what the venue answers is, too. Raises as the port's writes do."""
        client_id, prices = await self._desk.book.next_bracket_id(trade.trade_id), self._on_grid(trade)
        brackets = self._desk.brackets
        await brackets.send(
            BracketRow(client_id, trade.trade_id, trade.inst_id, False, contracts, prices.stop, prices.target,
                       self._desk.clock.now_ms())
        )  # fmt: skip
        try:
            request = BracketRequest(trade.inst_id, client_id, contracts, prices, margin_mode)
            await self._desk.gateway.place_bracket(trade.ticker, request)
        except (Rejected, AuthFailed, ClockSkewed) as error:
            known = error.error_class is ErrorClass.DUPLICATE_ID
            await brackets.answered(client_id, BracketLife.UNKNOWN if known else BracketLife.REFUSED, str(error))
            raise
        except ExchangeError as error:
            await brackets.answered(client_id, BracketLife.UNKNOWN, str(error))
            raise

    def _on_grid(self, trade: OpenTrade) -> BracketPrices:
        """The trade's prices on today's tick, which may have changed since it opened: the stop up, the target down."""
        instrument = self._desk.instruments.get(trade.inst_id)
        if instrument is None:
            return trade.prices
        tick = instrument.tick_size
        stop, target = trade.prices.stop, trade.prices.target
        return BracketPrices(round_stop_up_to_tick(stop, tick), round_target_down_to_tick(target, tick))

    async def _resize(self, bracket: Bracket, contracts: Decimal) -> bool:
        """True when the venue refused to amend, so that a new bracket has to be placed."""
        try:
            await self._desk.gateway.amend_bracket(bracket.inst_id, bracket.algo_id, contracts=contracts)
        except Rejected:
            return True
        return False

    async def _crossed(self, trade: OpenTrade) -> str:
        """Why a bracket at these prices can no longer rest; "" when it can, or when the mark is unknown."""
        mark = await self._desk.mark(trade.inst_id)
        if mark is None or trade.prices.stop < mark < trade.prices.target:
            return ""
        leg, price = ("stop", trade.prices.stop) if mark <= trade.prices.stop else ("target", trade.prices.target)
        return f"the mark {mark} has passed the {leg} {price}"

    async def _look(self, inst_id: str, contracts: Decimal, margin_mode: str) -> Cover | None:
        try:
            listed = await self._desk.exchange.brackets(inst_id)
        except ExchangeError:
            return None
        await self._desk.brackets.seen(listed)
        return assess(inst_id, contracts, listed, margin_mode)

    async def _size(self, inst_id: str, last_known: Decimal) -> tuple[Decimal, str]:
        """The position's size now, 0 = flat, and its margin mode; as last known when the venue does not tell."""
        try:
            position = await self._desk.position(inst_id)
        except ExchangeError:
            return last_known, ISOLATED
        return (Decimal(0), ISOLATED) if position is None else (position.contracts, position.margin_mode)

    def _tell(self, trade: OpenTrade, bracket: Bracket | None) -> None:
        detail = (
            "" if bracket is None else f"stop {bracket.stop}, target {bracket.target}, {bracket.contracts} contracts"
        )
        self._desk.publish(BracketHealed(trade.ticker, "bracket restored", detail, self._desk.clock.now_ms()))
