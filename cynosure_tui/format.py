"""Numbers as people read them. Pure functions; Decimal stays Decimal to this edge.

`—` is unknown, `n/a` not applicable; a missing number is never shown as 0 or nan.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal

UNKNOWN = "—"
NOT_APPLICABLE = "n/a"

Number = Decimal | float | int


def known(value: Number | None) -> bool:
    """A number that can be shown: neither absent nor NaN nor infinite."""
    if value is None:
        return False
    return value.is_finite() if isinstance(value, Decimal) else math.isfinite(value)


def decimals_of(value: Decimal) -> int:
    """Digits after the point as the venue wrote it: its tick, as far as one quote shows it."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def fixed(value: Number | None, decimals: int = 2) -> str:
    """Thousands separated, `decimals` digits; e.g. 67,412.10."""
    if value is None or not known(value):
        return UNKNOWN
    exact = value if isinstance(value, Decimal) else Decimal(repr(value))
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), rounding=ROUND_HALF_EVEN)
    return f"{rounded if rounded else abs(rounded):,.{decimals}f}"


def price(value: Decimal | None, decimals: int | None = None) -> str:
    """A price with the instrument's digits; without them, with the digits it came with."""
    if value is None or not known(value):
        return UNKNOWN
    return fixed(value, decimals_of(value) if decimals is None else decimals)


def signed(value: Number | None, decimals: int = 2, suffix: str = "") -> str:
    """Always with its sign: +22.10, -4.28, +0.00 for what rounds to nothing."""
    if value is None or not known(value):
        return UNKNOWN
    text = fixed(value, decimals)
    return f"{'' if text.startswith('-') else '+'}{text}{suffix}"


def percent(fraction: Number | None, decimals: int = 2) -> str:
    """A fraction as a signed percentage: 0.0042 becomes +0.42%."""
    if fraction is None or not known(fraction):
        return UNKNOWN
    return signed(fraction * 100, decimals, "%")


def share(fraction: Number | None, decimals: int = 1) -> str:
    """A fraction as a plain percentage: 0.081 becomes 8.1%."""
    if fraction is None or not known(fraction):
        return UNKNOWN
    return f"{fixed(fraction * 100, decimals)}%"


def compact(value: Number | None) -> str:
    """Large amounts in at most 6 characters: 940, 12.3k, 1.23M, 4.56B."""
    if value is None or not known(value):
        return UNKNOWN
    amount = float(value)
    for limit, divisor, unit in ((1e9, 1e9, "B"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(amount) >= limit:
            return f"{amount / divisor:.3g}{unit}"
    return f"{amount:.0f}"


def narrow(value: Number | None, width: int, decimals: int = 2) -> str:
    """`fixed`, giving up digits and then exactness rather than width."""
    for digits in range(decimals, -1, -1):
        text = fixed(value, digits)
        if len(text) <= width:
            return text
    return compact(value)


def age(seconds: float | None) -> str:
    """4s, 11m, 3h12m, 2d04h."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86_400
    if hours < 1:
        return f"{minutes}m"
    return f"{hours}h{minutes % 60:02d}m" if days < 1 else f"{days}d{hours % 24:02d}h"


def countdown(seconds: float | None) -> str:
    """mm:ss until something, hh:mm:ss beyond an hour; 00:00 when it is due."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    whole = max(0, math.ceil(seconds))
    hours, rest = divmod(whole, 3600)
    text = f"{rest // 60:02d}:{rest % 60:02d}"
    return f"{hours}:{text}" if hours else text


def clock(ms: int | None) -> str:
    """UTC time of day: 14:32:07."""
    if ms is None:
        return "--:--:--"
    seconds = ms // 1000 % 86_400
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"


def latency(ms: float | None) -> str:
    """84ms, 6.1s."""
    if ms is None or not math.isfinite(ms):
        return UNKNOWN
    return f"{ms:.0f}ms" if ms < 1000 else f"{ms / 1000:.1f}s"


def count(value: int | None, of: int) -> str:
    return f"{UNKNOWN if value is None else value}/{of}"


def speed(factor: float) -> str:
    """x1, x120; x0 is a frozen market."""
    return f"x{factor:g}"


def sign_role(value: Number | None) -> str:
    """The role of a direction: up, down or flat."""
    if value is None or not known(value) or value == 0:
        return "flat"
    return "up" if value > 0 else "down"
