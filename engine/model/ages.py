"""How old each source of a snapshot is. Said here and nowhere else: brief, gates and screen read the same."""

from __future__ import annotations

from collections.abc import Iterator

from engine.model.market import MarketSnapshot
from engine.model.timeframe import Timeframe

AHEAD_S = 10.0
"""How far ahead of us the venue may stamp what it sends: two clocks that agree differ by less."""
FEED_AHEAD_MS = 5 * 60_000
"""The same for publishers, whose clocks nobody compares."""

_FIELDS = {
    "quote": "quote",
    "book": "book",
    "funding": "funding",
    "open_interest": "open_interest",
    "long_short": "long_short",
    "quote_flow": "quote_flow",
    "liquidations": "liquidations",
    "forecast": "forecast",
    "fear_greed": "fear_greed",
    "news": "headlines",
}
"""Sources with a time stamp of their own, and the snapshot's field of each."""
_PUBLISHED = frozenset({"fear_greed", "news"})
BTC_HOURS = "btc_hours"
SOURCES = (*map(str, Timeframe), *_FIELDS, BTC_HOURS)


def since_s(now_ms: int, ts: int) -> float:
    """Venue seconds from `ts` to `now_ms`; below 0 when it was stamped ahead of us."""
    return (now_ms - ts) / 1000


def source_ages(snapshot: MarketSnapshot, ahead_s: float = AHEAD_S) -> dict[str, float | None]:
    """Every source and its age in venue seconds at the moment the snapshot was taken; candles since their last bar
    closed. None: not there, or stamped more than `ahead_s` ahead of us, so that nobody can say."""
    ages: dict[str, float | None] = dict.fromkeys(SOURCES)
    for name, ts in stamps(snapshot):
        ages[name] = _shown(since_s(snapshot.taken_at, ts), FEED_AHEAD_MS / 1000 if name in _PUBLISHED else ahead_s)
    return ages


def stamps(snapshot: MarketSnapshot) -> Iterator[tuple[str, int]]:
    """(source, when it was true in venue ms) of all that are there."""
    for timeframe, candles in snapshot.candles.items():
        if len(candles):
            yield str(timeframe), int(candles.ts[-1]) + timeframe.ms
    for name, field in _FIELDS.items():
        source = getattr(snapshot, field)
        if source is not None:
            yield name, source.ts
    if snapshot.btc_hours is not None and len(snapshot.btc_hours):
        yield BTC_HOURS, int(snapshot.btc_hours.ts[-1]) + Timeframe.H1.ms


def _shown(age_s: float, ahead_s: float) -> float | None:
    return max(0.0, age_s) if age_s >= -ahead_s else None
