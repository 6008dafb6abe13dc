"""The only bridge between cockpit and engine: facts come in by `drain`, requests go out by `send`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from engine.commands import Ack, Command
    from engine.events import EngineSnapshot, Event


class LinkError(Exception):
    """The engine could not be reached, or refused. The message is one line for a person."""


class EngineLink(Protocol):
    """An engine, wherever it runs. All methods are thread-safe; `start`, `drain`, `send` may block."""

    @property
    def running(self) -> bool: ...

    def start(self) -> None:
        """Raises LinkError with one clear line."""
        ...

    def stop(self, timeout_s: float = 20.0) -> None: ...

    def snapshot(self) -> EngineSnapshot | None: ...

    def drain(self, timeout_s: float) -> list[Event]:
        """Events since the last call, oldest first; waits up to `timeout_s` for the first."""
        ...

    def send(self, command: Command) -> Future[Ack]: ...

    def latch(self, by: str) -> None:
        """Stops entries at once, without any queue or loop. Raises OSError or LinkError if it could not."""
        ...


class Runtime(Protocol):
    """What the engine's own thread offers to a cockpit in the same process."""

    @property
    def running(self) -> bool: ...
    def start(self) -> None: ...
    def stop(self, timeout_s: float) -> None: ...
    def snapshot(self) -> EngineSnapshot | None: ...
    def drain(self, timeout_s: float) -> list[Event]: ...
    def submit(self, command: Command) -> Future[Ack]: ...
    def engage_latch(self, by: str) -> None: ...


class LocalLink:
    """The engine in this process, on its own thread.

    `runtime` may be a factory: it is then called by `start`, after the first paint, so that the
    engine's imports do not delay it. A latch pulled before that is remembered and set first.
    """

    def __init__(self, runtime: Runtime | Callable[[], Runtime]) -> None:
        self._factory = runtime if callable(runtime) else (lambda: runtime)
        self._lock = threading.Lock()
        self._runtime: Runtime | None = None if callable(runtime) else runtime
        self._latched_by: str | None = None

    @property
    def running(self) -> bool:
        return self._runtime is not None and self._runtime.running

    def start(self) -> None:
        runtime = self._runtime or self._factory()
        with self._lock:
            self._runtime = runtime
            waiting = self._latched_by
        if waiting is not None:
            runtime.engage_latch(waiting)
        runtime.start()

    def stop(self, timeout_s: float = 20.0) -> None:
        if self._runtime is not None:
            self._runtime.stop(timeout_s)

    def snapshot(self) -> EngineSnapshot | None:
        return self._runtime.snapshot() if self._runtime is not None else None

    def drain(self, timeout_s: float) -> list[Event]:
        if self._runtime is None:
            time.sleep(timeout_s)
            return []
        return self._runtime.drain(timeout_s)

    def send(self, command: Command) -> Future[Ack]:
        if self._runtime is None:
            return _answered(False, "the engine has not started yet")
        return self._runtime.submit(command)

    def latch(self, by: str) -> None:
        with self._lock:
            runtime = self._runtime
            if runtime is None:
                self._latched_by = by
                return
        runtime.engage_latch(by)


def _answered(ok: bool, detail: str) -> Future[Ack]:
    from engine.commands import Ack  # noqa: PLC0415 - the first paint needs no commands

    answer: Future[Ack] = Future()
    answer.set_result(Ack(ok, detail))
    return answer


READ_ONLY = "replay: read only"


class ReplayLink:
    """A recorded stream: one JSON event a line, the first line may be a snapshot.

    `speed` is venue seconds per wall second; 0 delivers everything at once and then holds still.
    """

    def __init__(self, path: Path, speed: float = 0.0) -> None:
        self._path = path
        self._speed = speed
        self._snapshot: EngineSnapshot | None = None
        self._events: Iterator[Event] = iter(())
        self._pending: Event | None = None
        self._origin: tuple[float, int] | None = None
        self._stopped = threading.Event()
        self._running = False

    @property
    def running(self) -> bool:
        return self._running

    def start(self) -> None:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise LinkError(f"{self._path}: cannot be read: {error.strerror}") from error
        self._snapshot, first = self._head(lines)
        self._events = self._read(lines, first)
        self._running = True

    def _head(self, lines: list[str]) -> tuple[EngineSnapshot | None, int]:
        from engine import wire  # noqa: PLC0415 - pydantic waits until after the first paint

        if not lines or not lines[0].startswith('{"seq"'):
            return None, 0
        try:
            return wire.read_snapshot(lines[0]), 1
        except ValueError as error:
            raise LinkError(f"{self._path}: line 1 is not a snapshot of this version") from error

    def _read(self, lines: list[str], first: int) -> Iterator[Event]:
        from engine import wire  # noqa: PLC0415

        for number, text in enumerate(lines[first:], first + 1):
            if not text.strip():
                continue
            try:
                yield wire.read_event(text)
            except ValueError as error:
                raise LinkError(f"{self._path}: line {number} is not an event of this version") from error

    def stop(self, timeout_s: float = 20.0) -> None:  # noqa: ARG002 - the protocol's shape
        self._running = False
        self._stopped.set()

    def snapshot(self) -> EngineSnapshot | None:
        return self._snapshot

    def drain(self, timeout_s: float) -> list[Event]:
        deadline = time.monotonic() + timeout_s
        events: list[Event] = []
        while (event := self._pending or next(self._events, None)) is not None:
            self._pending = event
            wait = self._due_in(event)
            if wait > 0:
                if events or time.monotonic() + wait > deadline:
                    break
                self._stopped.wait(wait)
            events.append(event)
            self._pending = None
        if not events:
            self._stopped.wait(max(0.0, deadline - time.monotonic()))
        return events

    def _due_in(self, event: Event) -> float:
        """Wall seconds until `event`, counted from the first one."""
        if self._speed <= 0:
            return 0.0
        now = time.monotonic()
        if self._origin is None:
            self._origin = (now, event.ts)
        started, origin = self._origin
        return started + (event.ts - origin) / 1000 / self._speed - now

    def send(self, command: Command) -> Future[Ack]:  # noqa: ARG002
        return _answered(False, READ_ONLY)

    def latch(self, by: str) -> None:  # noqa: ARG002
        raise LinkError(READ_ONLY)
