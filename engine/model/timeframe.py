"""The bars that decide."""

from __future__ import annotations

from enum import StrEnum


class Timeframe(StrEnum):
    """The three timeframes that decide, by OKX's bar names."""

    M15 = "15m"
    H1 = "1H"
    H4 = "4H"

    @property
    def ms(self) -> int:
        return {"15m": 900_000, "1H": 3_600_000, "4H": 14_400_000}[self.value]
