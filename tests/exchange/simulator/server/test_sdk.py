"""The vendor's own client, python-okx 0.4.4, reads every endpoint and trades a whole life of a position."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from tests.exchange.simulator.server.conftest import Sdk
from tests.simulator_process import Simulator

pytestmark = pytest.mark.filterwarnings("ignore:Use 'content=")

BTC, ETH, XAU, NVDA = "BTC-USDT-SWAP", "ETH-USDT-SWAP", "XAU-USDT-SWAP", "NVDA-USDT-SWAP"


def rows(answer: dict[str, Any]) -> list[Any]:
    assert answer["code"] == "0", answer
    return answer["data"]


def only(answer: dict[str, Any]) -> dict[str, Any]:
    data = rows(answer)
    assert len(data) == 1, data
    return data[0]


def test_instruments_carry_the_contract_terms(sdk: Sdk) -> None:
    listed = {row["instId"]: row for row in rows(sdk.public.get_instruments("SWAP"))}
    assert len(listed) >= 17
    assert {"ctVal": "0.01", "lotSz": "0.01", "tickSz": "0.1", "maxMktSz": "34000", "settleCcy": "USDT"}.items() <= (
        listed[BTC].items()
    )
    assert listed[NVDA]["instCategory"] == "3"
    assert only(sdk.public.get_instruments("SWAP", instId=XAU))["ctVal"] == "0.001"
    assert only(sdk.account.get_instruments(instType="SWAP", instId=XAU)) == listed[XAU]
    assert rows(sdk.public.get_instruments("SPOT")) == []


def test_public_reads(sdk: Sdk, venue: Simulator) -> None:
    now = str(venue.now_ms)
    assert only(sdk.public.get_system_time())["ts"] == now
    assert only(sdk.public.get_mark_price("SWAP", instId=BTC))["ts"] == now
    assert len(rows(sdk.public.get_mark_price("SWAP"))) >= 17
    limits = only(sdk.public.get_price_limit(BTC))
    mark = Decimal(only(sdk.public.get_mark_price("SWAP", instId=BTC))["markPx"])
    assert Decimal(limits["sellLmt"]) < mark < Decimal(limits["buyLmt"])
    interest = only(sdk.public.get_open_interest("SWAP", instId=BTC))
    assert Decimal(interest["oiCcy"]) == Decimal(interest["oi"]) * Decimal("0.01")
    tiers = rows(sdk.public.get_position_tiers("SWAP", "isolated", instFamily="BTC-USDT"))
    assert [row["tier"] for row in tiers][:2] == ["1", "2"]
    assert rows(sdk.status.status()) == []


def test_funding(sdk: Sdk, venue: Simulator) -> None:
    funding = only(sdk.public.get_funding_rate(BTC))
    assert int(funding["prevFundingTime"]) <= venue.now_ms < int(funding["fundingTime"])
    assert int(funding["nextFundingTime"]) - int(funding["fundingTime"]) == 8 * 3_600_000
    assert funding["nextFundingRate"] == ""
    assert len(rows(sdk.public.get_funding_rate("ANY"))) >= 17
    history = rows(sdk.public.funding_rate_history(BTC, limit="10"))
    assert history[0]["fundingTime"] == funding["prevFundingTime"]
    assert history[0]["realizedRate"] == funding["settFundingRate"]
    older = rows(sdk.public.funding_rate_history(BTC, after=history[4]["fundingTime"], limit="5"))
    assert older == history[5:]


def test_tickers_books_and_trades_agree(sdk: Sdk) -> None:
    ticker = only(sdk.market.get_ticker(BTC))
    assert ticker in rows(sdk.market.get_tickers("SWAP"))
    book = only(sdk.market.get_orderbook(BTC, sz="20"))
    assert len(book["asks"]) == len(book["bids"]) == 20
    assert (book["asks"][0][0], book["bids"][0][0]) == (ticker["askPx"], ticker["bidPx"])
    assert Decimal(book["bids"][0][0]) < Decimal(book["asks"][0][0])
    assert all(level[2] == "0" for level in book["asks"])
    assert len(only(sdk.market.get_orderbook(BTC))["asks"]) == 1
    full = only(sdk.market._request_with_params("GET", "/api/v5/market/books-full", {"instId": BTC, "sz": "400"}))
    assert len(full["bids"]) == 400
    trades = rows(sdk.market.get_trades(BTC, limit="50"))
    assert trades[0]["px"] == ticker["last"]
    assert [int(row["ts"]) for row in trades] == sorted((int(row["ts"]) for row in trades), reverse=True)
    older = rows(sdk.market.get_history_trades(BTC, type="1", after=trades[10]["tradeId"], limit="20"))
    assert older == trades[11:31]
    index = only(sdk.market.get_index_tickers(instId="BTC-USDT"))
    assert abs(Decimal(index["idxPx"]) / Decimal(ticker["last"]) - 1) < Decimal("0.02")
    assert Decimal(index["low24h"]) <= Decimal(index["idxPx"]) <= Decimal(index["high24h"])
    assert len(rows(sdk.market.get_index_tickers(quoteCcy="USDT"))) >= 17


@pytest.mark.parametrize("bar", ["1m", "5m", "15m", "1H", "4H", "1Dutc"])
def test_candles_are_newest_first_and_only_the_first_may_be_unfinished(sdk: Sdk, venue: Simulator, bar: str) -> None:
    candles = rows(sdk.market.get_candlesticks(BTC, bar=bar, limit="50"))
    opens = [int(row[0]) for row in candles]
    assert opens == sorted(opens, reverse=True)
    assert len({newer - older for newer, older in pairwise(opens)}) == 1
    assert all(len(row) == 9 and row[8] == "1" for row in candles[1:])
    assert opens[0] <= venue.now_ms
    assert len(rows(sdk.market.get_mark_price_candlesticks(BTC, bar=bar, limit="5"))[0]) == 6
    assert len(rows(sdk.market.get_index_candlesticks("BTC-USDT", bar=bar, limit="5"))[0]) == 6


def test_recent_candles_end_after_1440_bars_and_history_goes_on(sdk: Sdk) -> None:
    newest = int(rows(sdk.market.get_candlesticks(BTC, bar="15m", limit="1"))[0][0])
    edge = str(newest - 1440 * 900_000)
    assert rows(sdk.market.get_candlesticks(BTC, bar="15m", after=edge)) == []
    assert len(rows(sdk.market.get_history_candlesticks(BTC, bar="15m", after=edge, limit="300"))) == 300


def test_rubik(sdk: Sdk) -> None:
    history = rows(sdk.rubik.get_open_interest_history(BTC, period="1H"))
    assert len(history) == 100
    assert len(history[0]) == 4
    assert int(history[0][0]) - int(history[1][0]) == 3_600_000
    assert len(rows(sdk.rubik.get_long_short_ratio("BTC", period="1H"))[0]) == 2
    contract = "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract"
    assert len(rows(sdk.rubik._request_with_params("GET", contract, {"instId": BTC}))) == 100
    assert rows(sdk.rubik._request_with_params("GET", contract, {"instId": NVDA})) == []
    taker = rows(sdk.rubik.get_taker_volume("BTC", "CONTRACTS", period="1H"))
    assert len(taker[0]) == 3
    unit = "/api/v5/rubik/stat/taker-volume-contract"
    assert len(rows(sdk.rubik._request_with_params("GET", unit, {"instId": BTC, "unit": "2", "period": "1H"}))) == 100


def test_account_reads(sdk: Sdk) -> None:
    config = only(sdk.account.get_account_config())
    assert (config["acctLv"], config["posMode"]) == ("2", "net_mode")
    assert "trade" in config["perm"]
    assert "withdraw" not in config["perm"]
    balance = only(sdk.account.get_account_balance())
    assert balance["mgnRatio"] == ""
    assert Decimal(balance["totalEq"]) > 0
    assert Decimal(only(sdk.account.get_fee_rates("SWAP", instId=BTC))["taker"]) < 0
    assert only(sdk.account.set_leverage("1", "isolated", instId=ETH))["lever"] == "1"
    assert only(sdk.account.get_leverage("isolated", instId=ETH))["lever"] == "1"
    assert Decimal(only(sdk.account.get_max_order_size(ETH, "isolated"))["maxBuy"]) > 0
    assert Decimal(only(sdk.account.get_max_avail_size(ETH, "isolated"))["availBuy"]) > 0
    rows(sdk.account.get_account_bills("SWAP"))
    rows(sdk.account.get_account_bills_archive("SWAP"))
    rows(sdk.account.get_positions_history("SWAP"))
    rows(sdk.trade.get_orders_history_archive("SWAP"))
    rows(sdk.trade.get_fills_history("SWAP"))
    limit = only(sdk.trade._request_with_params("GET", "/api/v5/trade/account-rate-limit", {}))
    assert limit["accRateLimit"] == "1000"


def test_a_whole_trade_with_an_attached_bracket(sdk: Sdk, venue: Simulator) -> None:
    only(sdk.account.set_leverage("1", "isolated", instId=BTC))
    last = Decimal(only(sdk.market.get_ticker(BTC))["last"])
    attached = {
        "attachAlgoClOrdId": "bracket1",
        "tpTriggerPx": str((last * Decimal("1.3")).quantize(Decimal("0.1"))),
        "tpOrdPx": "-1",
        "slTriggerPx": str((last * Decimal("0.7")).quantize(Decimal("0.1"))),
        "slOrdPx": "-1",
        "slTriggerPxType": "mark",
        "tpTriggerPxType": "last",
    }
    placed = sdk.trade.place_order(
        BTC, "isolated", "buy", "market", "1.5", clOrdId="entry1", tag="cyn", attachAlgoOrds=[attached]
    )
    assert placed["inTime"] <= placed["outTime"]
    assert only(placed)["sCode"] == "0"
    order = only(sdk.trade.get_order(BTC, clOrdId="entry1"))
    assert (order["state"], order["accFillSz"], order["tag"]) == ("filled", "1.5", "cyn")
    assert sum(Decimal(fill["fillSz"]) for fill in rows(sdk.trade.get_fills(instId=BTC))) == Decimal("1.5")
    position = only(sdk.account.get_positions(instId=BTC))
    assert (position["pos"], position["mgnMode"], position["posSide"]) == ("1.5", "isolated", "net")

    venue.advance(ms=1000)
    algo = only(sdk.trade.order_algos_list("conditional,oco", instId=BTC))
    assert (algo["algoClOrdId"], algo["ordType"], algo["state"]) == ("bracket1", "oco", "live")
    raised = str(Decimal(attached["slTriggerPx"]) + 10)
    amended = sdk.trade.amend_algo_order(instId=BTC, algoId=algo["algoId"], newSlTriggerPx=raised)
    assert only(amended)["sCode"] == "0"
    assert only(sdk.trade.get_algo_order_details(algoId=algo["algoId"]))["slTriggerPx"] == raised

    rows(sdk.trade.close_positions(BTC, "isolated", clOrdId="close1"))
    assert [row for row in rows(sdk.account.get_positions(instId=BTC)) if row["pos"] != "0"] == []
    left = rows(sdk.trade.order_algos_list("conditional,oco", instId=BTC))
    if left:
        assert only(sdk.trade.cancel_algo_order([{"instId": BTC, "algoId": algo["algoId"]}]))["sCode"] == "0"
    assert rows(sdk.trade.order_algos_list("conditional,oco", instId=BTC)) == []
    closed = rows(sdk.trade.order_algos_history("oco", state="canceled", instId=BTC))
    assert closed[0]["algoId"] == algo["algoId"]
    assert only(sdk.account.get_positions_history("SWAP", instId=BTC))["type"] == "2"
    kinds = {row["type"] for row in rows(sdk.account.get_account_bills("SWAP"))}
    assert "2" in kinds


def test_an_oco_is_placed_and_cancelled_beside_a_position(sdk: Sdk) -> None:
    last = Decimal(only(sdk.market.get_ticker(ETH))["last"])
    assert only(sdk.trade.place_order(ETH, "isolated", "buy", "market", "0.5", clOrdId="eth1"))["sCode"] == "0"
    stop, target = (str((last * Decimal(factor)).quantize(Decimal("0.01"))) for factor in ("0.9", "1.1"))
    placed = sdk.trade.place_algo_order(
        ETH,
        "isolated",
        "sell",
        "oco",
        "0.5",
        tpTriggerPx=target,
        tpOrdPx="-1",
        slTriggerPx=stop,
        slOrdPx="-1",
        algoClOrdId="oco1",
        reduceOnly="true",
    )
    algo_id = only(placed)["algoId"]
    assert only(sdk.trade.order_algos_list("oco", instId=ETH))["algoId"] == algo_id
    wrong = sdk.trade.place_algo_order(
        ETH, "isolated", "sell", "oco", "0.5", tpTriggerPx=stop, tpOrdPx="-1", slTriggerPx=target, slOrdPx="-1"
    )
    assert wrong["code"] == "1"
    assert wrong["data"][0]["sCode"] != "0"
    assert only(sdk.trade.cancel_algo_order([{"instId": ETH, "algoId": algo_id}]))["sCode"] == "0"
    again = sdk.trade.cancel_algo_order([{"instId": ETH, "algoId": algo_id}])
    assert again["data"][0]["sCode"] != "0"
    rows(sdk.trade.close_positions(ETH, "isolated"))


def test_resting_orders_are_amended_and_cancelled_singly_and_in_batches(sdk: Sdk) -> None:
    low = str((Decimal(only(sdk.market.get_ticker(XAU))["last"]) * Decimal("0.97")).quantize(Decimal("0.1")))
    assert only(sdk.trade.place_order(XAU, "isolated", "buy", "limit", "10", px=low, clOrdId="xau1"))["sCode"] == "0"
    assert only(sdk.trade.amend_order(XAU, clOrdId="xau1", newSz="12"))["sCode"] == "0"
    assert only(sdk.trade.get_order_list("SWAP", instId=XAU))["sz"] == "12"
    assert only(sdk.trade.cancel_order(XAU, clOrdId="xau1"))["sCode"] == "0"
    gone = sdk.trade.cancel_order(XAU, clOrdId="xau1")
    assert (gone["code"], gone["data"][0]["sCode"]) == ("1", "51400")

    order = {"instId": XAU, "tdMode": "isolated", "side": "buy", "ordType": "limit", "sz": "10", "px": low}
    mixed = sdk.trade.place_multiple_orders([order | {"clOrdId": "b1"}, order | {"clOrdId": "b2", "sz": "0.5"}])
    assert mixed["code"] == "2"
    assert [item["sCode"] == "0" for item in mixed["data"]] == [True, False]
    cancelled = sdk.trade.cancel_multiple_orders([{"instId": XAU, "clOrdId": "b1"}])
    assert cancelled["code"] == "0"
    history = rows(sdk.trade.get_orders_history("SWAP", instId=XAU))
    assert {row["clOrdId"] for row in history} >= {"xau1", "b1"}


def test_cancel_all_after_is_armed_and_disarmed(sdk: Sdk) -> None:
    path = "/api/v5/trade/cancel-all-after"
    assert int(only(sdk.trade._request_with_params("POST", path, {"timeOut": "60"}))["triggerTime"]) > 0
    assert only(sdk.trade._request_with_params("POST", path, {"timeOut": "0"}))["triggerTime"] == "0"


def test_the_position_mode_can_be_set_while_flat(sdk: Sdk) -> None:
    assert only(sdk.account.set_position_mode("net_mode"))["posMode"] == "net_mode"


def test_refusals_come_as_envelopes(sdk: Sdk) -> None:
    assert sdk.market.get_ticker("NOPE-USDT-SWAP")["code"] == "51001"
    assert sdk.market.get_candlesticks(BTC, bar="7m")["code"] == "51000"
    assert sdk.market.get_ticker("")["code"] == "50014"
    assert sdk.trade.get_order(BTC, clOrdId="never")["code"] == "51603"
    assert sdk.account.set_leverage("1000", "isolated", instId=BTC)["code"] == "59102"
    refused = sdk.trade.place_order(BTC, "isolated", "buy", "market", "0.001")
    assert (refused["code"], refused["data"][0]["sCode"]) == ("1", "51020")
