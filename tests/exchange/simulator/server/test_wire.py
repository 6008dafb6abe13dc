"""What crosses the wire, byte by byte: refusals of the gateway, unknown paths, malformed bodies, the request log."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from tests.simulator_process import Simulator

BTC = "BTC-USDT-SWAP"


@pytest.fixture(scope="module")
def http(venue: Simulator) -> httpx.Client:
    return httpx.Client(base_url=venue.base_url, trust_env=False)


def sign(
    venue: Simulator, method: str, target: str, body: str = "", seconds: float = 0, **changes: str
) -> dict[str, str]:
    """Headers as OKX's manual prescribes, with a stamp `seconds` off the wall clock."""
    stamp = (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    digest = hmac.new(venue.secret.encode(), (stamp + method + target + body).encode(), hashlib.sha256).digest()
    headers = {
        "OK-ACCESS-KEY": venue.key,
        "OK-ACCESS-SIGN": base64.b64encode(digest).decode(),
        "OK-ACCESS-TIMESTAMP": stamp,
        "OK-ACCESS-PASSPHRASE": venue.passphrase,
        "x-simulated-trading": "1",
    }
    return headers | {name.replace("_", "-"): value for name, value in changes.items()}


def post(http: httpx.Client, venue: Simulator, path: str, body: Any) -> dict[str, Any]:
    content = body if isinstance(body, str) else json.dumps(body)
    return http.post(path, content=content, headers=sign(venue, "POST", path, content)).json()


@pytest.mark.parametrize(
    ("seconds", "changes", "code"),
    [
        (-40, {}, "50102"),
        (40, {}, "50102"),
        (0, {"OK_ACCESS_KEY": "other"}, "50111"),
        (0, {"OK_ACCESS_PASSPHRASE": "other"}, "50105"),
        (0, {"OK_ACCESS_SIGN": "AAAA"}, "50113"),
        (0, {"OK_ACCESS_TIMESTAMP": "noon"}, "50112"),
        (0, {"OK_ACCESS_PASSPHRASE": ""}, "50104"),
        (0, {"x_simulated_trading": "0"}, "50101"),
    ],
)
def test_the_gateway_refuses_with_401_and_no_data(
    http: httpx.Client, venue: Simulator, seconds: float, changes: dict[str, str], code: str
) -> None:
    path = "/api/v5/account/balance?ccy=USDT"
    answer = http.get(path, headers=sign(venue, "GET", path, seconds=seconds, **changes))
    assert answer.status_code == 401
    assert answer.json()["code"] == code
    assert "data" not in answer.json()


def test_an_unsigned_request_for_the_account_is_refused(http: httpx.Client) -> None:
    assert http.get("/api/v5/account/balance").json()["code"] == "50103"


def test_the_signature_covers_the_query_and_the_body_as_sent(http: httpx.Client, venue: Simulator) -> None:
    signed_for = sign(venue, "GET", "/api/v5/account/balance?ccy=USDT")
    assert http.get("/api/v5/account/balance?ccy=BTC", headers=signed_for).json()["code"] == "50113"
    assert http.get("/api/v5/account/balance?ccy=USDT", headers=signed_for).json()["code"] == "0"
    headers = sign(venue, "POST", "/api/v5/trade/order", "{}")
    assert http.post("/api/v5/trade/order", content="{ }", headers=headers).json()["code"] == "50113"


def test_unknown_paths_and_methods_are_named(http: httpx.Client) -> None:
    retired = http.get("/api/v5/public/liquidation-orders?instType=SWAP")
    assert (retired.status_code, retired.json()["code"]) == (404, "50000")
    wrong = http.post("/api/v5/market/ticker", json={})
    assert (wrong.status_code, wrong.json()["code"]) == (405, "50115")
    assert http.get("/").status_code == 404


def test_malformed_bodies_are_refused(http: httpx.Client, venue: Simulator) -> None:
    assert post(http, venue, "/api/v5/trade/order", "{nope")["code"] == "50002"
    assert post(http, venue, "/api/v5/trade/order", "")["code"] == "50000"
    assert post(http, venue, "/api/v5/trade/order", [])["code"] == "51000"
    assert post(http, venue, "/api/v5/trade/batch-orders", [])["code"] == "51000"
    assert post(http, venue, "/api/v5/trade/cancel-algos", [{}] * 11)["code"] == "51000"


def test_every_parameter_is_validated(http: httpx.Client) -> None:
    def code(path: str) -> str:
        answer = http.get(f"/api/v5/{path}").json()
        return answer["code"]

    assert code("market/ticker") == "50014"
    assert code("market/ticker?instId=X") == "51001"
    assert code("market/tickers") == "50014"
    assert code("market/tickers?instType=SOUP") == "51000"
    assert code(f"market/books?instId={BTC}&sz=401") == "51000"
    assert code(f"market/books?instId={BTC}&sz=0") == "51000"
    assert code(f"market/candles?instId={BTC}&limit=0") == "51000"
    assert code(f"market/candles?instId={BTC}&limit=x") == "51000"
    assert code(f"market/candles?instId={BTC}&after=-1") == "51000"
    assert code(f"market/candles?instId={BTC}&bar=1h") == "51000"
    assert code(f"market/candles?instId={BTC}&limit=5000") == "0"
    assert code("public/position-tiers?instType=SWAP&tdMode=isolated") != "0"


def test_numbers_in_a_body_may_be_json_numbers(http: httpx.Client, venue: Simulator) -> None:
    order = {"instId": BTC, "tdMode": "isolated", "side": "buy", "ordType": "market", "sz": 0.01, "clOrdId": "num1"}
    assert post(http, venue, "/api/v5/trade/order", order)["data"][0]["sCode"] == "0"
    answer = post(http, venue, "/api/v5/trade/close-position", {"instId": BTC, "mgnMode": "isolated"})
    assert answer["code"] == "0"


def test_the_request_log_shows_what_the_wire_saw(http: httpx.Client, venue: Simulator) -> None:
    before = venue.log()[-1]["n"] if venue.log() else 0
    http.get(f"/api/v5/market/ticker?instId={BTC}")
    order = {"instId": BTC, "tdMode": "isolated", "side": "buy", "ordType": "market", "sz": "0", "clOrdId": "log1"}
    post(http, venue, "/api/v5/trade/order", order)
    read, write = venue.log(since=before)
    assert (read["n"], read["path"], read["code"]) == (before + 1, "/api/v5/market/ticker", "0")
    assert read["body_digest"] == {"instId": BTC}
    assert write["body_digest"] == {"instId": BTC, "clOrdId": "log1", "side": "buy", "ordType": "market", "sz": "0"}
    assert write["code"] == "1"
    assert write["wall_ms"] >= read["wall_ms"] > 1e12


def test_a_day_passes_in_seconds(venue: Simulator) -> None:
    before = venue.now_ms
    assert venue.advance(ms=86_400_000) == before + 86_400_000
    assert venue.now_ms == before + 86_400_000


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/sim/advance", '{"ms": -1}'),
        ("POST", "/sim/advance", '{"to_ms": 1}'),
        ("POST", "/sim/advance", "[]"),
        ("POST", "/sim/clock", '{"speed": -1}'),
        ("POST", "/sim/clock", '{"speed": NaN}'),
        ("POST", "/sim/clock", '{"speed": "fast"}'),
        ("GET", "/sim/log?since=x", ""),
        ("GET", "/sim/nothing", ""),
    ],
)
def test_administration_refuses_nonsense_in_one_line(http: httpx.Client, method: str, path: str, body: str) -> None:
    answer = http.request(method, path, content=body)
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]


def test_speed_can_be_changed_while_running(venue: Simulator) -> None:
    venue.set_speed(120)
    first, at = venue.now_ms, time.monotonic()
    time.sleep(0.5)
    assert 90_000 < (venue.now_ms - first) / (time.monotonic() - at) < 150_000
    assert venue.clock()[1] == 120
    venue.set_speed(0)
    frozen = venue.now_ms
    assert venue.now_ms == frozen
