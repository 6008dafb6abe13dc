"""The flow board alone: each figure is whole or None, whatever the venue says and however it breaks off."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.exchange.okx.stream.book_memory import APART_MS, KEPT, OLDEST_MS, BookMemory
from engine.exchange.okx.stream.books import Books
from engine.exchange.okx.stream.flows import MIN_EVENTS, SILENT_S
from engine.exchange.okx.stream.frames import Pushed
from engine.exchange.streams import Following, Topic
from tests.exchange.okx.stream.flow_desk import ABC, INST, MARKET, START, Desk
from tests.experts.markets import book

RECORDED = Path(__file__).parents[4] / "../shared/data/okx_ws_raw_BTC-USDT_2022_05_13.jsonl.gz"


def test_a_followed_quote_tells_its_flow_once_half_the_window_was_seen() -> None:
    desk = Desk()
    desk.busy(seconds=20)
    assert desk.board.quote_flow(INST) is None
    desk.busy(seconds=20)
    flow = desk.board.quote_flow(INST)
    assert flow is not None
    assert (flow.inst_id, flow.window_ms, flow.ts) == (INST, 60_000, desk.clock.ms)
    assert flow.imbalance == pytest.approx(1.0)
    assert flow.events >= MIN_EVENTS


def test_what_is_not_followed_has_no_flow() -> None:
    desk = Desk()
    desk.busy()
    desk.quote("99.9", "10", "100.1", "5", inst_id="OTHER-USDT-SWAP")
    assert desk.board.quote_flow("OTHER-USDT-SWAP") is None
    desk.board.follow(Following((ABC,), quotes=False))
    assert desk.board.quote_flow(INST) is None


def test_a_lost_line_has_no_flow_and_a_new_one_must_fill_its_window_first() -> None:
    desk = Desk()
    desk.busy()
    desk.up = False
    assert desk.board.quote_flow(INST) is None
    desk.clock.pass_(50)
    desk.up = True
    desk.board.resumed(MARKET)
    desk.quote("90", "1000", "91", "1000")
    assert desk.board.quote_flow(INST) is None
    desk.busy(seconds=25)
    assert desk.board.quote_flow(INST) is None
    desk.busy(seconds=15)
    assert desk.board.quote_flow(INST) is not None


def test_a_line_without_a_pulse_has_no_flow() -> None:
    desk = Desk()
    desk.busy()
    desk.clock.pass_(SILENT_S + 1)
    assert desk.board.quote_flow(INST) is None
    desk.pulse()
    assert desk.board.quote_flow(INST) is not None


def test_a_market_that_is_too_fast_or_too_quiet_to_show_its_quotes_has_no_flow() -> None:
    fast = Desk(speed=240)
    fast.busy(seconds=10, every_s=0.05)
    assert fast.board.quote_flow(INST) is None
    quiet = Desk()
    quiet.busy(seconds=60, every_s=10)
    assert quiet.board.quote_flow(INST) is None


def test_a_frozen_quote_has_no_flow() -> None:
    desk = Desk()
    for _ in range(200):
        desk.clock.pass_(0.3)
        desk.quote("99.9", "10", "100.1", "5")
    assert desk.board.quote_flow(INST) is None


@pytest.mark.parametrize(
    "broken",
    [
        {"bids": []},
        {"asks": [[]]},
        {"asks": "nonsense"},
        {"bids": [["NaN", "1"]]},
        {"bids": [["1e999", "1"]]},
        {"bids": [["", ""]]},
        {"bids": None},
        {"bids": [["101", "1"]]},
        {"ts": "soon"},
        {"ts": None},
    ],
)
def test_a_row_that_nobody_can_read_is_a_hole_and_no_more(broken: dict[str, Any]) -> None:
    desk = Desk()
    desk.busy()
    desk.quote("99.9", "10", "100.1", "5", **broken)
    desk.say(Topic.QUOTES, {"channel": "bbo-tbt", "instId": INST}, "no row", None, 7)
    flow = desk.board.quote_flow(INST)
    assert flow is not None and flow.imbalance == pytest.approx(1.0)


def test_what_was_left_out_for_want_of_time_is_a_hole_of_that_instrument_only() -> None:
    desk = Desk()
    other = replace(ABC, inst_id="OTHER-USDT-SWAP")
    desk.board.follow(Following((ABC, other), quotes=True))
    for number in range(120):
        desk.clock.pass_(0.5)
        desk.quote("99.9", str(10 + number), "100.1", "5")
        desk.quote("99.9", str(10 + number), "100.1", "5", inst_id=other.inst_id)
        desk.board.skipped(other.inst_id)
    assert desk.board.quote_flow(INST) is not None
    assert desk.board.quote_flow(other.inst_id) is None


# ------------------------------------------------------------ books


def test_a_followed_book_is_remembered_every_ten_seconds() -> None:
    desk = Desk(books=True)
    for _ in range(100):
        desk.clock.pass_(1)
        desk.books[INST] = book(ts=desk.clock.ms)
        desk.pulse()
    times = [one.ts for one in desk.board.earlier_books(INST)]
    assert len(times) in {9, 10}
    assert all(later - earlier >= APART_MS for earlier, later in pairwise(times))
    assert desk.board.book(INST) == desk.books[INST]


def test_a_book_that_was_read_elsewhere_is_an_earlier_one_later() -> None:
    desk = Desk()
    desk.board.saw_book(book(ts=desk.clock.ms))
    desk.clock.pass_(60)
    assert [one.ts for one in desk.board.earlier_books(INST)] == [START]
    desk.clock.pass_(900)
    assert desk.board.earlier_books(INST) == ()


def test_the_memory_is_bounded_and_a_time_that_was_set_back_begins_anew() -> None:
    memory = BookMemory()
    for number in range(200):
        memory.add(book(ts=START + number * APART_MS))
    now = START + 199 * APART_MS
    assert len(memory.lately(INST, now)) == KEPT
    memory.add(book(ts=now - 30_000))
    assert len(memory.lately(INST, now)) == KEPT
    memory.add(book(ts=START))
    assert [one.ts for one in memory.lately(INST, START + OLDEST_MS)] == [START]


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded books are not on this machine")
def test_recorded_books_pass_through_the_chain_into_the_memory() -> None:
    books, memory = Books(lambda: 0.0), BookMemory()
    with gzip.open(RECORDED, "rt") as lines:
        for line in lines:
            message = json.loads(line)["msg"]
            if message.get("arg", {}).get("channel") == "books" and "data" in message:
                assert not books.apply(Pushed("books", message["arg"], message["action"], tuple(message["data"])))
                seen = books.book("BTC-USDT", 20, 1.0)
                assert seen is not None and len(seen.bids) == len(seen.asks) == 20
                memory.add(seen)
    (first, *_) = memory.lately("BTC-USDT", seen.ts)
    assert first.bids[0].price < first.asks[0].price
