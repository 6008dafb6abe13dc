"""What is said of a generated market: of its own moves, at their time, the same whenever it is asked."""

from __future__ import annotations

import numpy as np
import pytest

from engine.exchange.simulator.mood import DAY_MS, fear_greed
from engine.exchange.simulator.newsroom import HOUR_MS, NAMES, Newsroom
from engine.exchange.simulator.simulated_market import SimulatedMarket, open_market
from engine.experts.headline_text import clean_headline, speaks_to_a_model

KEY = 5


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    return open_market(7)


def test_the_index_changes_at_midnight_only_and_never_knows_its_own_day(market: SimulatedMarket) -> None:
    midnight = (market.start_ms // DAY_MS + 1) * DAY_MS
    today = fear_greed(market, KEY, midnight)
    assert today is not None
    assert today[1] == midnight
    assert fear_greed(market, KEY, midnight + DAY_MS - 1) == today
    before = fear_greed(market, KEY, midnight - 1)
    assert before is not None
    assert before[1] == midnight - DAY_MS


@pytest.mark.slow
def test_the_index_moves_as_the_real_one_does(market: SimulatedMarket) -> None:
    """Of the real one: mean 46, deviation 22, autocorrelation .957, daily change 6.5; a year and a half is a small
    sample of something that remembers for weeks."""
    found = [fear_greed(market, KEY, market.start_ms + day * DAY_MS) for day in range(540)]
    values = np.array([value for value, _ in found], dtype=float)
    assert 34 <= values.mean() <= 58
    assert 16 <= values.std() <= 28
    assert 0.93 <= np.corrcoef(values[1:], values[:-1])[0, 1] <= 0.98
    assert 5 <= np.diff(values).std() <= 8


def test_stories_tell_moves_that_have_happened(market: SimulatedMarket) -> None:
    now = market.start_ms + 5 * HOUR_MS + 17 * 60_000
    stories = Newsroom(market).stories(now)
    moved = [story for story in stories if "%" in story.title]
    assert len(moved) >= 5
    bases = {name: base for base, name in NAMES.items()}
    for story in moved:
        name = next(name for name in sorted(bases, key=len, reverse=True) if name in story.title)
        assert _hour_of(market, f"{bases[name]}-USDT-SWAP", story.published_ms, story.title)
    assert all(now - 31 * HOUR_MS <= story.published_ms <= now for story in stories)


def _hour_of(market: SimulatedMarket, inst_id: str, published_ms: int, title: str) -> bool:
    """Whether one of the two hours before the story moved as it says."""
    for back in (0, 1):
        end = (published_ms // HOUR_MS - back) * HOUR_MS
        row = market.candles(inst_id, "1H", now_ms=end, after_ms=end, limit=1)[0]
        change = float(row[4]) / float(row[1]) - 1
        if f"{abs(change):.1%}" in title:
            return (change > 0) == any(word in title for word in ("jumps", "climbs", "rallies", "is up"))
    return False


def test_a_story_stays_as_it_was_told(market: SimulatedMarket) -> None:
    now = market.start_ms + 5 * HOUR_MS
    asked_all_along = Newsroom(market)
    for back in range(6, 0, -1):
        asked_all_along.stories(now - back * 1_700_000)
    once, again = asked_all_along.stories(now), Newsroom(market).stories(now)
    assert once == again
    later = Newsroom(market).stories(now + 2 * HOUR_MS)
    assert set(once[:15]) <= set(later)


def test_some_are_told_twice_some_are_talk_and_none_gives_orders(market: SimulatedMarket) -> None:
    stories = Newsroom(market).stories(market.start_ms + 9 * HOUR_MS)
    titles = [story.title for story in stories]
    assert len(set(titles)) < len(titles)
    assert any("%" not in title for title in titles)
    assert not any(speaks_to_a_model(clean_headline(title)) for title in titles)


@pytest.mark.slow
def test_the_seed_is_all_that_mood_and_news_depend_on(market: SimulatedMarket) -> None:
    same, other, now = open_market(7), open_market(8), market.start_ms
    assert Newsroom(same).stories(now) == Newsroom(market).stories(now)
    assert fear_greed(same, KEY, now) == fear_greed(market, KEY, now)
    assert Newsroom(other).stories(now) != Newsroom(market).stories(now)
    assert fear_greed(other, KEY, now) != fear_greed(market, KEY, now)
