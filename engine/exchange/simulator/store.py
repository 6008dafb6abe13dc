"""The venue's state file: every record as one JSON row of SQLite.

What changed in a request or an advance is written in one transaction before the answer leaves, so a killed
process reopens exactly where its clients last saw it. WAL with synchronous=NORMAL survives the death of the
process (not of the machine's power, which a simulator need not).

Beside the records as they are stands their `history`: every state of an algo, order, fill or position with the
wall time at which it was reached, append-only, for whoever audits how well the account was protected.
"""

from __future__ import annotations

import fcntl
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import fields
from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.exchange.simulator.records import (
    Account,
    Algo,
    Attachment,
    Bill,
    Entry,
    Fill,
    Instant,
    Leg,
    Naked,
    Order,
    Position,
    Record,
)
from engine.exchange.simulator.world import Deed, Maintenance, Terms, World

FORMAT = "cynosure simulator state 1"
_RECORDS = (Account, Algo, Bill, Deed, Entry, Fill, Instant, Naked, Order, Position, World)
_CLASSES = {kind.__name__: kind for kind in (*_RECORDS, Attachment, Leg, Maintenance, Terms)}
_FIELDS = {kind: tuple(field.name for field in fields(kind)) for kind in _CLASSES.values()}
_HISTORIC = frozenset({"Algo", "Order", "Fill", "Position", "Deed"})
_HISTORY = """CREATE TABLE IF NOT EXISTS history (n INTEGER PRIMARY KEY, step INTEGER, wall_ms INTEGER,
 venue_ms INTEGER, kind TEXT, key TEXT, body TEXT)"""


class StateFileError(Exception):
    """The state file cannot be used: damaged, not ours, or of another market. The message says what to do."""


def _encode(value: Any) -> Any:
    if isinstance(value, Decimal):
        return {"$": str(value)}
    names = _FIELDS[type(value)]
    return {"$c": type(value).__name__, **{name: getattr(value, name) for name in names}}


def _decode(value: dict[str, Any]) -> Any:
    if "$" in value:
        return Decimal(value["$"])
    kind = value.pop("$c", None)
    return value if kind is None else _CLASSES[kind](**value)


_encoder = json.JSONEncoder(default=_encode, allow_nan=False, separators=(",", ":"), check_circular=False)


class StateStore:
    """Records of one venue on disk, or in memory for a venue that is to be forgotten."""

    def __init__(self, connection: sqlite3.Connection, lock: int | None = None, history: bool = True) -> None:
        self._connection = connection
        self._lock = lock
        self._history = history
        self._step = 0

    @classmethod
    def in_memory(cls, history: bool = False) -> StateStore:
        store = cls(sqlite3.connect(":memory:", isolation_level=None), history=history)
        store._prepare({})
        return store

    @classmethod
    def open(cls, path: Path, identity: Mapping[str, str]) -> StateStore:
        """Opens or creates `path`. `identity` (seed, replay, equity) must agree with the one it was created with.

        Only one process at a time; its death releases the file. Raises StateFileError.
        """
        lock = _locked(path)
        store = cls(sqlite3.connect(path, isolation_level=None, timeout=2.0), lock)
        try:
            store._prepare(identity)
        except sqlite3.DatabaseError as error:
            store.close()
            raise StateFileError(
                f"{path}: not a readable simulator state file ({error}); move it away to start afresh"
            ) from error
        except _Foreign as mismatch:
            store.close()
            raise StateFileError(f"{path}: {mismatch}; move it away or use the same settings again") from None
        return store

    def _prepare(self, identity: Mapping[str, str]) -> None:
        run = self._connection.execute
        run("PRAGMA journal_mode=WAL")
        run("PRAGMA synchronous=NORMAL")
        tables = {name for (name,) in run("SELECT name FROM sqlite_master WHERE type='table'")}
        if tables and "about" not in tables:
            raise _Foreign("this is somebody else's database")
        run("CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL)")
        run("CREATE TABLE IF NOT EXISTS records (kind TEXT, key TEXT, body TEXT NOT NULL, PRIMARY KEY (kind, key))")
        if self._history:
            run(_HISTORY)
            self._step = run("SELECT coalesce(max(step), 0) FROM history").fetchone()[0]
        expected = {"format": FORMAT, **identity}
        stored = dict(run("SELECT name, value FROM about").fetchall())
        for name, value in expected.items():
            if name in stored and stored[name] != value:
                raise _Foreign(f"made with {name} {stored[name]}, asked for {value}")
        if not stored:
            self._connection.executemany("INSERT INTO about VALUES (?, ?)", expected.items())

    def records(self) -> Iterator[Record]:
        """Everything stored. Raises StateFileError when a row cannot be read."""
        yield from self._rows("SELECT kind, key, body FROM records ORDER BY kind, key", ())

    def all_of(self, kind: type[Record]) -> Iterator[Record]:
        """Every record of one kind, lowest key first."""
        yield from self._rows("SELECT kind, key, body FROM records WHERE kind = ? ORDER BY key", (kind.__name__,))

    def older(self, kind: type[Record], below: str) -> Iterator[Record]:
        """Records of one kind with lower keys, highest first: an archive, read as far as somebody turns its pages."""
        query = "SELECT kind, key, body FROM records WHERE kind = ? AND key < ? ORDER BY key DESC"
        yield from self._rows(query, (kind.__name__, below))

    def find(self, kind: type[Record], name: str, value: str) -> Record | None:
        """The newest record of that kind whose text field `name` is `value`."""
        query = "SELECT kind, key, body FROM records WHERE kind = ? AND instr(body, ?) ORDER BY key DESC LIMIT 1"
        return next(self._rows(query, (kind.__name__, f'"{name}":{json.dumps(value, allow_nan=False)}')), None)

    def _rows(self, query: str, values: tuple[str, ...]) -> Iterator[Record]:
        try:
            for kind, key, body in self._connection.execute(query, values):
                yield _record(kind, key, body)
        except sqlite3.DatabaseError as error:
            raise StateFileError(f"the state file is damaged ({error}); move it away to start afresh") from error

    def save(self, changed: Iterable[Record], wall_ms: int, venue_ms: int) -> None:
        """Writes all of them or none, and what they have become into the history."""
        rows = [(type(record).__name__, record.key, _encoder.encode(record)) for record in changed]
        run = self._connection.execute
        run("BEGIN IMMEDIATE")
        try:
            self._connection.executemany("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", rows)
            self._remember(rows, wall_ms, venue_ms)
        except sqlite3.Error:
            run("ROLLBACK")
            raise
        run("COMMIT")

    def _remember(self, rows: list[tuple[str, str, str]], wall_ms: int, venue_ms: int) -> None:
        historic = [row for row in rows if row[0] in _HISTORIC]
        if not self._history or not historic:
            return
        self._step += 1
        self._connection.executemany(
            "INSERT INTO history (step, wall_ms, venue_ms, kind, key, body) VALUES (?, ?, ?, ?, ?, ?)",
            [(self._step, wall_ms, venue_ms, *row) for row in historic],
        )

    def close(self) -> None:
        self._connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


class _Foreign(Exception):
    """The file belongs to something else."""


def _locked(path: Path) -> int:
    """A lock beside the file, held by this process until it closes or dies. Raises StateFileError."""
    try:
        lock = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateFileError(f"{path}: cannot be written ({error.strerror})") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(lock)
        raise StateFileError(f"{path}: another simulator is running on it; stop that one or use another file") from None
    return lock


def _record(kind: str, key: str, body: str) -> Record:
    try:
        record: Record = json.loads(body, object_hook=_decode)
    except (ValueError, TypeError, KeyError, ArithmeticError) as error:
        raise StateFileError(
            f"the state file is damaged ({kind} {key}: {error}); move it away to start afresh"
        ) from error
    return record
