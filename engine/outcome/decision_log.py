"""Every decision and every trade event, to SQLite and to JSON lines that a person can grep."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from engine.db import Database
from engine.events import (
    BracketHealed,
    BracketVerified,
    Event,
    KillChanged,
    OrderFilled,
    OrderRefused,
    OrderSent,
    TradeClosed,
)
from engine.execution.intent import text
from engine.jsonl import JsonLines, dumps
from engine.model import DecisionRecord

TRADE_EVENTS = (OrderSent, OrderFilled, OrderRefused, BracketVerified, BracketHealed, TradeClosed, KillChanged)
COLUMNS = (
    "decision_id", "cycle", "ticker", "inst_id", "bar_ts", "decided_at", "action", "reason", "detail", "price",
    "strength", "confidence", "p_win", "record",
)  # fmt: skip
INSERT = f"INSERT INTO decisions ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})"  # noqa: S608
REPLACED = ", ".join(f"{column} = excluded.{column}" for column in COLUMNS[1:])
KEPT_DECISIONS = 5_000
"""About 8 KB each. The database keeps them for the screen; the log beside it has the same lines."""
PRUNE_EVERY = 500


@cache
def _records() -> TypeAdapter[DecisionRecord]:
    return TypeAdapter(DecisionRecord)


@cache
def _events() -> TypeAdapter[Any]:
    return TypeAdapter(Event)


def prepare_records() -> None:
    """Builds the schemas of what is written, 30 ms each, before an event loop has to wait for the first of each."""
    _records()
    _events()


class DecisionLog:
    """`warn` hears what could not be written; nothing here raises for a full disk or a broken database."""

    def __init__(
        self,
        db: Database,
        logs_dir: Path,
        warn: Callable[[str], None],
        kept_decisions: int = KEPT_DECISIONS,
        prune_every: int = PRUNE_EVERY,
    ) -> None:
        self._db = db
        self._kept_decisions = kept_decisions
        self._prune_every = prune_every
        self._warn = warn
        self._reasoning = JsonLines(logs_dir / "reasoning.jsonl")
        self._trades = JsonLines(logs_dir / "trades.jsonl")
        self._since_prune = 0

    async def record(self, record: DecisionRecord) -> None:
        """The whole decision: signals, gates, sizing and the reasoning of whoever answered."""
        line, problem = await asyncio.to_thread(self._write, record)
        if problem:
            self._warn(problem)
        try:
            await self._insert(record, line)
            await self._prune()
        except sqlite3.Error as error:
            self._warn(f"decision {record.decision_id} not stored: {error}")

    def _write(self, record: DecisionRecord) -> tuple[str, str]:
        """The line, and what kept it from the file. A record's thousand numbers take milliseconds to walk through."""
        line = dumps(_records().dump_python(record, mode="json"))
        return line, self._reasoning.write_line(line)

    def trade_event(self, event: Event) -> None:
        """Writes the events that are about orders and trades; the others are none of its business."""
        if isinstance(event, TRADE_EVENTS):
            problem = self._trades.write(_events().dump_python(event, mode="json"))
            if problem:
                self._warn(problem)

    async def _insert(self, record: DecisionRecord, line: str) -> None:
        await self._db.execute(
            f"{INSERT} ON CONFLICT (decision_id) DO UPDATE SET {REPLACED}"
            # A cycle asked for by hand repeats a bar: its HOLD must not erase the decision that opened a trade.
            " WHERE excluded.action != 'HOLD' OR decisions.action = 'HOLD'",
            (record.decision_id, record.cycle, record.ticker, record.inst_id, record.bar_ts, record.decided_at,
             record.action.value, record.reason.value, record.detail, text(record.price), record.strength,
             record.confidence, record.p_win, line),
        )  # fmt: skip

    async def _prune(self) -> None:
        """Keeps the newest decisions, and every one that became a trade."""
        self._since_prune += 1
        if self._since_prune < self._prune_every:
            return
        self._since_prune = 0
        await self._db.execute(
            "DELETE FROM decisions WHERE decision_id NOT IN (SELECT trade_id FROM trades) AND decided_at <"
            " (SELECT decided_at FROM decisions ORDER BY decided_at DESC LIMIT 1 OFFSET ?)",
            (self._kept_decisions,),
        )
