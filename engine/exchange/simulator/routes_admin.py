"""Administration of the simulator itself, outside OKX's API: clock, jumps, ledger, request log, stop.

Unsigned, because the server listens on loopback only. Answers are plain JSON; a bad request is HTTP 400 with
`{"error": …}`.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from engine.exchange.simulator.envelope import dump
from engine.exchange.simulator.faults.catalogue import FaultError, read_fault, read_faults
from engine.exchange.simulator.faults.spec import Fault
from engine.exchange.simulator.routing import Desk
from engine.exchange.simulator.timekeeper import wall_ms

MAX_SPEED = 100_000.0


class BadRequest(Exception):
    """The administrator asked for something that does not exist or cannot be."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who this process is, so that nobody mistakes another one on the same port for it."""

    token: str
    seed: int
    replay: str


class Administration:
    """The /sim/* endpoints. `stop` asks the server to end gracefully."""

    def __init__(self, desk: Desk, identity: Identity, stop: Callable[[], None]) -> None:
        self._desk = desk
        self._identity = identity
        self._stop = stop

    async def answer(self, method: str, path: str, query: bytes, body: bytes) -> tuple[int, bytes]:
        """(HTTP status, JSON body)."""
        try:
            return 200, dump(await self._dispatch(method, path, query, body))
        except BadRequest as error:
            return 400, dump({"error": str(error)})

    async def _dispatch(self, method: str, path: str, query: bytes, body: bytes) -> Any:
        match method, path:
            case "GET", "/sim/clock":
                self._desk.timekeeper.pulse()
                return self._clock()
            case "POST", "/sim/clock":
                self._desk.timekeeper.set_speed(_speed(_object(body)))
                return self._clock()
            case "POST", "/sim/advance":
                await self._desk.timekeeper.advance_to(self._destination(_object(body)))
                return self._clock()
            case "GET", "/sim/ledger":
                self._desk.timekeeper.pulse()
                return self._desk.venue.ledger_report()
            case "GET", "/sim/log":
                return list(self._desk.log.since(_since(query)))
            case "POST", "/sim/fault":
                return self._order_faults(_object(body))
            case "GET", "/sim/faults":
                return self._desk.faults.report()
            case "POST", "/sim/stop":
                self._stop()
                return self._clock()
        raise BadRequest(f"unknown request {method} {path}")

    def _order_faults(self, request: dict[str, Any]) -> dict[str, Any]:
        """One fault, `{"faults": [...]}`, or `{"clear": true}`; in the form of a fault file, armed now."""
        if request.get("clear"):
            self._desk.faults.clear()
            self._desk.venue.lift()
        else:
            seed, faults = _faults(request)
            self._desk.faults.arm(faults, seed=seed)
            self._desk.timekeeper.pulse()
        return request

    def _clock(self) -> dict[str, Any]:
        timekeeper = self._desk.timekeeper
        return {
            "venue_ms": timekeeper.now_ms,
            "speed": timekeeper.speed,
            "wall_ms": wall_ms(),
            "skipped_wall_s": timekeeper.skipped_wall_s,
            "start_ms": self._desk.market.start_ms,
            "end_ms": self._desk.market.end_ms,
            "pid": os.getpid(),
            "token": self._identity.token,
            "seed": self._identity.seed,
            "replay": self._identity.replay,
        }

    def _destination(self, request: dict[str, Any]) -> int:
        now = self._desk.timekeeper.pulse()
        match request:
            case {"ms": int(ms)} if ms >= 0:
                return now + ms
            case {"to_ms": int(to_ms)} if to_ms >= now:
                return to_ms
        raise BadRequest(f'expected {{"ms": N}} or {{"to_ms": T}} not before venue time {now}, got {request}')


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError:
        raise BadRequest("the body is not JSON") from None
    if not isinstance(value, dict):
        raise BadRequest("the body is not a JSON object")
    return value


def _faults(request: dict[str, Any]) -> tuple[int | None, tuple[Fault, ...]]:
    """(seed, faults); without a seed of its own the request leaves the plan's as it is."""
    try:
        if "faults" not in request:
            return None, (read_fault(request),)
        seed, faults = read_faults(request)
        return (seed if "seed" in request else None), faults
    except FaultError as error:
        raise BadRequest(str(error)) from None


def _speed(request: dict[str, Any]) -> float:
    speed = request.get("speed")
    if not isinstance(speed, int | float) or isinstance(speed, bool) or not math.isfinite(speed):
        raise BadRequest(f'expected {{"speed": X}} with 0 ≤ X ≤ {MAX_SPEED:g}, got {request}')
    if not 0 <= speed <= MAX_SPEED:
        raise BadRequest(f"speed {speed:g} is outside 0 … {MAX_SPEED:g}")
    return float(speed)


def _since(query: bytes) -> int:
    since = parse_qs(query.decode("latin-1")).get("since", ["0"])[0]
    if not since.isdecimal():
        raise BadRequest(f"since must be a whole number, got {since!r}")
    return int(since)
