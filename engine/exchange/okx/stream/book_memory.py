"""The books that were seen lately, so that a wall can be held against them. Times are venue time in ms."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator

from engine.model import Book

KEPT = 30
APART_MS = 10_000
APART_WALL_S = 2.0
"""However fast the market runs: taking 20 levels out of 400 is not free."""
OLDEST_MS = 900_000
SET_BACK_MS = 60_000
"""A book that is older than the last by less was only read by another way."""


class BookMemory:
    """The last 30 of each instrument, at least 10 s apart, none older than 15 minutes."""

    def __init__(self) -> None:
        self._books: dict[str, deque[Book]] = {}

    def add(self, book: Book) -> None:
        """One that is not yet 10 s younger than the last is left out; a time that was set back begins anew."""
        books = self._books.setdefault(book.inst_id, deque(maxlen=KEPT))
        if books and books[-1].ts - book.ts > SET_BACK_MS:
            books.clear()
        if not books or book.ts - books[-1].ts >= APART_MS:
            books.append(book)

    def lately(self, inst_id: str, now_ms: int) -> tuple[Book, ...]:
        """Oldest first."""
        return tuple(book for book in self._books.get(inst_id, ()) if 0 <= now_ms - book.ts <= OLDEST_MS)

    def keep_only(self, inst_ids: frozenset[str]) -> None:
        self._books = {inst_id: books for inst_id, books in self._books.items() if inst_id in inst_ids}


class Rotation:
    """Whose book is to be looked at now: one at a time, each once a round, a round every 10 venue seconds."""

    def __init__(self, monotonic: Callable[[], float], speed: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._speed = speed
        self._ids: tuple[str, ...] = ()
        self._turns: Iterator[str] = iter(())
        self._next_at = float("-inf")

    def set(self, inst_ids: tuple[str, ...]) -> None:
        self._ids, self._turns = inst_ids, iter(())

    def due(self) -> str | None:
        """None while it is too early, or nothing is followed."""
        now = self._monotonic()
        if not self._ids or now < self._next_at:
            return None
        round_s = max(APART_WALL_S, APART_MS / 1000 / max(self._speed(), 1e-9))
        self._next_at = now + min(round_s, APART_MS / 1000) / len(self._ids)
        following = next(self._turns, None)
        if following is None:
            self._turns = iter(self._ids)
            following = next(self._turns)
        return following
