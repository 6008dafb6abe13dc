"""Account rows as OKX sends them become our types; "" stays unknown."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.exchange.errors import ExchangeError
from engine.exchange.okx import account_rows
from engine.model import BillKind, BracketState, FeeRates, OrderState, Side

D = Decimal
T0 = 1_777_248_000_000

POSITION = {
    "instId": "BTC-USDT-SWAP", "posId": "44", "posSide": "net", "pos": "1.28", "availPos": "1.28", "avgPx": "77800",
    "markPx": "77810.5", "lever": "3.0", "mgnMode": "isolated", "margin": "995.84", "imr": "", "mgnRatio": "27.1",
    "liqPx": "", "upl": "0.134", "notionalUsd": "995.9", "fee": "-0.49", "fundingFee": "0", "realizedPnl": "-0.49",
    "closeOrderAlgo": [], "cTime": str(T0), "uTime": str(T0 + 5),
}  # fmt: skip
ORDER = {
    "instId": "BTC-USDT-SWAP", "ordId": "900", "clOrdId": "c1", "side": "buy", "state": "filled", "sz": "1.28",
    "accFillSz": "1.28", "avgPx": "77800", "fee": "-0.49", "reduceOnly": "false", "category": "normal", "algoId": "",
    "tag": "cyn", "px": "", "source": "", "cTime": str(T0), "uTime": str(T0 + 3),
}  # fmt: skip
ALGO = {
    "instId": "BTC-USDT-SWAP", "algoId": "77", "algoClOrdId": "b1", "ordType": "oco", "side": "sell", "sz": "1.28",
    "closeFraction": "", "state": "live", "tpTriggerPx": "80000", "tpOrdPx": "-1", "slTriggerPx": "76000",
    "slOrdPx": "-1", "triggerPx": "", "reduceOnly": "true", "failCode": "0", "ordIdList": [],
    "cTime": str(T0), "uTime": str(T0),
}  # fmt: skip
FILL = {
    "instId": "BTC-USDT-SWAP", "tradeId": "5", "ordId": "900", "clOrdId": "c1", "billId": "1000", "fillPx": "77800",
    "fillSz": "1.28", "side": "buy", "fee": "-0.49", "fillPnl": "0", "subType": "3", "ts": str(T0),
}  # fmt: skip
HISTORY = {
    "instId": "BTC-USDT-SWAP", "posId": "44", "type": "2", "openAvgPx": "77800", "closeAvgPx": "78000",
    "closeTotalPos": "1.28",
    "pnl": "2.56", "fee": "-0.98", "fundingFee": "-0.01", "realizedPnl": "1.57", "openMaxPos": "1.28", "cTime": str(T0),
    "uTime": str(T0 + 9),
}  # fmt: skip
USDT = {
    "ccy": "USDT",
    "eq": "10001.5",
    "cashBal": "10000",
    "availEq": "9000",
    "availBal": "8999",
    "upl": "1.5",
    "mgnRatio": "",
}
BALANCE = {"totalEq": "10010", "mgnRatio": "", "uTime": str(T0), "details": [{"ccy": "BTC", "eq": "0"}, USDT]}
FEES = {
    "taker": "-0.0008", "maker": "-0.0003", "takerU": "-0.0005", "makerU": "-0.0002",
    "feeGroup": [{"groupId": "4", "taker": "-0.0006", "maker": "0.0001"}, {"groupId": "6", "taker": "", "maker": ""}],
}  # fmt: skip


def test_a_position_keeps_what_the_venue_left_blank_unknown() -> None:
    parsed = account_rows.position(POSITION)
    assert parsed is not None
    assert (parsed.contracts, parsed.leverage, parsed.liquidation_price) == (D("1.28"), D(3), None)
    assert (parsed.margin, parsed.margin_ratio, parsed.margin_mode) == (D("995.84"), D("27.1"), "isolated")


@pytest.mark.parametrize(
    ("pos", "pos_side", "expected"), [("-2", "net", "-2"), ("2", "short", "-2"), ("2", "long", "2")]
)
def test_shorts_are_negative_in_both_modes(pos: str, pos_side: str, expected: str) -> None:
    parsed = account_rows.position({**POSITION, "pos": pos, "posSide": pos_side})
    assert parsed is not None
    assert parsed.contracts == D(expected)


@pytest.mark.parametrize("pos", ["0", "", "0.00"])
def test_flat_is_an_absent_position(pos: str) -> None:
    assert account_rows.position({**POSITION, "pos": pos, "avgPx": ""}) is None


def test_balance_is_the_usdt_line_and_a_blank_margin_ratio_is_unknown() -> None:
    parsed = account_rows.balance(BALANCE)
    assert (parsed.equity, parsed.cash, parsed.available, parsed.unrealised) == (
        D("10001.5"),
        D(10000),
        D(9000),
        D("1.5"),
    )
    assert parsed.margin_ratio is None
    own = {**BALANCE, "details": [{**USDT, "mgnRatio": "12.5", "availEq": "", "upl": ""}]}
    assert account_rows.balance(own).margin_ratio == D("12.5")
    assert (account_rows.balance(own).available, account_rows.balance(own).unrealised) == (D(8999), D("1.5"))
    assert account_rows.balance({**BALANCE, "mgnRatio": "33"}).margin_ratio == D(33)


def test_an_account_without_a_usdt_line_is_unknown_and_not_empty() -> None:
    with pytest.raises(ExchangeError, match="USDT"):
        account_rows.balance({**BALANCE, "details": []})


def test_account_config() -> None:
    parsed = account_rows.account_config(
        {"acctLv": "2", "posMode": "net_mode", "perm": "read_only,trade", "ip": "1.2.3.4"}
    )
    assert (parsed.account_level, parsed.net_mode, parsed.ip_bound) == ("2", True, True)
    assert parsed.permissions == {"read_only", "trade"}


def test_fee_rates_are_positive_costs_of_the_instruments_group() -> None:
    assert account_rows.fee_rates(FEES, "4") == FeeRates(taker=D("0.0006"), maker=D("-0.0001"))
    assert account_rows.fee_rates(FEES, "6") == FeeRates(taker=D("0.0005"), maker=D("0.0002"))
    assert account_rows.fee_rates({"taker": "-0.0005", "maker": "-0.0002"}, "9") == FeeRates(D("0.0005"), D("0.0002"))
    with pytest.raises(ExchangeError, match="taker"):
        account_rows.fee_rates({"taker": ""}, "")


def test_an_order() -> None:
    parsed = account_rows.order(ORDER)
    assert (parsed.state, parsed.filled, parsed.average_price, parsed.algo_id) == (
        OrderState.FILLED,
        D("1.28"),
        D(77800),
        "",
    )
    resting = account_rows.order({**ORDER, "state": "live", "accFillSz": "", "avgPx": "0", "fee": "", "algoId": "0"})
    assert (resting.filled, resting.average_price, resting.fee, resting.algo_id) == (D(0), None, D(0), "")
    assert account_rows.order({**ORDER, "state": "mmp_canceled", "reduceOnly": True}).state is OrderState.CANCELED


@pytest.mark.parametrize(("subtype", "forced"), [("3", False), ("5", False), ("104", True), ("125", True), ("", False)])
def test_a_fill_says_whether_it_was_forced(subtype: str, forced: bool) -> None:
    assert account_rows.fill({**FILL, "subType": subtype}).liquidation is forced


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("2", BillKind.TRADE),
        ("8", BillKind.FUNDING),
        ("5", BillKind.LIQUIDATION),
        ("9", BillKind.ADL),
        ("77", BillKind.OTHER),
    ],
)
def test_a_bill(kind: str, expected: BillKind) -> None:
    row = {
        "billId": "9",
        "type": kind,
        "balChg": "-0.5",
        "bal": "100",
        "pnl": "",
        "fee": "",
        "ts": str(T0),
        "instId": "",
    }
    parsed = account_rows.bill(row)
    assert (parsed.kind, parsed.change, parsed.balance, parsed.pnl) == (expected, D("-0.5"), D(100), D(0))


@pytest.mark.parametrize(
    ("kind", "closed"), [("1", False), ("2", True), ("3", True), ("4", False), ("5", False), ("6", True)]
)
def test_only_whole_closes_are_closed_positions(kind: str, closed: bool) -> None:
    parsed = account_rows.closed_position({**HISTORY, "type": kind})
    assert (parsed is not None) is closed
    assert parsed is None or parsed.liquidated is (kind in {"3", "6"})


def test_an_oco_with_both_legs_covers_its_size() -> None:
    parsed = account_rows.bracket(ALGO)
    assert (parsed.stop, parsed.target, parsed.side) == (D(76000), D(80000), Side.SELL)
    assert parsed.covers(D("1.28"))
    assert not parsed.covers(D("1.29"))


@pytest.mark.parametrize(
    "changes",
    [
        {"slTriggerPx": ""},
        {"tpTriggerPx": "0"},
        {"state": "pause"},
        {"state": "effective"},
        {"state": "order_failed"},
        {"state": "never_heard_of"},
        {"reduceOnly": "false"},
        {"reduceOnly": ""},
        {"sz": ""},
    ],
)
def test_what_is_not_a_live_two_legged_reduce_only_bracket_covers_nothing(changes: dict[str, str]) -> None:
    assert not account_rows.bracket({**ALGO, **changes}).covers(D("0.01"))


def test_a_whole_position_bracket_covers_any_size_and_an_unknown_state_shows_as_failed() -> None:
    assert account_rows.bracket({**ALGO, "sz": "", "closeFraction": "1"}).covers(D(999))
    assert account_rows.bracket({**ALGO, "state": "brand_new"}).state is BracketState.FAILED


@pytest.mark.parametrize(("rows", "expected"), [([{"lever": "1"}], "1"), ([{"lever": "3.0"}, {"lever": "5"}], "5")])
def test_the_highest_leverage_counts(rows: list[dict[str, str]], expected: str) -> None:
    assert account_rows.leverage(rows) == D(expected)


@pytest.mark.parametrize(("currency", "fee"), [("USDT", "-0.49"), ("", "-0.49"), ("OKB", "0")])
def test_a_fee_in_another_coin_costs_no_usdt(currency: str, fee: str) -> None:
    assert account_rows.fill({**FILL, "feeCcy": currency}).fee == D(fee)


@pytest.mark.parametrize(
    ("parse", "row", "named"),
    [
        (account_rows.position, {**POSITION, "avgPx": ""}, "avgPx = ''"),
        (account_rows.position, {**POSITION, "pos": "x"}, "pos = 'x'"),
        (account_rows.order, {**ORDER, "state": "odd"}, "state = 'odd'"),
        (account_rows.order, {**ORDER, "side": ""}, "side = ''"),
        (account_rows.fill, {**FILL, "fillPx": "Infinity"}, "fillPx = 'Infinity'"),
        (account_rows.fill, {**FILL, "fillPx": "0"}, "fillPx = '0'"),
        (account_rows.fill, {**FILL, "fillPx": ""}, "fillPx = ''"),
        (account_rows.fill, {k: v for k, v in FILL.items() if k != "tradeId"}, "tradeId = ''"),
        (account_rows.bracket, {**ALGO, "algoId": None}, "algoId = ''"),
        (account_rows.balance, {**BALANCE, "uTime": ""}, "uTime = ''"),
        (account_rows.leverage, [], "leverage-info"),
    ],
)
def test_a_malformed_row_names_its_field_and_value(parse: Any, row: Any, named: str) -> None:
    with pytest.raises(ExchangeError) as caught:
        parse(row)
    assert named in str(caught.value)
