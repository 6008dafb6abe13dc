"""The books beside the decision: what is unknown is never shown as known, and nothing here stops a cycle."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from engine.books_view import BooksView
from engine.exchange.errors import Unavailable
from engine.execution.blocks import Blocks
from engine.execution.latch import EntryLatch
from engine.model import Position, ProtectedPosition, Protection
from engine.risk.sound import INSTRUMENT, account

D = Decimal


def held(inst_id: str, notional: str | None = "250") -> ProtectedPosition:
    notional_usd = None if notional is None else D(notional)
    position = Position(
        inst_id, "1", D(2), D(100), D(110), D(0), D(0), D(0), D(0), None, "isolated", D(1), None, None, notional_usd,
        1, 1,
    )  # fmt: skip
    return ProtectedPosition("X", position, Protection.PROTECTED, None, None, "", 1, "")


@dataclass
class FakeDesk:
    """What BooksView asks of the desk."""

    positions: tuple[ProtectedPosition, ...] = ()
    unreadable: str = ""
    sync_error: Exception | None = None
    blocks: Blocks = field(default_factory=Blocks)
    shared: Any = field(default_factory=lambda: SimpleNamespace(ticker=lambda inst_id: inst_id))
    controls: Any = field(default_factory=lambda: SimpleNamespace(entries_stopped=False, paused=frozenset(), halts=()))
    tracker: Any = field(default_factory=lambda: SimpleNamespace(history=SimpleNamespace(closed_trades=_none)))

    async def guard_pass(self) -> tuple[ProtectedPosition, ...]:
        return self.positions

    async def sync_outcomes(self) -> Any:
        if self.sync_error is not None:
            raise self.sync_error
        return account()


async def _none(_: int) -> tuple[Any, ...]:
    return ()


@pytest.fixture
def desk() -> FakeDesk:
    return FakeDesk((held(INSTRUMENT.inst_id),))


@pytest.fixture
def books(desk: FakeDesk, tmp_path: Path) -> BooksView:
    return BooksView(desk, EntryLatch(tmp_path), {INSTRUMENT.inst_id: INSTRUMENT})  # type: ignore[arg-type]


async def test_positions_that_the_guard_could_not_read_are_unknown(books: BooksView, desk: FakeDesk) -> None:
    await books.refresh()
    assert books.positions == desk.positions
    desk.unreadable = "the account cannot be read: read time-out"
    await books.guard()
    assert books.positions is None
    assert books.open_exposures() is None
    assert books.venue_down == desk.unreadable
    desk.unreadable = ""
    await books.guard()
    assert (books.positions, books.venue_down) == (desk.positions, "")


async def test_the_venue_stays_down_until_the_account_is_known_again(books: BooksView, desk: FakeDesk) -> None:
    desk.sync_error = Unavailable("no balance", "50001")
    await books.refresh()
    await books.guard()
    assert books.venue_down
    desk.sync_error = None
    await books.refresh()
    assert books.venue_down == ""


async def test_a_database_that_refuses_blocks_entries_and_is_named(books: BooksView, desk: FakeDesk) -> None:
    """The decision whose order has just been filled must still be told: nothing is raised."""
    desk.sync_error = sqlite3.OperationalError("database or disk is full")
    await books.refresh()
    assert books.account is None
    assert books.positions == desk.positions
    assert "disk is full" in books.controls(INSTRUMENT).ledger_mismatch
    desk.sync_error = None
    await books.refresh()
    assert books.controls(INSTRUMENT).ledger_mismatch == ""


@pytest.mark.parametrize("notional", ["-250", None])
async def test_a_position_on_an_instrument_that_is_not_known_counts_and_stops_no_cycle(
    books: BooksView, desk: FakeDesk, notional: str | None
) -> None:
    desk.positions = (held(INSTRUMENT.inst_id), held("BTC-USD-SWAP", notional))
    await books.refresh()
    exposures = books.open_exposures()
    assert exposures is not None
    assert [e.ticker for e in exposures] == ["TEST", "BTC-USD-SWAP"]
    assert exposures[1].notional == (None if notional is None else D(250))
    assert list(books.open_instruments()) == ["TEST"]
