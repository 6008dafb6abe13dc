"""Stories of the news: cleaned, dated, and each told once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from pydantic import BaseModel, ConfigDict

from engine.experts.headline_text import clean_headline, story_key
from engine.model.ages import FEED_AHEAD_MS

MOST_STORIES = 60
"""Of one feed, the newest: no feed crowds the others out."""
DAY_MS = 86_400_000
_TRACKING = frozenset(
    {"ref", "source", "src", "fbclid", "gclid", "cmpid", "mod", "taid", "mc_cid", "mc_eid", "guccounter"}
)


class Story(BaseModel):
    """One headline of one feed. `link` tells stories apart and is never opened."""

    model_config = ConfigDict(frozen=True, strict=True)

    text: str
    published_at: int
    link: str = ""


def stories_of(entries: Iterable[tuple[str, str, int | None]], now_ms: int) -> tuple[Story, ...]:
    """The newest 60 of (title, link, published ms): without a date, a text, or with a date of the future it is none."""
    found = [
        Story(text=text, published_at=published_at, link=canonical(link))
        for title, link, published_at in entries
        if published_at is not None and 0 < published_at <= now_ms + FEED_AHEAD_MS and (text := clean_headline(title))
    ]
    return once(found)[:MOST_STORIES]


def joined(known: tuple[Story, ...] | None, read: tuple[Story, ...], now_ms: int) -> tuple[Story, ...]:
    """A publisher's list may reach back three hours only: what left it is remembered for a day. The newest 60."""
    remembered = (story for story in known or () if now_ms - story.published_at <= DAY_MS)
    return once((*remembered, *read))[:MOST_STORIES]


def once(stories: Iterable[Story]) -> tuple[Story, ...]:
    """Newest first, each story once: by its link without tracking, or by the words of its title. What is told again
    keeps the date of its first telling."""
    told: set[str] = set()
    kept: list[Story] = []
    for story in sorted(stories, key=lambda story: story.published_at):
        keys = {story_key(story.text), story.link} - {""}
        if not keys & told:
            kept.append(story)
        told |= keys
    return tuple(reversed(kept))


def canonical(link: str) -> str:
    """The link without fragment and tracking parameters; "" where it names no page of its own."""
    try:
        parts = urlsplit(link)
        query = [(name, value) for name, value in parse_qsl(parts.query, max_num_fields=50) if not _tracks(name)]
        kept = urlencode(sorted(query))
    except ValueError:  # surrogates in a link's query among them
        return ""
    path = parts.path.rstrip("/")
    if not parts.netloc or not (path or query):
        return ""
    return f"{parts.netloc.lower()}{path}?{kept}"[:300].rstrip("?")


def _tracks(name: str) -> bool:
    return name.lower().startswith("utm_") or name.lower() in _TRACKING


def read_entries(answer: Any) -> list[tuple[str, str, int | None]]:
    """The reader's entries, checked. Raises ValueError."""
    if not isinstance(answer, list):
        raise ValueError("no list of entries")
    return [(str(title), str(link), ms if isinstance(ms, int) else None) for title, link, ms in answer]
