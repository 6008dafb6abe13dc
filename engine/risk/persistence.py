"""One cycle is noise: the gates that ask for persistence. They run before the risk gates, and no confidence
passes them. All are evaluated every time; those of the other path are n/a.
"""

from __future__ import annotations

from collections.abc import Callable

from engine.model import Action, GateResult
from engine.reasons import Reason
from engine.risk.inputs import DecisionInputs
from engine.risk.limits import MINUTE_MS
from engine.risk.verdicts import at_least, below, blocked, not_applicable, passed

PersistenceGate = Callable[[DecisionInputs], GateResult]


def path_of(inputs: DecisionInputs, action: Action) -> Action:
    """Which gates an answer meets: BUY and SELL their own; HOLD those of what could be done from here."""
    if action is not Action.HOLD:
        return action
    return Action.SELL if inputs.held is not None else Action.BUY


def not_in_position(inputs: DecisionInputs) -> GateResult:
    """Positions are never added to."""
    if inputs.held is None:
        return passed("no_position", "flat")
    return blocked("no_position", Reason.ALREADY_IN_POSITION, f"{inputs.held.contracts} contracts are open")


def buy_streak(inputs: DecisionInputs) -> GateResult:
    """A buy needs a signed streak of at least +2: 1, 0 and negatives hold (D6)."""
    limit = inputs.limits.min_bullish_cycles
    return at_least("buy_streak", Reason.STREAK_TOO_SHORT, inputs.streak, limit, "bars", "streak")


def something_to_close(inputs: DecisionInputs) -> GateResult:
    """Long only: a sell closes a long, and nothing else."""
    if inputs.long_held:
        return passed("position", "long")
    return blocked("position", Reason.SELL_WHEN_FLAT, "no long position to close")


def sell_streak(inputs: DecisionInputs) -> GateResult:
    """Two bullish cycles in a row: the bracket manages this exit (D6)."""
    limit = inputs.limits.min_bullish_cycles
    return below("sell_streak", Reason.STILL_BULLISH, inputs.streak, limit, "bars", "streak")


def exit_confirmation(inputs: DecisionInputs) -> GateResult:
    """No exit on a single bearish cycle; bearish cycles in a row are the negative streak."""
    cycles, limit = max(0, -inputs.streak), inputs.limits.min_bearish_cycles
    return at_least("exit_confirmation", Reason.EXIT_NOT_CONFIRMED, cycles, limit, "bars", "bearish in a row")


def min_hold(inputs: DecisionInputs) -> GateResult:
    """A young position is closed by its bracket only, not by an opinion (D31). Venue minutes."""
    if inputs.held is None:
        return not_applicable("min_hold", "flat")
    age = (inputs.decided_at - inputs.held.opened_at) / MINUTE_MS
    return at_least("min_hold", Reason.MIN_HOLD, age, inputs.limits.min_hold_ms / MINUTE_MS, "min", "held")


BUY_GATES: tuple[tuple[str, PersistenceGate], ...] = (("no_position", not_in_position), ("buy_streak", buy_streak))
SELL_GATES: tuple[tuple[str, PersistenceGate], ...] = (
    ("position", something_to_close),
    ("sell_streak", sell_streak),
    ("exit_confirmation", exit_confirmation),
    ("min_hold", min_hold),
)


def persistence_gates(inputs: DecisionInputs, path: Action) -> tuple[GateResult, ...]:
    """The gates of both paths, in order; those of the path not taken are n/a."""
    return _side(BUY_GATES, inputs, path is Action.BUY, "buys") + _side(
        SELL_GATES, inputs, path is Action.SELL, "sells"
    )


def _side(
    gates: tuple[tuple[str, PersistenceGate], ...], inputs: DecisionInputs, taken: bool, whom: str
) -> tuple[GateResult, ...]:
    return tuple(gate(inputs) if taken else not_applicable(name, f"for {whom} only") for name, gate in gates)
