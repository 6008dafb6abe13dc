"""One feed: read again and again, its last good answer, and how it is."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from engine.clock import Clock
from engine.feeds.addresses import host_of
from engine.feeds.download import Downloader, FeedError

log = logging.getLogger(__name__)

Value = TypeVar("Value")
Tell = Callable[[str, str, str], None]
"""(level, source, text): a line of the tape."""

SOONEST_S = 15.0
"""Wall seconds between two reads, at least: a simulated market may be fast, its feeds need not be."""
FIRST_RETRY_S = 30.0


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """How a feed is, in the words of `engine.events.HealthChanged`.

    `status` is ok, connecting (not yet read), stale (failing, but what it said is still of use), down (nothing of use)
    or off. `age_s`: venue seconds since it was last read well; None = never. `detail` says what is wrong.
    """

    name: str
    status: str
    age_s: float | None
    detail: str


@dataclass(frozen=True, slots=True)
class Source(Generic[Value]):
    """Where a feed is and how it is read. `every_s` and `useful_s` are venue seconds; `read` (body, now ms) raises
    FeedError; `join` (what was known or None, what was read, now ms) is what is known then."""

    name: str
    url: str
    most_bytes: int
    every_s: float
    useful_s: float
    read: Callable[[bytes, int], Awaitable[Value]]
    join: Callable[[Value | None, Value, int], Value]


class Feed(Generic[Value]):
    """Keeps the last good answer of one source. `changed` is awaited after each good read."""

    def __init__(
        self,
        source: Source[Value],
        downloader: Downloader,
        clock: Clock,
        tell: Tell,
        changed: Callable[[], Awaitable[None]],
    ) -> None:
        self.source = source
        self.value: Value | None = None
        self.read_at: int | None = None
        self.error = ""
        self._downloader = downloader
        self._clock = clock
        self._tell = tell
        self._changed = changed
        self._reading = asyncio.Lock()
        self._failures = 0
        self._tried_at: int | None = None

    def restore(self, value: Value, read_at: int) -> None:
        """What the last run knew; of the future it knew nothing."""
        if read_at <= self._clock.now_ms():
            self.value, self.read_at = value, read_at

    async def attend(self) -> None:
        """Reads for ever. Ends only by cancellation."""
        while True:
            await self.read()
            await self._until_due()

    async def read_if_due(self) -> None:
        """Reads when the source was not asked within its interval of venue time."""
        if self._tried_at is None or self._clock.now_ms() - self._tried_at >= self.source.every_s * 1000:
            await self.read()

    async def read(self) -> None:
        """One attempt. A failure is kept and told, not raised."""
        async with self._reading:
            self._tried_at = self._clock.now_ms()
            try:
                body = await self._downloader.get(self.source.url, self.source.most_bytes)
                found = await self.source.read(body, self._clock.now_ms())
            except FeedError as error:
                self._failed(str(error))
                return
            except Exception as error:  # a defect in one feed must not end the cycle that waits for all of them
                log.exception("reading %s", self.source.name)
                self._failed(f"a defect: {type(error).__name__}")
                return
            self.read_at = self._clock.now_ms()
            self.value = self.source.join(self.value, found, self.read_at)
            self._succeeded()
        await self._changed()

    async def _until_due(self) -> None:
        """In steps, since a simulated market may change its speed meanwhile."""
        waited_s = 0.0
        while (left_s := self.pause_s() - waited_s) > 0:
            await asyncio.sleep(min(left_s, SOONEST_S))
            waited_s += SOONEST_S

    def pause_s(self) -> float:
        """Wall seconds until the next read: the interval by the venue's clock; after failures 30 s, twice as long
        each time, never longer than the interval."""
        usual = max(SOONEST_S, self.source.every_s / max(1.0, self._clock.speed()))
        return usual if not self._failures else min(usual, FIRST_RETRY_S * 2.0 ** min(self._failures - 1, 16))

    def age_s(self) -> float | None:
        return None if self.read_at is None else max(0, self._clock.now_ms() - self.read_at) / 1000

    @property
    def is_useful(self) -> bool:
        """Whether what it said last is young enough."""
        age = self.age_s()
        return age is not None and age <= self.source.useful_s

    def health(self) -> FeedHealth:
        age, detail = self.age_s(), f"{host_of(self.source.url)}: {self.error}" if self.error else ""
        if age is None:
            return FeedHealth(self.source.name, "down" if self.error else "connecting", None, detail)
        status = ("stale" if self.error else "ok") if self.is_useful else "down"
        return FeedHealth(self.source.name, status, age, detail)

    def _failed(self, why: str) -> None:
        self._failures += 1
        if why != self.error:
            self._tell("warning", self.source.name, f"{host_of(self.source.url)}: {why}; everything else goes on")
        self.error = why

    def _succeeded(self) -> None:
        if self._failures:
            self._tell("info", self.source.name, f"{host_of(self.source.url)} is read again")
        self._failures, self.error = 0, ""
