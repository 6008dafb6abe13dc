"""What the last 24 hours' headlines say about one market: at most three of them, each with its age and a tag.

Headlines are strangers' text. They inform a reader; no vote, gate, size or stop knows them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from engine.experts.headline_text import clean_headline, speaks_to_a_model, story_key
from engine.experts.lexicon import (
    BEARISH_PHRASES,
    BEARISH_WORDS,
    BULLISH_PHRASES,
    BULLISH_WORDS,
    MARKET_WIDE,
    NAMES,
    NEGATIONS,
    OTHERS,
)
from engine.model import AssetClass, Direction, Headlines, SentimentSignals, TaggedHeadline
from engine.model.ages import FEED_AHEAD_MS

HOUR_MS = 3_600_000
WINDOW_MS = 24 * HOUR_MS
MOST_SHOWN = 3
HALF_LIFE_H = 6.0
NEGATION_REACH = 3
"""Words between a negation and what it turns round, at most."""

_SIGN = {Direction.BULLISH: 1.0, Direction.NEUTRAL: 0.0, Direction.BEARISH: -1.0}
_WORD = re.compile(r"[a-z0-9&'+-]+")


@dataclass(frozen=True, slots=True)
class _Story:
    """A headline read once: cleaned, told apart, tagged."""

    text: str
    key: str
    tag: Direction


@dataclass(frozen=True, slots=True)
class _Found:
    headline: TaggedHeadline
    own: bool


def sentiment_signals(
    headlines: Headlines | None, ticker: str, asset_class: AssetClass, now_ms: int
) -> SentimentSignals | None:
    """What is known at `now_ms` about `ticker`; None when no feed was read within 24 hours.

    Those that name the ticker go before those about its whole class; of each the newest. `score` is the mean tag
    (+1, 0, −1) of all that were found, weighted by 0.5^(age / 6 h). Headlines of the future, repeated ones and those
    that speak to a model are left out. Never raises.
    """
    if headlines is None or not -FEED_AHEAD_MS <= now_ms - headlines.ts <= WINDOW_MS:
        return None
    found = sorted(_about(headlines, ticker, asset_class, now_ms), key=lambda f: (not f.own, f.headline.age_h))
    shown = sorted((f.headline for f in found[:MOST_SHOWN]), key=lambda headline: headline.age_h)
    return SentimentSignals(tuple(shown), _score([f.headline for f in found]))


def tag_of(text: str) -> Direction:
    """The lexicon's word for a headline: more good than bad words, or the other way round; else neutral."""
    words = _words_and_phrases(text.casefold())
    balance, turned_until = 0, -1
    for place, word in enumerate(words):
        feeling = (word in BULLISH_WORDS or word == "+1") - (word in BEARISH_WORDS or word == "-1")
        if feeling:
            balance += -feeling if place <= turned_until else feeling
            turned_until = -1
        if word in NEGATIONS:
            turned_until = place + NEGATION_REACH
    return Direction.BULLISH if balance > 0 else Direction.BEARISH if balance < 0 else Direction.NEUTRAL


def _about(headlines: Headlines, ticker: str, asset_class: AssetClass, now_ms: int) -> Iterator[_Found]:
    own, others = _pattern(NAMES.get(ticker, ())), _pattern(OTHERS.get(ticker, ()))
    wide = _pattern(MARKET_WIDE[asset_class])
    capitals = re.compile(rf"(?<![\w$]){re.escape(ticker)}(?!\w)|\${re.escape(ticker)}(?!\w)")
    told: set[str] = set()
    for headline in headlines.items:
        story, age_ms = _story(headline.text), now_ms - headline.published_at
        if story is None or not -FEED_AHEAD_MS <= age_ms <= WINDOW_MS or story.key in told:
            continue
        of_it = bool(own.search(others.sub("", story.text)) or capitals.search(story.text))
        if of_it or wide.search(story.text):
            told.add(story.key)
            yield _Found(TaggedHeadline(story.text, max(0, age_ms) / HOUR_MS, story.tag), of_it)


@lru_cache(maxsize=1024)
def _story(raw: str) -> _Story | None:
    """What a headline is whoever asks; None where nothing is left of it or where it speaks to a model. Remembered:
    every ticker of every cycle asks for the same ones."""
    text = clean_headline(raw)
    if not text or speaks_to_a_model(text):
        return None
    return _Story(text, story_key(text), tag_of(text))


def _score(found: list[TaggedHeadline]) -> float | None:
    weights = [math.pow(0.5, headline.age_h / HALF_LIFE_H) for headline in found]
    if not found:
        return None
    return sum(w * _SIGN[h.tag] for w, h in zip(weights, found, strict=True)) / sum(weights)


@lru_cache(maxsize=64)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the names as whole words; of no names, nothing."""
    if not names:
        return re.compile(r"(?!)")
    return re.compile(rf"(?<!\w)({'|'.join(map(re.escape, names))})('s)?(?!\w)", re.IGNORECASE)


def _words_and_phrases(text: str) -> list[str]:
    """The words, with each phrase of the lexicon as one word, "+1" or "-1"."""
    for phrases, sign in ((BULLISH_PHRASES, "+1"), (BEARISH_PHRASES, "-1")):
        text = _pattern(phrases).sub(f" {sign} ", text)
    return _WORD.findall(text)
