"""The kill switch on a real simulator, with a position beyond the venue's largest market order."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from engine.clock import ScaledClock
from engine.exchange.okx.exchange import OkxExchange
from engine.exchange.okx.kill_client import OkxKillVenue
from engine.exchange.okx.sdk import OkxEndpoint
from engine.execution.kill_switch import KillSwitch, KillTiming
from engine.execution.latch import EntryLatch
from engine.model import KillState, OrderRequest, OrderType, Side
from tests.exchange.contract.trades import eventually, position_of
from tests.simulator_process import Simulator, simulator

SPY = "SPY-USDT-SWAP"
TIMING = KillTiming(retry_s=0.1, settle_s=0.1)


def endpoint(venue: Simulator) -> OkxEndpoint:
    return OkxEndpoint(venue.base_url, venue.flag, venue.key, venue.secret, venue.passphrase)


async def hold_more_than_one_order_may_close(exchange: OkxExchange) -> Decimal:
    """Two and a half of the largest market orders; returns that largest size."""
    largest = (await exchange.instruments())[SPY].max_market_size
    for number, contracts in enumerate((largest, largest, largest / 2)):
        await exchange.place_order(OrderRequest(SPY, f"large{number}", Side.BUY, OrderType.MARKET, contracts))
    position = await eventually(lambda: position_of(exchange, SPY), "position")
    assert position.contracts > largest
    return largest


@pytest.mark.slow
async def test_it_ends_flat_by_slices(tmp_path: Path) -> None:
    with simulator(tmp_path, equity="1000000") as venue:
        exchange = OkxExchange(endpoint(venue), ScaledClock(*venue.clock()))
        largest = await hold_more_than_one_order_may_close(exchange)
        client = OkxKillVenue(endpoint(venue))
        switch = KillSwitch(client, EntryLatch(tmp_path / "storage"), TIMING)
        report = await asyncio.to_thread(switch.engage, True, "operator")
        assert report.state is KillState.FLAT, report
        assert await position_of(exchange, SPY) is None
        sold = [row for row in venue.ledger()["orders"] if row["side"] == "sell"]
        assert len(sold) >= 3
        assert all(Decimal(row["sz"]) <= largest and row["reduceOnly"] == "true" for row in sold)
        client.close_connections()
        await exchange.aclose()
