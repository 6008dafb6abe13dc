"""The latch in the database, beside the file: whichever of the two is lost, the other still holds.

The file decides, because it needs no database; the record is brought level with it, and puts it back when somebody
has taken it away. Only `forget`, a part of resuming, clears it.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from engine.db import Database
from engine.execution.latch import EntryLatch, LatchStatus
from engine.model import KillState

KEY = "kill_switch"
PATIENCE_S = 0.25
"""How long another process's lock on the database may hold up a kill that has already been carried out."""
_UPSERT = "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value"


async def agree(latch: EntryLatch, db: Database) -> str:
    """Brings file and record together; what had to be put right, in words, or "". Raises sqlite3.Error."""
    status, recorded = latch.status(), await recorded_in(db)
    if status.state is KillState.DISENGAGED:
        if recorded is None:
            return ""
        latch.engage(recorded.state, recorded.by, recorded.detail)
        return f"{latch.path.name} was gone; the database remembers that it is {recorded.state.value}"
    if recorded is None or recorded.state is not status.state:
        await db.set_meta(KEY, _text(status))
    return ""


async def recorded_in(db: Database) -> LatchStatus | None:
    """None when the database holds no engaged latch. What cannot be read is an engaged one."""
    text = await db.meta(KEY)
    return None if not text else _status(text)


async def forget(db: Database) -> None:
    await db.set_meta(KEY, "")


def record(database: Path, status: LatchStatus) -> str:
    """From another process, at its own risk: "" when written, else why not. Creates and repairs nothing."""
    if not database.exists():
        return "there is none"
    try:
        with closing(sqlite3.connect(f"{database.absolute().as_uri()}?mode=rw", uri=True, timeout=PATIENCE_S)) as books:
            books.execute(_UPSERT, (KEY, _text(status)))
            books.commit()
    except sqlite3.Error as error:
        return str(error)
    return ""


def _text(status: LatchStatus) -> str:
    told = {"state": status.state.value, "by": status.by, "since": status.since, "detail": status.detail}
    return json.dumps(told, allow_nan=False)


def _status(text: str) -> LatchStatus:
    try:
        content = json.loads(text)
        return LatchStatus(KillState(content["state"]), str(content["by"]), content["since"], str(content["detail"]))
    except (ValueError, TypeError, KeyError):
        return LatchStatus(KillState.LATCHED, "unreadable record", None, "the database's record could not be read")
