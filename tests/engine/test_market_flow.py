"""Which markets a venue is worth following for, and what the streams know laid into a snapshot."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from engine.clock import ScaledClock, SystemClock
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.streams import NoFlows
from engine.market_flow import with_flows
from engine.model import Book, LiquidationFlow, MarketSnapshot, QuoteFlow
from engine.model.ages import source_ages
from engine.venue import Venue
from tests.experts.markets import instrument, snapshot

BASE = snapshot()
assert BASE.book is not None
READ = BASE.book


def at(later_ms: int) -> Book:
    return replace(READ, ts=READ.ts + later_ms)


class Known(NoFlows):
    """Flows that know what a test wants."""

    def __init__(self, followed: Book | None = None) -> None:
        self.followed, self.seen = followed, []

    def quote_flow(self, inst_id: str) -> QuoteFlow | None:
        return QuoteFlow(inst_id, 0.5, 100, 60_000, BASE.taken_at - 2_000)

    def liquidations(self, inst_id: str) -> LiquidationFlow | None:
        return LiquidationFlow(inst_id, 10.0, 0.0, 10.0, 3_600_000, BASE.taken_at + 400)

    def book(self, inst_id: str) -> Book | None:
        del inst_id
        return self.followed

    def earlier_books(self, inst_id: str) -> tuple[Book, ...]:
        del inst_id
        return (at(-10_000),)

    def saw_book(self, book: Book) -> None:
        self.seen.append(book)


def test_what_the_streams_know_is_laid_into_the_snapshot_with_its_age() -> None:
    flows = Known()
    taken = with_flows(BASE, flows)
    assert taken.quote_flow is not None and taken.liquidations is not None
    assert taken.earlier_books == (at(-10_000),)
    ages = source_ages(taken)
    assert (ages["quote_flow"], ages["liquidations"], ages["quote"]) == (2.0, 0.0, 0.0)
    assert flows.seen == [READ]


def test_what_they_do_not_know_stays_unknown_and_has_no_age() -> None:
    taken = with_flows(replace(BASE, book=None), NoFlows())
    assert (taken.quote_flow, taken.liquidations, taken.earlier_books, taken.book) == (None, None, (), None)
    ages = source_ages(taken)
    assert (ages["quote_flow"], ages["liquidations"], ages["book"]) == (None, None, None)


@pytest.mark.parametrize(
    ("followed", "read", "taken"),
    [
        (at(1_500), READ, at(1_500)),
        (at(-1_500), READ, READ),
        (at(60_000), READ, READ),  # younger than the snapshot's own moment
        (at(500), None, at(500)),
        (None, READ, READ),
    ],
)
def test_the_younger_book_is_taken(followed: Book | None, read: Book | None, taken: Book) -> None:
    of: MarketSnapshot = replace(BASE, book=read)
    assert with_flows(of, Known(followed)).book == taken


@pytest.mark.parametrize(
    ("embedded", "speed", "quotes", "books"),
    [(None, 1.0, True, True), ("sim", 1.0, True, False), ("sim", 240.0, False, False), ("sim", 0.0, False, False)],
)
def test_what_is_followed_depends_on_where_and_how_fast(
    embedded: str | None, speed: float, quotes: bool, books: bool
) -> None:
    clock = SystemClock() if embedded is None else ScaledClock(1_000, speed)
    endpoint: Any = SimpleNamespace()
    venue = Venue("here", endpoint, clock, endpoint, embedded)  # type: ignore[arg-type]
    following = venue.following([instrument()])
    assert (following.instruments, following.quotes, following.books) == ((instrument(),), quotes, books)


async def test_a_venue_knows_its_flows_once_it_streams() -> None:
    endpoint = OkxEndpoint("http://127.0.0.1:9", "1", "key", "secret", "phrase")
    exchange: Any = SimpleNamespace()
    venue = Venue("here", exchange, SystemClock(), endpoint, None)
    assert isinstance(venue.flows, NoFlows)

    async def resync() -> None: ...

    stream = venue.streams(lambda _: None, lambda *_: None, resync)
    assert stream is not None and not isinstance(venue.flows, NoFlows)
    assert set(stream.lines()) == {"private", "business", "public", "flow"}
