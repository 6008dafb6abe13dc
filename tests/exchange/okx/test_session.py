"""Every way in which a call can end becomes rows or exactly one of our errors (incident rows 1, 3, 34, 51)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from engine.exchange.errors import (
    AuthFailed,
    ClockSkewed,
    ErrorClass,
    ExchangeError,
    Rejected,
    Unavailable,
    UnknownOutcome,
)
from engine.exchange.okx.endpoints import BALANCE, CANDLES, CLOSE_POSITION, PLACE_ORDER
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.okx.session import OkxSession
from tests.exchange.okx.scripted_venue import HTML, Drop, Reply, ScriptedVenue, Step, closed_port, item, ok, refused

ORDER = {"instId": "BTC-USDT-SWAP", "tdMode": "isolated", "side": "buy", "ordType": "market", "sz": "1"}


@pytest.fixture
def session(venue: ScriptedVenue) -> Iterator[OkxSession]:
    session = OkxSession(venue.endpoint(read_timeout_s=0.3))
    yield session
    session.close()


UNREADABLE = [
    HTML,
    Reply(b"", 502),
    Reply(b"[]"),
    Reply(b'{"msg":"no code"}'),
    Reply(b'{"code":"0","msg":""}'),
    Reply(b'{"code":"0","data":null}'),
    Reply(b"\xff\xfe", 200),
    Drop(),
    ok({"sCode": "0", "ordId": "1"}, delay_s=1.0),
]


@pytest.mark.parametrize("step", UNREADABLE, ids=str)
def test_a_write_whose_answer_is_lost_has_an_unknown_outcome(
    session: OkxSession, venue: ScriptedVenue, step: Step
) -> None:
    venue.on("trade/order", step)
    with pytest.raises(UnknownOutcome) as caught:
        session.call(PLACE_ORDER, ORDER)
    assert caught.value.error_class is ErrorClass.UNKNOWN_STATE
    assert len(venue.seen) == 1, "a write is sent once"


@pytest.mark.parametrize("step", UNREADABLE, ids=str)
def test_a_read_whose_answer_is_lost_is_unavailable_for_now(
    session: OkxSession, venue: ScriptedVenue, step: Step
) -> None:
    venue.on("account/balance", step)
    with pytest.raises(Unavailable):
        session.call(BALANCE, {})


def test_a_dropped_read_is_sent_once_more(session: OkxSession, venue: ScriptedVenue) -> None:
    venue.on("account/balance", Drop(), ok({"totalEq": "1"}))
    assert session.call(BALANCE, {}) == [{"totalEq": "1"}]
    assert len(venue.seen) == 2


def test_a_read_that_is_dropped_twice_gives_up(session: OkxSession, venue: ScriptedVenue) -> None:
    venue.on("account/balance", Drop())
    with pytest.raises(Unavailable):
        session.call(BALANCE, {})
    assert len(venue.seen) == 2


def test_a_write_that_found_nobody_listening_was_not_sent() -> None:
    session = OkxSession(OkxEndpoint(f"http://127.0.0.1:{closed_port()}", "1", "k", "s", "p", 0.5, 0.5))
    with pytest.raises(Rejected) as caught:
        session.call(PLACE_ORDER, ORDER)
    assert caught.value.error_class is ErrorClass.TRANSIENT
    with pytest.raises(Unavailable):
        session.call(BALANCE, {})
    session.close()


def test_after_close_nothing_is_sent(session: OkxSession, venue: ScriptedVenue) -> None:
    session.close()
    with pytest.raises(Rejected):
        session.call(PLACE_ORDER, ORDER)
    with pytest.raises(Unavailable):
        session.call(BALANCE, {})
    assert venue.seen == []


@pytest.mark.parametrize(
    ("step", "error_type", "error_class"),
    [
        (refused("50011", "Too Many Requests", 429), Rejected, ErrorClass.THROTTLE),
        (refused("50102", "Timestamp request expired", 401), ClockSkewed, ErrorClass.CLOCK),
        (refused("50111", "Invalid OK-ACCESS-KEY", 401), AuthFailed, ErrorClass.AUTH),
        (refused("50110", "IP not in list", 401), AuthFailed, ErrorClass.PERMISSION),
        (refused("50001", "Service temporarily unavailable", 503), UnknownOutcome, ErrorClass.TRANSIENT),
        (refused("51054", "Request timed out", 500), UnknownOutcome, ErrorClass.UNKNOWN_STATE),
        (refused("51000", "Parameter sz error", 400), Rejected, ErrorClass.OUR_BUG),
        (refused("51000", "Parameter sz error", 500), UnknownOutcome, ErrorClass.UNKNOWN_STATE),
        (refused("1", "Operation failed.", data=[]), UnknownOutcome, ErrorClass.UNCLASSIFIED),
        (refused("59876", "brand new"), Rejected, ErrorClass.UNCLASSIFIED),
        (item("51008", "Insufficient balance"), Rejected, ErrorClass.MONEY),
        (item("51008_1001", "Insufficient balance"), Rejected, ErrorClass.MONEY),
        (item("51000", "Parameter posSide error", code="0"), Rejected, ErrorClass.OUR_BUG),
        (item("51016", "Duplicated client order ID"), Rejected, ErrorClass.DUPLICATE_ID),
        (item("50004", "Endpoint request timeout"), UnknownOutcome, ErrorClass.UNKNOWN_STATE),
        (item("51030", "Funding fee is being settled"), UnknownOutcome, ErrorClass.TRANSIENT),
        (ok(), UnknownOutcome, ErrorClass.UNKNOWN_STATE),
        (ok("text"), UnknownOutcome, ErrorClass.UNCLASSIFIED),
    ],
    ids=str,
)
def test_a_refused_write_says_who_must_act(
    session: OkxSession, venue: ScriptedVenue, step: Step, error_type: type[ExchangeError], error_class: ErrorClass
) -> None:
    venue.on("trade/order", step)
    with pytest.raises(error_type) as caught:
        session.call(PLACE_ORDER, ORDER)
    assert type(caught.value) is error_type
    assert caught.value.error_class is error_class


@pytest.mark.parametrize(
    ("step", "error_type", "error_class"),
    [
        (refused("50011", "Too Many Requests", 429), Unavailable, ErrorClass.THROTTLE),
        (refused("51001", "Instrument ID does not exist", 400), Unavailable, ErrorClass.INSTRUMENT_OFF),
        (refused("50102", "Timestamp request expired", 401), ClockSkewed, ErrorClass.CLOCK),
        (refused("50113", "Invalid Sign", 401), AuthFailed, ErrorClass.AUTH),
        (refused("77777", "?"), Unavailable, ErrorClass.UNCLASSIFIED),
    ],
    ids=str,
)
def test_a_refused_read_says_who_must_act(
    session: OkxSession, venue: ScriptedVenue, step: Step, error_type: type[ExchangeError], error_class: ErrorClass
) -> None:
    venue.on("market/candles", step)
    with pytest.raises(error_type) as caught:
        session.call(CANDLES, {"instId": "BTC-USDT-SWAP"})
    assert type(caught.value) is error_type
    assert caught.value.error_class is error_class


def test_an_accepted_write_may_lack_item_codes(session: OkxSession, venue: ScriptedVenue) -> None:
    venue.on("trade/close-position", ok({"instId": "BTC-USDT-SWAP", "posSide": "net"}))
    assert session.call(CLOSE_POSITION, {"instId": "BTC-USDT-SWAP", "mgnMode": "isolated"})[0]["posSide"] == "net"


def test_no_error_message_ever_holds_a_credential(session: OkxSession, venue: ScriptedVenue) -> None:
    venue.on("trade/order", refused("50113", "bad sign for key-abc with secret-def and pass-ghi", 401))
    with pytest.raises(AuthFailed) as caught:
        session.call(PLACE_ORDER, ORDER)
    for secret in ("key-abc", "secret-def", "pass-ghi"):
        assert secret not in str(caught.value)
        assert secret not in repr(venue.endpoint())
    assert caught.value.__suppress_context__ or caught.value.__cause__ is None


def test_health_tells_latency_per_endpoint_family(session: OkxSession, venue: ScriptedVenue) -> None:
    assert session.health() == {}
    session.call(BALANCE, {})
    venue.on("market/candles", HTML)
    with pytest.raises(Unavailable):
        session.call(CANDLES, {"instId": "BTC-USDT-SWAP"})
    health = session.health()
    assert set(health) == {"account"}, "a failed call is no sign of life"
    assert 0 < health["account"].latency_ms < 1000


def test_a_connection_that_another_thread_closes_meanwhile_is_closed(
    session: OkxSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object, **__: object) -> object:
        session.close()
        raise RuntimeError("Cannot send a request, as the client has been closed.")

    monkeypatch.setattr(session._api, "place_order", closed)
    with pytest.raises(Rejected, match="nothing was sent"):
        session.call(PLACE_ORDER, ORDER)
    with pytest.raises(Unavailable, match="Closed"):
        session.call(BALANCE, {})


def test_a_defect_on_the_way_of_an_open_connection_does_not_say_that_nothing_was_sent(
    session: OkxSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(*_: object, **__: object) -> object:
        raise RuntimeError("generator raised StopIteration")

    monkeypatch.setattr(session._api, "place_order", defect)
    monkeypatch.setattr(session._api, "get_account_balance", defect)
    with pytest.raises(UnknownOutcome, match="RuntimeError"):
        session.call(PLACE_ORDER, ORDER)
    with pytest.raises(Unavailable, match="RuntimeError"):
        session.call(BALANCE, {})
