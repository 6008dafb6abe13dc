"""storage/status.json: what a running engine says of itself, rewritten every two seconds.

It is a heartbeat as well: a file older than ten seconds means that the engine is silent.
"""

from __future__ import annotations

import json
import logging
import os
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from engine import wire
from engine.clock import SystemClock
from engine.events import EngineSnapshot, Event
from engine.home import Home
from engine.vitals import measure

if TYPE_CHECKING:
    from engine.engine import Engine

log = logging.getLogger(__name__)

SILENT_AFTER_S = 10.0
TOLD = frozenset(
    {"engine_state", "clock", "positions", "account", "health", "halts", "pauses", "kill", "cycle_finished"} | {"worth"}
)


def write_status(engine: Engine) -> None:
    """Whole or not at all."""
    seq, latest = engine.bus.latest()
    events = tuple(event for event in latest if event.kind in TOLD)
    snapshot = EngineSnapshot(
        seq=seq,
        mode=engine.settings.goals.mode.value,
        venue=engine.venue_name,
        home=str(engine.home.root),
        pid=os.getpid(),
        watchlist=engine.settings.watchlist,
        risk_limits=engine.risk_limits,
        events=events,
    )
    document = {
        "written_at_wall_ms": SystemClock().wall_ms(),
        "snapshot": _snapshot(snapshot),
        "process": asdict(measure(engine.home)),
        "counted": dict(engine.counted),
    }
    draft = engine.home.status_file.with_suffix(".tmp")
    draft.write_text(json.dumps(document, allow_nan=False), encoding="utf-8")
    draft.replace(engine.home.status_file)


def _snapshot(snapshot: EngineSnapshot) -> Any:
    """A number that JSON does not know costs the event that holds it, never the heartbeat."""
    try:
        return json.loads(wire.snapshot_line(snapshot))
    except ValueError:
        sound = tuple(event for event in snapshot.events if _is_sound(event))
        return json.loads(wire.snapshot_line(replace(snapshot, events=sound)))


def _is_sound(event: Event) -> bool:
    try:
        wire.event_line(event)
    except ValueError as error:
        log.error("%s left out of status.json: %s", event.kind, error)
        return False
    return True


def read_process(home: Home) -> dict[str, Any]:
    """What the engine's process used when it last told, and what it counted; empty when that cannot be read."""
    try:
        document = json.loads(home.status_file.read_text(encoding="utf-8"))
        return {**document["process"], "counted": document["counted"]}
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def read_status(home: Home) -> tuple[EngineSnapshot, float] | None:
    """The snapshot and its age in wall seconds; None when there is none that can be read."""
    try:
        document: dict[str, Any] = json.loads(home.status_file.read_text(encoding="utf-8"))
        snapshot = wire.read_snapshot(json.dumps(document["snapshot"], allow_nan=False))
        age_s = (SystemClock().wall_ms() - int(document["written_at_wall_ms"])) / 1000
    except (OSError, ValueError, KeyError):
        return None
    return snapshot, age_s
