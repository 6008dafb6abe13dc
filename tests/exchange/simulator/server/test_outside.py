"""What is done to the venue from outside, as the vendor's own client sees it; and it outlives kill -9."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.exchange.simulator.server.conftest import Sdk, connect
from tests.simulator_process import Simulator, simulator

BTC, ETH = "BTC-USDT-SWAP", "ETH-USDT-SWAP"


def _instrument(sdk: Sdk, inst_id: str) -> dict[str, Any]:
    return next((row for row in sdk.public.get_instruments("SWAP")["data"] if row["instId"] == inst_id), {})


def test_maintenance_is_announced_and_while_it_lasts_everything_is_down(venue: Simulator, sdk: Sdk) -> None:
    venue.act("maintenance", begin_s=60, end_s=120, hard=True)
    assert [row["state"] for row in sdk.status.status()["data"]] == ["scheduled"]
    assert sdk.account.get_positions()["code"] == "0"
    venue.advance(ms=61_000)
    answer = httpx.get(f"{venue.base_url}/api/v5/market/ticker", params={"instId": BTC}, trust_env=False)
    assert (answer.status_code, answer.json()["code"]) == (503, "50001")
    assert "data" not in answer.json()
    assert sdk.trade.get_orders_history("SWAP")["code"] == "50001"
    assert sdk.status.status(state="ongoing")["data"][0]["state"] == "ongoing"
    venue.advance(ms=60_000)
    assert sdk.account.get_positions()["code"] == "0"


def test_a_key_loses_its_permission(venue: Simulator, sdk: Sdk) -> None:
    venue.act("permission_lost", code="50120")
    assert sdk.account.set_leverage("3", "isolated", instId=BTC)["code"] == "50120"
    assert sdk.account.get_account_config()["data"][0]["perm"] == "read_only"
    venue.act("permission_lost", code="50110")
    assert sdk.account.get_account_config()["code"] == "50110"
    assert sdk.public.get_system_time()["code"] == "0"
    venue.clear_faults()
    assert sdk.account.get_account_config()["code"] == "0"


def test_a_clock_that_is_off_refuses_time_stamps_and_says_so(venue: Simulator, sdk: Sdk) -> None:
    before = int(sdk.public.get_system_time()["data"][0]["gatewayTs"])
    venue.act("clock_skew", ms=40_000)
    assert sdk.account.get_positions()["code"] == "50102"
    assert int(sdk.public.get_system_time()["data"][0]["gatewayTs"]) - before >= 40_000
    venue.clear_faults()
    assert sdk.account.get_positions()["code"] == "0"


@pytest.mark.slow
def test_prices_terms_and_hours_are_those_of_the_venue_after_kill_9(tmp_path: Path) -> None:
    with simulator(tmp_path, state=True) as venue:
        sdk = connect(venue)
        last = float(sdk.market.get_ticker(BTC)["data"][0]["last"])
        venue.act("gap", inst=BTC, pct=-10)
        venue.act("respec", inst=BTC, tick="1", lot="0.1", min="0.1")
        venue.act("delist", inst=ETH, in_s=3600)
        venue.act("suspend", inst="SOL-USDT-SWAP")
        venue.kill()
        venue.restart()
        sdk = connect(venue)
        now = float(sdk.market.get_ticker(BTC)["data"][0]["last"])
        assert abs(now / last - 0.9) < 0.001
        assert now == int(now)
        row = sdk.market.get_candlesticks(BTC, bar="15m", limit="1")["data"][0]
        assert float(row[3]) <= now <= float(row[2])
        book = sdk.market.get_orderbook(BTC, sz="5")["data"][0]
        assert float(book["bids"][0][0]) < float(book["asks"][0][0])
        terms = _instrument(sdk, BTC)
        assert (terms["tickSz"], terms["lotSz"], terms["minSz"]) == ("1", "0.1", "0.1")
        assert _instrument(sdk, "SOL-USDT-SWAP")["state"] == "suspend"
        assert int(_instrument(sdk, ETH)["expTime"]) > venue.now_ms
        venue.advance(ms=3_601_000)
        assert _instrument(sdk, ETH) == {}
