"""The journal of brackets: what was placed, when, how it ended and why. Committed before a bracket is sent.

It is a record and never decides about cover: that is the venue's list alone. A broken database therefore stops
nothing: the step is taken in memory, told, and written with the next one that can be.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import replace

from engine.clock import Clock
from engine.db import Database
from engine.execution.bracket_rows import BracketRow, BracketStep, bracket_row_of, write_steps
from engine.execution.bracket_states import OPEN_ENDED, UNDECIDED, BracketLife, allowed, check_bracket_transition
from engine.execution.ids import DIGEST_LENGTH, Role, client_id_of, is_ours
from engine.model import Bracket, BracketState

L = BracketLife

RESTING = (BracketState.LIVE, BracketState.DORMANT)


class BracketJournal:
    """Brackets whose end is still to come are kept in memory, so that a look without news touches no disk."""

    def __init__(self, db: Database, clock: Clock, log: Callable[[str, str, str], None]) -> None:
        """`log` takes level, text and instrument id."""
        self._db = db
        self._clock = clock
        self._log = log
        self._open: dict[str, BracketRow] = {}
        self._unwritten: list[BracketStep] = []
        self._writing = asyncio.Lock()

    async def load(self) -> None:
        """What the last run left without an end. Raises sqlite3.Error."""
        marks = ", ".join("?" * len(OPEN_ENDED))
        rows = await self._db.fetch_all(f"SELECT * FROM brackets WHERE state IN ({marks})", sorted(OPEN_ENDED))  # noqa: S608
        self._open = {row["client_id"]: bracket_row_of(row) for row in rows}

    # ---------------------------------------------------------------- questions

    def open(self) -> tuple[BracketRow, ...]:
        """Those whose end is still to come, oldest first."""
        return tuple(self._open.values())

    def current(self, row: BracketRow) -> bool:
        """Whether nothing has happened to this row since it was read."""
        return self._open.get(row.client_id) is row

    def undecided(self, trade_id: str) -> bool:
        """Whether a bracket of this trade has left whose fate the venue has not shown."""
        return any(row.trade_id == trade_id and row.state in UNDECIDED for row in self._open.values())

    async def get(self, client_id: str) -> BracketRow | None:
        """Raises sqlite3.Error for one that is not in memory."""
        known = self._open.get(client_id)
        if known is not None:
            return known
        row = await self._db.fetch_one("SELECT * FROM brackets WHERE client_id = ?", (client_id,))
        return None if row is None else bracket_row_of(row)

    async def of_trade(self, trade_id: str) -> tuple[BracketRow, ...]:
        """Every bracket that a trade has had, oldest first, as written."""
        rows = await self._db.fetch_all("SELECT * FROM brackets WHERE trade_id = ? ORDER BY rowid", (trade_id,))
        return tuple(bracket_row_of(row) for row in rows)

    async def history(self, client_id: str) -> tuple[tuple[str, str], ...]:
        """The steps taken, as (from, to), oldest first."""
        rows = await self._db.fetch_all(
            "SELECT from_state, to_state FROM bracket_events WHERE client_id = ? ORDER BY step", (client_id,)
        )
        return tuple((row["from_state"], row["to_state"]) for row in rows)

    # ---------------------------------------------------------------- steps

    def first(self, row: BracketRow) -> BracketStep:
        """The step with which a row begins; somebody writes it, then `keep`."""
        assert row.state is L.INTENDED
        return BracketStep(replace(row, updated_at=self._clock.now_ms()), "", self._clock.wall_ms())

    def next(self, row: BracketRow, after: BracketLife, detail: str = "", algo_id: str = "") -> BracketStep:
        """Raises IllegalTransition."""
        check_bracket_transition(row.state, after)
        moved = replace(
            row, state=after, detail=detail, algo_id=algo_id or row.algo_id, updated_at=self._clock.now_ms(),
            steps=row.steps + 1,
        )  # fmt: skip
        return BracketStep(moved, row.state.value, self._clock.wall_ms())

    def keep(self, step: BracketStep) -> None:
        """A step that was committed together with something else."""
        if step.row.state in OPEN_ENDED:
            self._open[step.row.client_id] = step.row
        else:
            self._open.pop(step.row.client_id, None)

    async def send(self, row: BracketRow) -> None:
        """INTENDED and SENT, committed when it returns; the bracket may then go out."""
        first = self.first(row)
        await self._take(first, self.next(first.row, L.SENT))

    async def move(self, client_id: str, after: BracketLife, detail: str = "", algo_id: str = "") -> None:
        """One step of one whose end is still to come; the same again, or a row that has ended, changes nothing.
        Raises IllegalTransition."""
        row = self._open.get(client_id)
        if row is not None and row.state is not after:
            await self._take(self.next(row, after, detail, algo_id))

    async def answered(self, client_id: str, after: BracketLife, detail: str) -> None:
        """What came back for a bracket that was sent; what the venue has shown of it meanwhile counts for more."""
        row = self._open.get(client_id)
        if row is not None and row.state is L.SENT:
            await self._take(self.next(row, after, detail))

    async def seen(self, listed: Iterable[Bracket]) -> None:
        """The venue lists these as resting."""
        for bracket in listed:
            if bracket.state not in RESTING or not is_ours(bracket.client_id):
                continue
            row = self._open.get(bracket.client_id) or await self._found(bracket)
            if row is not None and row.state not in (L.LIVE, L.CANCELLING) and allowed(row.state, L.LIVE):
                await self._take(self.next(row, L.LIVE, "listed by the venue", bracket.algo_id))

    async def cancelling(self, brackets: Iterable[Bracket], why: str) -> None:
        """They rest, and we are about to ask for their end."""
        asked = tuple(brackets)
        await self.seen(asked)
        rows = (self._open.get(bracket.client_id) for bracket in asked)
        ids = {bracket.algo_id for bracket in asked}
        live = (row for row in rows if row is not None and row.state is L.LIVE and row.algo_id in ids)
        await self._take(*(self.next(row, L.CANCELLING, why) for row in live))

    async def make_good(self) -> None:
        """Writes what the database refused; silent where it still does."""
        if self._unwritten:
            await self._write(quiet=True)

    # ---------------------------------------------------------------- the disk

    async def _take(self, *steps: BracketStep) -> None:
        for step in steps:
            self.keep(step)
        self._unwritten += steps
        if self._unwritten:
            await self._write()

    async def _write(self, quiet: bool = False) -> None:
        async with self._writing:
            steps = tuple(self._unwritten)
            if not steps:
                return
            try:
                async with self._db.transaction() as tx:
                    await write_steps(tx, steps)
            except sqlite3.Error as error:
                if not quiet:
                    self._log("error", f"bracket not journalled ({error}); going on", steps[-1].row.inst_id)
                return
            del self._unwritten[: len(steps)]

    async def _found(self, bracket: Bracket) -> BracketRow | None:
        """One that rests although no open row tells of it: it was written off, or placed while the disk refused."""
        try:
            known = await self.get(bracket.client_id)
            trade_id = "" if known is not None else await self._trade_of(bracket.client_id)
        except sqlite3.Error:
            return None
        if known is not None or not trade_id:
            return known
        attached = bracket.client_id == client_id_of(Role.BRACKET, bracket.client_id[-DIGEST_LENGTH:])
        row = BracketRow(
            bracket.client_id, trade_id, bracket.inst_id, attached, bracket.contracts, bracket.stop, bracket.target,
            bracket.created_at, detail="found at the venue",
        )  # fmt: skip
        first = self.first(row)
        sent = self.next(first.row, L.SENT, "found at the venue")
        await self._take(first, sent)
        return sent.row

    async def _trade_of(self, client_id: str) -> str:
        """The decision that a bracket's id is made of, "" when these books do not know it."""
        entry = client_id_of(Role.ENTRY, client_id[-DIGEST_LENGTH:])
        row = await self._db.fetch_one(
            "SELECT trade_id FROM trades WHERE entry_client_id = ? UNION"
            " SELECT decision_id FROM intents WHERE client_id = ?", (entry, entry)
        )  # fmt: skip
        return "" if row is None else str(row[0])
