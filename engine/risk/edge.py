"""What a bet is worth: break-even, expected value, Kelly. All fractions of notional unless named."""

from __future__ import annotations


def break_even(stop: float, target: float, cost: float = 0.0) -> float:
    """Win probability at which the bet is worth nothing: (sl + c)/(sl + tp). Formulas §9.

    With cost 0 it is also the driftless chance that the target is hit first.
    """
    return (stop + cost) / (stop + target)


def expected_value(p_win: float, stop: float, target: float, cost: float = 0.0) -> float:
    """EV = p·(tp − c) − (1 − p)·(sl + c), a fraction of notional. Formulas §9."""
    return p_win * (target - cost) - (1 - p_win) * (stop + cost)


def net_odds(stop: float, target: float, cost: float = 0.0) -> float:
    """b = (tp − c)/(sl + c): what is won per unit that is lost."""
    return (target - cost) / (stop + cost)


def edge_of(p_win: float, odds: float) -> float:
    """e = p·b − (1 − p): expected gain per unit at stake. Kelly (1956)."""
    return p_win * odds - (1 - p_win)


def half_kelly(p_win: float, odds: float) -> float:
    """(edge/odds)/2, or 0 without an edge. Thorp (2006): ¾ of the growth at half the volatility.

    Kelly's fraction is what is *lost* if the bet loses; used as a fraction of notional, as here, it under-bets
    by the stop distance. That is kept on purpose and never "corrected" into leverage (formulas §8).
    """
    if odds <= 0:
        return 0.0
    return max(0.0, edge_of(p_win, odds) / odds / 2)
