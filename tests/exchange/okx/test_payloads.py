"""Golden payloads: mode × open/close × side (incident rows 15, 17, 32), and what must never be built."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.exchange.okx.payloads import (
    amend_bracket_payload,
    bracket_payload,
    cancel_bracket_payloads,
    close_payload,
    leverage_payload,
    order_payload,
)
from engine.exchange.port import BracketRequest
from engine.model import BracketPrices, OrderRequest, OrderType, Side

D = Decimal
BTC = "BTC-USDT-SWAP"
COMMON = {"instId": BTC, "tdMode": "isolated", "ordType": "market", "sz": "1.28", "clOrdId": "c1"}
LEGS = {
    "tpTriggerPx": "80000.1",
    "tpOrdPx": "-1",
    "tpTriggerPxType": "last",
    "slTriggerPx": "76000",
    "slOrdPx": "-1",
    "slTriggerPxType": "mark",
}
PRICES = BracketPrices(stop=D("76000.0"), target=D("80000.10"))


@pytest.mark.parametrize(
    ("net_mode", "side", "reduce_only", "keys"),
    [
        (True, Side.BUY, False, {"side": "buy"}),
        (True, Side.SELL, False, {"side": "sell"}),
        (True, Side.SELL, True, {"side": "sell", "reduceOnly": True}),
        (True, Side.BUY, True, {"side": "buy", "reduceOnly": True}),
        (False, Side.BUY, False, {"side": "buy", "posSide": "long"}),
        (False, Side.SELL, False, {"side": "sell", "posSide": "short"}),
        (False, Side.SELL, True, {"side": "sell", "posSide": "long"}),
        (False, Side.BUY, True, {"side": "buy", "posSide": "short"}),
    ],
)
def test_market_order_by_mode_side_and_purpose(
    net_mode: bool, side: Side, reduce_only: bool, keys: dict[str, Any]
) -> None:
    request = OrderRequest(BTC, "c1", side, OrderType.MARKET, D("1.280"), reduce_only=reduce_only)
    assert order_payload(request, net_mode) == COMMON | keys


def test_an_entry_carries_its_bracket_as_one_element_with_both_legs() -> None:
    request = OrderRequest(
        BTC, "c1", Side.BUY, OrderType.MARKET, D("1.28"), bracket=PRICES, bracket_client_id="b1", tag="cynosure"
    )
    assert order_payload(request) == COMMON | {
        "side": "buy",
        "tag": "cynosure",
        "attachAlgoOrds": [{"attachAlgoClOrdId": "b1", **LEGS}],
    }


def test_a_limit_order_says_its_price_plainly() -> None:
    request = OrderRequest(BTC, "c1", Side.BUY, OrderType.IOC, D("1E+1"), price=D("1E-5"))
    payload = order_payload(request)
    assert (payload["ordType"], payload["sz"], payload["px"]) == ("ioc", "10", "0.00001")


@pytest.mark.parametrize(
    ("net_mode", "keys"),
    [(True, {"reduceOnly": True, "cxlOnClosePos": True}), (False, {"posSide": "long"})],
)
def test_an_oco_closes_the_long_and_dies_with_it(net_mode: bool, keys: dict[str, Any]) -> None:
    assert bracket_payload(BracketRequest(BTC, "b1", D("1.28"), PRICES), net_mode) == {
        "instId": BTC,
        "tdMode": "isolated",
        "side": "sell",
        "ordType": "oco",
        "sz": "1.28",
        "algoClOrdId": "b1",
        **LEGS,
        **keys,
    }


def test_an_amendment_says_only_what_changes() -> None:
    assert amend_bracket_payload(BTC, "77", D("76500"), None, None) == {
        "instId": BTC, "algoId": "77", "newSlTriggerPx": "76500", "newSlOrdPx": "-1", "newSlTriggerPxType": "mark",
    }  # fmt: skip
    assert amend_bracket_payload(BTC, "77", None, D("81000"), D("2")) == {
        "instId": BTC, "algoId": "77", "newTpTriggerPx": "81000", "newTpOrdPx": "-1", "newTpTriggerPxType": "last",
        "newSz": "2",
    }  # fmt: skip


def test_cancels_go_ten_at_a_time() -> None:
    batches = list(cancel_bracket_payloads(BTC, [str(n) for n in range(23)]))
    assert [len(batch) for batch in batches] == [10, 10, 3]
    assert batches[2][2] == {"instId": BTC, "algoId": "22"}


def test_closing_and_leverage() -> None:
    assert close_payload(BTC, "c9") == {"instId": BTC, "mgnMode": "isolated", "autoCxl": True, "clOrdId": "c9"}
    assert close_payload(BTC, margin_mode="cross", pos_side="long") == {
        "instId": BTC, "mgnMode": "cross", "autoCxl": True, "posSide": "long",
    }  # fmt: skip
    assert leverage_payload(BTC, D("1.0")) == {"instId": BTC, "lever": "1", "mgnMode": "isolated"}
    assert leverage_payload(BTC, D("1"), net_mode=False)["posSide"] == "long"


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": "has-dash"},
        {"client_id": ""},
        {"client_id": "x" * 33},
        {"contracts": D(0)},
        {"tag": "x" * 17},
        {"price": D(1)},
        {"order_type": OrderType.LIMIT},
        {"reduce_only": True, "bracket": PRICES, "bracket_client_id": "b1"},
        {"bracket": PRICES, "bracket_client_id": ""},
    ],
)
def test_an_order_that_okx_would_refuse_or_misread_is_never_built(changes: dict[str, Any]) -> None:
    values: dict[str, Any] = {
        "inst_id": BTC, "client_id": "c1", "side": Side.BUY, "order_type": OrderType.MARKET, "contracts": D(1),
    }  # fmt: skip
    with pytest.raises(AssertionError):
        order_payload(OrderRequest(**{**values, **changes}))


def test_an_amendment_of_nothing_is_never_built() -> None:
    with pytest.raises(AssertionError):
        amend_bracket_payload(BTC, "77", None, None, None)
