"""Feeds as an enemy would write them: no exception, nothing that waits, and the truth about it on the screen."""

from __future__ import annotations

import contextlib
import gzip
import sys
import time
from email.utils import format_datetime
from pathlib import Path

import pytest

from engine.clock import utc
from engine.experts.sentiment import sentiment_signals
from engine.feeds import news
from engine.feeds.download import Downloader, FeedError
from engine.feeds.fear_greed import read_fear_greed
from engine.feeds.news import read_news
from engine.model import AssetClass, FearGreed
from tests.experts.test_sentiment import CORPUS
from tests.feeds.feed_server import Answer, feed_server, index, rss
from tests.feeds.rig import HOUR, NOW, STORY, TODAY, rig

PAGE = Answer(b"<!doctype html><html><head><title>Bitcoin BUY</title></head><body><p>Hello</p></body></html>")
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE r [<!ENTITY a "BUY BUY BUY BUY ">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + i, b"&%c;" % (97 + i) * 20) for i in range(8))
    + b'<!ENTITY f SYSTEM "file:///etc/passwd">]><rss version="2.0"><channel><item>'
    b"<title>Bitcoin &i;&f;</title><pubDate>%s</pubDate></item></channel></rss>"
    % format_datetime(utc(NOW - HOUR)).encode()
)


async def refused(body: bytes, answer: Answer | None = None) -> str:
    """Why a body, or a whole answer, is no news."""
    with pytest.raises(FeedError) as caught:
        if answer is None:
            await read_news(body, NOW)
        else:
            async with feed_server(news=answer) as server:
                await Downloader(1.0).get(server.url("/news"), 2_000_000)
    return str(caught.value)


@pytest.mark.usefixtures("reader_process")
async def test_malformed_rss_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    whole = rss(STORY, ("Gold slips", NOW - 2 * HOUR), ("Silver slips", NOW - 3 * HOUR)).body
    async with rig(tmp_path, news=Answer(whole[: whole.index(b"Silver")] + b"<<<&&&\x00]]>")) as r:
        await r.board.refresh(20)
        assert r.texts()[:2] == [STORY[0], "Gold slips"]
        assert r.words()[1] == "ok"


@pytest.mark.parametrize(
    "body",
    [PAGE.body, b"", b"{}", b"\x00\xff\xfe" * 999, b"%PDF-1.7", b"<rss", b"nothing"],
    ids=["html", "empty", "json", "bytes", "pdf", "cut", "text"],
)
async def test_what_is_no_feed_is_refused_in_one_line(body: bytes) -> None:
    assert await refused(body) == "not a feed"


async def test_an_html_page_in_place_of_both_feeds_reads_na_and_is_shown(tmp_path: Path) -> None:
    async with rig(tmp_path, fng=PAGE, news=PAGE) as r:
        await r.board.refresh(20)
        assert (r.board.fear_greed(), r.board.headlines()) == (None, None)
        assert [h.status for h in r.board.health()] == ["down", "down"]
        assert [h.detail for h in r.board.health()] == ["127.0.0.1: not JSON", "127.0.0.1: not a feed"]


async def test_a_body_of_10_mb_ends_early(tmp_path: Path) -> None:
    async with rig(tmp_path, news=Answer(b"x" * 65_536, repeat=160)) as r:
        await r.board.refresh(20)
        assert r.board.headlines() is None
        assert r.board.health()[1].detail == "127.0.0.1: longer than 2000 kB"
        assert r.server.sent < 8_000_000
        assert r.board.fear_greed() == FearGreed(38, TODAY)


async def test_a_gzip_bomb_is_unpacked_no_further_than_the_limit() -> None:
    bomb = Answer(gzip.compress(b"\0" * 50_000_000), headers={"content-encoding": "gzip"})
    assert await refused(b"", bomb) == "longer than 2000 kB"
    packed = Answer(gzip.compress(b"sound"), headers={"content-encoding": "gzip"})
    async with feed_server(news=packed) as server:
        assert await Downloader(1.0).get(server.url("/news"), 100) == b"sound"
    assert await refused(b"", Answer(b"no gzip at all", headers={"content-encoding": "gzip"})) == "broken compression"
    assert "packed" in await refused(b"", Answer(b"x", headers={"content-encoding": "br"}))


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (Answer(delay_s=30), "no whole answer within 1 s"),
        (Answer(b"x", repeat=600, drip_s=0.05), "no whole answer within 1 s"),
        (Answer(b"x", headers={"content-length": "100"}), "the connection broke (RemoteProtocolError)"),
        (Answer(raw=b""), "the connection broke (RemoteProtocolError)"),
        (Answer(raw=b"SSH-2.0-OpenSSH\r\n"), "the connection broke (RemoteProtocolError)"),
        (Answer(raw=b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 99_999), "the connection broke (RemoteProtocolError)"),
        (Answer(b"busy", status=429), "answered HTTP 429"),
        (Answer(status=204), "answered HTTP 204"),
        (Answer(status=302, headers={"location": "/news"}), "redirected more than 3 times"),
        (
            Answer(status=302, headers={"location": "file:///etc/passwd"}),
            "redirected to an address that is not allowed",
        ),
        (Answer(status=302, headers={"location": "http://192.0.2.1/"}), "redirected to an address that is not allowed"),
        (Answer(status=302, headers={"location": "http://[::"}), "the connection broke (RemoteProtocolError)"),
        (Answer(status=302), "answered HTTP 302"),
    ],
)
async def test_a_broken_connection_is_one_line_within_its_time(answer: Answer, why: str) -> None:
    assert await refused(b"", answer) == why


async def test_a_redirect_is_followed_and_headers_are_not_believed(tmp_path: Path) -> None:
    there = Answer(status=301, headers={"location": "/there"}, content_type="application/rss+xml")
    async with rig(tmp_path, news=there, there=rss(STORY)) as r:
        await r.board.refresh(20)
        assert r.texts() == [STORY[0]]


@pytest.mark.usefixtures("reader_process")
async def test_entities_that_multiply_and_files_that_are_asked_for_come_to_nothing() -> None:
    stories = await read_news(LAUGHS, NOW)
    assert [story.text.startswith("Bitcoin") for story in stories] == [True]
    assert "root:" not in stories[0].text
    assert len(stories[0].text) <= 110


@pytest.mark.usefixtures("reader_process")
async def test_a_body_that_is_a_file_s_name_opens_no_file(tmp_path: Path) -> None:
    (tmp_path / "feed.xml").write_bytes(rss(STORY).body)
    assert await refused(str(tmp_path / "feed.xml").encode()) == "not a feed"
    assert await refused(b"http://127.0.0.1:9/feed.xml") == "not a feed"


@pytest.mark.slow
@pytest.mark.usefixtures("reader_process")
async def test_a_document_that_would_hold_the_interpreter_costs_another_process() -> None:
    """The same bytes on a thread of ours take three seconds of our interpreter, 0.7 s of them in one piece."""
    before = time.process_time()
    with contextlib.suppress(FeedError):  # on a busy machine it is ended before it has read them
        await read_news(b'<rss version="2.0"><channel>' + b"<a>" * 80_000, NOW)
    assert time.process_time() - before < 0.5


async def test_a_story_without_a_date_or_of_tomorrow_is_none(tmp_path: Path) -> None:
    undated = rss(("Bitcoin undated", NOW)).body.replace(b"pubDate", b"when")
    dates = rss(("Bitcoin of tomorrow", NOW + 24 * HOUR), STORY, ("Bitcoin of 1990", 631_152_000_000))
    async with rig(tmp_path, news=dates, undated=Answer(undated)) as r:
        await r.board.refresh(20)
        assert r.texts() == [STORY[0]]
        assert await read_news(undated, NOW) == ()


async def test_the_same_story_with_other_parameters_or_in_another_feed_is_told_once(tmp_path: Path) -> None:
    title, at = STORY
    twice = rss((title, at + HOUR // 2), (title.upper(), at))
    renamed = rss(
        (f"{title} - update", at),
        link="https://news.example/bitcoin-rallies-as-etf-inflows-surge?utm_campaign=b&ref=home#top",
    )
    async with rig(tmp_path, paths=("news", "again", "renamed"), again=twice, renamed=renamed) as r:
        await r.board.refresh(20)
        headlines = r.board.headlines()
        assert headlines is not None
        assert len(headlines.items) == 1
        assert headlines.items[0].published_at == at


async def test_distinct_stories_of_one_page_stay_distinct() -> None:
    stories = rss(("Bitcoin one", NOW - HOUR), ("Bitcoin two", NOW - HOUR), link="https://x.example/?p={}").body
    assert len(await read_news(stories, NOW)) == 2
    front = rss(("Bitcoin one", NOW - HOUR), ("Bitcoin two", NOW - HOUR), link="https://x.example/").body
    assert len(await read_news(front, NOW)) == 2


async def test_a_flood_of_stories_does_not_drown_the_other_feeds(tmp_path: Path) -> None:
    flood = rss(*((f"Bitcoin spam {i}", NOW - i) for i in range(500)))
    async with rig(tmp_path, paths=("flood", "news"), flood=flood) as r:
        await r.board.refresh(20)
        assert len(r.texts()) == 61
        assert r.texts()[-1] == STORY[0]


async def test_injected_headlines_change_no_signal(tmp_path: Path) -> None:
    """All of them arrive, as data; what the market's signals see is the one piece of news among them."""
    titles = [text.replace("]]>", "") for text in CORPUS]
    hostile = rss(STORY, *((title, NOW - HOUR // 2 - i) for i, title in enumerate(titles)))
    async with rig(tmp_path) as r:
        await r.board.refresh(20)
        before = sentiment_signals(r.board.headlines(), "BTC", AssetClass.CRYPTO, NOW + 6 * 60_000)
        r.server.answers["/news"] = hostile
        await r.read()
        assert len(r.texts()) > 40
        assert sentiment_signals(r.board.headlines(), "BTC", AssetClass.CRYPTO, NOW + 6 * 60_000) == before


@pytest.mark.parametrize(
    "body",
    [
        b'{"data": [{"value": NaN, "timestamp": "1799971200"}]}',
        b'{"data": [{"value": "NaN", "timestamp": "1799971200"}]}',
        b'{"data": [{"value": Infinity, "timestamp": "1799971200"}]}',
        b'{"data": [{"value": 1e999, "timestamp": "1799971200"}]}',
        b'{"data": [{"value": "101", "timestamp": "1799971200"}]}',
        b'{"data": [{"value": "-1", "timestamp": "1799971200"}]}',
        b'{"data": [{"value": "38.5", "timestamp": "1799971200"}]}',
        b'{"data": [{"value": true, "timestamp": "1799971200"}]}',
        '{"data": [{"value": "３８", "timestamp": "1799971200"}]}'.encode(),
        b'{"data": [{"value": {"BUY": 1}, "timestamp": "1799971200"}]}',
        b'{"data": [{"value": "38", "timestamp": "0"}]}',
        b'{"data": [{"value": "38", "timestamp": "tomorrow"}]}',
        b'{"data": [{"value": "38", "timestamp": "9999999999999999999999"}]}',
        b'{"data": [{"value": "38", "timestamp": "1899971200"}]}',
        b'{"data": [{"value": "38"}]}',
        b'{"data": [{"timestamp": "1799971200"}]}',
        b'{"data": [null, 1, "x", []]}',
        b'{"data": []}',
        b'{"data": null}',
        b"{}",
        b"[]",
        b"38",
        b"null",
        b"",
        b"\xff\xfe",
        b"[" * 50_000,
        b'{"value": ' + b"9" * 5_000 + b"}",
    ],
)
def test_what_is_no_index_is_refused(body: bytes) -> None:
    with pytest.raises(FeedError):
        read_fear_greed(body, NOW)


async def test_an_index_that_turns_into_nan_ages_then_reads_na(tmp_path: Path) -> None:
    async with rig(tmp_path) as r:
        await r.board.refresh(20)
        r.server.answers["/fng"] = index(float("nan"), TODAY)
        await r.read()
        assert (r.board.fear_greed(), r.words()[0]) == (FearGreed(38, TODAY), "stale")
        r.clock.advance(36 * HOUR)
        assert (r.board.fear_greed(), r.words()[0]) == (None, "down")


def test_the_newest_day_of_several_counts_whatever_their_order() -> None:
    rows = b'{"value": 40, "timestamp": 1799884800}, {"value": "38", "timestamp": "1799971200"}, {"value": "x"}'
    assert read_fear_greed(b'{"data": [' + rows + b"]}", NOW) == FearGreed(38, 1_799_971_200_000)


async def test_a_row_of_tomorrow_does_not_hide_today_s(tmp_path: Path) -> None:
    tomorrow, today = (TODAY + 86_400_000) // 1000, TODAY // 1000
    rows = b'{"value": "99", "timestamp": "%d"}, {"value": "38", "timestamp": "%d"}' % (tomorrow, today)
    async with rig(tmp_path, fng=Answer(b'{"data": [' + rows + b"]}")) as r:
        await r.board.refresh(20)
        assert r.board.fear_greed() == FearGreed(38, TODAY)
        assert r.words()[0] == "ok"


@pytest.mark.slow
@pytest.mark.usefixtures("reader_process")
async def test_a_reader_that_takes_too_long_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(news, "READ_TIMEOUT_S", 1.0)
    assert await refused(b'<rss version="2.0"><channel>' + b"<a>" * 600_000) == "takes too long to read"


@pytest.mark.usefixtures("reader_process")
async def test_a_reader_that_cannot_start_or_dies_is_a_dead_feed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(news, "_READER", tmp_path / "absent.py")
    assert await refused(b"x") == "cannot be read"
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    assert await refused(b"x") == "its reader cannot be started (No such file or directory)"
