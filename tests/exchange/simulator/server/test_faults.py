"""The wire can be made to fail on order, once per order, while the venue's core stays honest."""

from __future__ import annotations

import json
import time

import httpx
import pytest

from tests.exchange.simulator.server.conftest import Sdk
from tests.simulator_process import Simulator

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=")

BTC = "BTC-USDT-SWAP"
ORDER = "/api/v5/trade/order"


def buy(sdk: Sdk, client_id: str) -> dict[str, object]:
    return sdk.trade.place_order(BTC, "isolated", "buy", "market", "0.01", clOrdId=client_id)


def known(sdk: Sdk, client_id: str) -> bool:
    return sdk.trade.get_order(BTC, clOrdId=client_id)["code"] == "0"


@pytest.mark.parametrize(("fault", "arrived"), [("lose_request", False), ("lose_reply", True)])
def test_a_broken_connection_hides_whether_the_order_arrived(
    venue: Simulator, sdk: Sdk, fault: str, arrived: bool
) -> None:
    venue.fault(fault, ORDER, method="POST")
    client_id = fault.replace("_", "")
    with pytest.raises(httpx.RemoteProtocolError):
        buy(sdk, client_id)
    assert known(sdk, client_id) is arrived
    assert buy(sdk, "after" + client_id)["code"] == "0"


def test_html_instead_of_json(venue: Simulator, sdk: Sdk) -> None:
    venue.fault("html", ORDER, method="POST", status=502)
    with pytest.raises(json.JSONDecodeError):
        buy(sdk, "garbled")
    assert known(sdk, "garbled")


def test_a_refusal_of_the_gateway_counts_down(venue: Simulator, sdk: Sdk) -> None:
    venue.fault("refuse", ORDER, method="POST", status=503, code="50001", times=2)
    assert [buy(sdk, f"refused{n}")["code"] for n in range(3)] == ["50001", "50001", "0"]
    assert not known(sdk, "refused0")


def test_a_late_answer(venue: Simulator, sdk: Sdk) -> None:
    venue.fault("delay", ORDER, method="POST", delay_ms=300)
    at = time.monotonic()
    assert buy(sdk, "late")["code"] == "0"
    assert time.monotonic() - at > 0.3


def test_an_attached_bracket_that_is_never_created(venue: Simulator, sdk: Sdk) -> None:
    venue.fail_attached("51277")
    bracket = {"attachAlgoClOrdId": "naked", "tpTriggerPx": "200000", "tpOrdPx": "-1", "slTriggerPx": "20000"}
    placed = sdk.trade.place_order(
        BTC, "isolated", "buy", "market", "0.01", clOrdId="naked1", attachAlgoOrds=[bracket | {"slOrdPx": "-1"}]
    )
    assert placed["code"] == "0"
    venue.advance(ms=1000)
    algos = sdk.trade.order_algos_list("oco", instId=BTC)["data"]
    assert [row for row in algos if row["algoClOrdId"] == "naked"] == []


def test_an_unknown_fault_is_refused(venue: Simulator) -> None:
    with pytest.raises(httpx.HTTPStatusError):
        venue.fault("explode", ORDER)
