"""The order journal: an intent is committed before anything is sent, and every step after it is, too."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from decimal import Decimal

from engine.clock import Clock
from engine.db import Database, Transaction, Value
from engine.execution.bracket_rows import BracketStep, write_steps
from engine.execution.ids import DIGEST_LENGTH, Role, client_id_of
from engine.execution.intent import Intent, intent_of, text
from engine.execution.states import UNRESOLVED, IntentState, Kind, check_transition

_COLUMNS = (
    "client_id, kind, decision_id, attempt, ticker, inst_id, state, reason, contracts, contract_units, price, stop,"
    " target, strength, trail_pct, order_id, filled, average_price, unprotected_ms, detail, created_at, updated_at,"
    " sent_wall_ms"
)


class AlreadyJournalled(Exception):
    """This decision has had its entry (or this id its intent): nothing is sent a second time."""


class Journal:
    """Intents by client id. Each method is one committed transaction."""

    def __init__(self, db: Database, clock: Clock) -> None:
        self._db = db
        self._clock = clock

    async def record(self, intent: Intent, bracket: BracketStep | None = None) -> None:
        """Commits a new intent, and with it the first step of the bracket that rides on it. Raises
        AlreadyJournalled."""
        assert intent.state is IntentState.INTENDED
        try:
            async with self._db.transaction() as tx:
                marks = ", ".join("?" * 23)
                await tx.execute(f"INSERT INTO intents ({_COLUMNS}) VALUES ({marks})", _values(intent))  # noqa: S608
                await self._note(tx, intent.client_id, "", IntentState.INTENDED, intent.detail)
                await write_steps(tx, () if bracket is None else (bracket,))
        except sqlite3.IntegrityError as error:
            raise AlreadyJournalled(f"{intent.decision_id} already has its {intent.kind.value}") from error

    async def move(
        self,
        client_id: str,
        after: IntentState,
        detail: str = "",
        *,
        order_id: str | None = None,
        filled: Decimal | None = None,
        average_price: Decimal | None = None,
        unprotected_ms: float | None = None,
        bracket: BracketStep | None = None,
    ) -> Intent:
        """Takes one step of the table and commits it, together with a step of its bracket. Raises
        IllegalTransition."""
        async with self._db.transaction() as tx:
            before = await self._require(tx, client_id)
            check_transition(before.kind, before.state, after)
            sent = self._clock.wall_ms() if after is IntentState.SENT else before.sent_wall_ms
            await tx.execute(
                "UPDATE intents SET state = ?, detail = ?, order_id = coalesce(?, order_id),"
                " filled = coalesce(?, filled), average_price = coalesce(?, average_price),"
                " unprotected_ms = coalesce(unprotected_ms, ?), updated_at = ?, sent_wall_ms = ? WHERE client_id = ?",
                (after.value, detail, order_id, text(filled), text(average_price), unprotected_ms,
                 self._clock.now_ms(), sent, client_id),
            )  # fmt: skip
            await self._note(tx, client_id, before.state.value, after, detail)
            await write_steps(tx, () if bracket is None else (bracket,))
            return await self._require(tx, client_id)

    async def get(self, client_id: str) -> Intent | None:
        return _maybe(await self._db.fetch_one(f"SELECT {_COLUMNS} FROM intents WHERE client_id = ?", (client_id,)))  # noqa: S608

    async def unresolved(self, inst_id: str | None = None) -> tuple[Intent, ...]:
        """Intents whose end the venue has not told yet, oldest first."""
        return await self._in_states(UNRESOLVED, inst_id)

    async def entry_of(self, decision_id: str) -> Intent | None:
        return _maybe(
            await self._db.fetch_one(
                f"SELECT {_COLUMNS} FROM intents WHERE decision_id = ? AND kind = 'entry'",  # noqa: S608
                (decision_id,),
            )
        )

    async def latest_entry(self, inst_id: str, states: frozenset[IntentState]) -> Intent | None:
        """The newest entry on an instrument that is in one of `states`."""
        found = [i for i in await self._in_states(states, inst_id) if i.kind is Kind.ENTRY]
        return found[-1] if found else None

    async def never_seen(self, client_ids: Iterable[str]) -> frozenset[str]:
        """Of ids in our form those whose decision has neither an intent nor a trade here: an id's last letters name
        its decision, whatever the order was for."""
        strangers: set[str] = set()
        for client_id in client_ids:
            decision = client_id[-DIGEST_LENGTH:]
            ids = tuple(client_id_of(role, decision) for role in (Role.ENTRY, Role.EXIT))
            row = await self._db.fetch_one(
                "SELECT 1 FROM intents WHERE client_id IN (?, ?, ?) UNION ALL"
                " SELECT 1 FROM trades WHERE entry_client_id = ?", (client_id, *ids, ids[0])
            )  # fmt: skip
            strangers |= {client_id} if row is None else set()
        return frozenset(strangers)

    async def next_exit_attempt(self, decision_id: str) -> int:
        row = await self._db.fetch_one(
            "SELECT coalesce(max(attempt) + 1, 0) FROM intents WHERE decision_id = ? AND kind = 'exit'", (decision_id,)
        )
        assert row is not None
        return int(row[0])

    async def history(self, client_id: str) -> tuple[tuple[str, str], ...]:
        """The steps taken, as (from, to), oldest first."""
        rows = await self._db.fetch_all(
            "SELECT from_state, to_state FROM intent_events WHERE client_id = ? ORDER BY id", (client_id,)
        )
        return tuple((row["from_state"], row["to_state"]) for row in rows)

    async def _in_states(self, states: frozenset[IntentState], inst_id: str | None) -> tuple[Intent, ...]:
        marks = ", ".join("?" * len(states))
        where = f"state IN ({marks})" + ("" if inst_id is None else " AND inst_id = ?")
        parameters: list[Value] = [*sorted(states), *([] if inst_id is None else [inst_id])]
        rows = await self._db.fetch_all(
            f"SELECT {_COLUMNS} FROM intents WHERE {where} ORDER BY created_at, rowid",  # noqa: S608
            parameters,
        )
        return tuple(intent_of(row) for row in rows)

    async def _require(self, tx: Transaction, client_id: str) -> Intent:
        row = await tx.fetch_one(f"SELECT {_COLUMNS} FROM intents WHERE client_id = ?", (client_id,))  # noqa: S608
        assert row is not None, f"no intent {client_id}"
        return intent_of(row)

    async def _note(self, tx: Transaction, client_id: str, before: str, after: IntentState, detail: str) -> None:
        await tx.execute(
            "INSERT INTO intent_events (client_id, from_state, to_state, detail, venue_ms, wall_ms)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (client_id, before, after.value, detail, self._clock.now_ms(), self._clock.wall_ms()),
        )


def _maybe(row: sqlite3.Row | None) -> Intent | None:
    return None if row is None else intent_of(row)


def _values(intent: Intent) -> tuple[Value, ...]:
    prices = intent.prices
    return (
        intent.client_id, intent.kind.value, intent.decision_id, intent.attempt, intent.ticker, intent.inst_id,
        intent.state.value, intent.reason.value, text(intent.contracts), text(intent.contract_units),
        text(intent.price), text(prices.stop) if prices else None, text(prices.target) if prices else None,
        intent.strength, intent.trail_pct, intent.order_id, text(intent.filled), text(intent.average_price),
        intent.unprotected_ms, intent.detail, intent.created_at, intent.updated_at or intent.created_at,
        intent.sent_wall_ms,
    )  # fmt: skip
