"""Beside a home: what the engine's books lack, invent or miscount is found row by row."""

from __future__ import annotations

import copy
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from bench.audit import Audit, Kind, audit
from bench.audit.auditor import examine
from bench.audit.books import QUERIES
from bench.audit.state import State, read, read_tables
from tests.audit.state_file import forget_history, ordinary_day
from tests.properties.invariants import settle
from tests.properties.player import Player
from tests.properties.story import Enter, Hand, Leave, Move, Story
from tests.properties.world import World

Tables = list[list[dict[str, Any]]]
FILLS, BILLS, TRADES, INTENTS = range(4)

DAY = Story(
    3,
    (
        Enter(0, 10, 3.0),
        Move(0, -0.05, 1.0, 16.0),
        Enter(1, 10, 3.0),
        Leave(1, 3.0),
        Hand(2, "buy", 3.0),
        Enter(0, 7, 3.0),
    ),
)
"""A stop, an exit, a stranger's position on another instrument, and a trade that stays open."""


@pytest.fixture(scope="module")
def honest() -> Iterator[tuple[State, Tables]]:
    world = World(DAY.seed)
    try:
        Player(world).play(DAY)
        settle(world)
        yield read(world.store._connection), read_tables(world.disk.connection, QUERIES)
    finally:
        world.close()


@pytest.fixture
def state(honest: tuple[State, Tables]) -> State:
    return honest[0]


@pytest.fixture
def books(honest: tuple[State, Tables]) -> Tables:
    return copy.deepcopy(honest[1])


def kinds(result: Audit) -> set[Kind]:
    return {finding.kind for finding in result.findings}


def test_honest_books_are_clean(state: State, books: Tables) -> None:
    result = examine(state, books)
    assert result.findings == ()
    assert [row["state"] for row in books[TRADES]] == ["closed", "closed", "open"]
    assert result.counts["ours"] == 3


@pytest.mark.parametrize("number", [0, 1, 3, -1])
def test_a_fill_that_the_books_lack_is_unlogged(state: State, books: Tables, number: int) -> None:
    del books[FILLS][number]
    assert kinds(examine(state, books)) == {Kind.UNLOGGED}


def test_a_fill_of_the_books_that_never_was_is_invented(state: State, books: Tables) -> None:
    books[FILLS].append({**books[FILLS][0], "trade_id": "1"})
    assert kinds(examine(state, books)) == {Kind.INVENTED}


def test_a_fill_booked_twice_under_another_order_is_invented(state: State, books: Tables) -> None:
    books[FILLS].append({**books[FILLS][0], "order_id": "2"})
    assert kinds(examine(state, books)) == {Kind.INVENTED}


@pytest.mark.parametrize("column", ["fee", "pnl", "price", "contracts"])
def test_a_cent_off_in_a_booked_fill_is_found(state: State, books: Tables, column: str) -> None:
    row = books[FILLS][-1]
    row[column] = str(float(row[column]) + 0.01)
    assert kinds(examine(state, books)) == {Kind.CENT}


def test_a_ledger_line_that_the_books_lack_is_unlogged(state: State, books: Tables) -> None:
    del books[BILLS][0]
    assert kinds(examine(state, books)) == {Kind.UNLOGGED}


def test_a_cent_off_in_a_closed_trade_is_found(state: State, books: Tables) -> None:
    books[TRADES][0]["net"] = str(float(books[TRADES][0]["net"]) + 0.01)
    (finding,) = examine(state, books).findings
    assert finding.kind is Kind.CENT


def test_a_trade_that_the_books_hold_open_but_the_venue_closed_is_a_mismatch(state: State, books: Tables) -> None:
    books[TRADES][0]["state"] = "open"
    assert kinds(examine(state, books)) == {Kind.MISMATCH}


def test_a_position_without_a_trade_is_a_mismatch_and_a_trade_without_one_invented(state: State, books: Tables) -> None:
    books[TRADES][0]["entry_client_id"] = "cyne00nobody"
    assert kinds(examine(state, books)) == {Kind.MISMATCH, Kind.INVENTED}


def test_an_intent_without_an_end_is_unsettled(state: State, books: Tables) -> None:
    books[INTENTS][0]["state"] = "unknown"
    assert kinds(examine(state, books)) == {Kind.UNSETTLED}


def test_a_home_is_read_from_its_folder(tmp_path: Path, books: Tables) -> None:
    """Another venue's books: every row of them is foreign to this state."""
    path = ordinary_day(tmp_path / "simulator.db")
    forget_history(path)
    home = tmp_path / "home"
    (home / "storage").mkdir(parents=True)
    with closing(sqlite3.connect(home / "storage" / "cynosure.db")) as connection:
        for name, rows in zip(("fills", "bills", "trades", "intents"), books, strict=True):
            columns = list(rows[0])
            connection.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {name} VALUES ({marks})", [tuple(row.values()) for row in rows])  # noqa: S608
        connection.commit()
    found = kinds(audit(path, home))
    assert {Kind.UNLOGGED, Kind.INVENTED, Kind.MISMATCH} <= found
