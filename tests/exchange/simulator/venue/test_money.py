"""Money: golden trades as data, funding, liquidation, margin and the equity identity."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.exchange.simulator.okx_errors import OkxError
from tests.exchange.simulator.venue.bench_desk import BenchDesk, balances
from tests.exchange.simulator.venue.scripted_market import BTC, ETH, HOUR

# BTC: 0.01 a contract, tick 0.1; buys fill one tick above, sells one tick below the last price.
# Each case: trades (last price, side, contracts) → profit of each, fee of each, the position left.
GOLDEN = [
    (
        "a round trip",
        [(50_000.0, "buy", "2"), (51_000.0, "sell", "2")],
        ["0", "19.996"],
        ["-0.500001", "-0.509999"],
        None,
    ),
    (
        "a short round trip at a loss",
        [(50_000.0, "sell", "1"), (50_500.0, "buy", "1")],
        ["0", "-5.002"],
        ["-0.2499995", "-0.2525005"],
        None,
    ),
    (
        "adding averages the entry, closing part keeps it",
        [(50_000.0, "buy", "1"), (52_000.0, "buy", "1"), (52_000.0, "sell", "1")],
        ["0", "0", "9.998"],
        ["-0.2500005", "-0.2600005", "-0.2599995"],
        ("1", "51000.1"),
    ),
    (
        "a flip closes, then opens at the new price",
        [(50_000.0, "buy", "1"), (51_000.0, "sell", "3")],
        ["0", "9.998"],
        ["-0.2500005", "-0.7649985"],
        ("-2", "50999.9"),
    ),
]


@pytest.mark.parametrize(
    ("trades", "profits", "fees", "left"), [case[1:] for case in GOLDEN], ids=[c[0] for c in GOLDEN]
)
def test_golden_trades(
    trades: list[tuple[float, str, str]], profits: list[str], fees: list[str], left: tuple[str, str] | None
) -> None:
    desk = BenchDesk()
    for step, (price, side, contracts) in enumerate(trades):
        desk.market.say(BTC, price, at_s=step + 1)
        desk.go(step + 1)
        desk.filled(side, contracts)
    fills, bills = desk.venue.fills({})[::-1], desk.venue.bills({"type": "2"})[::-1]
    assert [fill["fillPnl"] for fill in fills] == profits
    assert [fill["fee"] for fill in fills] == fees
    assert [Decimal(bill["balChg"]) for bill in bills] == [
        Decimal(profit) + Decimal(fee) for profit, fee in zip(profits, fees, strict=True)
    ]
    assert Decimal(bills[-1]["bal"]) == 10_000 + sum(map(Decimal, [*profits, *fees]))
    row = desk.position()
    assert (row and (row["pos"], row["avgPx"])) == left
    assert balances(desk.totals())


def test_a_closed_position_tells_its_whole_life() -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    pos_id = desk.position()["posId"]
    desk.market.say(BTC, 51_000.0, at_s=60)
    desk.go(60)
    desk.filled("sell", "0.5")
    assert desk.venue.positions_history({})[0]["type"] == "1"
    desk.filled("sell", "1.5")
    [row] = desk.venue.positions_history({"type": "2"})
    assert (row["posId"], row["direction"], row["openMaxPos"], row["closeTotalPos"]) == (pos_id, "long", "2", "2")
    assert (row["openAvgPx"], row["closeAvgPx"], row["pnl"], row["fee"]) == ("50000.1", "50999.9", "19.996", "-1.01")
    assert Decimal(row["realizedPnl"]) == Decimal("18.986")
    base = Decimal("50000.1") * Decimal("0.02") / 3
    assert abs(Decimal(row["pnlRatio"]) - Decimal("18.986") / base) < Decimal("1e-12")
    desk.filled("buy", "1")
    assert desk.position()["posId"] == pos_id, "an id is used again when the same side reopens"


def test_unrealised_profit_and_margin_follow_the_mark() -> None:
    desk = BenchDesk()
    desk.filled("buy", "3")
    desk.market.say(BTC, 51_000.0, at_s=60, mark=50_900.0)
    desk.go(60)
    row = desk.position()
    assert (row["upl"], row["uplLastPx"], row["notionalUsd"]) == ("26.997", "29.997", "1527")
    margin = Decimal(row["margin"])
    assert margin == Decimal("50000.1") * Decimal("0.03") / 3
    need = Decimal("1527") * (Decimal("0.004") + Decimal("0.0005"))
    assert abs(Decimal(row["mgnRatio"]) - (margin + Decimal("26.997")) / need) < Decimal("1e-9")
    detail = desk.venue.balance({})[0]["details"][0]
    assert Decimal(detail["eq"]) == Decimal(detail["cashBal"]) + Decimal("26.997")
    assert Decimal(detail["availBal"]) == Decimal(detail["cashBal"]) - margin
    assert detail["mgnRatio"] == "", "no cross position"
    assert desk.venue.balance({})[0]["mgnRatio"] == "", "acctLv 2 knows no account-level ratio"


@pytest.mark.parametrize(("side", "rate", "sub_type", "sign"), [
    ("buy", 0.0001, "173", -1), ("buy", -0.0002, "174", 1), ("sell", 0.0001, "174", 1), ("sell", -0.0002, "173", -1),
])  # fmt: skip
def test_funding_is_charged_at_the_settlement_on_value_at_mark(
    side: str, rate: float, sub_type: str, sign: int
) -> None:
    desk = BenchDesk()
    desk.market.rate = rate
    desk.filled(side, "2")
    desk.market.say(BTC, 50_300.0, at_s=3 * 3600 - 5, mark=50_500.0)
    desk.go(3 * 3600 - 1)
    assert desk.venue.bills({"type": "8"}) == []
    margin = Decimal(desk.position()["margin"])
    desk.go(3 * 3600)
    [bill] = desk.venue.bills({"type": "8"})
    amount = sign * abs(Decimal("1010") * Decimal(str(rate)))
    assert (Decimal(bill["pnl"]), Decimal(bill["balChg"]), bill["subType"]) == (amount, amount, sub_type)
    assert Decimal(desk.position()["fundingFee"]) == amount
    assert Decimal(desk.position()["margin"]) == margin + amount
    assert balances(desk.totals())


def test_funding_falls_once_a_settlement_and_never_on_the_flat() -> None:
    desk = BenchDesk()
    desk.market.rate = 0.0001
    desk.go(4 * 3600)
    desk.filled("buy", "1")
    desk.go(4 * 3600 + 24 * 3600)
    assert len(desk.venue.bills({"type": "8"})) == 3
    desk.filled("sell", "1")
    desk.go(60 * 3600)
    assert len(desk.venue.bills({"type": "8"})) == 3


def test_a_limit_fill_just_before_a_settlement_pays_it() -> None:
    desk = BenchDesk()
    desk.market.rate = 0.0001
    desk.filled("buy", "1", px="49900")
    desk.market.say(BTC, 49_800.0, at_s=3 * 3600 - 5)
    desk.go(5 * 3600)
    assert len(desk.venue.bills({"type": "8"})) == 1


def test_liquidation_takes_the_margin_and_no_more() -> None:
    desk = BenchDesk()
    desk.venue.set_leverage({"instId": BTC, "lever": "10", "mgnMode": "isolated"})
    desk.filled("buy", "10")
    level = Decimal(desk.position()["liqPx"])
    margin = Decimal(desk.position()["margin"])
    cash = desk.totals()["cash"]
    desk.market.say(BTC, float(level) + 5, at_s=60)
    desk.market.say(BTC, 46_000.0, at_s=120, mark=float(level) + 1)
    desk.market.say(BTC, 46_000.0, at_s=180, mark=float(level) - 1)
    desk.go(120)
    assert desk.contracts() == 10, "the last price liquidates nobody"
    desk.go(180)
    assert desk.position() is None
    assert abs(cash - desk.totals()["cash"] - margin) < Decimal("0.0001")
    [row] = desk.venue.positions_history({})
    assert (row["type"], Decimal(row["liqPenalty"]) < 0) == ("3", True)
    assert Decimal(row["realizedPnl"]) == -margin + Decimal(row["fee"]) - Decimal(desk.venue.fills({})[0]["fee"])
    assert {bill["subType"] for bill in desk.venue.bills({"type": "5"})} == {"107", "109"}
    order = desk.venue.orders_history({"instType": "SWAP", "category": "full_liquidation"})[0]
    assert (order["state"], order["side"]) == ("filled", "sell")
    assert balances(desk.totals())


def test_a_gap_beyond_bankruptcy_still_costs_only_the_margin() -> None:
    desk = BenchDesk()
    desk.filled("sell", "10")
    margin = Decimal(desk.position()["margin"])
    cash = desk.totals()["cash"]
    desk.market.say(BTC, 90_000.0, at_s=60)
    desk.go(60)
    assert desk.position() is None
    assert abs(cash - desk.totals()["cash"] - margin) < Decimal("0.02")
    assert balances(desk.totals())


def test_a_stop_before_the_liquidation_price_saves_the_margin() -> None:
    desk = BenchDesk()
    desk.filled("buy", "10")
    desk.oco("sell", "10", "60000", "45000")
    desk.market.say(BTC, 44_900.0, at_s=60)
    desk.market.say(BTC, 20_000.0, at_s=120)
    desk.go(120)
    assert desk.venue.bills({"type": "5"}) == []


def test_cross_positions_share_the_account_and_fall_with_it() -> None:
    desk = BenchDesk()
    desk.venue.set_leverage({"instId": BTC, "lever": "50", "mgnMode": "cross"})
    desk.filled("buy", "400", tdMode="cross")
    row = desk.position()
    assert (row["margin"], row["mgnMode"], row["imr"] != "") == ("", "cross", True)
    assert desk.venue.balance({})[0]["details"][0]["mgnRatio"] == row["mgnRatio"]
    level = Decimal(row["liqPx"])
    desk.market.say(BTC, float(level) + 5, at_s=60)
    desk.market.say(BTC, float(level) - 5, at_s=120)
    desk.go(60)
    assert desk.contracts() == 400
    desk.go(120)
    assert desk.position() is None
    totals = desk.totals()
    assert balances(totals)
    assert 0 <= totals["equity"] < 1_000


def test_max_size_is_what_the_account_can_really_open() -> None:
    desk = BenchDesk()
    [size] = desk.venue.max_size({"instId": BTC, "tdMode": "isolated"})
    assert desk.order("buy", size["maxBuy"])["sCode"] == "0"
    assert desk.order("buy", "1")["sCode"] == "51008"
    [after] = desk.venue.max_size({"instId": BTC, "tdMode": "isolated"})
    assert Decimal(after["maxSell"]) >= Decimal(size["maxBuy"])
    [closable] = desk.venue.max_avail_size({"instId": BTC, "tdMode": "isolated", "reduceOnly": "true"})
    assert (closable["availSell"], closable["availBuy"]) == (size["maxBuy"], "0")


def test_resting_orders_hold_margin() -> None:
    desk = BenchDesk()
    row = desk.filled("buy", "30", px="49000")
    free = Decimal(desk.venue.balance({})[0]["details"][0]["availBal"])
    assert free == 10_000 - 30 * Decimal("490") * (Decimal(1) / 3 + Decimal("0.0005"))
    assert desk.order("buy", "40", px="49000")["sCode"] == "51008"
    desk.venue.cancel_order({"instId": BTC, "ordId": row["ordId"]})
    assert desk.venue.balance({})[0]["details"][0]["availBal"] == "10000"


@pytest.mark.parametrize(("lever", "code"), [("0.5", "59102"), ("101", "59102"), ("x", "51000"), ("-1", "51000")])
def test_leverage_out_of_range_is_refused(lever: str, code: str) -> None:
    desk = BenchDesk()
    with pytest.raises(OkxError, match=code):
        desk.venue.set_leverage({"instId": BTC, "lever": lever, "mgnMode": "isolated"})


def test_leverage_defaults_to_three_reads_back_and_refits_an_open_margin() -> None:
    desk = BenchDesk()
    asked = {"instId": BTC, "mgnMode": "isolated"}
    assert desk.venue.leverage_info(asked)[0]["lever"] == "3"
    desk.filled("buy", "3")
    before = Decimal(desk.position()["margin"])
    desk.venue.set_leverage({**asked, "lever": "6"})
    assert desk.venue.leverage_info(asked)[0]["lever"] == "6"
    assert Decimal(desk.position()["margin"]) == before / 2
    desk.filled("buy", "1", px="49000")
    with pytest.raises(OkxError, match="59107"):
        desk.venue.set_leverage({**asked, "lever": "5"})


def test_margin_can_be_added_and_taken_back() -> None:
    desk = BenchDesk()
    desk.filled("buy", "3")
    before = desk.position()
    desk.venue.margin_balance({"instId": BTC, "type": "add", "amt": "100"})
    after = desk.position()
    assert Decimal(after["margin"]) == Decimal(before["margin"]) + 100
    assert Decimal(after["liqPx"]) < Decimal(before["liqPx"])
    with pytest.raises(OkxError, match="59301"):
        desk.venue.margin_balance({"instId": BTC, "type": "reduce", "amt": "300"})
    desk.venue.margin_balance({"instId": BTC, "type": "reduce", "amt": "90"})
    assert balances(desk.totals())


def test_events_happen_in_the_order_of_time_across_instruments() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1", BTC)
    desk.filled("buy", "1", ETH)
    desk.oco("sell", "1", "60000", "49000", BTC)
    desk.oco("sell", "1", "3000", "1900", ETH)
    desk.market.say(BTC, 48_000.0, at_s=200)
    desk.market.say(ETH, 1_800.0, at_s=100)
    desk.go(2 * HOUR / 1000)
    assert [fill["instId"] for fill in desk.venue.fills({})[:2]] == [BTC, ETH]


def test_every_change_is_told_in_order() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    channels = [event.channel for event in desk.events]
    assert channels == ["orders", "orders", "positions", "account", "balance_and_position"]
    assert desk.events[1].row["state"] == "filled"
    desk.events.clear()
    desk.filled("sell", "1")
    assert next(event.row["pos"] for event in desk.events if event.channel == "positions") == "0"
