"""One engine a database. The lock of the storage folder keeps a second engine of this machine out; where the folder
is shared by machines, such a lock may not reach. So the books themselves say who works with them (incident row 50)."""

from __future__ import annotations

import json
import os
import secrets
import socket
from dataclasses import dataclass, field

from engine.clock import Clock
from engine.db import Database
from engine.home import AlreadyRunning

KEY = "lease"
LASTS_MS = 45_000
"""Wall time after which a holder that has not renewed counts as gone."""
RENEWED_MS = 10_000
"""The guard looks at every pass who holds it, and writes only so often: a pass that a push woke needs no disk."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who works with the books: a machine, a process, and a word of its own for each run."""

    host: str
    pid: int
    run: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}"


@dataclass(slots=True)
class Lease:
    """`take` before trading, `renew` while trading; what another run has taken since is lost."""

    db: Database
    clock: Clock
    me: Holder = field(default_factory=lambda: Holder(socket.gethostname(), os.getpid(), secrets.token_hex(8)))
    held: bool = False

    async def take(self) -> None:
        """Raises AlreadyRunning while another machine's engine renews it, also one whose clock is ahead of ours. One of
        this machine is gone: the lock of the folder says so, and a restart must not wait."""
        found = await self._read()
        if found is not None:
            holder, at = found
            if holder.host != self.me.host and abs(self.clock.wall_ms() - at) < LASTS_MS:
                raise AlreadyRunning(f"{holder} works with these books; stop it first, or use another --home")
        await self._write()
        self.held = True

    async def renew(self) -> bool:
        """False when another run has taken it: this one must open nothing any more."""
        found = await self._read()
        self.held = found is not None and found[0] == self.me
        if found is not None and self.held and abs(self.clock.wall_ms() - found[1]) >= RENEWED_MS:
            await self._write()
        return self.held

    async def release(self) -> None:
        """A clean end: the next engine, also of another machine, need not wait."""
        if self.held and await self.renew():
            await self.db.execute("DELETE FROM meta WHERE key = ?", (KEY,))
        self.held = False

    async def _write(self) -> None:
        row = {"host": self.me.host, "pid": self.me.pid, "run": self.me.run, "at": self.clock.wall_ms()}
        await self.db.set_meta(KEY, json.dumps(row, allow_nan=False))

    async def _read(self) -> tuple[Holder, int] | None:
        text = await self.db.meta(KEY)
        if text is None:
            return None
        try:
            row = json.loads(text)
            return Holder(str(row["host"]), int(row["pid"]), str(row["run"])), int(row["at"])
        except (ValueError, TypeError, KeyError):  # nobody's word: it must keep no guard from its positions
            return None
