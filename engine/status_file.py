"""storage/status.json: what a running engine says of itself, rewritten every two seconds.

It is a heartbeat as well: a file older than ten seconds means that the engine is silent.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from engine import wire
from engine.clock import SystemClock
from engine.events import EngineSnapshot
from engine.home import Home

if TYPE_CHECKING:
    from engine.engine import Engine

SILENT_AFTER_S = 10.0
TOLD = frozenset(
    {"engine_state", "clock", "positions", "account", "health", "halts", "pauses", "kill", "cycle_finished"}
)


def write_status(engine: Engine) -> None:
    """Whole or not at all."""
    seq, events = engine.bus.latest()
    snapshot = EngineSnapshot(
        seq=seq,
        mode=engine.settings.goals.mode.value,
        venue=engine.venue_name,
        home=str(engine.home.root),
        pid=os.getpid(),
        watchlist=engine.settings.watchlist,
        risk_limits=engine.risk_limits,
        events=tuple(event for event in events if event.kind in TOLD),
    )
    document = {"written_at_wall_ms": SystemClock().wall_ms(), "snapshot": json.loads(wire.snapshot_line(snapshot))}
    draft = engine.home.status_file.with_suffix(".tmp")
    draft.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")
    draft.replace(engine.home.status_file)


def read_status(home: Home) -> tuple[EngineSnapshot, float] | None:
    """The snapshot and its age in wall seconds; None when there is none that can be read."""
    try:
        document: dict[str, Any] = json.loads(home.status_file.read_text(encoding="utf-8"))
        snapshot = wire.read_snapshot(json.dumps(document["snapshot"]))
        age_s = (SystemClock().wall_ms() - int(document["written_at_wall_ms"])) / 1000
    except (OSError, ValueError, KeyError):
        return None
    return snapshot, age_s
