"""The wire can be made to fail on order, while the venue's core stays honest; the vendor's own client meets it."""

from __future__ import annotations

import json
import time
from decimal import Decimal

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


CODES = [
    "50001", "50004", "50011", "50013", "50026", "50061", "50102", "51008",
    "51016", "51020", "51121", "51169", "51400", "51603", "51205", "54092",
]  # fmt: skip


@pytest.mark.parametrize("code", CODES)
def test_every_code_comes_as_envelope_and_as_item(venue: Simulator, sdk: Sdk, code: str) -> None:
    venue.fault("refuse", ORDER, method="POST", code=code)
    venue.fault("refuse", ORDER, method="POST", code=code, item=True)
    venue.fault("refuse", ORDER, method="POST", code=code, item=True, envelope="0")
    plain, failed, hidden = (buy(sdk, f"c{code}x{n}") for n in range(3))
    assert (plain["code"], plain["data"]) == (code, [])
    assert [answer["code"] for answer in (failed, hidden)] == ["1", "0"]
    for number, answer in enumerate((failed, hidden), 1):
        assert answer["data"] == [
            {"ordId": "", "clOrdId": f"c{code}x{number}", "tag": "", "sCode": code, "sMsg": f"Refused with {code}"}
        ]
    assert not any(known(sdk, f"c{code}x{n}") for n in range(3))


@pytest.mark.parametrize(("status", "code"), [(500, "50026"), (503, "50001"), (429, "50011"), (401, "50113")])
def test_a_gateway_error_has_no_data(venue: Simulator, sdk: Sdk, status: int, code: str) -> None:
    venue.fault("refuse", "/api/v5/account/*", code=code, status=status, data=False, message="not now")
    assert sdk.account.get_account_config() == {"code": code, "msg": "not now"}
    assert sdk.account.get_account_config()["code"] == "0"


def test_what_is_late_arrives_after_the_client_has_asked(venue: Simulator, sdk: Sdk) -> None:
    venue.fault("late", ORDER, method="POST", delay_ms=400)
    with pytest.raises(httpx.RemoteProtocolError):
        buy(sdk, "afterwards")
    assert not known(sdk, "afterwards")
    time.sleep(0.5)
    assert known(sdk, "afterwards")


def test_a_late_request_must_have_been_signed_well(venue: Simulator) -> None:
    before = len(venue.ledger()["orders"])
    venue.fault("late", ORDER, method="POST", delay_ms=1)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.post(venue.base_url + ORDER, json={"instId": BTC}, trust_env=False)
    time.sleep(0.1)
    assert len(venue.ledger()["orders"]) == before


def test_an_answer_that_comes_twice(venue: Simulator, sdk: Sdk) -> None:
    venue.fault("duplicate", ORDER, method="POST")
    answer = buy(sdk, "echo")
    assert [item["clOrdId"] for item in answer["data"]] == ["echo", "echo"]


def test_a_request_that_arrives_twice(venue: Simulator, sdk: Sdk) -> None:
    """Its id is taken while the first one rests; an order that is done has given its id back, as at OKX."""
    low = str(Decimal(sdk.market.get_ticker(BTC)["data"][0]["last"]) // 2)
    venue.fault("duplicate", ORDER, method="POST", twice="request", times=2)
    resting = sdk.trade.place_order(BTC, "isolated", "buy", "limit", "0.01", px=low, clOrdId="again")
    assert resting["data"][0]["sCode"] == "51016"
    assert buy(sdk, "doubled")["code"] == "0"
    ids = [order["clOrdId"] for order in venue.ledger()["orders"]]
    assert (ids.count("again"), ids.count("doubled")) == (1, 2)


def test_half_an_answer_is_not_json(venue: Simulator, sdk: Sdk) -> None:
    venue.fault("garble", ORDER, method="POST")
    with pytest.raises(json.JSONDecodeError):
        buy(sdk, "half")
    assert known(sdk, "half")


def test_fields_that_are_missing_or_empty(venue: Simulator, sdk: Sdk) -> None:
    venue.fault("missing_fields", ORDER, method="POST", fields=["ordId", "sCode"])
    assert {"ordId", "sCode"}.isdisjoint(buy(sdk, "gone")["data"][0])
    venue.fault("missing_fields", ORDER, method="POST", fields=["ordId"], how="blank")
    assert buy(sdk, "blank")["data"][0]["ordId"] == ""
    venue.fault("missing_fields", ORDER, method="POST", fields=["data"])
    assert "data" not in buy(sdk, "nodata")


def test_a_page_of_a_proxy_that_never_asked_the_venue(venue: Simulator, sdk: Sdk) -> None:
    venue.fault("html", ORDER, method="POST", status=504, acted=False)
    with pytest.raises(json.JSONDecodeError):
        buy(sdk, "page")
    assert not known(sdk, "page")


def test_the_report_counts_matches_and_firings(venue: Simulator, sdk: Sdk) -> None:
    venue.clear_faults()
    venue.fault("refuse", ORDER, method="POST", body={"side": "buy"}, call=2, code="51008", item=True)
    assert [buy(sdk, f"second{n}")["code"] for n in range(3)] == ["0", "1", "0"]
    assert [(row["kind"], row["matched"], row["fired"]) for row in venue.faults()] == [("refuse", 2, 1)]
    venue.clear_faults()
    assert venue.faults() == []
