"""The event bus: publish from any thread; each subscriber drains at its own pace.

What is replaced by a newer value of the same kind (quotes, stages, health…) is conflated, so that a
slow reader sees the latest; everything else is delivered in order. A reader that does not read at all keeps the
newest `BACKLOG` events and hears how many it missed: an engine must not grow because nobody looks.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from engine.events import (
    BriefReady,
    DecisionMade,
    Event,
    GatesEvaluated,
    HealthChanged,
    LogLine,
    StageChanged,
    StartupStep,
    Synthesized,
)

CONFLATED = frozenset({"quotes", "stage", "health", "clock", "account", "positions"})
LATEST_OF_KIND = frozenset(
    {"engine_state", "clock", "watchlist_ranked", "quotes", "cycle_started", "cycle_finished", "positions"}
    | {"account", "halts", "pauses", "kill", "worth", "day_reviewed"}
)
TAPE_LENGTH = 200
BACKLOG = 2_000
"""Some fifteen cycles of the whole watchlist."""


def subject(event: Event) -> str:
    """What the event is about, within its kind: a ticker, a source, a step, or nothing."""
    match event:
        case StageChanged() | BriefReady() | Synthesized() | GatesEvaluated():
            return event.ticker
        case DecisionMade():
            return event.record.ticker
        case HealthChanged():
            return event.source
        case StartupStep():
            return event.step
    return ""


class Subscription:
    """One reader's queue. Thread-safe."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._queue: deque[Event] = deque(maxlen=BACKLOG)
        self._missed = 0
        self._latest: dict[tuple[str, str], Event] = {}

    def put(self, event: Event) -> None:
        with self._ready:
            if event.kind in CONFLATED:
                self._latest[(event.kind, subject(event))] = event
            else:
                self._missed += len(self._queue) == BACKLOG
                self._queue.append(event)
            self._ready.notify()

    def drain(self, timeout_s: float) -> list[Event]:
        """Everything since the last drain, waiting up to `timeout_s` for the first; [] when nothing came."""
        with self._ready:
            if not self._queue and not self._latest:
                self._ready.wait(timeout_s)
            events = [*self._notice(), *self._queue, *self._latest.values()]
            self._queue.clear()
            self._latest.clear()
        return events

    def _notice(self) -> tuple[Event, ...]:
        missed, self._missed = self._missed, 0
        if not missed:
            return ()
        return (LogLine("warning", "bus", f"{missed} older events were not read in time", self._queue[0].ts),)


class EventBus:
    """Publishes to all subscribers and remembers what a late joiner needs."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._subscriptions: list[Subscription] = []
        self._listeners: list[Callable[[Event], None]] = []
        self._latest: dict[tuple[str, str], Event] = {}
        self._tape: deque[LogLine] = deque(maxlen=TAPE_LENGTH)
        self._seq = 0

    def publish(self, event: Event) -> None:
        with self._lock:
            self._seq += 1
            self._remember(event)
            readers = list(self._subscriptions)
        for reader in readers:
            reader.put(event)
        for listener in self._listeners:
            listener(event)

    def subscribe(self) -> Subscription:
        subscription = Subscription()
        with self._lock:
            self._subscriptions.append(subscription)
        return subscription

    def listen(self, listener: Callable[[Event], None]) -> None:
        """`listener` is called in the publisher's thread and must be quick and never raise."""
        self._listeners.append(listener)

    def latest(self) -> tuple[int, tuple[Event, ...]]:
        """The sequence number and the latest event of each kind and subject, then the tape."""
        with self._lock:
            return self._seq, (*self._latest.values(), *self._tape)

    def _remember(self, event: Event) -> None:
        if isinstance(event, LogLine):
            self._tape.append(event)
            return
        about = subject(event)
        if event.kind in LATEST_OF_KIND or about:
            self._latest[(event.kind, about)] = event
