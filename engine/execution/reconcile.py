"""Our journal and books against the venue: at start, before anything else, and every cycle.

One pass puts right what the venue's word can put right; a second pass then finds nothing to do. What remains
different blocks entries on that instrument, and is shown.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from engine.exchange.errors import ExchangeError
from engine.execution.blocks import ACCOUNT, Block
from engine.execution.context import Desk
from engine.execution.intent import Intent
from engine.execution.resolve import Resolver
from engine.execution.states import UNRESOLVED, Kind
from engine.model import ClosedTrade
from engine.reasons import Reason

PASSES_BEFORE_VENUE_CLOSES = 3
"""So many passes in a row see a trade flat at the venue, its fills missing, before the venue's record closes it."""


class TradeQuantity(Protocol):
    """An open trade in the books: signed contracts by its fills."""

    @property
    def trade_id(self) -> str: ...
    @property
    def inst_id(self) -> str: ...
    @property
    def quantity(self) -> Decimal: ...


class Bookkeeper(Protocol):
    """What the reconciler needs of the outcome tracker."""

    async def book(self) -> bool:
        """Books what is new at the venue; True when something was."""
        ...

    async def quantities(self) -> Mapping[str, TradeQuantity]: ...

    async def close_missing(self, inst_id: str) -> ClosedTrade | None: ...


@dataclass(frozen=True, slots=True)
class ReconcileReport:
    """What one pass did and what it could not put right. `complete` is False when the venue could not be read."""

    resolved: tuple[str, ...]
    booked: bool
    unknown: tuple[str, ...]
    mismatches: Mapping[str, str]
    complete: bool = True

    @property
    def silent(self) -> bool:
        """Nothing was done and nothing is wrong."""
        return not (self.resolved or self.booked or self.unknown or self.mismatches) and self.complete


class Reconciler:
    """`run` is one pass."""

    def __init__(self, desk: Desk, resolver: Resolver, bookkeeper: Bookkeeper) -> None:
        self._desk = desk
        self._resolver = resolver
        self._bookkeeper = bookkeeper
        self._missing: dict[str, int] = {}

    async def run(self) -> ReconcileReport:
        """Never raises ExchangeError or a database error: both block every entry until a pass succeeds."""
        try:
            resolved = await self._resolve_all()
            booked = await self._bookkeeper.book()
            mismatches = await self._compare()
            unknown = await self._unknown()
        except (ExchangeError, sqlite3.Error) as error:
            self._desk.log("error", f"reconcile failed, entries wait: {error}")
            reason = Reason.VENUE_UNAVAILABLE if isinstance(error, ExchangeError) else Reason.LEDGER_MISMATCH
            self._desk.blocks.replace("reconcile", {ACCOUNT: Block(reason, f"reconcile failed: {error}")})
            return ReconcileReport((), False, (), {}, complete=False)
        self._block(mismatches, unknown)
        return ReconcileReport(resolved, booked, unknown, mismatches)

    # ---------------------------------------------------------------- orders

    async def _resolve_all(self) -> tuple[str, ...]:
        """Client ids of the intents that got on."""
        moved: list[str] = []
        for intent in await self._desk.journal.unresolved():
            if self._desk.locks.busy(intent.inst_id):
                continue
            async with self._desk.locks.of(intent.inst_id):
                if await self._resolve(intent):
                    moved.append(intent.client_id)
        return tuple(moved)

    async def _resolve(self, intent: Intent) -> bool:
        current = await self._desk.journal.get(intent.client_id)
        if current is None or current.state not in UNRESOLVED:
            return False
        self._desk.unjournalled.discard(intent.client_id)
        after = await self._resolver.settle(current)
        if after.state is current.state:
            return False
        self._desk.log("info", f"{after.kind.value} {current.state.value} → {after.state.value}: {after.detail}",
                       after.inst_id)  # fmt: skip
        return True

    async def _unknown(self) -> tuple[str, ...]:
        """Instruments with an entry whose fate the venue has not told."""
        left = await self._desk.journal.unresolved()
        return tuple(sorted({i.inst_id for i in left if i.kind is Kind.ENTRY and not self._desk.locks.busy(i.inst_id)}))

    # ---------------------------------------------------------------- quantities

    async def _compare(self) -> Mapping[str, str]:
        """Differences between books and venue that a second look does not explain."""
        first = await self._differences()
        if not first:
            self._missing.clear()
            return {}
        await self._bookkeeper.book()
        second = await self._differences()
        return {inst_id: text for inst_id, text in second.items() if inst_id in first}

    async def _differences(self) -> dict[str, str]:
        positions = {p.inst_id: p.contracts for p in await self._desk.exchange.positions()}
        found: dict[str, str] = {}
        for inst_id, trade in (await self._bookkeeper.quantities()).items():
            if self._desk.locks.busy(inst_id):
                continue
            venue = positions.get(inst_id, Decimal(0))
            if venue != trade.quantity and not await self._closed_by_record(inst_id, venue):
                found[inst_id] = f"the venue shows {venue} contracts, our books {trade.quantity}"
        return found

    async def _closed_by_record(self, inst_id: str, venue: Decimal) -> bool:
        """Flat at the venue, and its fills are still missing after several passes: its own record decides."""
        if venue != 0:
            self._missing.pop(inst_id, None)
            return False
        self._missing[inst_id] = self._missing.get(inst_id, 0) + 1
        if self._missing[inst_id] <= 2 * PASSES_BEFORE_VENUE_CLOSES:
            return False
        return await self._bookkeeper.close_missing(inst_id) is not None

    def _block(self, mismatches: Mapping[str, str], unknown: tuple[str, ...]) -> None:
        blocks = {inst_id: Block(Reason.LEDGER_MISMATCH, text) for inst_id, text in mismatches.items()}
        for inst_id in unknown:
            blocks[inst_id] = Block(Reason.UNKNOWN_ORDER, "an entry's fate is not known yet")
        if self._desk.blocks.replace("reconcile", blocks):
            for inst_id, block in blocks.items():
                self._desk.log("error", block.detail, inst_id)
