"""The kill switch's view of a venue: it sees all that rests, closes all that is open, and repeats safely."""

from __future__ import annotations

from decimal import Decimal

from engine.exchange.okx.kill_client import OkxKillVenue
from engine.exchange.port import Exchange, KillVenue
from engine.model import OrderRequest, OrderType, Side
from tests.exchange.contract.adapters import endpoint_of
from tests.exchange.contract.trades import bracket_of, client_id, enter, eventually, prices_around, specs
from tests.simulator_process import Simulator


async def test_it_flattens_an_account_and_finds_nothing_left(exchange: Exchange, venue: Simulator) -> None:
    for ticker in ("BTC", "XAU", "NVDA"):
        _, position = await enter(exchange, ticker, "200")
        await eventually(lambda inst_id=position.inst_id: bracket_of(exchange, inst_id), "bracket")  # type: ignore[misc]
    instrument, mark = await specs(exchange, "ETH")
    price = prices_around(instrument, mark).stop
    await exchange.place_order(
        OrderRequest(instrument.inst_id, client_id("r"), Side.BUY, OrderType.LIMIT, Decimal(1), price=price)
    )

    client = OkxKillVenue(endpoint_of(venue))
    kill: KillVenue = client
    client.warm()
    orders, algos, exposures = kill.resting_orders(), kill.resting_algos(), kill.exposures()
    assert [o.inst_id for o in orders] == ["ETH-USDT-SWAP"]
    assert not orders[0].reduce_only
    assert {a.inst_id for a in algos} == {e.inst_id for e in exposures} == {
        "BTC-USDT-SWAP", "XAU-USDT-SWAP", "NVDA-USDT-SWAP",
    }  # fmt: skip
    assert all(a.reduce_only for a in algos)
    assert all(e.contracts > 0 and e.margin_mode == "isolated" for e in exposures)

    for _ in range(2):  # everything is safe to repeat
        for order in orders:
            kill.cancel_order(order)
        for exposure in exposures:
            kill.close(exposure)
        for algo in algos:
            kill.cancel_algo(algo)
    assert kill.resting_orders() == kill.resting_algos() == kill.exposures() == ()
    client.close_connections()
