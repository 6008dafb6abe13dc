"""/feeds/*: the index and the news of this very market, in the forms in which publishers serve them.

A generated market has a mood and a press of its own. Of a recorded one nobody knows what was said: 404.
"""

from __future__ import annotations

import asyncio
import html
import json
from email.utils import format_datetime

from engine.clock import utc
from engine.exchange.simulator.faults.feeds import FeedFault, spoiled
from engine.exchange.simulator.faults.plan import FaultPlan
from engine.exchange.simulator.faults.spec import FEED_KINDS
from engine.exchange.simulator.faulty_wire import Reply
from engine.exchange.simulator.market import Market
from engine.exchange.simulator.mood import DAY_MS, fear_greed
from engine.exchange.simulator.newsroom import Item, Newsroom
from engine.exchange.simulator.noise import key_of

INDEX, NEWS = "/feeds/fear-greed", "/feeds/news.rss"
_GENERATED = "seed:"
_WORDS = ((25, "Extreme Fear"), (46, "Fear"), (54, "Neutral"), (75, "Greed"), (100, "Extreme Greed"))
"""Each up to and with its bound, as alternative.me names them."""


class WorldFeeds:
    """Answers for one market, with the faults that were ordered."""

    def __init__(self, market: Market, plan: FaultPlan) -> None:
        self._market = market
        self._plan = plan
        self._newsroom = Newsroom(market)
        self._key = key_of(market.identity, "mood")
        self._index: tuple[int, bytes | None] = (-1, None)

    async def ask(self, method: str, path: str, now_ms: int) -> Reply | None:
        """None is a connection that breaks."""
        fault = self._plan.take(FEED_KINDS, method=method, path=path)
        how = fault.params if fault is not None and isinstance(fault.params, FeedFault) else None
        if how is not None and how.how == "stall":
            await asyncio.sleep(how.delay_ms / 1000)
        if how is not None and how.how == "drop":
            return None
        told = how.text if how is not None and how.how == "headline" else ""
        status, payload, content_type = self._answer(path, now_ms, told)
        if how is not None:
            status, payload = spoiled(how, status, payload)
        return Reply(status, payload, content_type)

    def _answer(self, path: str, now_ms: int, told: str) -> tuple[int, bytes, bytes]:
        known = self._market.identity.startswith(_GENERATED)
        if known and path == NEWS:
            extra = [Item(told, "https://news.simulated.invalid/told", now_ms - 60_000)] if told else []
            return 200, _rss([*extra, *self._newsroom.stories(now_ms)], now_ms), b"application/rss+xml; charset=utf-8"
        if known and path == INDEX and (body := self._fear_greed(now_ms)) is not None:
            return 200, body, b"application/json"
        return 404, b'{"error":"not known in this market"}', b"application/json"

    def _fear_greed(self, now_ms: int) -> bytes | None:
        """Made once a day, but for the seconds until the next one."""
        day = now_ms // DAY_MS
        if self._index[0] != day:
            self._index = (day, _index_body(fear_greed(self._market, self._key, now_ms)))
        body = self._index[1]
        return None if body is None else body.replace(b"?", str((DAY_MS - now_ms % DAY_MS) // 1000).encode())


def _index_body(found: tuple[int, int] | None) -> bytes | None:
    if found is None:
        return None
    value, day_ms = found
    row = {
        "value": str(value),
        "value_classification": next(word for most, word in _WORDS if value <= most),
        "timestamp": str(day_ms // 1000),
        "time_until_update": "?",
    }
    document = {"name": "Fear and Greed Index", "data": [row], "metadata": {"error": None}}
    return json.dumps(document, allow_nan=False).encode()


def _rss(items: list[Item], now_ms: int) -> bytes:
    """As publishers write it: dc:creator without its namespace, CDATA, HTML, tracking parameters."""
    head = "<title>Simulated Wire</title><link>https://news.simulated.invalid</link>"
    stories = "".join(map(_item, items))
    built = f"<lastBuildDate>{format_datetime(utc(now_ms))}</lastBuildDate>"
    return f'<?xml version="1.0"?><rss version="2.0"><channel>{head}{built}{stories}</channel></rss>'.encode()


def _item(item: Item) -> str:
    title = item.title.replace("]]>", "]]]]><![CDATA[>")
    return (
        f"<item><title><![CDATA[{title}]]></title><link><![CDATA[{item.link}]]></link>"
        f'<guid isPermaLink="false">{html.escape(item.link)}</guid><dc:creator><![CDATA[Simulated Wire]]></dc:creator>'
        f"<pubDate>{format_datetime(utc(item.published_ms))}</pubDate>"
        f'<description><![CDATA[<p>{title}. <a href="{item.link}">Read on</a></p>]]></description></item>'
    )
