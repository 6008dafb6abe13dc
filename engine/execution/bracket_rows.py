"""A bracket as the journal keeps it, and one step of its life as it is written."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from engine.db import Transaction
from engine.execution.bracket_states import BracketLife
from engine.execution.intent import number, text


@dataclass(frozen=True, slots=True)
class BracketRow:
    """A bracket of ours: what was placed, when, and how far it got.

    `attached`: it rode on its trade's entry. `contracts`, `stop` and `target` are those it was placed with; `detail`
    says why it is in its state; `steps` counts the steps taken; times are venue ms.
    """

    client_id: str
    trade_id: str
    inst_id: str
    attached: bool
    contracts: Decimal | None
    stop: Decimal | None
    target: Decimal | None
    created_at: int
    state: BracketLife = BracketLife.INTENDED
    algo_id: str = ""
    detail: str = ""
    updated_at: int = 0
    steps: int = 1


@dataclass(frozen=True, slots=True)
class BracketStep:
    """`row` is what the step leads to; `before` "" = the first one."""

    row: BracketRow
    before: str
    wall_ms: int


async def write_steps(tx: Transaction, steps: Iterable[BracketStep]) -> None:
    """In their order; a step that is written already changes nothing."""
    for step in steps:
        row = step.row
        await tx.execute(
            "INSERT INTO brackets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (client_id) DO UPDATE SET"
            " state = excluded.state, algo_id = excluded.algo_id, detail = excluded.detail,"
            " updated_at = excluded.updated_at, steps = excluded.steps WHERE excluded.steps > steps",
            (row.client_id, row.trade_id, row.inst_id, int(row.attached), text(row.contracts), text(row.stop),
             text(row.target), row.state.value, row.algo_id, row.detail, row.created_at, row.updated_at, row.steps),
        )  # fmt: skip
        await tx.execute(
            "INSERT OR IGNORE INTO bracket_events VALUES (?, ?, ?, ?, ?, ?, ?)",
            (row.client_id, row.steps, step.before, row.state.value, row.detail, row.updated_at, step.wall_ms),
        )


def bracket_row_of(row: sqlite3.Row) -> BracketRow:
    return BracketRow(
        client_id=row["client_id"],
        trade_id=row["trade_id"],
        inst_id=row["inst_id"],
        attached=bool(row["attached"]),
        contracts=number(row["contracts"]),
        stop=number(row["stop"]),
        target=number(row["target"]),
        created_at=row["created_at"],
        state=BracketLife(row["state"]),
        algo_id=row["algo_id"],
        detail=row["detail"],
        updated_at=row["updated_at"],
        steps=row["steps"],
    )
