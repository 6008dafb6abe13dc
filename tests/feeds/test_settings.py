"""Which feeds are read: what config.yaml may say, and that a simulated market hears of its own world only."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import ConfigError, FeedSettings, Settings, load_settings
from engine.feeds.addresses import host_of, memory_key, refusal
from engine.feeds.worlds import feeds_of_world


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/rss?x=1",
        "https://[2001:db8::1]/f",
        "http://127.0.0.1:8080/f",
        "http://localhost/f",
        "http://[::1]/f",
    ],
)
def test_https_anywhere_and_http_on_this_machine_are_addresses(url: str) -> None:
    assert refusal(url) == ""


@pytest.mark.parametrize(
    "url",
    [
        "http://a.example/rss", "ftp://a.example/", "file:///etc/passwd", "a.example/rss", "https://", "https:///rss",
        "", "https://u:p@a.example/", "https://a.example:0/", "https://a.example:99999/", "https://[::/",
        "https://a b/", "http://127.0.0.1.a.example/", "http://10.0.0.1/", "https://a.example/\nx",
    ],
)  # fmt: skip
def test_everything_else_is_refused(url: str) -> None:
    assert refusal(url)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("feeds: {news: ['http://a.example/rss']}", ["feeds.news", "expected https://"]),
        ("feeds: {fear_greed_url: 'ftp://x'}", ["feeds.fear_greed_url", "expected https://"]),
        ("feeds: {news: ['https://a.example/1', 'https://a.example/1']}", ["feeds.news", "twice"]),
        ("feeds: {news: 'https://a.example/1'}", ["feeds.news"]),
        ("feeds: {news_minutes: 0}", ["feeds.news_minutes"]),
        ("feeds: {fear_greed_max_age_h: 48}", ["feeds.fear_greed_max_age_h", "36"]),
        ("feeds: {rss: []}", ["feeds.rss", "not a known key"]),
    ],
)
def test_a_wrong_feed_is_one_line_that_names_the_key(tmp_path: Path, text: str, words: list[str]) -> None:
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load_settings(tmp_path, {})
    assert "\n" not in str(caught.value)
    assert all(word in str(caught.value) for word in ["config.yaml", *words])


def test_feeds_can_be_left_out_one_by_one(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("feeds: {fear_greed_url: '', news: []}", encoding="utf-8")
    feeds = load_settings(tmp_path, {}).settings.feeds
    assert (feeds.fear_greed_url, feeds.news) == ("", ())


def test_a_demo_reads_the_feeds_of_its_own_market_and_a_replay_none() -> None:
    demo = feeds_of_world(Settings(), "http://127.0.0.1:8080")
    assert demo.fear_greed_url == "http://127.0.0.1:8080/feeds/fear-greed?market=600"
    assert demo.news == ("http://127.0.0.1:8080/feeds/news.rss?market=600",)
    replay = feeds_of_world(Settings.model_validate({"demo": {"replay": "/data"}}), "http://127.0.0.1:8080")
    assert (replay.fear_greed_url, replay.news) == ("", ())
    without = feeds_of_world(Settings(feeds=FeedSettings(news=())), "http://127.0.0.1:8080")
    assert without.news == ()


@pytest.mark.parametrize("mode", ["paper", "live"])
def test_a_real_market_reads_the_real_feeds(mode: str) -> None:
    settings = Settings.model_validate({"goals": {"mode": mode}})
    assert feeds_of_world(settings, "") == settings.feeds


def test_what_a_market_s_feeds_said_is_remembered_at_another_port_and_never_in_another_market() -> None:
    one, again = (feeds_of_world(Settings(), f"http://127.0.0.1:{port}").news[0] for port in (8080, 9090))
    other = feeds_of_world(Settings.model_validate({"demo": {"seed": 8}}), "http://127.0.0.1:8080").news[0]
    assert memory_key(one) == memory_key(again) != memory_key(other)
    outside = "https://a.example:444/rss?x=1"
    assert memory_key(outside) == outside


def test_a_feed_is_called_by_its_host_and_never_by_its_query() -> None:
    assert host_of("https://www.kitco.example/rss?key=secret") == "kitco.example"
