"""News of the simulated market: what its own prices did, told some minutes later, among talk that means nothing.

Every story is a pure function of market and time: asked again, or later, it is the same story. About a third is talk
that no price caused and that often contradicts the ones it stands beside; some stories are told twice.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from engine.exchange.simulator.market import Market
from engine.exchange.simulator.noise import key_of, uniform

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
TOLD_HOURS = 30
MOST_TOLD = 40
_USUAL_HOURS = 24
_WORTH_TELLING = 2.2
"""An hour's move in deviations of the day before it, and at least this log return."""
_SMALLEST = 1e-3
_TALK_AN_HOUR = 0.4
_TOLD_TWICE = 0.2

NAMES = {
    "BTC": "Bitcoin", "ETH": "Ether", "SOL": "Solana", "XRP": "XRP", "SUI": "SUI", "DOGE": "Dogecoin", "BNB": "BNB",
    "LTC": "Litecoin", "BCH": "Bitcoin Cash", "XAU": "Gold", "XAG": "Silver", "QQQ": "Nasdaq 100", "SPY": "S&P 500",
    "NVDA": "Nvidia", "TSLA": "Tesla", "AAPL": "Apple", "AMZN": "Amazon", "MSFT": "Microsoft", "META": "Meta Platforms",
    "GOOGL": "Alphabet", "PLTR": "Palantir",
}  # fmt: skip
_RISES = (
    "{name} jumps {pct} in an hour as buyers return",
    "{name} climbs {pct}, short sellers squeezed",
    "{name} rallies {pct} as momentum builds",
    "Why {name} is up {pct} this hour",
)
_FALLS = (
    "{name} drops {pct} in an hour as sellers take over",
    "{name} slides {pct}; long positions liquidated",
    "{name} falls {pct} as traders cut risk",
    "Why {name} is down {pct} this hour",
)
_TALK = (
    "Analyst sees {name} at record highs within the year",
    "{name}: three charts that worry traders",
    "{name} volume is thin, desks say",
    "Fund adds to its {name} holdings",
    "Fund trims its {name} holdings on valuation concerns",
    "{name} conference opens with optimism",
    "Survey: investors split on {name}",
    "{name} options point to a quiet week",
    "Regulator delays decision that concerns {name}",
    "<b>Opinion:</b> {name} &amp; the case for patience",
)


@dataclass(frozen=True, slots=True)
class Item:
    """A story as the feed carries it; `title` may hold HTML."""

    title: str
    link: str
    published_ms: int


class Newsroom:
    """The newest hours' stories of one market, each hour's written once."""

    def __init__(self, market: Market) -> None:
        self._market = market
        self._written: dict[int, list[Item]] = {}

    def stories(self, now_ms: int) -> list[Item]:
        """The newest 40 of what was published within the last 30 hours, newest first."""
        hours = range(now_ms // HOUR_MS - TOLD_HOURS, now_ms // HOUR_MS + 1)
        missing = [hour for hour in hours if hour not in self._written]
        if missing:
            new = self._write(range(missing[0], hours[-1] + 1))
            self._written = {hour: self._written[hour] if hour in self._written else new[hour] for hour in hours}
        told = (item for items in self._written.values() for item in items if item.published_ms <= now_ms)
        return sorted(told, key=lambda item: item.published_ms, reverse=True)[:MOST_TOLD]

    def _write(self, hours: range) -> dict[int, list[Item]]:
        """By hour: what the hour before it did, and its talk."""
        written = {hour: list(self._talk(hour)) for hour in hours}
        for inst_id, spec in self._market.specs.items():
            name = NAMES.get(spec.base, spec.base)
            for ended, move in self._moves(inst_id, hours):
                written[ended] += self._report(inst_id, name, ended, move)
        return written

    def _moves(self, inst_id: str, hours: range) -> Iterator[tuple[int, float]]:
        """(hour at whose beginning it ended, log return) of hourly moves that are worth telling."""
        end_ms = hours[-1] * HOUR_MS
        rows = self._market.candles(inst_id, "1H", now_ms=end_ms, after_ms=end_ms, limit=len(hours) + _USUAL_HOURS)
        ends = [int(row[0]) // HOUR_MS + 1 for row in reversed(rows)]
        moves = np.log([float(row[4]) / float(row[1]) for row in reversed(rows)])
        for place in range(_USUAL_HOURS, len(ends)):
            usual = float(np.sqrt(np.mean(moves[place - _USUAL_HOURS : place] ** 2)))
            if ends[place] in hours and abs(moves[place]) > max(_WORTH_TELLING * usual, _SMALLEST):
                yield ends[place], float(moves[place])

    def _report(self, inst_id: str, name: str, hour: int, move: float) -> Iterator[Item]:
        key = key_of(self._market.identity, "news", inst_id)
        titles = _RISES if move > 0 else _FALLS
        title = titles[int(uniform(key, 4 * hour) * len(titles))]
        title = title.format(name=name, pct=f"{abs(math.expm1(move)):.1%}")
        yield from _told(title, key, hour, hour * HOUR_MS + int((2 + 16 * uniform(key, 4 * hour + 1)) * MINUTE_MS))

    def _talk(self, hour: int) -> Iterator[Item]:
        key = key_of(self._market.identity, "talk")
        if uniform(key, 4 * hour) > _TALK_AN_HOUR:
            return
        bases = [spec.base for spec in self._market.specs.values()]
        base = bases[int(uniform(key, 4 * hour + 1) * len(bases))]
        title = _TALK[int(uniform(key + 1, hour) * len(_TALK))].format(name=NAMES.get(base, base))
        yield from _told(title, key, hour, hour * HOUR_MS + int(uniform(key, 4 * hour + 2) * HOUR_MS))


def _told(title: str, key: int, hour: int, published_ms: int) -> Iterator[Item]:
    """The story, and some of them once more, half an hour later and under other parameters."""
    link = f"https://news.simulated.invalid/{key % 10**6}-{hour}"
    yield Item(title, f"{link}?utm_source=rss&utm_medium=feed", published_ms)
    if uniform(key, 4 * hour + 3) < _TOLD_TWICE:
        yield Item(title, f"{link}?utm_source=home&utm_campaign=top", published_ms + 30 * MINUTE_MS)
