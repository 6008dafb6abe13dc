"""What a sweep leaves: a bracket of a trade that goes on is never taken from under its position."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.exchange.port import BracketRequest
from engine.execution.ids import bracket_id
from engine.model import BracketPrices, OrderRequest, OrderType, Side
from engine.reasons import Reason
from tests.execution.rig import Rig

BTC = "BTC-USDT-SWAP"


async def opened(rig: Rig, decision: str) -> None:
    outcome = await rig.desk.entry.enter(await rig.plan(decision))
    assert outcome.reason is Reason.ENTERED, outcome.detail


async def test_a_position_that_opened_while_the_other_was_closed_keeps_the_bracket_of_its_trade(rig: Rig) -> None:
    """The venue tells another opening time than before: what was being closed is flat, what is there is not."""
    await opened(rig, "sw-late")
    [bracket] = await rig.brackets()

    async def reopened(call: Any, args: Any, kwargs: Any) -> Any:
        return tuple(replace(p, opened_at=p.opened_at + 1) for p in await call(*args, **kwargs))

    async def lost(call: Any, args: Any, kwargs: Any) -> Any:
        rig.venue.always["positions"] = reopened

    rig.venue.faults["place_order"] = [lost]
    assert (await rig.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "sw-late-x")).reason is Reason.EXITED
    assert [b.algo_id for b in await rig.brackets()] == [bracket.algo_id]
    assert rig.venue.sent("cancel_brackets") == 0


@pytest.mark.parametrize("readable", [True, False])
async def test_only_what_is_known_to_have_ended_is_taken_from_under_an_open_position(
    rig: Rig, readable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    decision = f"sw-ended-{readable}"
    await opened(rig, decision)
    [bracket] = await rig.brackets()
    assert bracket.contracts is not None and bracket.stop is not None and bracket.target is not None
    await rig.real.close_position(BTC, f"byhand{readable}")
    await rig.desk.tracker.sync()
    await rig.real.place_order(OrderRequest(BTC, f"hand{readable}", Side.BUY, OrderType.MARKET, Decimal(1)))
    prices = BracketPrices(bracket.stop, bracket.target)
    await rig.real.place_bracket(BracketRequest(BTC, bracket_id(decision, 1), Decimal(1), prices))

    async def locked(*_: object) -> Any:
        raise sqlite3.OperationalError("database is locked")

    if not readable:
        monkeypatch.setattr(rig.desk.shared.book, "ended", locked)
    await rig.desk.exit.sweep(BTC)
    assert bool(await rig.brackets()) is not readable
    assert await rig.position() is not None
