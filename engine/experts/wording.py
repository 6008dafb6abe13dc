"""Numbers as short text: fixed decimals, a bound on the length, and n/a for the unknown."""

from __future__ import annotations

import math

NA = "n/a"


def number(value: float | None, decimals: int, limit: float = 999.0, unit: str = "") -> str:
    """0.5 → "0.50"; beyond ±limit only "over 999" or "under -999" is said."""
    return _bounded(value, f".{decimals}f", limit, unit)


def signed(value: float | None, decimals: int, limit: float = 999.0, unit: str = "") -> str:
    """As `number`, with the sign written out."""
    return _bounded(value, f"+.{decimals}f", limit, unit)


def percent(fraction: float | None, decimals: int = 2) -> str:
    return NA if fraction is None else number(fraction * 100, decimals, unit="%")


def signed_percent(fraction: float | None, decimals: int = 2) -> str:
    return NA if fraction is None else signed(fraction * 100, decimals, unit="%")


def amount(value: float | None) -> str:
    """Money for reading: 950 → "950", 24_310 → "24k", 2_310_000 → "2.3M"."""
    if value is None or not math.isfinite(value):
        return NA
    for size, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return number(value / size, 0 if unit == "k" else 1, unit=unit)
    return number(value, 0)


def duration(seconds: float | None) -> str:
    """5 → "5s", 340 → "6m", 7200 → "2h", 200000 → "2d"."""
    if seconds is None:
        return NA
    for size, unit, until in ((1, "s", 120), (60, "m", 7200), (3600, "h", 172_800)):
        if seconds < until:
            return f"{seconds / size:.0f}{unit}"
    return number(seconds / 86_400, 0, unit="d")


def _bounded(value: float | None, form: str, limit: float, unit: str) -> str:
    if value is None or math.isnan(value):
        return NA
    if value > limit:
        return f"over {limit:.0f}{unit}"
    if value < -limit:
        return f"under -{limit:.0f}{unit}"
    shown = f"{value:{form}}"
    # Less than half of the last digit has no side: -0.0 reads as a fall.
    return f"{0.0 if float(shown) == 0 else value:{form}}{unit}"
