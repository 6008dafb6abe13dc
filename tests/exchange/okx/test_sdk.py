"""The client that python-okx is made into: signature, flag, one connection, no proxy on loopback, no stderr."""

from __future__ import annotations

import base64
import gc
import hashlib
import hmac
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from engine.exchange.okx.endpoints import ALGOS_PENDING, INSTRUMENTS, LONG_SHORT_RATIO, PLACE_ORDER
from engine.exchange.okx.sdk import OkxApi, OkxEndpoint
from engine.exchange.okx.session import OkxSession
from tests.exchange.okx.scripted_venue import ScriptedVenue, Seen, ok


def signature(seen: Seen) -> str:
    prehash = seen.headers["ok-access-timestamp"] + seen.method + seen.target + seen.body
    return base64.b64encode(hmac.new(b"secret-def", prehash.encode(), hashlib.sha256).digest()).decode()


def test_every_request_is_signed_over_the_bytes_that_are_sent(venue: ScriptedVenue) -> None:
    session = OkxSession(venue.endpoint())
    venue.on("trade/order", ok({"sCode": "0", "ordId": "1"}))
    session.call(ALGOS_PENDING, {"ordType": "conditional,oco", "after": "", "limit": "100"})
    session.call(
        PLACE_ORDER, {"instId": "A-USDT-SWAP", "tdMode": "isolated", "side": "buy", "ordType": "market", "sz": "1"}
    )
    session.call(LONG_SHORT_RATIO, {"instId": "A-USDT-SWAP", "period": "5m"})
    assert venue.seen[0].target == "/api/v5/trade/orders-algo-pending?ordType=conditional,oco&limit=100"
    for seen in venue.seen:
        assert seen.headers["ok-access-sign"] == signature(seen)
        assert seen.headers["ok-access-key"] == "key-abc"
        assert seen.headers["ok-access-passphrase"] == "pass-ghi"
        assert seen.headers["x-simulated-trading"] == "1"
    session.close()


def test_the_production_flag_is_sent_as_asked(venue: ScriptedVenue) -> None:
    session = OkxSession(OkxEndpoint(f"http://127.0.0.1:{venue.port}", "0", "k", "s", "p"))
    session.call(INSTRUMENTS, {"instType": "SWAP"})
    assert venue.seen[0].headers["x-simulated-trading"] == "0"
    assert venue.seen[0].path == "/api/v5/public/instruments"
    session.close()


def test_loopback_ignores_the_environments_proxy(venue: ScriptedVenue, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    session = OkxSession(venue.endpoint())
    session.call(INSTRUMENTS, {"instType": "SWAP"})
    assert len(venue.seen) == 1
    session.close()


def test_time_outs_are_ours() -> None:
    api = OkxApi(OkxEndpoint("https://www.okx.com", "0", "k", "s", "p", connect_timeout_s=5, read_timeout_s=10))
    assert api.timeout == httpx.Timeout(10, connect=5)
    assert not api.debug
    api.close()


def test_threads_share_one_client_and_never_mix_answers(venue: ScriptedVenue) -> None:
    session = OkxSession(venue.endpoint())
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: session.call(INSTRUMENTS, {"instType": "SWAP"}), range(200)))
    assert answers == [[]] * 200
    assert all(seen.headers["ok-access-sign"] == signature(seen) for seen in venue.seen)
    session.close()


def test_an_answer_leaves_nothing_to_the_garbage_collector(venue: ScriptedVenue) -> None:
    session = OkxSession(venue.endpoint())
    session.call(INSTRUMENTS, {"instType": "SWAP"})
    gc.collect()
    gc.disable()
    try:
        for _ in range(20):
            session.call(INSTRUMENTS, {"instType": "SWAP"})
        assert gc.collect() < 20
    finally:
        gc.enable()
        session.close()


def test_nothing_is_written_to_the_screen(venue: ScriptedVenue, capfd: pytest.CaptureFixture[str]) -> None:
    session = OkxSession(venue.endpoint())
    session.call(INSTRUMENTS, {"instType": "SWAP"})
    session.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("host", "flag", "key"),
    [("http://www.okx.com", "0", "k"), ("https://www.okx.com", "2", "k"), ("https://www.okx.com", "1", "k\n")],
)
def test_an_endpoint_that_would_leak_or_mislead_is_refused(host: str, flag: str, key: str) -> None:
    with pytest.raises(AssertionError):
        OkxEndpoint(host, flag, key, "s", "p")
