"""How a gate says its result: value, limit, room left, and a sentence with the numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping

from engine.model import GateResult, Verdict
from engine.reasons import Reason


def finite(value: float | None) -> float | None:
    """JSON has no NaN and no infinity: both are unknown."""
    return float(value) if value is not None and math.isfinite(value) else None


def passed(name: str, detail: str = "", value: float | None = None, limit: float | None = None) -> GateResult:
    """A gate that passes without a comparison."""
    return GateResult(name, finite(value), finite(limit), None, Verdict.PASS, detail=detail)


def blocked(
    name: str, reason: Reason, detail: str, value: float | None = None, limit: float | None = None, halts: bool = False
) -> GateResult:
    """A gate that blocks without a comparison, because of a state or of something unknown."""
    return GateResult(name, finite(value), finite(limit), None, Verdict.BLOCK, reason, detail=detail, halts=halts)


def not_applicable(name: str, detail: str) -> GateResult:
    return GateResult(name, None, None, None, Verdict.NOT_APPLICABLE, detail=detail)


def switch(name: str, reason: Reason, wrong: str, right: str) -> GateResult:
    """Blocks when `wrong` says something."""
    return blocked(name, reason, wrong) if wrong else passed(name, right)


def at_least(name: str, reason: Reason, value: float, limit: float, unit: str, what: str) -> GateResult:
    """Passes from the limit on: value ≥ limit."""
    return _compared(name, reason, value, limit, value - limit, unit, what, passes=value >= limit)


def below(name: str, reason: Reason, value: float, limit: float, unit: str, what: str) -> GateResult:
    """Passes only under the limit: reaching it blocks."""
    return _compared(name, reason, value, limit, limit - value, unit, what, passes=value < limit)


def at_most(name: str, reason: Reason, value: float, limit: float, unit: str, what: str) -> GateResult:
    """Passes up to the limit, itself included."""
    return _compared(name, reason, value, limit, limit - value, unit, what, passes=value <= limit)


def _compared(
    name: str, reason: Reason, value: float, limit: float, margin: float, unit: str, what: str, *, passes: bool
) -> GateResult:
    # A comparison with NaN is false, so an unusable number blocks.
    room = "" if passes else ": blocked"
    shown, bound = _apart(value, limit, unit)
    detail = f"{what} {shown}, limit {bound}{room}"
    verdict = Verdict.PASS if passes else Verdict.BLOCK
    return GateResult(
        name, finite(value), finite(limit), finite(margin), verdict, None if passes else reason, unit, detail
    )


DECIMALS: Mapping[str, int] = {"%": 2, "": 2, "USDT": 2, "s": 0, "min": 0, "ticks": 1}
MOST_DECIMALS = 6


def _apart(value: float, limit: float, unit: str) -> tuple[str, str]:
    """Both in words, with as many decimals as it takes to tell them apart: "10 s, limit 10 s: blocked" says nothing."""
    decimals = DECIMALS.get(unit, 2)
    while value != limit and decimals < MOST_DECIMALS and f"{value:.{decimals}f}" == f"{limit:.{decimals}f}":
        decimals += 1
    return _number(value, unit, decimals), _number(limit, unit, decimals)


def _number(value: float, unit: str, decimals: int) -> str:
    if not math.isfinite(value):
        return "unknown"
    text = f"{value:.{decimals}f}" if value % 1 else f"{value:.0f}"
    return f"{text} {unit}".rstrip()
