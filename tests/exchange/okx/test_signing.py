"""Requests are signed by the venue's clock, whatever ours says: one resync, one retry, then ClockSkewed (row 38)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from engine.exchange.errors import ClockSkewed, Unavailable
from engine.exchange.okx.endpoints import BALANCE, PLACE_ORDER
from engine.exchange.okx.kill_client import OkxKillVenue
from engine.exchange.okx.session import OkxSession, gateway_ms
from engine.exchange.okx.signing import SigningClock
from tests.exchange.okx.scripted_venue import HTML, Drop, ScriptedVenue, Seen, Step, ok, refused

ORDER = {"instId": "BTC-USDT-SWAP", "tdMode": "isolated", "side": "buy", "ordType": "market", "sz": "1"}
EXPIRED = refused("50102", "Timestamp request expired", 401)
HOUR = 3_600_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def ahead(ms: int) -> Any:
    return ok({"ts": str(now_ms() + ms)})


@pytest.fixture
def session(venue: ScriptedVenue) -> Iterator[OkxSession]:
    session = OkxSession(venue.endpoint(read_timeout_s=0.5))
    yield session
    session.close()


def stamp_of(venue: ScriptedVenue, index: int = -1) -> str:
    return venue.seen[index].headers["ok-access-timestamp"]


def test_the_time_stamp_has_the_venues_form() -> None:
    clock = SigningClock()
    clock.correct(1_700_000_000_123 - clock.local_ms())
    assert clock.iso().startswith("2023-11-14T22:13:20.1")
    assert len(clock.iso()) == len("2020-12-08T09:08:57.715Z")
    assert clock.unix_s() == "1700000000"


@pytest.mark.parametrize("code", ["50102", "50107", "50112", "60004", "60006"])
def test_a_refused_time_stamp_is_answered_by_one_look_at_the_venues_clock_and_one_retry(
    session: OkxSession, venue: ScriptedVenue, code: str
) -> None:
    venue.on("account/balance", refused(code, "time", 401), ok({"totalEq": "1"}))
    venue.on("public/time", ahead(HOUR))
    assert session.call(BALANCE, {}) == [{"totalEq": "1"}]
    assert [seen.path.rpartition("v5/")[2] for seen in venue.seen] == [
        "account/balance",
        "public/time",
        "account/balance",
    ]
    assert "ok-access-sign" not in venue.seen[1].headers, "the look itself carries no time stamp that could be refused"
    ours = time.strftime("%Y-%m-%dT%H", time.gmtime(now_ms() / 1000))
    assert stamp_of(venue, 0).startswith(ours)
    assert not stamp_of(venue).startswith(ours)


def test_an_order_goes_out_once_more_and_asks_again_whether_it_may(session: OkxSession, venue: ScriptedVenue) -> None:
    venue.on("trade/order", EXPIRED, ok({"sCode": "0", "ordId": "1"}))
    venue.on("public/time", ahead(HOUR))
    asked: list[int] = []
    session.call(PLACE_ORDER, ORDER, lambda: asked.append(len(venue.seen)))
    assert asked == [0, 2]


def test_a_retry_that_is_refused_as_well_is_the_end(session: OkxSession, venue: ScriptedVenue) -> None:
    venue.on("trade/order", EXPIRED)
    venue.on("public/time", ahead(HOUR))
    with pytest.raises(ClockSkewed):
        session.call(PLACE_ORDER, ORDER)
    assert [seen.method for seen in venue.seen] == ["POST", "GET", "POST"]


@pytest.mark.parametrize("step", [HTML, Drop(), ok(), ok({"ts": ""}), refused("50001", "busy", 503)], ids=str)
def test_without_the_venues_time_the_refusal_stands(session: OkxSession, venue: ScriptedVenue, step: Any) -> None:
    venue.on("account/balance", EXPIRED)
    venue.on("public/time", step)
    with pytest.raises(ClockSkewed):
        session.call(BALANCE, {})
    assert sum(seen.path.endswith("balance") for seen in venue.seen) == 1


def test_many_threads_that_are_refused_at_once_look_once(
    session: OkxSession, venue: ScriptedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate, scripted = threading.Barrier(4), venue.step
    half_an_hour_ahead = time.strftime("%Y-%m-%dT%H:%M", time.gmtime(now_ms() / 1000 + 1800))

    def step(seen: Seen) -> Step:
        answer = scripted(seen)
        late = seen.path.endswith("balance") and seen.headers["ok-access-timestamp"] < half_an_hour_ahead
        return EXPIRED if late else answer

    monkeypatch.setattr(venue, "step", step)
    venue.on("public/time", ahead(HOUR))

    def ask(_: int) -> object:
        gate.wait()
        return session.call(BALANCE, {})

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(4))) == [[]] * 4
    assert sum(seen.path.endswith("time") for seen in venue.seen) == 1


def test_the_kill_switch_shares_the_correction_and_makes_its_own(venue: ScriptedVenue) -> None:
    endpoint = venue.endpoint()
    endpoint.clock.correct(HOUR)
    kill = OkxKillVenue(endpoint)
    venue.on("account/config", ok({"acctLv": "2"}), EXPIRED, ok({"acctLv": "2"}))
    venue.on("public/time", ahead(-HOUR))
    kill.warm()
    kill.warm()
    assert stamp_of(venue, 0) > stamp_of(venue, -1), "first by the hour ahead, then by the hour behind"
    assert abs(endpoint.clock.offset_ms + HOUR) < 2000
    assert replace(endpoint, read_timeout_s=1).clock is endpoint.clock
    kill.close_connections()


def test_the_clock_is_measured_with_half_of_the_round_trip_taken_off(session: OkxSession, venue: ScriptedVenue) -> None:
    venue.on("public/time", ahead(755_000))
    assert abs(session.measure_clock() - 755_000) < 300


@pytest.mark.parametrize(("told", "offset"), [(10_000, 0), (10_100, 0), (10_150, 100), (9_900, -150)])
def test_what_the_round_trip_explains_is_no_difference_of_clocks(
    session: OkxSession, venue: ScriptedVenue, monkeypatch: pytest.MonkeyPatch, told: int, offset: int
) -> None:
    instants = iter([10_000, 10_100])
    monkeypatch.setattr(SigningClock, "local_ms", lambda _: next(instants))
    venue.on("public/time", ok({"ts": str(told)}))
    assert session.measure_clock() == offset


@pytest.mark.parametrize("after", [9_000, 70_000, 10_400], ids=["set back", "set ahead", "set a little"])
def test_a_sample_during_which_our_clock_was_set_is_thrown_away(
    session: OkxSession, venue: ScriptedVenue, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    instants = iter([10_000, after, 70_000, 70_010])
    monkeypatch.setattr(SigningClock, "local_ms", lambda _: next(instants))
    venue.on("public/time", ok({"ts": "10005"}))
    assert session.measure_clock() == -60_000


def test_a_clock_that_is_set_again_and_again_is_not_measured(
    session: OkxSession, venue: ScriptedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    instants = iter([10_000, 5_000] * 3)
    monkeypatch.setattr(SigningClock, "local_ms", lambda _: next(instants))
    venue.on("public/time", ok({"ts": "10000"}))
    with pytest.raises(Unavailable, match="clock was set"):
        session.measure_clock()


def test_a_slow_answer_is_measured_again_and_the_quickest_counts(
    session: OkxSession, venue: ScriptedVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips = iter([(900, 4_000), (700, 3_000), (800, 5_000)])
    monkeypatch.setattr(session, "_clock_sample", lambda: next(trips))
    assert session.measure_clock() == 3_000
    venue.on("public/time", HTML)
    monkeypatch.undo()
    with pytest.raises(Unavailable):
        session.measure_clock()


def test_a_simulated_market_says_what_its_gateway_goes_by() -> None:
    assert gateway_ms({"ts": "5", "gatewayTs": "7"}) == 7
    assert gateway_ms({"ts": "5"}) == 5


def test_after_close_the_clock_cannot_be_read(session: OkxSession, venue: ScriptedVenue) -> None:
    session.close()
    with pytest.raises(Unavailable):
        session.measure_clock()
    assert venue.seen == []
