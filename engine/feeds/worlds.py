"""Which world's feeds are read: a simulated market never hears of the real one.

A headline of today beside generated prices would be an untrue screen, and beside recorded prices a look into their
future. The embedded simulator serves feeds of its own market; of a recording none are known.
"""

from __future__ import annotations

from engine.config import FeedSettings, Settings
from engine.feeds.addresses import MARKET
from engine.mode import Mode

INDEX_PATH = "/feeds/fear-greed"
NEWS_PATH = "/feeds/news.rss"


def feeds_of_world(settings: Settings, simulator_url: str) -> FeedSettings:
    """The feeds that belong to the market which `settings` trade in. `simulator_url` ("http://127.0.0.1:8080") is
    where the embedded market of a demo answers; outside a demo it is not looked at."""
    feeds = settings.feeds
    if settings.goals.mode is not Mode.DEMO or not feeds.enabled:
        return feeds
    if settings.demo.replay:
        return feeds.model_copy(update={"fear_greed_url": "", "news": ()})
    # The market's name, so that what one market's press said is never remembered in another.
    market = f"?{MARKET}={settings.demo.seed}"
    index = f"{simulator_url}{INDEX_PATH}{market}" if feeds.fear_greed_url else ""
    news = (f"{simulator_url}{NEWS_PATH}{market}",) if feeds.news else ()
    return feeds.model_copy(update={"fear_greed_url": index, "news": news})
