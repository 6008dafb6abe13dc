"""All feeds of an engine: started, asked for what they know, asked how they are.

What the board hands out is young or None. It never raises, never waits and never reaches into a decision: whoever
reads a snapshot decides what an unknown index means.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from engine.clock import Clock, utc_day
from engine.config import FeedSettings
from engine.feeds import cache
from engine.feeds.addresses import host_of, memory_key
from engine.feeds.download import Downloader
from engine.feeds.fear_greed import MOST_BYTES as INDEX_BYTES
from engine.feeds.fear_greed import read_fear_greed
from engine.feeds.feed import Feed, FeedHealth, Source, Tell, Value
from engine.feeds.news import MOST_BYTES as NEWS_BYTES
from engine.feeds.news import read_news
from engine.feeds.stories import DAY_MS, Story, joined, once
from engine.model import FearGreed, Headline, Headlines
from engine.model.ages import FEED_AHEAD_MS

if TYPE_CHECKING:
    from engine.supervisor import Supervisor

FEAR_GREED, NEWS = "f&g", "news"
HOUR_S = 3600.0
_WORST_FIRST = ("down", "stale", "connecting", "ok")


class FeedBoard:
    """Every feed of `settings`. `storage` keeps what was read; `tell` writes a line when a feed fails or returns."""

    def __init__(self, settings: FeedSettings, storage: Path, clock: Clock, tell: Tell) -> None:
        self._settings = settings
        self._storage = storage
        self._clock = clock
        self._tell = tell
        self._downloader = Downloader(settings.timeout_s)
        self._saving = asyncio.Lock()
        self._unsaved = ""
        self._stories: tuple[Story, ...] = ()
        url = settings.fear_greed_url if settings.enabled else ""
        self._index = self._feed(_index_source(settings, url)) if url else None
        news = settings.news if settings.enabled else ()
        self._news = tuple(self._feed(_news_source(settings, url)) for url in news)

    async def load(self) -> None:
        """What the last run read, as far as it is still configured. Never raises."""
        kept = await asyncio.to_thread(cache.load, self._storage)
        if self._index is not None and (index := kept.fear_greed.get(memory_key(self._index.source.url))) is not None:
            self._index.restore(FearGreed(index.value, index.ts), index.read_at)
        for feed in self._news:
            if (news := kept.news.get(memory_key(feed.source.url))) is not None:
                feed.restore(tuple(news.stories), news.read_at)
        await self._merge()

    def start(self, supervisor: Supervisor) -> None:
        """One supervised task a feed: each is started again when it dies, and told."""
        for feed in self._feeds():
            supervisor.keep(f"feed {feed.source.name} {host_of(feed.source.url)}", feed.attend)

    async def refresh(self, within_s: float) -> None:
        """Reads once whatever is due, all at the same time, and waits no longer than `within_s` of wall time: for a
        single cycle, and for a market that is moved step by step. Never raises but for cancellation."""
        try:
            async with asyncio.timeout(within_s), asyncio.TaskGroup() as group:
                for feed in self._feeds():
                    group.create_task(feed.read_if_due())
        except TimeoutError:
            self._tell("warning", NEWS, f"not every feed answered within {within_s:g} s; the cycle goes on")

    def fear_greed(self) -> FearGreed | None:
        """The index, unless its day began longer ago than settings allow, or is of the future."""
        index = None if self._index is None else self._index.value
        if index is None:
            return None
        age_ms = self._clock.now_ms() - index.ts
        return index if -FEED_AHEAD_MS <= age_ms <= self._settings.fear_greed_max_age_h * HOUR_S * 1000 else None

    def headlines(self) -> Headlines | None:
        """The last 24 hours' stories of all feeds, newest first, each once; None when no feed was read lately."""
        read = [feed.read_at for feed in self._news if feed.is_useful and feed.read_at is not None]
        if not read:
            return None
        now = self._clock.now_ms()
        items = tuple(
            Headline(story.text, story.published_at)
            for story in self._stories
            if -FEED_AHEAD_MS <= now - story.published_at <= DAY_MS
        )
        return Headlines(items, max(read))

    def health(self) -> tuple[FeedHealth, FeedHealth]:
        """(Fear & Greed, news). News is as bad as its worst feed as long as any is of use; the detail names each."""
        return self._index_health(), self._news_health()

    async def aclose(self) -> None:
        """After its tasks have ended."""
        await self._downloader.aclose()

    def _feeds(self) -> tuple[Feed[FearGreed] | Feed[tuple[Story, ...]], ...]:
        return (*(() if self._index is None else (self._index,)), *self._news)

    def _index_health(self) -> FeedHealth:
        if self._index is None:
            return FeedHealth(FEAR_GREED, "off", None, "not read here")
        health, value = self._index.health(), self._index.value
        if value is None or self.fear_greed() is not None:
            return health
        why = health.detail or "nothing newer is published"
        return FeedHealth(FEAR_GREED, "down", health.age_s, f"its last day is {utc_day(value.ts)}; {why}")

    def _news_health(self) -> FeedHealth:
        if not self._news:
            return FeedHealth(NEWS, "off", None, "not read here")
        each = [feed.health() for feed in self._news]
        ages = [health.age_s for health in each if health.age_s is not None]
        worst = min((health.status for health in each), key=_WORST_FIRST.index)
        if worst == "down" and any(feed.is_useful for feed in self._news):
            worst = "stale"
        failing = [health.detail for health in each if health.detail]
        count = f"{len(failing)} of {len(each)} fail: " if len(each) > 1 and failing else ""
        return FeedHealth(NEWS, worst, min(ages, default=None), count + "; ".join(failing))

    async def _merge(self) -> None:
        told = [story for feed in self._news for story in feed.value or ()]
        self._stories = await asyncio.to_thread(once, told)

    async def _changed(self) -> None:
        """After each good read: the stories anew, and all of it to the disk."""
        await self._merge()
        async with self._saving:
            try:
                await asyncio.to_thread(cache.save, self._storage, self._kept())
            except OSError as error:
                if self._unsaved != str(error):
                    self._tell("warning", NEWS, f"what was read is not kept over a restart: {error.strerror}")
                self._unsaved = str(error)

    def _kept(self) -> cache.Kept:
        return cache.Kept(fear_greed=self._kept_index(), news=self._kept_news())

    def _kept_index(self) -> dict[str, cache.KeptIndex]:
        feed = self._index
        if feed is None or feed.value is None or feed.read_at is None:
            return {}
        kept = cache.KeptIndex(value=feed.value.value, ts=feed.value.ts, read_at=feed.read_at)
        return {memory_key(feed.source.url): kept}

    def _kept_news(self) -> dict[str, cache.KeptNews]:
        return {
            memory_key(feed.source.url): cache.KeptNews(stories=list(feed.value), read_at=feed.read_at)
            for feed in self._news
            if feed.value is not None and feed.read_at is not None
        }

    def _feed(self, source: Source[Value]) -> Feed[Value]:
        return Feed(source, self._downloader, self._clock, self._tell, self._changed)


async def _read_index(body: bytes, now_ms: int) -> FearGreed:
    return read_fear_greed(body, now_ms)


def _newest(_known: FearGreed | None, read: FearGreed, _now_ms: int) -> FearGreed:
    return read


def _index_source(settings: FeedSettings, url: str) -> Source[FearGreed]:
    every_s, useful_s = settings.fear_greed_minutes * 60, settings.fear_greed_max_age_h * HOUR_S
    return Source(FEAR_GREED, url, INDEX_BYTES, every_s, useful_s, _read_index, _newest)


def _news_source(settings: FeedSettings, url: str) -> Source[tuple[Story, ...]]:
    return Source(
        NEWS, url, NEWS_BYTES, settings.news_minutes * 60, settings.news_max_age_h * HOUR_S, read_news, joined
    )
