"""A program that holds a covered position and a resting entry, and keeps its dead-man switch: until it is ended.

`python -m tests.execution.dead_man_child PORT`; says "resting" when both are there. The switch's time is 10 s.
"""

from __future__ import annotations

import asyncio
import sys
from decimal import Decimal

from engine.clock import ScaledClock
from engine.exchange.okx.exchange import OkxExchange
from engine.exchange.okx.sdk import OkxEndpoint
from engine.execution.ids import TAG, bracket_id, entry_id
from engine.model import BracketPrices, OrderRequest, OrderType, Side
from engine.rounding import floor_to_step
from tests.simulator_process import KEY, PASSPHRASE, SECRET

BTC, ETH = "BTC-USDT-SWAP", "ETH-USDT-SWAP"
SECONDS = 10


async def main(port: int) -> None:
    endpoint = OkxEndpoint(f"http://127.0.0.1:{port}", "1", KEY, SECRET, PASSPHRASE)
    exchange = OkxExchange(endpoint, ScaledClock(0, 1.0))
    instruments = await exchange.instruments()
    await exchange.dead_man(SECONDS, TAG)

    def near(inst_id: str, mark: Decimal, factor: str) -> Decimal:
        return floor_to_step(mark * Decimal(factor), instruments[inst_id].tick_size)

    mark = await exchange.mark_price(BTC)
    prices = BracketPrices(near(BTC, mark, "0.9"), near(BTC, mark, "1.1"))
    await exchange.place_order(
        OrderRequest(BTC, entry_id("held"), Side.BUY, OrderType.MARKET, Decimal(1), bracket=prices,
                     bracket_client_id=bracket_id("held", 0), tag=TAG)
    )  # fmt: skip
    price = near(ETH, await exchange.mark_price(ETH), "0.9")
    await exchange.place_order(
        OrderRequest(ETH, entry_id("rests"), Side.BUY, OrderType.LIMIT, Decimal(1), price=price, tag=TAG)
    )
    while not await exchange.brackets(BTC):
        await asyncio.sleep(0.05)
    print("resting", flush=True)
    while True:
        await asyncio.sleep(SECONDS / 4)
        await exchange.dead_man(SECONDS, TAG)


asyncio.run(main(int(sys.argv[1])))
