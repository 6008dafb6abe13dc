"""The board: what it knows while feeds live, what it says when they die, what a restart remembers."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.config import FeedSettings
from engine.feeds.board import FeedBoard
from engine.feeds.cache import FILE_NAME
from engine.model import FearGreed, Headline
from engine.supervisor import Supervisor
from tests.feeds.feed_server import Answer, index, rss
from tests.feeds.rig import HOUR, MINUTE, NOW, STORY, TODAY, rig


@pytest.mark.usefixtures("reader_process")
async def test_what_living_feeds_say_is_known_and_they_are_ok(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        assert r.words() == ("connecting", "connecting")
        assert (r.board.fear_greed(), r.board.headlines()) == (None, None)
        await r.board.refresh(20)
        assert r.board.fear_greed() == FearGreed(38, TODAY)
        headlines = r.board.headlines()
        assert headlines is not None
        assert headlines.items == (Headline(*STORY),)
        assert headlines.ts == NOW
        assert r.words() == ("ok", "ok")
        assert [health.age_s for health in r.board.health()] == [0, 0]


async def test_a_feed_is_not_asked_again_before_its_time(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        for _ in range(3):
            await r.board.refresh(20)
        assert sorted(r.server.asked) == ["/fng", "/news"]


async def test_a_dead_feed_ages_then_reads_na_while_the_others_go_on(tmp_path: Path) -> None:
    async with rig(tmp_path, paths=("news", "other"), other=rss(("Gold slips", NOW - 2 * HOUR))) as r:
        await r.board.refresh(20)
        assert r.texts() == [STORY[0], "Gold slips"]
        r.server.answers["/fng"] = r.server.answers["/news"] = Answer(status=503)
        await r.read()
        assert r.words() == ("stale", "stale")
        index_health, news_health = r.board.health()
        assert index_health.detail == "127.0.0.1: answered HTTP 503"
        assert news_health.detail == "1 of 2 fail: 127.0.0.1: answered HTTP 503"
        assert index_health.age_s == 6 * 60
        assert r.board.fear_greed() == FearGreed(38, TODAY)
        r.clock.advance(36 * HOUR)
        await r.read()
        assert r.board.fear_greed() is None
        assert r.board.headlines() is not None
        assert r.words() == ("down", "stale")
        assert r.board.health()[1].detail == "1 of 2 fail: 127.0.0.1: answered HTTP 503"


async def test_when_every_news_feed_is_dead_headlines_are_na_after_three_hours(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.board.refresh(20)
        r.server.answers.clear()
        r.clock.advance(3 * HOUR)
        assert r.texts() == [STORY[0]]
        r.clock.advance(MINUTE)
        assert r.board.headlines() is None
        assert r.words()[1] == "down"


async def test_a_story_that_left_its_publisher_s_list_is_remembered_for_a_day(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.board.refresh(20)
        r.server.answers["/news"] = rss(("Gold slips", NOW))
        await r.read()
        assert r.texts() == ["Gold slips", STORY[0]]
        r.clock.advance(24 * HOUR - 30 * MINUTE)
        await r.read()
        assert r.texts() == ["Gold slips"]


async def test_failure_and_return_are_told_once_each(tmp_path: Path) -> None:
    async with rig(tmp_path, paths=()) as r:
        good = r.server.answers["/fng"]
        for answer in (good, Answer(status=500), Answer(status=500), good, good):
            r.server.answers["/fng"] = answer
            await r.read()
        told = [(level, text) for level, source, text in r.lines if source == "f&g"]
        assert told == [
            ("warning", "127.0.0.1: answered HTTP 500; everything else goes on"),
            ("info", "127.0.0.1 is read again"),
        ]


async def test_an_index_that_is_served_but_never_renewed_is_na(tmp_path: Path) -> None:
    async with rig(tmp_path, fng=index("38", TODAY - 2 * 86_400_000)) as r:
        await r.board.refresh(20)
        assert r.board.fear_greed() is None
        health = r.board.health()[0]
        assert health.status == "down"
        assert "its last day is 2027-01-13" in health.detail


async def test_a_restart_remembers_the_index_and_the_stories_and_their_age(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.board.refresh(20)
        r.server.answers.clear()
        later = ManualClock(NOW + 2 * HOUR)
        again = FeedBoard(r.board._settings, tmp_path, later, lambda *_: None)
        await again.load()
        assert again.fear_greed() == FearGreed(38, TODAY)
        assert [headline.text for headline in again.headlines().items] == [STORY[0]]
        assert again.health()[0].age_s == 7200
        await again.refresh(20)
        assert (again.fear_greed(), again.health()[0].status) == (FearGreed(38, TODAY), "stale")
        assert (tmp_path / FILE_NAME).stat().st_mode & 0o077 == 0
        await again.aclose()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"fear_greed": {"x": {"value": NaN}}}',
        b'{"other": 1}',
        b"\xff\xfe",
        b"0" * 5_000_000,
    ],
    ids=["empty", "torn", "list", "null", "NaN", "unknown key", "no text", "huge"],
)
async def test_a_corrupt_cache_is_a_line_in_the_log_and_nothing_else(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / FILE_NAME).write_bytes(content)
    async with rig(tmp_path) as r:
        with caplog.at_level(logging.WARNING):
            await r.board.load()
        assert "begun anew" in caplog.text
        assert r.board.fear_greed() is None
        await r.board.refresh(20)
        assert r.board.fear_greed() == FearGreed(38, TODAY)


async def test_a_cache_of_another_time_says_nothing_of_the_future(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.board.refresh(20)
        earlier = FeedBoard(r.board._settings, tmp_path, ManualClock(NOW - 86_400_000), lambda *_: None)
        await earlier.load()
        assert (earlier.fear_greed(), earlier.headlines()) == (None, None)


async def test_a_disk_that_refuses_costs_only_the_memory(tmp_path: Path) -> None:
    async with rig(tmp_path / "absent") as r:
        await r.board.load()
        await r.board.refresh(20)
        await r.read()
        assert r.board.fear_greed() == FearGreed(38, TODAY)
        assert r.texts() == [STORY[0]]
        told = [text for level, _, text in r.lines if level == "warning"]
        assert told == ["what was read is not kept over a restart: No such file or directory"]


async def test_under_the_supervisor_each_feed_is_read_at_once_and_goes_on_by_itself(tmp_path: Path) -> None:
    deaths: list[str] = []
    supervisor = Supervisor(lambda name, _: deaths.append(name))
    async with rig(tmp_path, paths=("news", "stalled"), stalled=Answer(delay_s=30)) as r:
        r.board.start(supervisor)
        async with asyncio.timeout(10):
            while r.board.fear_greed() is None or not r.texts():
                await asyncio.sleep(0.02)
        assert sorted(supervisor.names()) == ["feed f&g 127.0.0.1", "feed news 127.0.0.1", "feed news 127.0.0.1"]
        assert await supervisor.cancel_all() == ()
        assert deaths == []


async def test_a_refresh_ends_in_its_time_and_keeps_what_answered(tmp_path: Path) -> None:
    async with rig(tmp_path, timeout_s=60) as r:
        await r.board.refresh(20)
        r.server.answers["/fng"], r.server.answers["/news"] = index("40", TODAY), Answer(delay_s=60)
        before = asyncio.get_running_loop().time()
        await r.read(within_s=1.5)
        assert asyncio.get_running_loop().time() - before < 10
        assert r.board.fear_greed() == FearGreed(40, TODAY)
        assert r.texts() == [STORY[0]]
        assert ("warning", "news", "not every feed answered within 1.5 s; the cycle goes on") in r.lines


async def test_a_defect_of_ours_in_one_feed_is_that_feed_s_failure(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        feed = r.board._index
        assert feed is not None

        async def defect(_body: bytes, _now_ms: int) -> FearGreed:
            raise ZeroDivisionError

        feed.source = replace(feed.source, read=defect)
        await r.board.refresh(20)
        assert r.board.health()[0].detail == "127.0.0.1: a defect: ZeroDivisionError"
        assert r.texts() == [STORY[0]]


async def test_switched_off_nothing_is_asked_and_all_is_off(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        for changes in ({"enabled": False}, {"fear_greed_url": "", "news": ()}):
            settings = r.board._settings.model_copy(update=changes)
            board = FeedBoard(settings, tmp_path, r.clock, lambda *_: None)
            await board.refresh(5)
            assert [health.status for health in board.health()] == ["off", "off"]
            assert (board.fear_greed(), board.headlines()) == (None, None)
        assert r.server.asked == []


async def test_offline_everything_is_na_soon_and_nothing_raises(tmp_path: Path) -> None:
    """Refused, unroutable (a test network of RFC 5737) and a name that nobody knows."""
    settings = FeedSettings(
        fear_greed_url="http://127.0.0.1:9/fng",
        news=("https://192.0.2.1/rss", "https://feeds.invalid/rss", "http://127.0.0.1:9/rss"),
        timeout_s=1.0,
    )
    board = FeedBoard(settings, tmp_path, ManualClock(NOW), lambda *_: None)
    before = asyncio.get_running_loop().time()
    await board.refresh(10)
    assert asyncio.get_running_loop().time() - before < 5
    assert (board.fear_greed(), board.headlines()) == (None, None)
    assert [health.status for health in board.health()] == ["down", "down"]
    assert "127.0.0.1: cannot be reached" in board.health()[1].detail
    await board.aclose()


async def test_retries_come_sooner_than_the_next_turn_and_ever_later(tmp_path: Path) -> None:
    async with rig(tmp_path, fng=Answer(status=500)) as r:
        feed = r.board._index
        assert feed is not None
        feed.source = replace(feed.source, every_s=1800)
        assert feed.pause_s() == 1800
        pauses = []
        for _ in range(8):
            await feed.read()
            pauses.append(feed.pause_s())
        assert pauses == [30, 60, 120, 240, 480, 960, 1800, 1800]
