"""The order books that one line follows, and when a broken chain is asked for again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from engine.exchange.okx.stream.book_chain import BROKEN, BookChain, Link
from engine.exchange.okx.stream.frames import Pushed
from engine.model import Book

RENEW_AFTER_S = 2.0
"""Between two requests for the same book: updates of the broken chain go on until the snapshot comes."""


@dataclass(slots=True)
class _Followed:
    chain: BookChain
    heard_at: float = float("-inf")
    renewed_at: float = float("-inf")


class Books:
    """Belongs to one connection: another one begins with other sequence ids."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._followed: dict[str, _Followed] = {}
        self.links: dict[Link, int] = {}
        """How often each link was seen, for whoever wants to know how good the line is."""

    def apply(self, pushed: Pushed) -> bool:
        """True when the book must be subscribed again."""
        inst_id = str(pushed.arg.get("instId", ""))
        followed = self._followed.setdefault(inst_id, _Followed(BookChain(inst_id)))
        broken = False
        for row in pushed.rows:
            link = followed.chain.apply(pushed.action, row)
            self.links[link] = self.links.get(link, 0) + 1
            broken = broken or link in BROKEN
        now = self._monotonic()
        followed.heard_at = now
        if not broken or now - followed.renewed_at < RENEW_AFTER_S:
            return False
        followed.renewed_at = now
        return True

    def book(self, inst_id: str, depth: int, fresh_s: float) -> Book | None:
        """None when its chain is broken or when nothing was heard of it for `fresh_s` wall seconds."""
        followed = self._followed.get(inst_id)
        if followed is None or self._monotonic() - followed.heard_at > fresh_s:
            return None
        return followed.chain.book(depth)
