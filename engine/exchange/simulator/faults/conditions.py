"""Conditions that last: what the gateway and the venue look at before they serve anybody."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Conditions:
    """`skew_ms`: how far the gateway's clock is ahead of the real one. `permission`: the code that every signed
    request meets. `down`: the code that every request meets while the venue is under maintenance. "" = none."""

    skew_ms: int = 0
    permission: str = ""
    down: str = ""

    def clear(self) -> None:
        self.skew_ms, self.permission, self.down = 0, "", ""
