"""SQLite: one writer connection, exact transactions, and a refusal of files that are not ours or not whole.

What must survive a power cut is committed with `synchronous=FULL` in WAL mode. One connection means that
"my transaction" and "yours" can never be the same one: the lock makes each transaction exclusive.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from types import TracebackType
from typing import Self

import aiosqlite

from engine.schema import APPLICATION_ID, MIGRATIONS

Value = str | int | float | None
Row = Sequence[Value]

SQLITE_MAGIC = b"SQLite format 3\0"
APPLICATION_ID_AT = slice(68, 72)
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA busy_timeout=5000",
    "PRAGMA foreign_keys=ON",
    # One large transaction would otherwise leave its write-ahead log at that size for ever.
    "PRAGMA journal_size_limit=16777216",
)


class DatabaseCorrupt(Exception):
    """The file cannot be used and was not touched. One line: the file, what is wrong, what to do."""


class Transaction:
    """What may be done inside one transaction."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str, parameters: Iterable[Value] = ()) -> int:
        """Returns the number of rows changed."""
        cursor = await self._connection.execute(sql, tuple(parameters))
        try:
            return cursor.rowcount
        finally:
            await cursor.close()

    async def fetch_all(self, sql: str, parameters: Iterable[Value] = ()) -> list[sqlite3.Row]:
        return list(await self._connection.execute_fetchall(sql, tuple(parameters)))

    async def fetch_one(self, sql: str, parameters: Iterable[Value] = ()) -> sqlite3.Row | None:
        rows = await self.fetch_all(sql, parameters)
        return rows[0] if rows else None


class Database:
    """Open with `Database.open`, and close: the connection's thread would keep the process alive."""

    def __init__(self, path: Path, connection: aiosqlite.Connection) -> None:
        self.path = path
        self._connection = connection
        self._lock = asyncio.Lock()
        self._closed = False

    @classmethod
    async def open(
        cls, path: Path, connect: Callable[..., Awaitable[aiosqlite.Connection]] = aiosqlite.connect
    ) -> Database:
        """Raises DatabaseCorrupt for a file that is not ours, damaged, or written by a newer version.

        `connect` is replaced where no thread may run beside the loop (the property suite's virtual time).
        """
        await asyncio.to_thread(inspect, path)
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = await connect(path, isolation_level=None)
        database = cls(path, connection)
        try:
            connection.row_factory = sqlite3.Row
            await database._prepare()
        except BaseException:
            await database.close()
            raise
        return database

    async def close(self) -> None:
        """Waits for the transaction in progress; a second call does nothing."""
        async with self._lock:
            if not self._closed:
                self._closed = True
                await self._connection.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """All or nothing: committed to disk on leaving, rolled back on any error or cancellation."""
        async with self._lock:
            self._require_open()
            await self._finish("BEGIN IMMEDIATE")
            try:
                yield Transaction(self._connection)
                await self._finish("COMMIT")
            except BaseException:
                # Also a COMMIT may be refused (a deferred constraint, a full disk), and SQLite may have rolled back
                # by itself: the transaction must be over either way, or no later one could begin.
                if self._connection.in_transaction:
                    await self._finish("ROLLBACK")
                raise

    async def execute(self, sql: str, parameters: Iterable[Value] = ()) -> int:
        async with self.transaction() as transaction:
            return await transaction.execute(sql, parameters)

    async def fetch_all(self, sql: str, parameters: Iterable[Value] = ()) -> list[sqlite3.Row]:
        async with self._lock:
            self._require_open()
            return await Transaction(self._connection).fetch_all(sql, parameters)

    async def fetch_one(self, sql: str, parameters: Iterable[Value] = ()) -> sqlite3.Row | None:
        rows = await self.fetch_all(sql, parameters)
        return rows[0] if rows else None

    async def meta(self, key: str) -> str | None:
        row = await self.fetch_one("SELECT value FROM meta WHERE key = ?", (key,))
        return None if row is None else str(row["value"])

    async def set_meta(self, key: str, value: str) -> None:
        await self.execute("INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                           (key, value))  # fmt: skip

    def _require_open(self) -> None:
        if self._closed:
            raise sqlite3.ProgrammingError(f"{self.path.name} is closed")

    async def _finish(self, statement: str) -> None:
        """A cancelled await does not stop the statement, so it is waited for before the lock is given back."""
        running = asyncio.ensure_future(self._connection.execute(statement))
        try:
            await asyncio.shield(running)
        except asyncio.CancelledError:
            await asyncio.wait([running])
            if statement == "BEGIN IMMEDIATE" and running.exception() is None:
                await self._connection.execute("ROLLBACK")
            raise

    async def _prepare(self) -> None:
        version = await self._pragma("user_version")
        if await self._pragma("application_id") != APPLICATION_ID:
            # Before the switch to WAL, so that the mark is in the file's first page from the start.
            await self._connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        for pragma in PRAGMAS:
            await self._connection.execute(pragma)
        for number, statements in enumerate(MIGRATIONS[version:], start=version + 1):
            async with self.transaction() as transaction:
                for statement in statements:
                    await transaction.execute(statement)
                await transaction.execute(f"PRAGMA user_version={number}")

    async def _pragma(self, name: str) -> int:
        rows = list(await self._connection.execute_fetchall(f"PRAGMA {name}"))
        return int(rows[0][0])


def inspect(path: Path) -> None:
    """Reads without writing; returns for an absent, an empty and a sound file of ours."""
    if not path.exists() or path.stat().st_size == 0:
        return
    with path.open("rb") as file:
        header = file.read(100)
    if not header.startswith(SQLITE_MAGIC):
        raise DatabaseCorrupt(f"{path}: is not a SQLite database; move it away, or restore a backup, and start again")
    if int.from_bytes(header[APPLICATION_ID_AT]) != APPLICATION_ID:
        raise DatabaseCorrupt(f"{path}: is a database of another program; move it away and start again")
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            version = int(connection.execute("PRAGMA user_version").fetchone()[0])
            damage = str(connection.execute("PRAGMA quick_check(1)").fetchone()[0])
    except sqlite3.DatabaseError as error:
        damage, version = str(error), 0
    damage = " ".join(damage.split())
    if damage != "ok":
        raise DatabaseCorrupt(f"{path}: is damaged ({damage}); restore a backup, or move it away and start again")
    if version > len(MIGRATIONS):
        raise DatabaseCorrupt(
            f"{path}: was written by a newer version (schema {version}, this program knows {len(MIGRATIONS)}); "
            "update the program"
        )
