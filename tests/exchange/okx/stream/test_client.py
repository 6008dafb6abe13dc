"""The client on the real simulator: what it hears, and what it does about each fault of the sockets."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from engine.exchange.okx.stream.book_chain import Link
from engine.exchange.okx.stream.channels import BUSINESS, PRIVATE, PUBLIC, SocketPlan
from engine.exchange.streams import (
    BracketMoved,
    InstrumentsMoved,
    MaintenanceTold,
    OrderMoved,
    PositionMoved,
    StreamState,
    Topic,
)
from engine.model import Book
from tests.exchange.okx.stream.rig import BTC, endpoint_of, listening
from tests.simulator_process import Simulator, simulator


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    with simulator(tmp_path_factory.mktemp("venue"), speed=60, no_limits=True) as running:
        yield running


@pytest.fixture(autouse=True)
def honest(venue: Simulator) -> Iterator[None]:
    yield
    venue.clear_faults()


def impatient(plan: SocketPlan, quiet_s: float) -> SocketPlan:
    channels = tuple(replace(c, quiet_s=quiet_s if c.quiet_s is not None else None) for c in plan.channels)
    return replace(plan, channels=channels)


async def test_everything_is_subscribed_and_a_trade_is_told_once(venue: Simulator) -> None:
    async with listening(venue) as rig:
        for topic in (Topic.ORDERS, Topic.BRACKETS, Topic.INSTRUMENTS):
            await rig.resumed(topic=topic)
        await rig.trade("told1")
        await rig.until(lambda: rig.of(PositionMoved) and rig.of(PositionMoved)[-1].contracts == 1)
        assert [push.state for push in rig.of(OrderMoved) if push.client_id == "told1"][-1] == "filled"
        assert {health.state for health in rig.streams.health()} == {StreamState.OK}
        await rig.trade("told2", side="sell")
        await rig.until(lambda: rig.of(PositionMoved)[-1].contracts == 0)
        orders = rig.of(OrderMoved)
        assert len(set(orders)) == len(orders)
        assert rig.of(BracketMoved) == []
        assert rig.said == []


@pytest.mark.slow
async def test_a_ping_keeps_a_quiet_line_alive(venue: Simulator) -> None:
    quiet = replace(PUBLIC, channels=tuple(c for c in PUBLIC.channels if c.topic is not Topic.PULSE))
    async with listening(venue, [quiet]) as rig:
        await rig.resumed(topic=Topic.MAINTENANCE)
        with pytest.raises(TimeoutError):
            await rig.until(lambda: rig.said, timeout=1.5)
        assert rig.streams.connections() == {"public": 1}


@pytest.mark.slow
async def test_a_line_that_does_not_even_pong_is_left(venue: Simulator) -> None:
    async with listening(venue, [PRIVATE]) as rig:
        await rig.resumed()
        venue.fault("ws_silent", for_s=1.5)
        await rig.until(lambda: rig.heard("also to a ping"))
        await rig.resumed(2)
        assert rig.heard("heard again")


async def test_a_stall_with_pongs_is_seen_by_the_channel_that_always_moves(venue: Simulator) -> None:
    async with listening(venue, [impatient(BUSINESS, 2.0)]) as rig:
        await rig.resumed(topic=Topic.BRACKETS)
        venue.fault("ws_stall", for_s=4)
        await rig.until(lambda: rig.heard("connected, but mark-price-candle1m"))
        assert rig.state(Topic.BRACKETS) is StreamState.STALE
        await rig.resumed(2, Topic.BRACKETS)


@pytest.mark.parametrize(
    ("fault", "words"),
    [({}, "4004: no data for 30 s"), ({"code": 4007}, "4007"), ({"abrupt": True}, "the connection broke")],
)
async def test_a_closed_line_comes_back_and_says_so(venue: Simulator, fault: dict[str, Any], words: str) -> None:
    async with listening(venue, [PRIVATE]) as rig:
        await rig.resumed()
        venue.fault("ws_close", **fault)
        await rig.until(lambda: rig.heard(words))
        if fault.get("code") == 4007:
            assert rig.said[0][0] == "error"
            return
        await rig.resumed(2)
        await rig.trade("back1")
        await rig.until(lambda: any(push.client_id == "back1" for push in rig.of(OrderMoved)))
        await rig.trade("back2", side="sell")


@pytest.mark.slow
async def test_a_notice_brings_the_new_line_up_before_the_old_one_goes(venue: Simulator) -> None:
    async with listening(venue, [PRIVATE]) as rig:
        await rig.resumed()
        venue.fault("ws_notice", after_ms=1500)
        await rig.resumed(2)
        assert rig.streams.connections() == {"private": 2}
        assert rig.state(Topic.ORDERS) is StreamState.OK
        with pytest.raises(TimeoutError):
            await rig.until(lambda: rig.heard("trying again"), timeout=2.0)


@pytest.mark.slow
async def test_a_storm_is_met_with_growing_waits(venue: Simulator) -> None:
    async with listening(venue, [PRIVATE]) as rig:
        await rig.resumed()
        venue.fault("ws_storm", channel="private", times=3)
        venue.fault("ws_close")
        await rig.resumed(2, Topic.ORDERS)
        assert venue.faults()[0]["fired"] == 3


async def test_a_refused_login_is_an_error_and_not_a_loop(venue: Simulator) -> None:
    venue.fault("ws_refuse_login", every=1)
    async with listening(venue, [PRIVATE]) as rig:
        await rig.until(lambda: rig.said)
        assert rig.said[0][0] == "error"
        assert "the login was refused [60009]" in rig.said[0][1]
        with pytest.raises(TimeoutError):
            await rig.until(lambda: venue.faults()[0]["fired"] > 1, timeout=1.5)


async def test_a_refused_time_stamp_is_corrected_once_and_tried_again(venue: Simulator) -> None:
    endpoint = endpoint_of(venue)
    endpoint.clock.correct(-120_000)
    async with listening(venue, [PRIVATE], endpoint=endpoint) as rig:
        await rig.resumed()
        assert rig.resyncs == 1


async def test_duplicates_are_told_once(venue: Simulator) -> None:
    async with listening(venue, [PRIVATE]) as rig:
        await rig.resumed()
        venue.fault("ws_duplicate", channel="orders", every=1)
        await rig.trade("twice1")
        await rig.trade("twice2", side="sell")
        await rig.until(lambda: any(push.client_id == "twice2" for push in rig.of(OrderMoved)))
        assert venue.faults()[0]["fired"] >= 2
        orders = rig.of(OrderMoved)
        assert len(set(orders)) == len(orders)


async def test_an_older_push_that_comes_later_is_no_news(venue: Simulator) -> None:
    async with listening(venue, [PRIVATE]) as rig:
        await rig.resumed()
        venue.fault("ws_reorder", channel="orders")
        await rig.trade("order1")
        await rig.trade("order2", side="sell")
        await rig.until(lambda: any(push.client_id == "order2" for push in rig.of(OrderMoved)))
        await rig.until(lambda: venue.faults()[0]["fired"] == 1)
        for order_id in {push.order_id for push in rig.of(OrderMoved)}:
            times = [push.ts for push in rig.of(OrderMoved) if push.order_id == order_id]
            assert times == sorted(times)


async def test_a_push_may_come_before_the_answer_that_caused_it(venue: Simulator) -> None:
    async with listening(venue, [PRIVATE]) as rig:
        await rig.resumed()
        venue.fault("push_first", "/api/v5/trade/order", delay_ms=400)
        seen: list[bool] = []
        await rig.trade("first1")
        seen.append(any(push.client_id == "first1" for push in rig.of(OrderMoved)))
        assert seen == [True]
        await rig.trade("first2", side="sell")


@pytest.mark.parametrize(("kind", "link", "snapshots"), [("ws_gap", Link.GAP, 2), ("ws_reset", Link.RESET, 1)])
async def test_a_book_survives_gaps_and_resets(venue: Simulator, kind: str, link: Link, snapshots: int) -> None:
    async with listening(venue, [PUBLIC], books=[BTC]) as rig:
        await rig.until(lambda: rig.streams.book(BTC))
        venue.fault(kind, channel="books", inst=BTC)
        await rig.until(lambda: rig.streams.links().get(link))
        await rig.until(lambda: rig.streams.links()[Link.SNAPSHOT] == snapshots and rig.streams.book(BTC) is not None)
        book = rig.streams.book(BTC)
        assert isinstance(book, Book)
        assert book.bids[0].price < book.asks[0].price
        assert len(book.bids) == len(book.asks) == 20
        assert rig.streams.connections() == {"public": 1}


async def test_changed_contracts_and_announced_pauses_are_told(venue: Simulator) -> None:
    async with listening(venue, [PUBLIC]) as rig:
        await rig.resumed(topic=Topic.INSTRUMENTS)
        venue.act("suspend", inst=BTC)
        await rig.until(lambda: rig.of(InstrumentsMoved))
        assert rig.of(InstrumentsMoved) == [InstrumentsMoved((BTC,))]
        venue.act("maintenance", begin_s=3600, end_s=7200)
        await rig.until(lambda: rig.of(MaintenanceTold))
        assert rig.of(MaintenanceTold)[0].state == "scheduled"


async def test_no_secret_is_ever_logged(venue: Simulator, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    venue.fault("ws_refuse_login")
    async with listening(venue, [PRIVATE, BUSINESS]) as rig:
        await rig.until(lambda: rig.said)
        await rig.until(lambda: any(count for count in rig.streams.connections().values()))
    told = caplog.text + repr(rig.said) + repr(rig.endpoint)
    assert not any(secret in told for secret in (venue.secret, venue.passphrase, "sign"))


@pytest.mark.slow
async def test_a_venue_that_is_away_is_told_once_and_found_again(venue: Simulator) -> None:
    with simulator(venue.log_path.parent, speed=1, no_limits=True) as dying:
        async with listening(dying, [PRIVATE]) as rig:
            await rig.resumed()
            dying.kill()
            await rig.until(lambda: rig.heard("no connection"))
            assert len([text for _, text in rig.said if "no connection" in text]) == 1
            dying.command[dying.command.index("--port") + 1] = str(dying.port)
            dying.restart()
            await rig.resumed(2, Topic.ORDERS)
