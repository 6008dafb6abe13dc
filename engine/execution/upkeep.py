"""What must hold of an open position beside its bracket: 1x isolated as it was opened, a stop that executes before
the venue liquidates, and an instrument that does not expire under it (incident rows 25 and 44)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.exchange.errors import ExchangeError
from engine.execution.blocks import Block
from engine.execution.context import Desk, is_price
from engine.execution.trade_book import OpenTrade
from engine.model import ISOLATED, Bracket, Instrument, InstrumentState, Position
from engine.reasons import Reason
from engine.risk.stops import clear_of_liquidation
from engine.rounding import exact, round_stop_up_to_tick

LEVERAGE = Decimal(1)
LIQUIDATION_BUFFER = 0.05
"""Share of the way from the entry to liquidation that stays free beyond the stop."""

LEAVE_BEFORE_EXPIRY_MS = 24 * 3_600_000
"""Venue time: while the market is still liquid. A final settlement is at whatever price there is then."""

RETRY_S = 60.0


@dataclass(frozen=True, slots=True)
class Leave:
    """The position must be closed at market, and why."""

    reason: Reason
    why: str


class Upkeep:
    """Callers hold the instrument's lock. Nothing here raises ExchangeError."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tried: dict[tuple[str, str], float] = {}

    async def look(self, trade: OpenTrade, position: Position, bracket: Bracket) -> Leave | None:
        """Puts right what can be put right; None = the position may stay."""
        expiring = self._expiring(trade.inst_id)
        if expiring is not None:
            return expiring
        if position.leverage not in (None, LEVERAGE) and self._due(trade.inst_id, "leverage"):
            await self._set_back(trade)
        if not _threatened(position, bracket.stop):
            return None
        return await self._clear_the_stop(trade, position, bracket)

    def blocks(self, positions: Iterable[Position], trades: Mapping[str, OpenTrade]) -> dict[str, Block]:
        """Positions of ours that somebody has changed at the venue: nothing else opens there, and it is shown."""
        ours = (p for p in positions if p.inst_id in trades)
        changed = {p.inst_id: _changed(p) for p in ours}
        return {inst_id: Block(Reason.ACCOUNT_CHANGED, text) for inst_id, text in changed.items() if text}

    def _expiring(self, inst_id: str) -> Leave | None:
        instrument = self._desk.instruments.get(inst_id)
        if instrument is None or not _trades(instrument) or instrument.expires_at is None:
            return None
        left_ms = instrument.expires_at - self._desk.clock.now_ms()
        if left_ms > LEAVE_BEFORE_EXPIRY_MS or not self._due(inst_id, "expiry"):
            return None
        return Leave(Reason.DELISTED, f"the instrument expires in {left_ms / 3_600_000:.1f} h")

    async def _set_back(self, trade: OpenTrade) -> None:
        try:
            now = await self._desk.gateway.set_leverage(trade.inst_id, LEVERAGE)
        except ExchangeError as error:
            self._desk.log("error", f"the leverage was changed and cannot be set back: {error}", trade.inst_id)
            return
        self._desk.log("warning", f"the leverage was changed; set back, the venue reads {now}x", trade.inst_id)

    async def _clear_the_stop(self, trade: OpenTrade, position: Position, bracket: Bracket) -> Leave | None:
        """A stop beyond liquidation protects nothing: after the leverage, the stop is raised, and then the
        position is left."""
        try:
            now = await self._desk.position(trade.inst_id) or position
        except ExchangeError:
            now = position
        if not _threatened(now, bracket.stop):
            return None
        stop = self._safe_stop(now)
        if stop is not None and await self._raise(trade, bracket, stop):
            return None
        if not self._due(trade.inst_id, "liquidation"):
            return None
        why = f"the stop {bracket.stop} is not clear of liquidation at {now.liquidation_price}"
        return Leave(Reason.UNPROTECTED_CLOSED, why)

    def _safe_stop(self, position: Position) -> Decimal | None:
        """The lowest stop that is clear, None when there is none below the mark."""
        instrument = self._desk.instruments.get(position.inst_id)
        liquidation, mark = position.liquidation_price, position.mark_price
        if instrument is None or liquidation is None or not is_price(mark):
            return None
        lowest = liquidation + (position.entry_price - liquidation) * exact(LIQUIDATION_BUFFER)
        stop = round_stop_up_to_tick(lowest, instrument.tick_size)
        return stop if stop < mark else None

    async def _raise(self, trade: OpenTrade, bracket: Bracket, stop: Decimal) -> bool:
        try:
            await self._desk.gateway.amend_bracket(trade.inst_id, bracket.algo_id, stop=stop)
        except ExchangeError as error:
            self._desk.log("error", f"the stop could not be raised clear of liquidation: {error}", trade.inst_id)
            return False
        self._desk.log("warning", f"the stop was raised to {stop}, clear of liquidation", trade.inst_id)
        return True

    def _due(self, inst_id: str, what: str) -> bool:
        """An act that the venue refuses is tried again, but not at every pass."""
        now, last = self._desk.clock.monotonic(), self._tried.get((inst_id, what))
        if last is not None and now - last < RETRY_S:
            return False
        self._tried[inst_id, what] = now
        return True


def _threatened(position: Position, stop: Decimal | None) -> bool:
    """Whether the venue would liquidate before the stop; unknown liquidation prices threaten nothing."""
    liquidation = position.liquidation_price
    if stop is None or liquidation is None or position.contracts < 0 or liquidation >= position.entry_price:
        return False
    return not clear_of_liquidation(stop, position.entry_price, liquidation, LIQUIDATION_BUFFER)


def _changed(position: Position) -> str:
    if position.margin_mode != ISOLATED:
        return f"the position's margin mode is {position.margin_mode}, not {ISOLATED}"
    if position.leverage not in (None, LEVERAGE):
        return f"the position's leverage is {position.leverage}x, not {LEVERAGE}x"
    return ""


def _trades(instrument: Instrument) -> bool:
    return instrument.state is InstrumentState.LIVE
