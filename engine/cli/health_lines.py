"""What each source's health reads like in a shell: the sick ones a line each, the well ones together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

WELL = "ok"
NO_ENGINE = "no engine"
"""Nobody reads it: what is known of it is what the last engine left."""


def health_lines(health: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """`health` by source: status, age_s (wall seconds, None = unknown) and detail. Empty when nothing was told."""
    sick = [_sick(source, told) for source, told in health.items() if told["status"] != WELL]
    well = ", ".join(f"{source} {_age(told)}".rstrip() for source, told in health.items() if told["status"] == WELL)
    return [*sick, *([f"health    ok: {well}"] if well else [])]


def _sick(source: str, told: Mapping[str, Any]) -> str:
    if told["status"] == NO_ENGINE:
        return f"health    {source} {NO_ENGINE} reads it; {f'last read {_age(told)}' if _age(told) else 'never read'}"
    line = f"health    {source} {told['status']} {_age(told)}".rstrip()
    return f"{line}: {told['detail']}" if told["detail"] else line


def _age(told: Mapping[str, Any]) -> str:
    """Of the last good answer; nothing where there was none."""
    age_s = told["age_s"]
    if age_s is None:
        return ""
    return f"{age_s:.0f} s ago" if age_s < 120 else f"{age_s / 60:.0f} min ago"
