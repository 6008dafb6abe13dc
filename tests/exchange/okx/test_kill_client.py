"""The kill switch's own client: synchronous, quick to give up, safe to repeat."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from engine.exchange.errors import Rejected, Unavailable, UnknownOutcome
from engine.exchange.okx.kill_client import OkxKillVenue
from engine.exchange.port import UNNAMED, KillVenue, OpenExposure, RestingOrder
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
    venue.on("trade/close-position", refused("51022", "Suspended"), Drop())
    with pytest.raises(Rejected):
        kill.close(LONG)
    with pytest.raises(UnknownOutcome):
        kill.close(LONG)


SPEC = {"instId": BTC, "maxMktSz": "0.505", "lotSz": "0.01"}


def test_a_position_too_large_for_one_order_is_closed_in_legal_slices(kill: OkxKillVenue, venue: ScriptedVenue) -> None:
    venue.on("trade/close-position", refused("51108", "Positions exceed the limit"))
    venue.on("public/instruments", ok(SPEC))
    venue.on("trade/order", ok({"sCode": "0", "ordId": "1"}))
    kill.close(LONG)
    orders = [seen.json for seen in venue.seen if seen.path.endswith("trade/order")]
    assert [order["sz"] for order in orders] == ["0.5", "0.5", "0.28"]
    assert {order["side"] for order in orders} == {"sell"}
    assert {order["ordType"] for order in orders} == {"market"}
    assert {(order["tdMode"], order["reduceOnly"]) for order in orders} == {("isolated", True)}


def test_slices_of_a_hedged_short_buy_and_name_the_side(kill: OkxKillVenue, venue: ScriptedVenue) -> None:
    venue.on("account/positions", ok({**POSITION, "posSide": "short", "pos": "0.7"}))
    venue.on("trade/close-position", refused("51207"))
    venue.on("public/instruments", ok(SPEC))
    venue.on("trade/order", ok({"sCode": "0", "ordId": "1"}), item("51205"))
    [short] = kill.exposures()
    kill.close(short)  # the second slice finds the position gone, which is what was wanted
    orders = [seen.json for seen in venue.seen if seen.path.endswith("trade/order")]
    assert [(o["sz"], o["side"], o["posSide"]) for o in orders] == [("0.5", "buy", "short"), ("0.2", "buy", "short")]
    assert not any(order["reduceOnly"] for order in orders)


@pytest.mark.parametrize("spec", [{}, {**SPEC, "maxMktSz": ""}, {**SPEC, "maxMktSz": "0.001"}, {**SPEC, "lotSz": "x"}])
def test_without_a_legal_size_no_slice_is_guessed(
    kill: OkxKillVenue, venue: ScriptedVenue, spec: dict[str, str]
) -> None:
    venue.on("trade/close-position", refused("51108"))
    venue.on("public/instruments", ok(spec))
    with pytest.raises(Unavailable):
        kill.close(LONG)
    assert not any(seen.path.endswith("trade/order") for seen in venue.seen)


def test_a_row_that_cannot_be_read_hides_no_other_and_is_never_taken_for_flat(
    kill: OkxKillVenue, venue: ScriptedVenue
) -> None:
    odd = [{**POSITION, "instId": "ODD", "pos": "?"}, {**POSITION, "instId": "BLANK", "pos": "", "mgnMode": ""}]
    venue.on("account/positions", ok(odd[0], POSITION, odd[1], "nonsense", {**POSITION, "instId": "X", "pos": "0"}))
    venue.on("trade/close-position", ok({"instId": "ODD"}))
    found = kill.exposures()
    assert found == (
        OpenExposure("ODD", None, "isolated"),
        LONG,
        OpenExposure("BLANK", None, "isolated"),
        OpenExposure(UNNAMED, None, "isolated"),
    )
    kill.close(found[0])
    assert venue.seen[-1].json["instId"] == "ODD"


def test_an_order_that_cannot_be_read_still_rests(kill: OkxKillVenue, venue: ScriptedVenue) -> None:
    venue.on("trade/orders-pending", ok({**ORDER, "instId": ""}, None, {**ORDER, "state": "live"}))
    assert kill.resting_orders() == (
        RestingOrder(UNNAMED, "900", False), RestingOrder(UNNAMED, UNNAMED, False), RESTING,
    )  # fmt: skip


@pytest.mark.slow
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


def test_a_list_that_cannot_be_read_on_is_no_whole_list(kill: OkxKillVenue, venue: ScriptedVenue) -> None:
    venue.on("trade/orders-pending", ok(*[{**ORDER, "ordId": "", "state": "live"}] * 100))
    with pytest.raises(Unavailable, match="ordId"):
        kill.resting_orders()


def test_one_call_sends_a_bounded_number_of_slices(kill: OkxKillVenue, venue: ScriptedVenue) -> None:
    venue.on("trade/close-position", refused("51108"))
    venue.on("public/instruments", ok({**SPEC, "maxMktSz": "0.01"}))
    venue.on("trade/order", ok({"sCode": "0", "ordId": "1"}))
    kill.close(LONG)
    assert sum(seen.path.endswith("trade/order") for seen in venue.seen) == 25
