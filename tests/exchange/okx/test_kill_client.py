"""The kill switch's own client: synchronous, quick to give up, safe to repeat."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from engine.exchange.errors import Rejected, Unavailable, UnknownOutcome
from engine.exchange.okx.kill_client import OkxKillVenue
from engine.exchange.port import KillVenue, OpenExposure, RestingOrder
from tests.exchange.okx.scripted_venue import Drop, ScriptedVenue, item, ok, refused
from tests.exchange.okx.test_account_rows import ALGO, ORDER, POSITION

BTC = "BTC-USDT-SWAP"
LONG = OpenExposure(BTC, Decimal("1.28"), "isolated")
RESTING = RestingOrder(BTC, "900", False)


@pytest.fixture
def kill(venue: ScriptedVenue) -> Iterator[OkxKillVenue]:
    client = OkxKillVenue(venue.endpoint(connect_timeout_s=60, read_timeout_s=60))
    yield client
    client.close_connections()


def test_it_sees_orders_algos_and_positions(kill: OkxKillVenue, venue: ScriptedVenue) -> None:
    port: KillVenue = kill
    venue.on("trade/orders-pending", ok({**ORDER, "state": "live"}))
    venue.on("trade/orders-algo-pending", ok(ALGO), ok())
    venue.on("account/positions", ok(POSITION, {**POSITION, "instId": "X", "pos": "0"}))
    assert port.resting_orders() == (RESTING,)
    assert port.resting_algos() == (RestingOrder(BTC, "77", True),)
    assert port.exposures() == (LONG,)


def test_a_close_names_the_positions_margin_mode_and_cancels_what_rests(
    kill: OkxKillVenue, venue: ScriptedVenue
) -> None:
    venue.on("trade/close-position", ok({"instId": BTC}))
    kill.close(OpenExposure(BTC, Decimal(1), "cross"))
    assert venue.seen[-1].json["mgnMode"] == "cross"
    assert venue.seen[-1].json["autoCxl"] is True


def test_in_hedge_mode_a_close_names_the_side(kill: OkxKillVenue, venue: ScriptedVenue) -> None:
    venue.on("account/positions", ok({**POSITION, "posSide": "short", "pos": "2"}, {**POSITION, "posSide": "long"}))
    venue.on("trade/close-position", ok({"instId": BTC}))
    short, long = kill.exposures()
    assert (short.contracts, long.contracts) == (Decimal(-2), Decimal("1.28"))
    kill.close(short)
    kill.close(long)
    assert [seen.json["posSide"] for seen in venue.seen[-2:]] == ["short", "long"]


def test_what_is_gone_already_is_done(kill: OkxKillVenue, venue: ScriptedVenue) -> None:
    venue.on("trade/close-position", refused("51023", "Position doesn't exist"))
    venue.on("trade/cancel-order", item("51400"))
    venue.on("trade/cancel-algos", item("51416"))
    kill.close(LONG)
    kill.cancel_order(RESTING)
    kill.cancel_algo(RESTING)


def test_a_refusal_or_a_lost_answer_is_told(kill: OkxKillVenue, venue: ScriptedVenue) -> None:
    venue.on("trade/close-position", refused("51108", "Positions exceed the limit"), Drop())
    with pytest.raises(Rejected):
        kill.close(LONG)
    with pytest.raises(UnknownOutcome):
        kill.close(LONG)


def test_it_gives_up_after_three_seconds_whatever_the_engine_waits_for(
    kill: OkxKillVenue, venue: ScriptedVenue
) -> None:
    venue.on("account/positions", ok(delay_s=5))
    started = time.monotonic()
    with pytest.raises(Unavailable):
        kill.exposures()
    assert 2.5 < time.monotonic() - started < 4


def test_it_warms_up_with_a_signed_call(kill: OkxKillVenue, venue: ScriptedVenue) -> None:
    venue.on("account/config", ok({"acctLv": "2"}))
    kill.warm()
    assert "ok-access-sign" in venue.seen[0].headers


def test_it_reads_every_page_of_what_rests(kill: OkxKillVenue, venue: ScriptedVenue) -> None:
    rows = [{**ORDER, "ordId": str(n), "state": "live"} for n in range(130, 0, -1)]
    venue.on("trade/orders-pending", ok(*rows[:100]), ok(*rows[100:]))
    assert len({order.order_id for order in kill.resting_orders()}) == 130
    assert "after=31" in venue.seen[1].target
