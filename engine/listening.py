"""The venue's streams wired to the engine: a push rings a bell, and whoever answers reads everything by REST.

What the followed markets do (`Venue.flows`) is the exception: it stands nowhere else, protects no money, and is None
whenever it is not whole. The streams make the guard quicker, never wiser: without a single push it still looks every
15 s.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Coroutine
from typing import TYPE_CHECKING, Any

from engine.bell import Bell
from engine.events import HealthChanged
from engine.exchange.errors import ExchangeError
from engine.exchange.streams import (
    WORST_FIRST,
    AccountStream,
    InstrumentsMoved,
    MaintenanceTold,
    Push,
    Resumed,
    StreamState,
    Topic,
    TopicHealth,
    Unread,
)

if TYPE_CHECKING:
    from engine.engine import Engine

SOURCE = "stream"
SPECS_APART_S = 5.0
STATUS_APART_S = 2.0

Look = Callable[[], Awaitable[None]]

STATUS = {StreamState.OFF: "stale"}
"""A channel that is refused for good is a channel that says nothing."""

_ACCOUNT = frozenset({Topic.ORDERS, Topic.BRACKETS, Topic.POSITIONS, Topic.BALANCE})


class Listening:
    """`guard` looks at positions, `specs` at instruments, `status` at maintenances."""

    def __init__(self, engine: Engine, guard: Look, specs: Look, status: Look) -> None:
        self._engine = engine
        self._looks = {"guard": guard, "specs": specs, "status": status}
        self.guard_bell = Bell()
        self._bells = {
            "guard": self.guard_bell,
            "specs": Bell(apart_s=SPECS_APART_S),
            "status": Bell(apart_s=STATUS_APART_S),
        }
        self._stream: AccountStream | None = None
        self._resumed: set[Topic] = set()

    def start(self) -> None:
        """One supervised task a line and a bell: each is started again when it dies, and told."""
        engine = self._engine
        self._stream = engine.opened().venue.streams(self.hear, self._tell, engine.sync_clock)
        if self._stream is None:
            self._tell("warning", "no stream address is known for this host; the guard works by REST alone")
        self.follow()
        lines = {} if self._stream is None else self._stream.lines()
        for name, run in lines.items():
            engine.supervisor.keep(f"{name} stream", run)
        for name, bell in self._bells.items():
            engine.supervisor.keep(f"{name} bell", self._answering(name, bell))
        self.tell_health()

    def follow(self) -> None:
        """The markets of the watchlist as it is now, as far as this venue at its present speed is worth following.
        Costs nothing when they are the same: it is called with every report of health."""
        if self._stream is not None:
            works = self._engine.opened()
            self._stream.follow(works.venue.following(works.watch.instruments))

    def hear(self, push: Push) -> None:
        match push:
            case InstrumentsMoved():
                self._bells["specs"].ring()
            case MaintenanceTold() | Unread(topic=Topic.MAINTENANCE):
                self._bells["status"].ring()
            case Resumed(topics=topics):
                self._hear_again(topics)
            case _:
                self.guard_bell.ring()

    def _hear_again(self, topics: tuple[Topic, ...]) -> None:
        """What was told while nobody listened is lost: everything is read. The start has just done so for what
        belongs to no position."""
        if _ACCOUNT.intersection(topics):
            self.guard_bell.ring()
        if self._resumed.intersection(topics) and Topic.INSTRUMENTS in topics:
            self._bells["specs"].ring()
            self._bells["status"].ring()
        self._resumed.update(topics)

    def tell_health(self) -> None:
        self.follow()
        health = self._stream.health() if self._stream is not None else ()
        now = self._engine.clock.now_ms()
        if not health:
            self._engine.bus.publish(HealthChanged(SOURCE, "off", None, None, "not available here", now))
            return
        worst = min((h.state for h in health), key=WORST_FIRST.index)
        # Of those that are worst off, the oldest: quotes that go on coming say nothing about silent orders.
        ages = [h.age_s for h in health if h.age_s is not None and h.state is worst]
        age_s = min(ages, default=None) if worst is StreamState.OK else max(ages, default=None)
        detail = _ages(health) if worst is StreamState.OK else _faults(health)
        self._engine.bus.publish(HealthChanged(SOURCE, STATUS.get(worst, worst.value), age_s, None, detail, now))

    def _tell(self, level: str, text: str) -> None:
        self._engine.tell(level, SOURCE, text)

    def _answering(self, name: str, bell: Bell) -> Callable[[], Coroutine[Any, Any, None]]:
        """A venue or a database that does not answer is told; the job of that name looks again in its turn."""

        async def look() -> None:
            try:
                await self._looks[name]()
            except (ExchangeError, sqlite3.Error) as error:
                self._engine.tell("warning", name, f"not done: {error}")
            if bell is not self.guard_bell:  # what was found there concerns positions and the engine's state, too
                self.guard_bell.ring()

        return lambda: bell.answer(look)


def _ages(health: tuple[TopicHealth, ...]) -> str:
    """Each topic's age; some say nothing for hours because nothing happens."""
    return ", ".join(f"{h.topic} {'–' if h.age_s is None else f'{h.age_s:.0f} s'}{_noted(h.detail)}" for h in health)


def _noted(detail: str) -> str:
    return f" ({detail})" if detail else ""


def _faults(health: tuple[TopicHealth, ...]) -> str:
    """Which topics are not heard, and why, each cause once."""
    silent = [h for h in health if h.state is not StreamState.OK]
    causes = dict.fromkeys(h.detail for h in silent if h.detail)
    return ", ".join(dict.fromkeys(str(h.topic) for h in silent)) + "".join(f"; {cause}" for cause in causes)
