"""Where the stop and the target go: the published formulas, then the clamp, then the tick.

`sign` is +1 for a long and −1 for the mirrored short (reserved: the system is long only).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.model import BracketPrices
from engine.risk.edge import edge_of
from engine.risk.limits import RiskLimits
from engine.rounding import (
    exact,
    round_stop_down_to_tick,
    round_stop_up_to_tick,
    round_target_down_to_tick,
    round_target_up_to_tick,
)

LONG = 1
SHORT = -1
KELLY_EDGE_MAX = 1.5


def raw_stop(entry: float, atr_pct: float, sl_mult: float, strength: float, sign: int = LONG) -> float:
    """stop = entry × (1 − ATR_pct × sl_mult × strength); ATR_pct a fraction. product.md §6."""
    return entry * (1 - sign * atr_pct * sl_mult * strength)


def raw_target(entry: float, atr_pct: float, tp_mult: float, edge_factor: float, sign: int = LONG) -> float:
    """target = entry × (1 + ATR_pct × tp_mult × kelly_edge). product.md §6."""
    return entry * (1 + sign * atr_pct * tp_mult * edge_factor)


def kelly_edge(p_win: float, sl_mult: float, tp_mult: float) -> float:
    """clip(1 + e, 1, 1.5) with e = p·b0 − (1 − p) and b0 = tp_mult/sl_mult, so that neither the target's own
    distance enters its formula nor a weak edge pulls it inside the stop. Decision D18."""
    return min(max(1 + edge_of(p_win, tp_mult / sl_mult), 1.0), KELLY_EDGE_MAX)


@dataclass(frozen=True, slots=True)
class StopBounds:
    """The nearest and the farthest stop allowed, as fractions of entry; `low` > `high` allows none."""

    low: float
    high: float


def stop_bounds(spread: float, atr15: float, limits: RiskLimits) -> StopBounds:
    """[max(0.3 %, 3 spreads, 0.5 ATR15m), min(8 %, 60 % of the way to liquidation)]."""
    return StopBounds(
        low=max(limits.min_stop_frac, limits.stop_spreads * spread, limits.stop_atr15 * atr15),
        high=min(limits.max_stop_frac, limits.stop_liquidation_share * limits.liquidation_distance_frac),
    )


def clamp_stop_distance(distance: float, bounds: StopBounds) -> float | None:
    """`distance` moved into the bounds; None when they leave no room."""
    return None if bounds.low > bounds.high else min(max(distance, bounds.low), bounds.high)


def place_bracket(
    entry: Decimal, stop_distance: float, target_distance: float, tick: Decimal, sign: int = LONG
) -> BracketPrices:
    """Prices on the tick grid. Both move toward the entry when rounded: the stop risks less, the target is
    reached sooner. Incident row 30."""
    stop = entry * (1 - sign * exact(stop_distance))
    target = entry * (1 + sign * exact(target_distance))
    if sign == LONG:
        return BracketPrices(round_stop_up_to_tick(stop, tick), round_target_down_to_tick(target, tick))
    return BracketPrices(round_stop_down_to_tick(stop, tick), round_target_up_to_tick(target, tick))


def trailed_stop(entry: Decimal, mark: Decimal, stop: Decimal, trail_pct: Decimal, tick: Decimal) -> Decimal | None:
    """The stop that trails at mark × (1 − trail), or None when there is nothing to raise.

    Only once the gain exceeds `trail_pct` (a fraction), only upward, by a tick or more, and below the mark.
    """
    if mark <= entry * (1 + trail_pct):
        return None
    raised = min(round_stop_up_to_tick(mark * (1 - trail_pct), tick), mark - tick)
    return raised if raised >= stop + tick else None


def on_right_sides(bracket: BracketPrices, entry: Decimal, mark: Decimal, sign: int = LONG) -> bool:
    """True when neither leg would trigger at once: a long's stop lies below entry and mark, its target above
    both. The venue refuses a crossed leg, and the position would be naked. Incident row 31."""
    low, high = (bracket.stop, bracket.target) if sign == LONG else (bracket.target, bracket.stop)
    return 0 < low < min(entry, mark) and high > max(entry, mark)


def clear_of_liquidation(stop: Decimal, entry: Decimal, liquidation: Decimal, buffer: float) -> bool:
    """True when a long's stop executes before the venue liquidates: above `liquidation` by at least `buffer` of the
    way from there to the entry (incident row 25). A stop at or above the entry always is."""
    return stop >= liquidation + (entry - liquidation) * exact(buffer) if liquidation < entry else stop > liquidation


def distances(bracket: BracketPrices, entry: Decimal) -> tuple[float, float]:
    """Stop and target distance as fractions of entry, after rounding."""
    return float(abs(entry - bracket.stop) / entry), float(abs(bracket.target - entry) / entry)
