"""The venue executed the write and the answer was lost: the adapter says so, and the venue knows the truth."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from engine.clock import ManualClock
from engine.exchange.errors import UnknownOutcome
from engine.exchange.okx.exchange import OkxExchange
from engine.exchange.port import BracketRequest
from engine.model import OrderRequest, OrderState, OrderType, Side
from tests.exchange.contract.adapters import endpoint_of
from tests.exchange.contract.lossy_line import LossyLine, lossy_line
from tests.exchange.contract.trades import (
    bracket_of,
    client_id,
    enter,
    eventually,
    flat,
    position_of,
    prices_around,
    specs,
)
from tests.simulator_process import Simulator


@pytest.fixture
def line(venue: Simulator) -> Iterator[LossyLine]:
    with lossy_line(venue.port) as relay:
        yield relay


@pytest.fixture
async def okx(venue: Simulator, line: LossyLine) -> AsyncIterator[OkxExchange]:
    endpoint = replace(endpoint_of(venue), rest_host=f"http://127.0.0.1:{line.port}")
    adapter = OkxExchange(endpoint, ManualClock(venue.now_ms))
    yield adapter
    await adapter.aclose()


def writes(venue: Simulator, path: str) -> int:
    return sum(entry["method"] == "POST" and entry["path"].endswith(path) for entry in venue.log())


async def test_a_lost_entry_is_found_by_its_client_id_and_was_sent_once(
    okx: OkxExchange, line: LossyLine, venue: Simulator
) -> None:
    instrument, mark = await specs(okx, "BTC")
    request = OrderRequest(
        instrument.inst_id,
        client_id("e"),
        Side.BUY,
        OrderType.MARKET,
        Decimal("0.5"),
        bracket=prices_around(instrument, mark),
        bracket_client_id=client_id("b"),
    )
    line.lose = b"POST /api/v5/trade/order "
    with pytest.raises(UnknownOutcome):
        await okx.place_order(request)
    assert line.lost
    order = await okx.order(request.inst_id, request.client_id)
    assert order is not None
    assert order.state is OrderState.FILLED
    position = await position_of(okx, request.inst_id)
    assert position is not None
    assert position.contracts == request.contracts
    bracket = await eventually(lambda: bracket_of(okx, request.inst_id), "bracket")
    assert bracket.client_id == request.bracket_client_id
    assert writes(venue, "/trade/order") == 1


async def test_a_lost_bracket_is_found_among_the_pending_ones(okx: OkxExchange, line: LossyLine) -> None:
    _, position = await enter(okx, "SOL", bracket=False)
    instrument, mark = await specs(okx, "SOL")
    request = BracketRequest(position.inst_id, client_id("b"), position.contracts, prices_around(instrument, mark))
    line.lose = b"POST /api/v5/trade/order-algo "
    with pytest.raises(UnknownOutcome):
        await okx.place_bracket(request)
    bracket = await eventually(lambda: bracket_of(okx, position.inst_id), "bracket")
    assert bracket.client_id == request.client_id
    assert bracket.covers(position.contracts)


async def test_a_lost_close_shows_as_a_flat_position(okx: OkxExchange, line: LossyLine) -> None:
    _, position = await enter(okx, "XAG", bracket=False)
    line.lose = b"POST /api/v5/trade/close-position "
    with pytest.raises(UnknownOutcome):
        await okx.close_position(position.inst_id, client_id("c"))
    await eventually(lambda: flat(okx, position.inst_id), "flat position")


async def test_a_lost_read_is_asked_again_without_anyone_noticing(okx: OkxExchange, line: LossyLine) -> None:
    await okx.balance()
    line.lose = b"GET /api/v5/account/balance"
    assert (await okx.balance()).equity > 0
    assert line.lost
