"""Who is turned away at the venue's door, and what it says about its own hours (okx.md §6, `/system/status`)."""

from __future__ import annotations

from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.okx_errors import OkxError, parameter, worded
from engine.exchange.simulator.params import Params, Row, text
from engine.exchange.simulator.world import Maintenance

ALWAYS_OPEN = frozenset({"/api/v5/system/status", "/api/v5/public/time"})
WRITES_ONLY = frozenset({"50030", "50120", "50121"})
"""A key that meets these still reads; one that meets any other code is no key any more."""

_STATES = frozenset({"scheduled", "ongoing", "pre_open", "completed", "canceled"})


def turned_away(floor: Floor, method: str, path: str, *, signed: bool) -> OkxError | None:
    """The refusal that every request of this sort meets now: hard maintenance, or a key that lost its permission."""
    if path not in ALWAYS_OPEN:
        for window in floor.world.maintenances:
            if window.code and window.begin <= floor.now_ms < window.end:
                return worded(window.code)
    code = lost_permission(floor)
    if not signed or not code or (method == "GET" and code in WRITES_ONLY):
        return None
    return worded(code)


def lost_permission(floor: Floor) -> str:
    """The code that the key meets, "" while it is good."""
    world = floor.world
    over = world.permission_until and world.permission_until <= floor.wall_ms()
    return "" if over else world.permission


def lift(floor: Floor) -> None:
    """Everybody is let in again: no maintenance, no lost key, no skewed clock, no suspension, nothing deaf."""
    world = floor.world
    for window in world.maintenances:
        window.begin, window.end = min(window.begin, floor.now_ms), min(window.end, floor.now_ms)
    world.permission, world.permission_until, world.skew_ms, world.deaf_until = "", 0, 0, 0
    world.closed.clear()
    floor.keep(world)


def status_rows(floor: Floor, params: Params) -> list[Row]:
    """Maintenance windows, newest first, of one `state` or of all. Raises 51000."""
    wanted = text(params, "state")
    if wanted and wanted not in _STATES:
        raise parameter("state")
    rows = [_status_row(floor, window) for window in reversed(floor.world.maintenances)]
    return [row for row in rows if wanted in {"", row["state"]}]


def _status_row(floor: Floor, window: Maintenance) -> Row:
    now = floor.now_ms
    state = "scheduled" if now < window.begin else "ongoing" if now < window.end else "completed"
    return {
        "title": window.title,
        "state": state,
        "begin": str(window.begin),
        "end": str(window.end),
        "preOpenBegin": "",
        "href": "",
        "serviceType": "5",
        "system": "unified",
        "scheDesc": "",
        "maintType": "1",
        "env": "2",
        "ts": str(now),
    }
