"""One engine a database. The lock of the storage folder keeps a second engine of this machine out; where the folder
is shared by machines, such a lock may not reach. So the books themselves say who works with them (incident row 50)."""

from __future__ import annotations

import json
import os
import secrets
import socket
import sqlite3
from dataclasses import asdict, dataclass, field
from pathlib import Path

from engine.clock import Clock
from engine.db import Database
from engine.home import AlreadyRunning

KEY = "lease"
LASTS_MS = 45_000
"""Wall time after which a holder that has not renewed counts as gone."""
RENEWED_MS = 10_000
"""The guard looks at every pass who holds it, and writes only so often: a pass that a push woke needs no disk."""
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def kernel_id() -> str:
    """The running kernel's own word, "" where it has none: a lock of a folder surely reaches as far as one kernel,
    and two machines may bear one name (containers)."""
    try:
        return BOOT_ID.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who works with the books: a machine, a process, and a word of its own for each run."""

    host: str
    pid: int
    run: str
    kernel: str = ""

    def elsewhere(self, other: Holder) -> bool:
        """Whether `other` runs on another machine; one that does not tell its kernel is known by its name alone."""
        told = self.kernel and other.kernel
        return self.host != other.host or bool(told and self.kernel != other.kernel)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@dataclass(slots=True)
class Lease:
    """`take` before trading, `renew` while trading; what another run has taken since is lost until it is free again."""

    db: Database
    clock: Clock
    me: Holder = field(
        default_factory=lambda: Holder(socket.gethostname(), os.getpid(), secrets.token_hex(8), kernel_id())
    )
    held: bool = False
    wanted: bool = False
    _rival: tuple[tuple[Holder, int], float] | None = None
    """Another's row, and since when we have seen it unchanged (monotonic)."""

    async def take(self) -> None:
        """Raises AlreadyRunning while another machine's engine renews it, also one whose clock is ahead of ours. One of
        this machine is gone: the lock of the folder says so, and a restart must not wait."""
        found = await self._read()
        if found is not None:
            holder, at = found
            if self.me.elsewhere(holder) and abs(self.clock.wall_ms() - at) < LASTS_MS:
                raise AlreadyRunning(f"{holder} works with these books; stop it first, or use another --home")
        self.wanted = True
        try:
            await self._write()
        except sqlite3.OperationalError:
            # Somebody has locked the file: positions must not wait for that. The next renewal takes it; until the
            # journal can be written nothing opens anyway.
            return
        self.held = True

    async def renew(self) -> bool:
        """False while another run has it: this one must open nothing. Taken again once that one has given it back, or
        has not renewed it for as long as we looked on: its clock, which may differ from ours, proves nothing."""
        found = await self._read()
        self.held = found is not None and found[0] == self.me
        if found is None or self._silent(found):
            await self._write()
            self.held = True
        elif self.held and abs(self.clock.wall_ms() - found[1]) >= RENEWED_MS:
            await self._write()
        return self.held

    def _silent(self, found: tuple[Holder, int]) -> bool:
        """Whether another's row has stood unchanged for too long."""
        if self.held:
            self._rival = None
            return False
        now = self.clock.monotonic()
        if self._rival is None or self._rival[0] != found:
            self._rival = (found, now)
        return (now - self._rival[1]) * 1000 >= LASTS_MS

    async def release(self) -> None:
        """A clean end: the next engine, also of another machine, need not wait."""
        if self.held and await self.renew():
            await self.db.execute("DELETE FROM meta WHERE key = ?", (KEY,))
        self.held = self.wanted = False

    async def _write(self) -> None:
        row = {**asdict(self.me), "at": self.clock.wall_ms()}
        await self.db.set_meta(KEY, json.dumps(row, allow_nan=False))

    async def _read(self) -> tuple[Holder, int] | None:
        text = await self.db.meta(KEY)
        if text is None:
            return None
        try:
            row = json.loads(text)
            holder = Holder(str(row["host"]), int(row["pid"]), str(row["run"]), str(row.get("kernel", "")))
            return holder, int(row["at"])
        except (ValueError, TypeError, KeyError):  # nobody's word: it must keep no guard from its positions
            return None
