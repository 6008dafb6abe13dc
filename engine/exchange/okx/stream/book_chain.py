"""One instrument's order book out of a snapshot and the updates that chain to it (okx.md §13). Pure.

An update belongs to the book when its prevSeqId is the book's seqId. Anything else is a gap, and a book with a gap
is no book: it is discarded until the next snapshot. `checksum` is fixed 0 since 2026-06-23 and then says nothing;
where it is not 0 (older recordings, or a venue that brings it back) it must agree.
"""

from __future__ import annotations

import zlib
from decimal import Decimal
from enum import StrEnum
from heapq import nsmallest
from itertools import chain, zip_longest
from typing import Any

from engine.exchange.errors import ExchangeError
from engine.exchange.okx.wire import column, malformed, parse_decimal, rows_of, text, time_ms
from engine.model import Book, BookLevel

CHECKED_LEVELS = 25
NO_PREVIOUS = -1

Levels = dict[Decimal, tuple[str, str]]
"""Price → (price, size) as the venue wrote them: the checksum is over the original strings."""


class Link(StrEnum):
    """What a message did to the book. After the last four there is none until a snapshot comes."""

    SNAPSHOT = "snapshot"
    UPDATED = "updated"
    ALIVE = "alive"
    RESET = "reset"
    GAP = "gap"
    CORRUPT = "corrupt"
    UNREADABLE = "unreadable"
    ORPHAN = "orphan"


BROKEN = frozenset({Link.GAP, Link.CORRUPT, Link.UNREADABLE, Link.ORPHAN})


class BookChain:
    """Follows the `books` channel of `inst_id`."""

    def __init__(self, inst_id: str) -> None:
        self._inst_id = inst_id
        self._bids: Levels = {}
        self._asks: Levels = {}
        self._seq: int | None = None
        self._ts = 0
        self._whole = False

    @property
    def whole(self) -> bool:
        return self._whole

    def discard(self) -> None:
        """Until the next snapshot nothing is known."""
        self._bids, self._asks, self._seq, self._whole = {}, {}, None, False

    def apply(self, action: str, row: Any) -> Link:
        """Never raises: what cannot be read breaks the chain like a gap."""
        try:
            link = self._snapshot(row) if action == "snapshot" else self._update(row)
        except ExchangeError:
            link = Link.UNREADABLE
        if link in BROKEN:
            self.discard()
        return link

    def book(self, depth: int) -> Book | None:
        """The best `depth` levels a side; None while the chain is broken."""
        if not self._whole:
            return None
        return Book(self._inst_id, _best(self._bids, depth, -1), _best(self._asks, depth, 1), self._ts)

    def _snapshot(self, row: Any) -> Link:
        bids, asks = _levels(row, "bids"), _levels(row, "asks")
        self._seq, self._ts = _sequence(row, "seqId"), time_ms(row, "ts")
        self._bids, self._asks = _without_empty(bids), _without_empty(asks)
        self._whole = True
        return Link.SNAPSHOT if self._agrees(row) else Link.CORRUPT

    def _update(self, row: Any) -> Link:
        if not self._whole:
            return Link.ORPHAN
        previous, seq = _sequence(row, "prevSeqId"), _sequence(row, "seqId")
        if previous != self._seq:
            return Link.GAP
        bids, asks = _levels(row, "bids"), _levels(row, "asks")
        ts = time_ms(row, "ts")
        _merge(self._bids, bids)
        _merge(self._asks, asks)
        self._seq, self._ts = seq, ts
        if not self._agrees(row):
            return Link.CORRUPT
        if seq is not None and previous is not None and seq < previous:
            return Link.RESET
        return Link.UPDATED if bids or asks else Link.ALIVE

    def _agrees(self, row: Any) -> bool:
        told = text(row, "checksum")
        return told in {"", "0"} or told == str(self.checksum())

    def checksum(self) -> int:
        """CRC-32, signed, over the best 25 levels interleaved; where one side is shorter the other goes on."""
        bids = [self._bids[price] for price in nsmallest(CHECKED_LEVELS, self._bids, key=lambda price: -price)]
        asks = [self._asks[price] for price in nsmallest(CHECKED_LEVELS, self._asks)]
        pairs = zip_longest(bids, asks, fillvalue=())
        unsigned = zlib.crc32(":".join(chain.from_iterable(chain(*pair) for pair in pairs)).encode())
        return unsigned - (1 << 32) if unsigned >> 31 else unsigned


def _levels(row: Any, side: str) -> Levels:
    levels: Levels = {}
    for level in rows_of(row, side):
        price, size = column(level, 0, "book price"), column(level, 1, "book size")
        parse_decimal("book size", size)
        levels[parse_decimal("book price", price)] = (price, size)
    return levels


def _without_empty(levels: Levels) -> Levels:
    return {price: level for price, level in levels.items() if Decimal(level[1])}


def _merge(book: Levels, changes: Levels) -> None:
    for price, level in changes.items():
        if Decimal(level[1]):
            book[price] = level
        else:
            book.pop(price, None)


def _best(levels: Levels, depth: int, sign: int) -> tuple[BookLevel, ...]:
    prices = nsmallest(depth, levels, key=lambda price: sign * price)
    return tuple(BookLevel(price, Decimal(levels[price][1])) for price in prices)


def _sequence(row: Any, field: str) -> int | None:
    """None in recordings from before sequence ids existed: then only the checksum can tell."""
    value = text(row, field)
    if not value:
        return None
    if not value.removeprefix("-").isdecimal():
        raise malformed(field, value, "a sequence id")
    return int(value)
