"""How brackets ended: asked of the venue's lists, written down, and told where their position had not ended as well.

Only looks; what follows for the position's cover is the guard's business.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable

from engine.exchange.errors import ExchangeError
from engine.execution.bracket_journal import RESTING
from engine.execution.bracket_rows import BracketRow
from engine.execution.bracket_states import UNDECIDED, BracketLife, allowed
from engine.execution.context import Desk
from engine.execution.ids import entry_id
from engine.execution.states import UNRESOLVED, IntentState
from engine.model import Bracket, BracketState

L, S = BracketLife, IntentState

WITH_ITS_ENTRY = {S.REFUSED: L.REFUSED, S.ABANDONED: L.ABANDONED, S.UNFILLED: L.ABSENT, S.ABSENT: L.ABSENT}
"""An attached bracket never was where its entry opened nothing."""

ENDED = {BracketState.TRIGGERED: L.TRIGGERED, BracketState.CANCELED: L.CANCELLED, BracketState.FAILED: L.FAILED}


class BracketFates:
    """`watch` with every list that was read anyway; `run` where something is `pending`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._unlisted: set[str] = set()
        self._missing_since: dict[str, float] = {}

    @property
    def pending(self) -> tuple[BracketRow, ...]:
        """Rows that the venue's word could move on: not known to rest, or no longer listed."""
        rows = self._desk.brackets.open()
        return tuple(r for r in rows if r.state is not L.LIVE or r.client_id in self._unlisted)

    async def watch(self, recorded: Iterable[BracketRow], listed: Iterable[Bracket]) -> None:
        """`recorded` are the journal's as they stood before the whole list of the venue's was read."""
        listed = tuple(listed)
        await self._desk.brackets.seen(listed)
        resting = self._resting(listed)
        self._unlisted = {row.client_id for row in recorded if row.client_id not in resting}

    async def run(self) -> tuple[str, ...]:
        """Asks the venue about what is pending; the client ids that got on. Never raises ExchangeError: what cannot
        be learnt now is asked again."""
        await self._desk.brackets.make_good()
        moved: list[str] = []
        for inst_id in sorted({row.inst_id for row in self.pending}):
            if self._desk.locks.busy(inst_id):
                continue
            try:
                moved += await self._ask(inst_id)
            except (ExchangeError, sqlite3.Error) as error:
                self._desk.log("warning", f"how a bracket ended is not known yet: {error}", inst_id)
        return tuple(moved)

    async def _ask(self, inst_id: str) -> list[str]:
        """Lists are read in the order in which a bracket passes through them, so that none slips between."""
        rows = [row for row in self.pending if row.inst_id == inst_id]
        listed = await self._desk.exchange.brackets(inst_id)
        await self._desk.brackets.seen(listed)
        resting = self._resting(listed)
        self._unlisted -= resting
        gone = [row for row in rows if row.client_id not in resting]
        ended = await self._desk.exchange.bracket_history(inst_id) if gone else ()
        return [row.client_id for row in gone if await self._settle(row, ended)]

    def _resting(self, listed: Iterable[Bracket]) -> set[str]:
        """Client ids that rest; what was missing of them is not any more."""
        resting = {bracket.client_id for bracket in listed if bracket.state in RESTING}
        self._missing_since = {name: at for name, at in self._missing_since.items() if name not in resting}
        return resting

    async def _settle(self, row: BracketRow, ended: tuple[Bracket, ...]) -> bool:
        """True when the row got on; one that moved while the venue was asked is looked at next time."""
        after, detail = await self._evidence(row, ended)
        if after is None or not self._desk.brackets.current(row) or not allowed(row.state, after):
            return False
        was_known = row.state not in UNDECIDED
        await self._desk.brackets.move(row.client_id, after, detail)
        self._unlisted.discard(row.client_id)
        self._missing_since.pop(row.client_id, None)
        if was_known or after in ENDED.values():
            await self._tell(row, after, detail)
        return True

    async def _evidence(self, row: BracketRow, ended: tuple[Bracket, ...]) -> tuple[BracketLife | None, str]:
        """What the venue says became of it; None = nothing yet."""
        found = [bracket for bracket in ended if bracket.client_id == row.client_id and bracket.state in ENDED]
        if found:
            last = max(found, key=lambda b: (b.state is BracketState.TRIGGERED, b.created_at))
            return await self._ending(row, last)
        intent = await self._desk.journal.get(entry_id(row.trade_id))
        if intent is not None and row.attached and row.state in UNDECIDED:
            if intent.state in UNRESOLVED:
                return None, ""
            if intent.state in WITH_ITS_ENTRY:
                return WITH_ITS_ENTRY[intent.state], f"its entry: {intent.state.value}"
        return (L.ABANDONED, "never sent") if row.state is L.INTENDED else self._after_waiting(row)

    def _after_waiting(self, row: BracketRow) -> tuple[BracketLife | None, str]:
        """Listed nowhere: held for never placed, or for forgotten, once that has lasted."""
        now = self._desk.clock.monotonic()
        since = self._missing_since.setdefault(row.client_id, now)
        if now - since < self._desk.timing.absent_after_s:
            return None, ""
        return L.ABSENT, "the venue lists it neither as resting nor as ended"

    async def _ending(self, row: BracketRow, bracket: Bracket) -> tuple[BracketLife, str]:
        after = ENDED[bracket.state]
        if after is L.TRIGGERED:
            return after, f"{bracket.triggered_leg or 'one leg'} triggered"
        if after is L.FAILED:
            return after, "the venue could not place its closing order"
        if row.state is L.CANCELLING:
            rest = (r for r in self._desk.brackets.open() if r.trade_id == row.trade_id and r.state is L.LIVE)
            return L.REPLACED if any(rest) else after, f"cancelled by this program: {row.detail}"
        if self._desk.gateway.flattened():
            return after, "cancelled by the kill switch, or with its position"
        if await self._desk.position(row.inst_id) is None:
            return after, "cancelled with its position"
        return after, "cancelled at the venue, and not by this program"

    async def _tell(self, row: BracketRow, after: BracketLife, detail: str) -> None:
        """Aloud where the position it covered is still there."""
        try:
            bare = after is not L.REPLACED and await self._desk.position(row.inst_id) is not None
        except ExchangeError:
            bare = False
        ended = f"bracket {row.client_id} has ended: {detail}"
        self._desk.log("warning" if bare else "info", f"{ended}, its position has not" if bare else ended, row.inst_id)
