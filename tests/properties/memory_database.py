"""SQLite on the loop's own thread: what aiosqlite does with a thread, done in turn.

The bytes outlive the engine, as a disk does. `Life.end` is kill -9: what was not committed is gone, and nothing that
the dead engine still tries reaches the disk.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any


class Disk:
    """One database file. While `refuses()` is true every statement fails, as on a locked or a broken disk."""

    def __init__(self, refuses: Callable[[], bool]) -> None:
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.refuses = refuses

    def close(self) -> None:
        self.connection.close()


class Connection:
    """What engine.db uses of aiosqlite.Connection."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._alive = True
        self.statements = 0

    def kill(self) -> None:
        self._alive = False
        if self._disk.connection.in_transaction:
            self._disk.connection.execute("ROLLBACK")

    @property
    def row_factory(self) -> Any:
        return self._disk.connection.row_factory

    @row_factory.setter
    def row_factory(self, factory: Any) -> None:
        self._disk.connection.row_factory = factory

    @property
    def in_transaction(self) -> bool:
        return self._alive and self._disk.connection.in_transaction

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> Cursor:
        return Cursor(await self._run(sql, parameters))

    async def execute_fetchall(self, sql: str, parameters: Iterable[Any] = ()) -> list[Any]:
        return (await self._run(sql, parameters)).fetchall()

    async def close(self) -> None:
        self._alive = False

    async def _run(self, sql: str, parameters: Iterable[Any]) -> sqlite3.Cursor:
        await asyncio.sleep(0)
        if not self._alive:
            raise sqlite3.ProgrammingError("this engine is dead")
        if self._disk.refuses() and sql != "ROLLBACK":
            raise sqlite3.OperationalError("disk I/O error")
        self.statements += 1
        return self._disk.connection.execute(sql, tuple(parameters))


class Cursor:
    def __init__(self, cursor: sqlite3.Cursor) -> None:
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    async def close(self) -> None:
        self._cursor.close()


def connector(disk: Disk, opened: Callable[[Connection], None]) -> Callable[..., Any]:
    """Stands in for aiosqlite.connect; `opened` hears of each connection."""

    async def connect(path: Path, **options: Any) -> Connection:
        connection = Connection(disk)
        opened(connection)
        return connection

    return connect
