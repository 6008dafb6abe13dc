"""Scenes in which books, venue or program fail, or somebody else is at work on the instrument."""

from __future__ import annotations

import sqlite3
from typing import Any

from tests.execution.guard_scenes import nothing, scene
from tests.execution.guard_stage import BTC, ETH, Stage
from tests.execution.rig import down, hidden, lose_reply, passes, refuse

# ---------------------------------------------------------------- books, journal, venue and program fail


@scene
def books_that_cannot_be_read(on: Stage) -> None:
    on.enter()
    on.look("they were read once")
    on.uncovers()
    with on.disk_refuses("SELECT * FROM trades"):
        on.look("guarded by the last known terms")


@scene
def a_disk_that_refuses_everything(on: Stage) -> None:
    on.enter()
    on.look()
    on.uncovers()
    with on.disk_refuses(" "):
        on.look("nothing can be read or written")
    on.look("the disk is back")


@scene
def a_first_look_at_books_that_cannot_be_read(on: Stage) -> None:
    on.enter()
    on.new_life()
    assert on.guard.last == ()
    with on.disk_refuses("FROM trades"):
        on.look("no terms are known yet")
    on.look("they can be read")


@scene
def a_step_that_cannot_be_written(on: Stage) -> None:
    on.enter()
    on.uncovers()
    with on.disk_refuses("UPDATE intents"):
        on.look()
    on.uncovers()
    on.line.always["place_bracket"] = refuse("51000")
    with on.disk_refuses("UPDATE intents"):
        on.look("nor that it is closed")


@scene
def a_trade_that_the_books_refused(on: Stage) -> None:
    with on.disk_refuses("INSERT INTO trades"):
        on.enter()
    on.uncovers()
    on.look("guarded all the same")


@scene
def a_filled_entry_without_a_trade(on: Stage) -> None:
    with on.disk_refuses("INSERT INTO trades"):
        on.enter()
    on.desk.shared.unbooked.clear()
    on.enter(ETH)
    on.look("booked by the guard, whatever was entered since")


@scene
def an_entry_whose_fate_was_open(on: Stage) -> None:
    on.line.faults["place_order"] = [lose_reply]
    on.line.always |= {"order": hidden, "positions": nothing}
    on.run(on.desk.entry.enter(on.plan()))
    on.line.always.clear()
    on.line.faults["order"] = [down]
    on.look("the venue does not tell")
    on.look("it tells")


@scene
def a_persons_position_while_the_books_cannot_be_read(on: Stage) -> None:
    on.trade("buy", "3")
    with on.disk_refuses("SELECT"):
        on.look()
    on.look("they can")


@scene
def one_position_that_cannot_be_read(on: Stage) -> None:
    on.enter()
    on.enter(ETH)
    on.uncovers()
    on.line.faults["brackets"] = [passes, down]
    on.look("the other one is looked after")


@scene
def a_defect_on_one_position(on: Stage) -> None:
    on.enter()
    on.enter(ETH)
    follow = on.desk.trailing.follow

    async def defect(trade: Any, position: Any, bracket: Any) -> Any:
        if trade.inst_id == BTC:
            raise AssertionError("a defect of ours")
        return await follow(trade, position, bracket)

    on.desk.trailing.follow = defect  # type: ignore[method-assign]
    on.look()


@scene
def a_database_that_fails_on_one_position(on: Stage) -> None:
    on.enter()
    on.enter(ETH)

    async def broken(trade: Any, position: Any, bracket: Any) -> Any:
        raise sqlite3.OperationalError("database is locked")

    on.desk.trailing.follow = broken  # type: ignore[method-assign]
    on.look()


@scene
def a_venue_that_cannot_be_read(on: Stage) -> None:
    on.enter()
    on.look()
    for call in ("brackets", "open_orders", "positions"):
        on.line.faults[call] = [down]
        on.look(f"no {call}")
    on.look()


# ---------------------------------------------------------------- somebody is at work


@scene
def somebody_works_on_a_covered_position(on: Stage) -> None:
    on.enter()
    with on.at_work():
        on.look()


@scene
def somebody_works_on_a_bare_position(on: Stage) -> None:
    on.enter()
    on.uncovers()
    with on.at_work():
        on.look()
    on.look("done")


@scene
def somebody_works_on_a_position_without_a_trade(on: Stage) -> None:
    on.trade("buy", "3")
    with on.at_work():
        on.look()


@scene
def somebody_works_where_the_position_has_gone(on: Stage) -> None:
    on.enter()
    on.closes()
    with on.at_work():
        on.look("it is theirs to tell")
    on.look("closed in the books not yet")


@scene
def only_looking(on: Stage) -> None:
    on.enter()
    on.enter(ETH)
    on.uncovers()
    on.trade("buy", "3", "SOL-USDT-SWAP")
    on.observe("one covered, one bare, one of a person")
