"""What rests or is held although no open trade of ours accounts for it: our own orphans go, what others placed is
never touched, and nothing opens beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping, Sequence, Set

from engine.events import BracketHealed
from engine.exchange.errors import ExchangeError
from engine.execution.blocks import Block
from engine.execution.context import Desk
from engine.execution.cover import ours_on
from engine.execution.ids import is_ours
from engine.execution.seen import UNTOLD, Seen, fresh
from engine.model import Bracket, BracketState, Position, ProtectedPosition, Protection
from engine.reasons import Reason


class Strangers:
    """Used by the guard's pass; the instrument's lock is taken here where something is sent."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._said: Mapping[str, Block] = {}

    async def release(self, position: Position, brackets: Iterable[Bracket]) -> Sequence[Bracket]:
        """A bracket of a trade of ours that has ended would close the stranger's position: it goes. One of a trade
        that our books do not know stays: it may be all that protects it. Returns what has gone. Raises
        sqlite3.Error."""
        ours = ours_on(position.inst_id, brackets)
        ended = await self._desk.book.ended({b.client_id for b in ours})
        stale = [b for b in ours if b.client_id in ended]
        if not stale:
            return ()
        inst_id = position.inst_id
        try:
            async with self._desk.locks.of(inst_id):
                await self._desk.take_away(inst_id, stale, "its trade has ended")
        except ExchangeError as error:
            # It may close what is not ours; it is tried again by the next pass.
            self._desk.log("error", f"orphan bracket not cancelled: {error}", inst_id)
            return ()
        self._tell(inst_id, f"{len(stale)} bracket(s) of an ended trade under a position that is not ours")
        return stale

    async def sweep_orphans(self, seen: Seen) -> int:
        """Cancels our brackets on instruments that are flat; strangers' and other engines' are left alone."""
        held = {position.inst_id for position in seen.positions}
        orphans = [b for b in seen.brackets if is_ours(b.client_id) and b.inst_id not in held]
        theirs = await self._unknown({b.client_id for b in orphans})
        flat = {b.inst_id for b in orphans if b.client_id not in theirs}
        swept = 0
        for inst_id in sorted(flat):
            if self._desk.locks.busy(inst_id):
                continue
            try:
                async with self._desk.locks.of(inst_id):
                    swept += await self._sweep(inst_id, theirs)
            except ExchangeError as error:
                # Tried again by the next pass; it neither blinds this one nor blocks the other instruments.
                self._desk.log("error", f"orphan bracket not cancelled: {error}", inst_id)
        return swept

    async def _sweep(self, inst_id: str, theirs: Set[str]) -> int:
        position, brackets = await fresh(self._desk, inst_id)
        orphans = [b for b in ours_on(inst_id, brackets) if b.client_id not in theirs]
        if position is not None or not orphans:
            return 0
        await self._desk.take_away(inst_id, orphans, "no position is left")
        self._tell(inst_id, f"{len(orphans)} bracket(s) without a position")
        return len(orphans)

    async def block(self, seen: Seen, views: Iterable[ProtectedPosition | None]) -> None:
        """What this program did not place is never touched; it is shown, and nothing opens beside it. An id of our
        form that these books do not know is another engine's on this account (incident row 50)."""
        live = [b for b in seen.brackets if b.state is BracketState.LIVE]
        named = [(b.inst_id, b.client_id, f"algo {b.algo_id}") for b in live]
        named += [(o.inst_id, o.client_id, f"order {o.order_id}") for o in seen.orders]
        unknown = await self._unknown({client_id for _, client_id, _ in named if is_ours(client_id)})
        blocks: dict[str, Block] = {}
        for inst_id, client_id, what in named:
            if not is_ours(client_id):
                blocks[inst_id] = Block(Reason.FOREIGN_ORDER, f"{what} is not ours")
            elif client_id in unknown:
                blocks[inst_id] = Block(Reason.FOREIGN_ORDER, f"{what} is another engine's, or of lost books")
        for view in views:
            if view is not None and view.protection is Protection.FOREIGN:
                doubt = "may not have opened" if view.detail == UNTOLD else "did not open"
                blocks[view.position.inst_id] = Block(Reason.FOREIGN_ORDER, f"a position that this program {doubt}")
        self._desk.blocks.replace("guard", blocks)
        for inst_id, block in blocks.items():
            if block != self._said.get(inst_id):
                self._desk.log("warning", f"nothing opens here: {block.detail}", inst_id)
        self._said = blocks

    async def _unknown(self, client_ids: set[str]) -> frozenset[str]:
        """Those of ours by form that our books have never heard of; none while the books cannot be read."""
        try:
            return await self._desk.journal.never_seen(client_ids)
        except sqlite3.Error:
            return frozenset()

    def _tell(self, inst_id: str, detail: str) -> None:
        ticker, now = self._desk.ticker(inst_id), self._desk.clock.now_ms()
        self._desk.publish(BracketHealed(ticker, "orphan cancelled", detail, now))
