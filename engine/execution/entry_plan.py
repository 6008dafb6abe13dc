"""What an entry is asked to do, and the ways in which it may say no."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.model import BracketPrices, Instrument
from engine.reasons import Reason


@dataclass(frozen=True, slots=True)
class EntryPlan:
    """What was decided. `price` is the price that the decision saw; `atr15_pct` and `trail_pct` are fractions;
    `decided_at` is venue ms, `max_age_s` and `cooldown_s` (since the instrument's last close) are venue seconds."""

    decision_id: str
    ticker: str
    instrument: Instrument
    contracts: Decimal
    prices: BracketPrices
    price: Decimal
    decided_at: int
    strength: float | None
    atr15_pct: float | None
    trail_pct: float
    max_age_s: float
    cooldown_s: float = 0.0

    def __post_init__(self) -> None:
        assert self.contracts > 0, f"contracts must be > 0, got {self.contracts}"
        assert 0 < self.prices.stop < self.price < self.prices.target, "a long's stop is below, its target above"


class EntryDenied(Exception):
    """Nothing was sent, for a named reason."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
