"""What covers a position, judged from what the venue lists and from nothing else. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from engine.execution.ids import is_ours
from engine.model import ISOLATED, Bracket, BracketState, Protection


@dataclass(frozen=True, slots=True)
class Cover:
    """`bracket` is the one that counts; `surplus` are ours beyond it; `resizable` is ours, whole, of a wrong size."""

    protection: Protection
    bracket: Bracket | None
    surplus: tuple[Bracket, ...] = ()
    resizable: Bracket | None = None


def is_whole(bracket: Bracket) -> bool:
    """Live, reduce-only and with both legs: a stop without a target, or the other way round, covers nothing."""
    return (
        bracket.state is BracketState.LIVE
        and bracket.reduce_only
        and bracket.stop is not None
        and bracket.target is not None
    )


def assess(inst_id: str, contracts: Decimal, brackets: Iterable[Bracket], margin_mode: str = ISOLATED) -> Cover:
    """The cover of a long of `contracts` (> 0) in `margin_mode`. PROTECTED: one bracket covers all of it with both
    legs. A bracket of another margin mode would find nothing to close: it covers nothing.

    Among several that cover, the highest stop counts. A bracket that is larger than the position covers it
    (reduce-only never flips) but is offered as `resizable`.
    """
    here = [b for b in brackets if b.inst_id == inst_id and b.state is BracketState.LIVE]
    fitting = (b for b in here if b.margin_mode in ("", margin_mode))
    whole = sorted((b for b in fitting if is_whole(b)), key=_preference, reverse=True)
    covering = [b for b in whole if b.covers(contracts)]
    if covering:
        chosen = covering[0]
        # Beside a stranger's bracket ours stays: the stranger may take theirs away at any moment.
        others = here if is_ours(chosen.client_id) else []
        surplus = tuple(b for b in others if b is not chosen and is_ours(b.client_id))
        exact = chosen.closes_all or chosen.contracts == contracts
        resizable = None if exact or not is_ours(chosen.client_id) else chosen
        return Cover(Protection.PROTECTED, chosen, surplus, resizable)
    partial = [b for b in whole if is_ours(b.client_id) and b.contracts is not None]
    protection = Protection.PARTIAL if here else Protection.MISSING
    return Cover(protection, whole[0] if whole else None, (), partial[0] if partial else None)


def _preference(bracket: Bracket) -> tuple[Decimal, bool, int]:
    return (bracket.stop or Decimal(0), is_ours(bracket.client_id), -bracket.created_at)


def ours_on(inst_id: str, brackets: Iterable[Bracket]) -> tuple[Bracket, ...]:
    """Our brackets that rest on an instrument, whether whole or not."""
    resting = (BracketState.LIVE, BracketState.DORMANT)
    return tuple(b for b in brackets if b.inst_id == inst_id and is_ours(b.client_id) and b.state in resting)
