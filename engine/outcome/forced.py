"""What the venue closed by force: liquidation and auto-deleveraging, whole or in part, of trades of ours.

Read from the booked fills and not from a message, so that it is told once, also over a crash (incident row 24).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.db import Database
from engine.outcome.trade_fills import ADL
from engine.reasons import Reason

SEEN = "forced_fills_seen"
"""Meta key: fills up to this row have been told."""


@dataclass(frozen=True, slots=True)
class ForcedClose:
    """The forced fills of one trade that have not been told yet; `reason` LIQUIDATED or DELEVERAGED."""

    ticker: str
    inst_id: str
    reason: Reason
    contracts: Decimal
    row: int


class ForcedCloses:
    """`news`, act on it, then `told`."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def news(self) -> tuple[ForcedClose, ...]:
        """Oldest first."""
        seen = await self._db.meta(SEEN)
        rows = await self._db.fetch_all(
            "SELECT t.ticker, f.inst_id, f.liquidation, f.contracts, f.rowid AS place FROM fills f"
            " JOIN trades t ON t.trade_id = f.booked_to WHERE f.liquidation <> 0 AND f.rowid > ? ORDER BY f.rowid",
            (int(seen or 0),),
        )
        return tuple(
            ForcedClose(
                row["ticker"], row["inst_id"],
                Reason.DELEVERAGED if row["liquidation"] == ADL else Reason.LIQUIDATED,
                Decimal(row["contracts"]), row["place"],
            )
            for row in rows
        )  # fmt: skip

    async def told(self, closes: tuple[ForcedClose, ...]) -> None:
        if closes:
            await self._db.set_meta(SEEN, str(closes[-1].row))
