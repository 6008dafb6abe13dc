"""The chain of a book: what belongs to it, what breaks it, and real recorded messages with their checksums."""

from __future__ import annotations

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.exchange.okx.stream.book_chain import BookChain, Link
from engine.model import BookLevel

RECORDED = Path(__file__).parents[4] / "../shared/data/okx_ws_raw_BTC-USDT_2022_05_13.jsonl.gz"
D = Decimal


def row(bids: list[list[str]], asks: list[list[str]], previous: int, seq: int, **more: Any) -> dict[str, Any]:
    return {"bids": bids, "asks": asks, "prevSeqId": previous, "seqId": seq, "ts": str(seq), "checksum": 0} | more


def followed() -> BookChain:
    chain = BookChain("X-USDT-SWAP")
    assert chain.apply("snapshot", row([["10", "1"], ["9", "2"]], [["11", "3"], ["12", "4"]], -1, 100)) is Link.SNAPSHOT
    return chain


def test_updates_that_chain_change_the_book_and_quantity_nought_deletes() -> None:
    chain = followed()
    assert chain.apply("update", row([["10", "0"], ["9.5", "7"]], [["11", "5"]], 100, 105)) is Link.UPDATED
    book = chain.book(5)
    assert book is not None
    assert book.bids == (BookLevel(D("9.5"), D(7)), BookLevel(D(9), D(2)))
    assert book.asks == (BookLevel(D(11), D(5)), BookLevel(D(12), D(4)))
    assert (book.inst_id, book.ts) == ("X-USDT-SWAP", 105)
    assert chain.book(1) is not None and len(chain.book(1).bids) == 1  # type: ignore[union-attr]


def test_a_keep_alive_changes_nothing() -> None:
    chain = followed()
    assert chain.apply("update", row([], [], 100, 100)) is Link.ALIVE
    assert chain.apply("update", row([["8", "1"]], [], 100, 101)) is Link.UPDATED


def test_a_reset_after_maintenance_is_followed() -> None:
    chain = followed()
    assert chain.apply("update", row([["8", "1"]], [], 100, 3)) is Link.RESET
    assert chain.apply("update", row([["7", "1"]], [], 3, 4)) is Link.UPDATED
    assert chain.whole


def test_a_gap_leaves_no_book_until_a_snapshot_comes() -> None:
    chain = followed()
    assert chain.apply("update", row([["8", "1"]], [], 101, 102)) is Link.GAP
    assert chain.book(5) is None
    assert chain.apply("update", row([["8", "1"]], [], 102, 103)) is Link.ORPHAN
    assert chain.apply("snapshot", row([["5", "1"]], [["6", "1"]], -1, 200)) is Link.SNAPSHOT
    assert chain.book(5) is not None


def test_a_replayed_snapshot_replaces_the_book_whole() -> None:
    chain = followed()
    assert chain.apply("snapshot", row([["5", "1"]], [["6", "1"]], -1, 300)) is Link.SNAPSHOT
    book = chain.book(5)
    assert book is not None
    assert [level.price for level in book.bids] == [D(5)]
    assert chain.apply("update", row([], [["6.5", "1"]], 300, 301)) is Link.UPDATED


@pytest.mark.parametrize(
    "broken",
    [
        {"bids": [["x", "1"]]},
        {"bids": [["8"]]},
        {"asks": [["8", "NaN"]]},
        {"seqId": "soon"},
        {"ts": ""},
        {"checksum": 12345},
    ],
)
def test_what_cannot_be_read_or_does_not_agree_breaks_the_chain(broken: dict[str, Any]) -> None:
    chain = followed()
    assert chain.apply("update", row([["8", "1"]], [], 100, 101) | broken) in {Link.UNREADABLE, Link.CORRUPT}
    assert chain.book(5) is None
    assert followed().apply("update", "nonsense") is Link.UNREADABLE


def test_the_checksum_goes_on_with_the_longer_side() -> None:
    chain = BookChain("X")
    levels = [["3", "1"], ["2", "1"], ["1", "1"]]
    chain.apply("snapshot", row(levels, [["4", "9"]], -1, 1))
    told = chain.checksum()
    # CRC-32 of "3:1:4:9:2:1:1:1", signed.
    assert told == -286_202_021
    other = BookChain("X")
    assert other.apply("snapshot", row(levels, [["4", "9"]], -1, 1, checksum=told)) is Link.SNAPSHOT


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded books are not on this machine")
def test_the_recorded_checksums_are_reproduced() -> None:
    """From before sequence ids: there the checksum alone tells whether the book is whole."""
    chain, links = BookChain("BTC-USDT"), []
    with gzip.open(RECORDED, "rt") as lines:
        for line in lines:
            message = json.loads(line)["msg"]
            if message.get("arg", {}).get("channel") == "books" and "data" in message:
                links += [chain.apply(message["action"], data) for data in message["data"]]
                assert int(message["data"][0]["checksum"]) == chain.checksum()
    assert links.count(Link.SNAPSHOT) == 1
    assert set(links) <= {Link.SNAPSHOT, Link.UPDATED, Link.ALIVE}
    assert len(links) > 90
