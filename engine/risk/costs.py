"""What a round trip costs, as a fraction of notional."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model import Funding


@dataclass(frozen=True, slots=True)
class Costs:
    """Parts of the round trip, each a fraction of notional.

    `spread` is the whole spread (half on the way in, half on the way out). `slippage` is the book walked for
    our size, against mid; the half spread that it contains stands for the exit's own impact.
    """

    fees: float
    spread: float
    slippage: float
    funding: float

    @property
    def total(self) -> float:
        """c = 2·taker + spread + slippage + expected funding."""
        return self.fees + self.spread + self.slippage + self.funding


def settlements(funding: Funding, now_ms: int, hold_ms: int) -> int:
    """How many settlements fall within (now, now + hold]."""
    first = max(0, funding.settles_at - now_ms)
    return 0 if first > hold_ms else 1 + (hold_ms - first) // funding.interval_ms


def expected_funding(funding: Funding, now_ms: int, hold_ms: int) -> float:
    """What a long pays over the expected hold if the estimated rate persists. Income is never counted on."""
    assert funding.interval_ms > 0, "a funding interval must be > 0"
    return max(0.0, funding.rate) * settlements(funding, now_ms, hold_ms)


def round_trip(taker: float, spread: float, slippage: float, funding: float) -> Costs:
    """Fees are paid twice; the rest is already per round trip."""
    return Costs(fees=2 * taker, spread=spread, slippage=slippage, funding=funding)
