"""The simulator's state file and the home's database, read as plain rows.

Rows are dicts of JSON values with exact Decimals. A file that a process holds open may be read beside it.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

Row = dict[str, Any]


class Unreadable(Exception):
    """One line: which file, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Step:
    """One transaction of the venue: what it changed, as (kind, row)."""

    wall_ms: int
    venue_ms: int
    changes: tuple[tuple[str, Row], ...]


@dataclass(frozen=True, slots=True)
class State:
    """Latest rows by kind and key; `steps` is the way there, oldest first, empty when the file keeps none."""

    rows: dict[str, dict[str, Row]]
    steps: tuple[Step, ...]

    def of(self, kind: str) -> list[Row]:
        """Ordered by key: the venue's ids are numbers of one length that grow."""
        return [row for _, row in sorted(self.rows.get(kind, {}).items())]

    @property
    def account(self) -> Row:
        """A venue on which nothing has happened has written none yet."""
        nothing: Row = dict.fromkeys(("initial", "cash", "realised", "fees", "funding", "penalties"), Decimal(0))
        return self.rows.get("Account", {}).get("account", nothing)


def load(path: Path) -> State:
    """Raises Unreadable."""
    with _connected(path) as connection:
        try:
            return read(connection)
        except Unreadable as problem:
            raise Unreadable(f"{path}: {problem}") from None


def read(connection: sqlite3.Connection) -> State:
    """A state file that is open already. Raises Unreadable."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if "records" not in tables:
        raise Unreadable("is not a simulator's state file")
    rows: dict[str, dict[str, Row]] = {}
    for kind, key, body in connection.execute("SELECT kind, key, body FROM records"):
        rows.setdefault(kind, {})[key] = _decoded(body)
    return State(rows, tuple(_steps(connection)) if "history" in tables else ())


def load_tables(path: Path, queries: tuple[str, ...]) -> list[list[Row]]:
    """The rows of each query on another SQLite file. Raises Unreadable."""
    with _connected(path) as connection:
        return read_tables(connection, queries)


def read_tables(connection: sqlite3.Connection, queries: tuple[str, ...]) -> list[list[Row]]:
    """As `load_tables`, of a file that is open already."""
    found = []
    for query in queries:
        cursor = connection.execute(query)
        names = [column[0] for column in cursor.description]
        found.append([dict(zip(names, tuple(row), strict=True)) for row in cursor])
    return found


def _steps(connection: sqlite3.Connection) -> Iterator[Step]:
    current: list[tuple[str, Row]] = []
    at: tuple[int, int, int] | None = None
    query = "SELECT step, wall_ms, venue_ms, kind, body FROM history ORDER BY n"
    for step, wall_ms, venue_ms, kind, body in connection.execute(query):
        if at is not None and at[0] != step:
            yield Step(at[1], at[2], tuple(current))
            current = []
        at = (step, wall_ms, venue_ms)
        current.append((kind, _decoded(body)))
    if at is not None:
        yield Step(at[1], at[2], tuple(current))


def _decoded(body: str) -> Row:
    try:
        row: Row = json.loads(body, object_hook=_value)
    except (ValueError, ArithmeticError) as error:
        raise Unreadable(f"a row cannot be read ({error})") from error
    return row


def _value(value: Row) -> Any:
    if "$" in value:
        return Decimal(value["$"])
    value.pop("$c", None)
    return value


@contextmanager
def _connected(path: Path) -> Iterator[sqlite3.Connection]:
    """A private copy is read, with its write-ahead log: the original is not touched, whoever holds it."""
    if not path.is_file():
        raise Unreadable(f"{path}: no such file")
    with tempfile.TemporaryDirectory(prefix="cynosure-audit-") as folder:
        copy = Path(folder) / path.name
        try:
            _copy(path, copy)
            with closing(sqlite3.connect(copy)) as connection:
                yield connection
        except (OSError, sqlite3.Error) as error:
            raise Unreadable(f"{path}: cannot be read ({' '.join(str(error).split())})") from error


def _copy(path: Path, copy: Path) -> None:
    """By SQLite itself, which waits for writers; file by file when the folder may not be written to."""
    uri = f"{path.absolute().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=5.0)) as source, closing(sqlite3.connect(copy)) as target:
            source.backup(target)
    except sqlite3.OperationalError:
        for suffix in ("", "-wal"):
            part = path.with_name(path.name + suffix)
            if part.exists():
                shutil.copyfile(part, copy.with_name(copy.name + suffix))
