"""The resting order that closes a position at its stop or its target."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from engine.model.order import Side


class BracketState(StrEnum):
    """Where a bracket stands. Only LIVE with both legs protects a position."""

    DORMANT = "dormant"
    LIVE = "live"
    TRIGGERED = "triggered"
    CANCELED = "canceled"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Bracket:
    """A resting algo order that closes a position: an OCO when both legs are set.

    `margin_mode` is that of the positions it can close, "" = not told. `triggered_leg` is "sl" or "tp" once it fired,
    "" before and when the venue does not say.
    """

    inst_id: str
    algo_id: str
    client_id: str
    side: Side
    contracts: Decimal | None
    closes_all: bool
    stop: Decimal | None
    target: Decimal | None
    reduce_only: bool
    state: BracketState
    created_at: int
    triggered_leg: str = ""
    margin_mode: str = ""

    def covers(self, contracts: Decimal) -> bool:
        """True when this bracket alone protects a long of `contracts` with both legs."""
        enough = self.closes_all or (self.contracts is not None and self.contracts >= contracts)
        live = self.state is BracketState.LIVE
        return live and enough and self.reduce_only and self.stop is not None and self.target is not None
