"""The venue refuses what is more than its published limits, counted in its own time."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.exchange.okx import endpoints
from engine.exchange.okx.endpoints import Endpoint, Scope
from engine.exchange.simulator.okx_errors import OkxError
from engine.exchange.simulator.request_limits import LIMITS, RequestLimits
from tests.app.program import daemon, fresh_home, venue_of, wait_until
from tests.exchange.simulator.server.conftest import connect
from tests.simulator_process import simulator

BTC, ETH = {"instId": "BTC-USDT-SWAP"}, {"instId": "ETH-USDT-SWAP"}
ORDER = "/api/v5/trade/order"


class Time:
    def __init__(self) -> None:
        self.s: float | None = 0.0

    def __call__(self) -> float | None:
        return self.s


def refused(limits: RequestLimits, count: int, method: str, path: str, params: object) -> list[str]:
    codes = []
    for _ in range(count):
        try:
            limits.count(method, path, params)
        except OkxError as error:
            codes.append(error.code)
    return codes


def test_a_bucket_empties_and_refills_and_each_instrument_has_its_own() -> None:
    now = Time()
    limits = RequestLimits(now)
    assert refused(limits, 60, "POST", ORDER, BTC) == []
    assert refused(limits, 2, "POST", ORDER, BTC) == ["50011", "50011"]
    assert refused(limits, 60, "POST", ORDER, ETH) == []
    assert refused(limits, 60, "GET", ORDER, BTC) == []
    now.s = 1.0
    assert refused(limits, 31, "POST", ORDER, BTC) == ["50011"]
    now.s = None
    assert refused(limits, 500, "POST", ORDER, BTC) == []


def test_a_batch_counts_its_orders() -> None:
    limits = RequestLimits(Time())
    path = "/api/v5/trade/cancel-algos"
    assert refused(limits, 2, "POST", path, [BTC] * 10) == []
    assert refused(limits, 1, "POST", path, [BTC]) == ["50011"]


def test_all_orders_together_have_a_limit_of_their_own() -> None:
    limits = RequestLimits(Time())
    batches = [refused(limits, 1, "POST", "/api/v5/trade/batch-orders", [{"instId": f"X{n}"}] * 20) for n in range(51)]
    assert batches == [[]] * 50 + [["50061"]]


def test_the_dead_mans_switch_counts_by_tag() -> None:
    limits = RequestLimits(Time())
    path = "/api/v5/trade/cancel-all-after"
    assert refused(limits, 1, "POST", path, {"tag": "a"}) == refused(limits, 1, "POST", path, {"tag": "b"}) == []
    assert refused(limits, 1, "POST", path, {"tag": "a"}) == ["50011"]


@pytest.mark.parametrize(
    "endpoint", [value for value in vars(endpoints).values() if isinstance(value, Endpoint)], ids=lambda e: e.path
)
def test_the_program_and_the_simulator_know_the_same_limits(endpoint: Endpoint) -> None:
    limit = LIMITS[f"{'POST' if endpoint.write else 'GET'} {endpoint.path}"]
    assert limit.requests / limit.window_s == endpoint.limit / endpoint.window_s
    if endpoint.scope is Scope.ACCOUNT:
        assert not limit.per_instrument


@pytest.mark.slow
def test_over_the_wire_it_is_http_429(tmp_path: Path) -> None:
    with simulator(tmp_path, speed=0.001) as running:
        sdk = connect(running)
        answers = [sdk.account.get_account_config()["code"] for _ in range(7)]
        assert answers[:5] == ["0"] * 5
        assert "50011" in answers[5:]
    with simulator(tmp_path, speed=0.001, no_limits=True) as running:
        sdk = connect(running)
        assert {sdk.account.get_account_config()["code"] for _ in range(12)} == {"0"}


@pytest.mark.slow
def test_the_program_itself_stays_under_them(tmp_path: Path) -> None:
    """A venue that runs as fast as the wall is the strictest: start, positions, one whole cycle of the watchlist."""
    home = fresh_home(tmp_path / "home")
    with daemon(home, "--speed", "1"):
        venue = venue_of(home)
        wait_until(lambda: sum("market/books" in entry["path"] for entry in venue.log()) >= 17, "a cycle", 60)
        log = venue.log()
    assert [entry["path"] for entry in log if entry["code"] in {"50011", "50061"}] == []
