"""Limits on ages are venue time, yet a network is no faster in a fast market: both must be given their due."""

from __future__ import annotations

from dataclasses import replace

from engine.clock import Clock
from engine.experts.freshness import DEFAULT_LIMITS, InputLimits

NETWORK_WALL_S = 2.0


def allowed_age_s(limit_s: float, clock: Clock) -> float:
    """`limit_s` of venue time, or what two wall seconds are in a simulated market that runs faster."""
    return max(limit_s, NETWORK_WALL_S * clock.speed())


def input_limits(clock: Clock) -> InputLimits:
    """The experts' freshness limits, at the venue's present speed."""
    return replace(
        DEFAULT_LIMITS,
        book_s=allowed_age_s(DEFAULT_LIMITS.book_s, clock),
        ahead_s=allowed_age_s(DEFAULT_LIMITS.ahead_s, clock),
    )
