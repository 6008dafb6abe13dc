"""Calls under a short budget: who asks the same shares an answer, nobody's cancelling takes it from the others."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator

import numpy as np
import pytest

from engine.clock import SystemClock
from engine.exchange.errors import ErrorClass, ExchangeError, Rejected, Unavailable, VenueFault
from engine.exchange.okx.budget import RateBudget
from engine.exchange.okx.calls import Calls, begun
from engine.exchange.okx.endpoints import CANDLES, POSITIONS, STATUS
from engine.exchange.okx.exchange import OkxExchange
from engine.exchange.okx.session import OkxSession
from engine.model import OrderRequest, OrderType, Side
from tests.exchange.okx.scripted_venue import HTML, ScriptedVenue, item, ok, refused

BTC = "BTC-USDT-SWAP"


@pytest.fixture
async def calls(venue: ScriptedVenue) -> AsyncIterator[Calls]:
    made = Calls(OkxSession(venue.endpoint()), RateBudget(np.random.default_rng(1)))
    yield made
    made.close()


async def spend(calls: Calls, count: int) -> None:
    for _ in range(count):
        await calls.read(POSITIONS, instType="SWAP")


async def test_those_who_ask_while_the_question_waits_share_one_answer(calls: Calls, venue: ScriptedVenue) -> None:
    await spend(calls, 5)  # half of ten in two seconds
    venue.on("account/positions", ok({"posId": "1"}))
    answers = await asyncio.gather(*(calls.read(POSITIONS, instType="SWAP") for _ in range(10)))
    assert answers == [[{"posId": "1"}]] * 10
    assert len(venue.seen) == 6
    assert len({id(answer) for answer in answers}) == 10, "each has a list of its own"


async def test_another_question_is_another_call(calls: Calls, venue: ScriptedVenue) -> None:
    await asyncio.gather(calls.read(CANDLES, instId="A"), calls.read(CANDLES, instId="B"))
    assert len(venue.seen) == 2


async def test_with_room_in_the_budget_everybody_asks_for_himself(calls: Calls, venue: ScriptedVenue) -> None:
    await asyncio.gather(*(calls.read(POSITIONS, instType="SWAP") for _ in range(4)))
    assert len(venue.seen) == 4


async def test_when_the_one_who_asks_for_all_is_cancelled_the_next_one_asks(calls: Calls, venue: ScriptedVenue) -> None:
    await spend(calls, 5)
    asking = [asyncio.ensure_future(calls.read(POSITIONS, instType="SWAP")) for _ in range(3)]
    await asyncio.sleep(0.01)
    asking[0].cancel()
    asking[2].cancel()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(answers[0], asyncio.CancelledError)
    assert isinstance(answers[2], asyncio.CancelledError)
    assert answers[1] == []
    assert len(venue.seen) == 6


async def test_a_shared_failure_is_everybodys_and_heard_of_once(calls: Calls, venue: ScriptedVenue) -> None:
    heard: list[VenueFault] = []
    calls.heard = heard.append
    await spend(calls, 5)
    venue.on("account/positions", refused("50001", "busy", 503))
    answers = await asyncio.gather(*(calls.read(POSITIONS, instType="SWAP") for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Unavailable] * 3
    assert [(fault.error.code, fault.write) for fault in heard] == [("50001", False)]


async def test_a_call_that_is_over_the_venues_own_limit_of_one_waits_twice_as_long(
    calls: Calls, venue: ScriptedVenue
) -> None:
    await calls.read(STATUS)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(calls.read(STATUS), 0.05)
    assert len(venue.seen) == 1


@pytest.mark.parametrize(("code", "rests"), [("50011", True), ("50001", True), ("59999", True), ("51001", False)])
async def test_after_an_answer_that_would_only_be_repeated_ordinary_reads_rest(
    calls: Calls, venue: ScriptedVenue, code: str, rests: bool
) -> None:
    venue.on("market/candles", refused(code, "", 200))
    with pytest.raises(Unavailable):
        await calls.read(CANDLES, instId=BTC)
    again = asyncio.ensure_future(calls.read(CANDLES, instId=BTC))
    await asyncio.sleep(0.2)
    assert again.done() is not rests
    again.cancel()
    await asyncio.gather(again, return_exceptions=True)


async def test_a_lost_line_is_no_reason_to_rest(calls: Calls, venue: ScriptedVenue) -> None:
    venue.on("market/candles", HTML, ok())
    with pytest.raises(Unavailable):
        await calls.read(CANDLES, instId=BTC)
    assert await asyncio.wait_for(calls.read(CANDLES, instId=BTC), 0.5) == []


async def test_whoever_listens_hears_every_failed_call_before_its_caller(venue: ScriptedVenue) -> None:
    exchange, heard = OkxExchange(venue.endpoint(), SystemClock()), []
    exchange.listen(heard.append)
    venue.on("trade/order", item("51008", "Insufficient balance"))
    with pytest.raises(Rejected):
        await exchange.place_order(OrderRequest(BTC, "c1", Side.BUY, OrderType.MARKET, 1))  # type: ignore[arg-type]
    [fault] = heard
    assert (fault.inst_id, fault.write, fault.error.error_class) == (BTC, True, ErrorClass.MONEY)
    await exchange.aclose()


async def test_the_clock_is_measured_within_the_budget_and_not_after_closing(
    calls: Calls, venue: ScriptedVenue
) -> None:
    venue.on("public/time", ok({"ts": "1700000000000"}))
    assert await calls.measure_clock() < 0
    calls.close()
    with pytest.raises(ExchangeError, match="closed"):
        await calls.measure_clock()


async def test_what_is_made_of_answers_raises_its_own_errors_and_nothing_is_made_after_closing(calls: Calls) -> None:
    def defect() -> None:
        raise RuntimeError("a defect of ours")

    with pytest.raises(RuntimeError, match="a defect of ours"):
        await calls.beside(defect)
    assert await calls.beside(max, 1, 2) == 2
    calls.close()
    with pytest.raises(Unavailable, match="the connection is closed"):
        await calls.beside(max, 1, 2)


def test_where_no_further_thread_is_to_be_had_those_that_wait_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """They would keep the process from ending."""
    start, started = threading.Thread.start, []

    def two_at_most(thread: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(thread)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", two_at_most)
    with pytest.raises(RuntimeError, match="can't start new thread"):
        begun(4, "few")
    for thread in started:
        thread.join(5)
    assert [thread.is_alive() for thread in started] == [False, False]
