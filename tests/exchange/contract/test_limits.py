"""With candle reads at the limit of our budget, what protects, cancels and closes is never throttled (row 40)."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal

import pytest

from engine.exchange.port import BracketRequest, Exchange
from engine.model import Timeframe
from tests.exchange.contract.trades import client_id, enter, flat, prices_around, specs
from tests.simulator_process import Simulator, simulator

TICKERS = ("BTC", "ETH", "SOL")
SECONDS = 4.0
PROTECTIVE = {
    ("POST", "/api/v5/trade/order-algo"), ("POST", "/api/v5/trade/amend-algos"), ("POST", "/api/v5/trade/cancel-algos"),
    ("POST", "/api/v5/trade/close-position"), ("GET", "/api/v5/account/positions"),
    ("GET", "/api/v5/trade/orders-algo-pending"), ("POST", "/api/v5/trade/cancel-all-after"),
}  # fmt: skip


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """Its time runs as ours does: only then do its limits count."""
    with simulator(tmp_path_factory.mktemp("venue"), speed=1) as running:
        yield running


async def read_for_ever(exchange: Exchange, ticker: str) -> None:
    while True:
        await exchange.candles(f"{ticker}-USDT-SWAP", Timeframe.M15, 300)


async def look_for_ever(exchange: Exchange) -> None:
    while True:
        await asyncio.gather(exchange.balance(), exchange.fills(0), exchange.quotes(), exchange.account_config())


async def protect_until(exchange: Exchange, ticker: str, end: float) -> float:
    """Places, amends and cancels brackets; the longest that one of these steps took."""
    loop, (instrument, mark) = asyncio.get_running_loop(), await specs(exchange, ticker)
    prices, slowest = prices_around(instrument, mark), 0.0
    while loop.time() < end:
        began = loop.time()
        request = BracketRequest(instrument.inst_id, client_id("b"), instrument.min_size, prices)
        algo_id = await exchange.place_bracket(request)
        await exchange.amend_bracket(instrument.inst_id, algo_id, stop=prices.stop + instrument.tick_size)
        await exchange.brackets(instrument.inst_id)
        await exchange.positions()
        await exchange.cancel_brackets(instrument.inst_id, [algo_id])
        slowest = max(slowest, loop.time() - began)
        await asyncio.sleep(0.5)
    return slowest


@pytest.mark.slow
async def test_nothing_is_throttled_while_candles_take_all_they_can(exchange: Exchange, venue: Simulator) -> None:
    loop = asyncio.get_running_loop()
    for ticker in TICKERS:
        await enter(exchange, ticker)
    reading = [
        asyncio.ensure_future(read_for_ever(exchange, ticker))
        for ticker in (*TICKERS, "XRP", "SUI", "XAU", "NVDA", "QQQ")
        for _ in range(4)
    ] + [asyncio.ensure_future(look_for_ever(exchange)) for _ in range(4)]
    first = max((row["n"] for row in venue.log()), default=0)
    await exchange.dead_man(30, "cynosure")
    slowest = await asyncio.gather(*(protect_until(exchange, ticker, loop.time() + SECONDS) for ticker in TICKERS))
    for ticker in TICKERS:
        await exchange.close_position(f"{ticker}-USDT-SWAP", client_id("x"))
    for task in reading:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*reading, return_exceptions=True)
    log = venue.log(first)
    codes = Counter((row["method"], row["path"]) for row in log if row["code"] == "50011")
    assert not codes
    asked = Counter((row["method"], row["path"]) for row in log)
    assert set(asked) >= PROTECTIVE
    assert asked["GET", "/api/v5/market/candles"] > 8 * 10 * SECONDS / 2, "the reads did take what they could"
    assert max(slowest) < 8.0
    assert all([await flat(exchange, f"{ticker}-USDT-SWAP") for ticker in TICKERS])


async def test_without_a_budget_the_venue_does_throttle(exchange: Exchange, venue: Simulator) -> None:
    """The limits are there: what the test above does not meet is not because nobody counts."""
    budget = exchange._calls._budget  # type: ignore[attr-defined]
    budget._pace = lambda: 0.0
    first = max((row["n"] for row in venue.log()), default=0)
    answers = await asyncio.gather(*(exchange.positions() for _ in range(40)), return_exceptions=True)
    assert any(isinstance(answer, Exception) for answer in answers)
    assert any(row["code"] == "50011" for row in venue.log(first))
    assert isinstance(await exchange.mark_price("BTC-USDT-SWAP"), Decimal)
