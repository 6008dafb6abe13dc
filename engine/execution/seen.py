"""The venue at one moment as the guard sees it, and each position of it as it is shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from engine.execution.bracket_rows import BracketRow
from engine.execution.context import Desk
from engine.execution.cover import Cover, assess
from engine.execution.trade_book import OpenTrade
from engine.model import Bracket, BracketState, Order, Position, ProtectedPosition, Protection

STRANGE = "not opened by this program: shown, never touched"
UNTOLD = "not known yet whether this program opened it: shown, not touched"


@dataclass(frozen=True, slots=True)
class Seen:
    """The venue at one moment: brackets were read first, so that one without a position is an orphan. `recorded` are
    the journal's brackets before the venue's were read."""

    recorded: tuple[BracketRow, ...]
    brackets: tuple[Bracket, ...]
    orders: tuple[Order, ...]
    positions: tuple[Position, ...]
    trades: Mapping[str, OpenTrade]


async def fresh(desk: Desk, inst_id: str) -> tuple[Position | None, tuple[Bracket, ...]]:
    """One instrument's position and brackets, read now, the brackets first. Raises ExchangeError."""
    brackets = await desk.exchange.brackets(inst_id)
    return await desk.position(inst_id), brackets


def cover_of(position: Position, brackets: Iterable[Bracket]) -> Cover:
    return assess(position.inst_id, abs(position.contracts), brackets, position.margin_mode)


def foreign_view(
    desk: Desk, position: Position, brackets: Iterable[Bracket], detail: str = STRANGE
) -> ProtectedPosition:
    """`detail` is STRANGE or UNTOLD."""
    here = [b for b in brackets if b.inst_id == position.inst_id and b.state is BracketState.LIVE]
    stop = next((b.stop for b in here if b.stop is not None), None)
    target = next((b.target for b in here if b.target is not None), None)
    ticker, now = desk.ticker(position.inst_id), desk.clock.now_ms()
    return ProtectedPosition(ticker, position, Protection.FOREIGN, stop, target, "", now, "", detail)


def guarded_view(
    desk: Desk, position: Position, trade: OpenTrade | None, cover: Cover, busy: bool = False
) -> ProtectedPosition:
    bracket = cover.bracket
    uncovered = cover.protection is not Protection.PROTECTED
    return ProtectedPosition(
        ticker=desk.ticker(position.inst_id),
        position=position,
        protection=Protection.HEALING if busy and uncovered else cover.protection,
        stop=bracket.stop if bracket else None,
        target=bracket.target if bracket else None,
        bracket_id=bracket.algo_id if bracket else "",
        verified_at=desk.clock.now_ms(),
        trade_id=trade.trade_id if trade else "",
    )
