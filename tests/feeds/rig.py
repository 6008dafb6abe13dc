"""A board on scripted feeds: real HTTP, real reader, a clock that moves when told to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine.clock import ManualClock
from engine.config import FeedSettings
from engine.feeds.board import FeedBoard
from tests.feeds.feed_server import Answer, FeedServer, feed_server, index, rss

NOW = 1_800_000_000_000
TODAY = NOW // 86_400_000 * 86_400_000
MINUTE, HOUR = 60_000, 3_600_000
STORY = ("Bitcoin rallies as ETF inflows surge", NOW - HOUR)


@dataclass
class Rig:
    board: FeedBoard
    server: FeedServer
    clock: ManualClock
    storage: Path
    lines: list[tuple[str, str, str]] = field(default_factory=list)

    async def read(self, within_s: float = 20.0) -> None:
        """Every feed once more, whether it is due or not."""
        self.clock.advance(6 * MINUTE)
        await self.board.refresh(within_s)

    def texts(self) -> list[str]:
        headlines = self.board.headlines()
        return [] if headlines is None else [headline.text for headline in headlines.items]

    def words(self) -> tuple[str, str]:
        """The status words of index and news."""
        index_health, news_health = self.board.health()
        return index_health.status, news_health.status


@asynccontextmanager
async def rig(
    storage: Path, *, paths: tuple[str, ...] = ("news",), timeout_s: float = 5.0, **answers: Answer
) -> AsyncIterator[Rig]:
    """A good index and a good story by default. Both are due every 5 minutes."""
    good = {"fng": index("38", TODAY), "news": rss(STORY)}
    async with feed_server(**{**good, **answers}) as server:
        settings = FeedSettings(
            fear_greed_url=server.url("/fng"),
            fear_greed_minutes=5,
            news=tuple(server.url(f"/{name}") for name in paths),
            news_minutes=5,
            timeout_s=timeout_s,
        )
        clock, lines = ManualClock(NOW), []
        board = FeedBoard(settings, storage, clock, lambda *line: lines.append(line))
        try:
            yield Rig(board, server, clock, storage, lines)
        finally:
            await board.aclose()
