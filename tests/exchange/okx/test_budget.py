"""The rate budget spends half of the venue's limit, keeps some for protection, and slows nobody else."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from engine.exchange.okx import endpoints
from engine.exchange.okx.budget import Bucket, RateBudget
from engine.exchange.okx.endpoints import CANCEL_ALGOS, CANDLES, POSITIONS, Endpoint

ALL_ENDPOINTS = [value for value in vars(endpoints).values() if isinstance(value, Endpoint)]


@pytest.mark.parametrize("endpoint", ALL_ENDPOINTS, ids=lambda e: f"{e.path}-{e.write}")
@pytest.mark.parametrize("urgent", [True, False])
def test_no_window_ever_sees_more_than_the_venues_limit(endpoint: Endpoint, urgent: bool) -> None:
    bucket = Bucket.full(endpoint, 0.0)
    sent: list[float] = []
    now = 0.0
    while now < 20 * endpoint.window_s:
        wait = bucket.wait_s(now, urgent)
        sent += [now] if wait == 0 else []
        now += wait
    busiest = max(sum(start <= at < start + endpoint.window_s for at in sent) for start in sent)
    assert busiest <= endpoint.limit
    half = endpoint.limit / 2
    assert len(sent) <= 1 + half * 21, "in the long run half of the limit"


def test_a_call_that_names_ten_orders_costs_ten() -> None:
    bucket = Bucket.full(CANCEL_ALGOS, 0.0)
    assert bucket.wait_s(0.0, urgent=True, cost=10) == 0
    assert bucket.wait_s(0.0, urgent=True) > 0
    assert Bucket.full(CANCEL_ALGOS, 0.0).wait_s(0.0, urgent=True, cost=99) == 0, "a full bucket lets anything pass"


def test_the_reads_that_cover_depends_on_are_protective_and_no_other_read_is() -> None:
    protective = {e.path for e in ALL_ENDPOINTS if e.protective}
    assert protective == {"account/positions", "trade/orders-algo-pending", "trade/order", "trade/orders-pending"}
    assert not any(e.write for e in ALL_ENDPOINTS if e.protective)


def test_ordinary_calls_leave_a_reserve_that_protective_calls_may_use() -> None:
    bucket = Bucket.full(CANCEL_ALGOS, 0.0)  # ten tokens, two and a half of them reserved
    ordinary = sum(bucket.wait_s(0.0, urgent=False) == 0 for _ in range(20))
    protective = sum(bucket.wait_s(0.0, urgent=True) == 0 for _ in range(20))
    assert (ordinary, protective) == (7, 3)


async def test_a_throttled_bucket_rests_two_to_three_seconds_except_for_protective_calls() -> None:
    budget = RateBudget(np.random.default_rng(1))
    budget.pause(POSITIONS, "")
    await asyncio.wait_for(budget.acquire(POSITIONS, "", urgent=True), 0.1)
    bucket = budget._bucket(POSITIONS, "", 0.0)
    rest = bucket.paused_until - asyncio.get_running_loop().time()
    assert 1.9 < rest <= 3.0
    assert bucket.wait_s(asyncio.get_running_loop().time(), urgent=False) > 1.8


async def test_a_cycle_over_seventeen_instruments_does_not_wait() -> None:
    budget = RateBudget(np.random.default_rng(1))
    loop = asyncio.get_running_loop()
    started = loop.time()
    for ticker in range(17):
        for _ in range(12):
            await budget.acquire(CANDLES, f"{ticker}-USDT-SWAP", urgent=False)
    assert loop.time() - started < 0.2


async def test_one_instrument_never_starves_another() -> None:
    budget = RateBudget(np.random.default_rng(1))
    for _ in range(15):
        await budget.acquire(CANDLES, "A-USDT-SWAP", urgent=False)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(budget.acquire(CANDLES, "A-USDT-SWAP", urgent=False), 0.02)
    await asyncio.wait_for(budget.acquire(CANDLES, "B-USDT-SWAP", urgent=False), 0.02)


async def test_a_frozen_market_counts_nothing_and_a_fast_one_refills_faster() -> None:
    frozen = RateBudget(np.random.default_rng(1), lambda: 0.0)
    fast = RateBudget(np.random.default_rng(1), lambda: 1000.0)
    started = asyncio.get_running_loop().time()
    for _ in range(100):
        await frozen.acquire(endpoints.CONFIG, "", urgent=False)
        await fast.acquire(endpoints.CONFIG, "", urgent=False)
    assert asyncio.get_running_loop().time() - started < 1.0


def test_in_a_market_that_runs_faster_the_bucket_refills_as_much_faster() -> None:
    slow, fast = Bucket.full(CANCEL_ALGOS, 0.0), Bucket.full(CANCEL_ALGOS, 0.0)
    for bucket in (slow, fast):
        while bucket.wait_s(0.0, urgent=True) == 0:
            pass
    assert slow.wait_s(0.0, urgent=True) == pytest.approx(0.2)
    assert fast.wait_s(0.0, urgent=True, pace=100) == pytest.approx(0.002)


async def test_while_venue_time_stands_still_nothing_is_counted() -> None:
    budget = RateBudget(np.random.default_rng(1), lambda: 0.0)
    for _ in range(1000):
        await asyncio.wait_for(budget.acquire(POSITIONS, "", urgent=False), 0.5)


async def test_a_market_slower_than_the_wall_does_not_slow_the_refill() -> None:
    slow = RateBudget(np.random.default_rng(1), lambda: 0.01)
    for _ in range(5):  # half of ten in two seconds
        await slow.acquire(POSITIONS, "", urgent=True)
    await asyncio.wait_for(slow.acquire(POSITIONS, "", urgent=True), 1.0)
