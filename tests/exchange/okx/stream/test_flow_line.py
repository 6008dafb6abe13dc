"""The flow line on the real simulator, and under a flood that it would never say."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from engine.clock import SystemClock
from engine.exchange.okx.exchange import OkxExchange
from engine.exchange.okx.stream.channels import PLANS, PUBLIC
from engine.exchange.okx.stream.line import Line
from engine.exchange.streams import Following, OrderMoved, Resumed, StreamState, Topic, TopicHealth
from engine.model import Instrument, LiquidationFlow, QuoteFlow
from tests.exchange.okx.stream.flow_desk import ABC
from tests.exchange.okx.stream.rig import BTC, endpoint_of, listening
from tests.exchange.okx.stream.scripted_socket import accept, scripted
from tests.simulator_process import Simulator, simulator

ETH = "ETH-USDT-SWAP"


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(tmp_path_factory.mktemp("flow"), speed=20, no_limits=True) as running:
        yield running


async def listed(venue: Simulator, *inst_ids: str) -> tuple[Instrument, ...]:
    exchange = OkxExchange(endpoint_of(venue), SystemClock())
    try:
        known = await exchange.instruments()
    finally:
        await exchange.aclose()
    return tuple(known[inst_id] for inst_id in inst_ids)


@pytest.mark.slow
async def test_followed_markets_are_subscribed_beside_the_account_and_tell_their_flow(venue: Simulator) -> None:
    both = await listed(venue, BTC, ETH)
    async with listening(venue, PLANS, following=Following(both, quotes=True)) as rig:
        flows = rig.streams.flows
        await rig.until(lambda: flows.quote_flow(BTC) and flows.quote_flow(ETH), timeout=20)
        flow = flows.quote_flow(BTC)
        assert isinstance(flow, QuoteFlow)
        assert -1 <= flow.imbalance <= 1 and flow.events >= 20
        assert abs(flow.ts - venue.now_ms) < 120_000
        states = {health.topic: health.state for health in rig.streams.health()}
        assert states[Topic.QUOTES] is states[Topic.LIQUIDATIONS] is states[Topic.ORDERS] is StreamState.OK
        assert len([h for h in rig.streams.health() if h.topic is Topic.QUOTES]) == 1
        assert not any(isinstance(push, Resumed) and Topic.QUOTES in push.topics for push in rig.pushes)
        await rig.trade("flow1")
        await rig.until(lambda: any(push.client_id == "flow1" for push in rig.of(OrderMoved)))
        await rig.trade("flow2", side="sell")
        assert rig.said == []


async def test_a_lost_flow_line_tells_nothing_and_comes_back(venue: Simulator) -> None:
    one = await listed(venue, BTC)
    async with listening(venue, [], following=Following(one, quotes=True)) as rig:
        await rig.until(lambda: rig.streams.flows.quote_flow(BTC), timeout=20)
        venue.fault("ws_close")
        await rig.until(lambda: rig.streams.flows.quote_flow(BTC) is None)
        await rig.until(lambda: rig.streams.connections() == {"flow": 2})
        await rig.until(lambda: rig.streams.flows.quote_flow(BTC), timeout=20)


async def test_a_changed_watchlist_is_followed_by_a_new_line_while_the_old_is_heard(venue: Simulator) -> None:
    btc, eth = await listed(venue, BTC, ETH)
    async with listening(venue, [], following=Following((btc,), quotes=True)) as rig:
        await rig.until(lambda: rig.streams.connections() == {"flow": 1})
        rig.streams.follow(Following((btc,), quotes=True))
        rig.streams.follow(Following((btc, eth), quotes=True))
        await rig.until(lambda: rig.streams.connections() == {"flow": 2})
        await rig.until(lambda: rig.streams.flows.quote_flow(ETH), timeout=20)
        assert [level for level, _ in rig.said] == ["info"]


async def test_a_followed_book_is_whole_and_remembered(venue: Simulator) -> None:
    one = await listed(venue, BTC)
    async with listening(venue, [], following=Following(one, books=True)) as rig:
        await rig.until(lambda: rig.streams.flows.book(BTC) is not None and rig.streams.flows.earlier_books(BTC))
        book = rig.streams.flows.book(BTC)
        assert book is not None and len(book.bids) == len(book.asks) == 20
        assert book.bids[0].price < book.asks[0].price


@pytest.mark.slow
async def test_liquidations_of_the_market_are_summed_in_usdt(tmp_path_factory: pytest.TempPathFactory) -> None:
    with simulator(tmp_path_factory.mktemp("dying"), speed=3600, no_limits=True) as fast:
        all_ = await listed(fast, BTC, ETH)
        async with listening(fast, [], following=Following(all_)) as rig:
            flows = rig.streams.flows

            def died() -> bool:
                known = [flow for one in all_ if (flow := flows.liquidations(one.inst_id))]
                return any(isinstance(flow, LiquidationFlow) and flow.largest_usd > 0 for flow in known)

            await rig.until(died, timeout=60)


# ------------------------------------------------------------ a flood

QUOTES = 3_000


def row(number: int) -> bytes:
    """As a text frame of a server."""
    arg = {"channel": "bbo-tbt", "instId": ABC.inst_id}
    data = {"bids": [["99.9", str(number + 1), "0", "1"]], "asks": [["100.1", "5", "0", "1"]]}
    text = json.dumps({"arg": arg, "data": [data | {"ts": str(round(time.time() * 1000)), "seqId": number}]}).encode()
    return b"\x81\x7e" + len(text).to_bytes(2, "big") + text


async def test_a_flood_of_quotes_is_sampled_with_a_note() -> None:
    """Many more than there is time for: some are left out, and it shows."""

    async def flood(socket: ServerConnection, request: dict[str, Any]) -> None:
        await accept(socket, request)
        if request["args"][0].get("channel") == "bbo-tbt":
            socket.transport.write(b"".join(row(number) for number in range(QUOTES)))

    async with scripted(None, flood, Following((ABC,), quotes=True), share=0.01) as told:
        async with asyncio.timeout(20):
            while not told.heard("they are sampled"):
                await asyncio.sleep(0.01)
        health = next(h for h in told.streams.health() if h.topic is Topic.QUOTES)
        assert isinstance(health, TopicHealth) and "sampled" in health.detail
        assert len([text for _, text in told.said if "they are sampled" in text]) == 1


async def test_a_line_that_always_has_something_to_read_lets_others_have_their_turn() -> None:
    """Everything that arrived together is at hand without waiting, so the line itself must pause."""
    read = asyncio.Event()

    class Endless:
        left = 500

        async def recv(self) -> str:
            self.left -= 1
            if self.left < 0:
                read.set()
                await asyncio.Event().wait()
            return '{"event":"channel-conn-count"}'

    passing = itertools.count()
    line = Line(Endless(), PUBLIC, lambda *_: None, lambda: next(passing) / 10_000, lambda: 1.0)  # type: ignore[arg-type]
    turns = 0
    listening_ = asyncio.ensure_future(line.listen())
    while not read.is_set():
        turns += 1
        await asyncio.sleep(0)
    listening_.cancel()
    # 500 words at four looks at the clock each, 0.1 ms apart: 200 ms of reading in slices of 2 ms.
    assert turns > 50


async def test_another_watchlist_during_the_greeting_gets_its_line_at_once() -> None:
    other = replace(ABC, inst_id="OTHER-USDT-SWAP")
    asked: list[str] = []

    async def answer(socket: ServerConnection, request: dict[str, Any]) -> None:
        asked.append(request["args"][0].get("instId", ""))
        if len(asked) == 1:
            told.streams.follow(Following((other,), quotes=True))
        await accept(socket, request)
        await socket.send('{"arg":{"channel":"liquidation-orders","instType":"SWAP"},"data":[]}')

    async with scripted(None, answer, Following((ABC,), quotes=True)) as told:
        async with asyncio.timeout(10):
            while told.streams.connections() != {"flow": 2}:
                await asyncio.sleep(0.01)
        assert ABC.inst_id in asked and other.inst_id in asked
