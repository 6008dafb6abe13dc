"""The account's reads, settings and the rarer refusals."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.exchange.simulator.okx_errors import OkxError
from engine.exchange.simulator.tiers import maintenance_rate
from tests.exchange.simulator.venue.bench_desk import BenchDesk, attached, balances
from tests.exchange.simulator.venue.scripted_market import BTC, ETH


def test_the_account_is_futures_mode_net_and_cannot_withdraw() -> None:
    [config] = BenchDesk().venue.account_config({})
    assert (config["acctLv"], config["posMode"], config["perm"]) == ("2", "net_mode", "read_only,trade")


def test_fees_are_negative_because_they_are_paid() -> None:
    [row] = BenchDesk().venue.trade_fee({"instType": "SWAP", "instId": BTC})
    assert (row["taker"], row["maker"]) == ("-0.0005", "-0.0002")
    assert {"groupId": "6", "taker": "-0.0005", "maker": "-0.0002"} in row["feeGroup"]


def test_the_price_limit_is_what_orders_are_held_to() -> None:
    desk = BenchDesk()
    [row] = desk.venue.price_limit({"instId": BTC})
    assert (row["buyLmt"], row["sellLmt"]) == ("52500", "47500")
    assert desk.order("buy", "0.01", px="52500")["sCode"] == "0"
    assert desk.order("buy", "0.01", px="52500.1")["sCode"] == "51006"


def test_tiers_bind_size_to_leverage() -> None:
    desk = BenchDesk(equity="900000000")
    rows = desk.venue.position_tiers({"instType": "SWAP", "tdMode": "isolated", "instFamily": "BTC-USDT"})
    assert (rows[0]["maxLever"], rows[0]["mmr"], rows[0]["maxSz"]) == ("100", "0.004", "170000")
    assert Decimal(rows[9]["mmr"]) == 10 * Decimal(rows[0]["mmr"])
    spec = desk.market.specs[BTC]
    for row in rows:
        for size in (Decimal(row["minSz"]) + spec.lot_sz, Decimal(row["maxSz"])):
            assert maintenance_rate(spec, size) == Decimal(row["mmr"])
    desk.market.lasts[BTC] = desk.market.marks[BTC] = [100.0]
    desk.venue.set_leverage({"instId": BTC, "lever": "100", "mgnMode": "isolated"})
    for _ in range(5):
        assert desk.order("buy", "34000")["sCode"] == "0"
    assert desk.order("buy", "1")["sCode"] == "51004"


def test_unknown_currencies_and_kinds_are_empty_not_wrong() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    assert desk.venue.balance({"ccy": "BTC"})[0]["details"] == []
    assert desk.venue.balance({"ccy": "USDT,BTC"})[0]["details"][0]["ccy"] == "USDT"
    spot = {"instType": "SPOT"}
    reads = (desk.venue.positions, desk.venue.positions_history, desk.venue.orders_pending, desk.venue.fills,
             desk.venue.bills, desk.venue.orders_history)  # fmt: skip
    assert [read(spot) for read in reads] == [[]] * 6
    assert desk.venue.algos_pending({"ordType": "oco", **spot}) == []


@pytest.mark.parametrize(
    ("read", "params", "code"),
    [
        ("orders_history", {}, "50014"),
        ("orders_history", {"instType": "SWAP", "limit": "0"}, "51000"),
        ("orders_history", {"instType": "SWAP", "after": "x"}, "51000"),
        ("algos_pending", {"ordType": "dance"}, "51000"),
        ("algo", {}, "50015"),
        ("algo", {"algoId": "1"}, "51603"),
        ("order", {"instId": BTC}, "51003"),
        ("order", {"ordId": "1"}, "50014"),
        ("order", {"instId": "NOPE", "ordId": "1"}, "51001"),
        ("leverage_info", {"instId": BTC}, "51000"),
        ("max_size", {"instId": BTC, "tdMode": "cash"}, "51000"),
        ("margin_balance", {"instId": BTC, "type": "add", "amt": "1"}, "59300"),
        ("set_position_mode", {"posMode": "sideways"}, "51000"),
        ("set_leverage", {"lever": "3", "mgnMode": "isolated"}, "50014"),
    ],
)
def test_bad_reads_and_settings_are_refused_at_the_top(read: str, params: dict[str, str], code: str) -> None:
    with pytest.raises(OkxError) as caught:
        getattr(BenchDesk().venue, read)(params)
    assert caught.value.code == code
    assert str(caught.value).startswith(code)


def test_bills_and_fills_filter_by_time_and_kind() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    begin = desk.venue.now_ms + 1
    desk.go(60)
    desk.filled("sell", "1")
    assert [row["side"] for row in desk.venue.fills({"begin": str(begin)})] == ["sell"]
    assert [row["side"] for row in desk.venue.fills({"end": str(begin)})] == ["buy"]
    assert len(desk.venue.bills({"type": "2", "subType": "1"})) == 1
    assert desk.venue.fills({"instId": ETH}) == []


def test_lower_leverage_needs_the_margin_for_it() -> None:
    desk = BenchDesk()
    desk.venue.set_leverage({"instId": BTC, "lever": "10", "mgnMode": "isolated"})
    desk.filled("buy", "100")
    with pytest.raises(OkxError, match="59108"):
        desk.venue.set_leverage({"instId": BTC, "lever": "1", "mgnMode": "isolated"})
    assert desk.position()["lever"] == "10"


def test_higher_leverage_may_not_eat_the_margin_of_a_losing_position() -> None:
    desk = BenchDesk()
    desk.market.rate = 0.05
    desk.filled("buy", "10")
    desk.go(20 * 3600)
    assert desk.position() is not None
    with pytest.raises(OkxError, match="59102"):
        desk.venue.set_leverage({"instId": BTC, "lever": "100", "mgnMode": "isolated"})


def test_hedge_mode_has_a_leverage_a_side() -> None:
    desk = BenchDesk()
    desk.venue.set_position_mode({"posMode": "long_short_mode"})
    desk.venue.set_leverage({"instId": BTC, "lever": "7", "mgnMode": "isolated", "posSide": "short"})
    rows = desk.venue.leverage_info({"instId": BTC, "mgnMode": "isolated"})
    assert [(row["posSide"], row["lever"]) for row in rows] == [("long", "3"), ("short", "7")]


def test_attached_prices_can_be_amended_while_they_sleep() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1", px="49900", clOrdId="rest", attachAlgoOrds=attached("52000", "49000"))
    amend = {"instId": BTC, "clOrdId": "rest"}
    better = [{"attachAlgoClOrdId": "a1", "newSlTriggerPx": "49500"}]
    assert desk.venue.amend_order({**amend, "attachAlgoOrds": better})[0]["sCode"] == "0"
    wrong = [{"attachAlgoClOrdId": "a1", "newTpTriggerPx": "49800"}]
    assert desk.venue.amend_order({**amend, "attachAlgoOrds": wrong})[0]["sCode"] == "51046"
    assert desk.venue.amend_order({**amend, "attachAlgoOrds": [{"attachAlgoId": "9"}]})[0]["sCode"] == "51527"
    assert desk.venue.amend_order({**amend, "attachAlgoOrds": "x"})[0]["sCode"] == "51000"
    desk.market.say(BTC, 49_800.0, at_s=60)
    desk.go(60)
    desk.pass_wall()
    [row] = desk.venue.algos_pending({"ordType": "oco"})
    assert (row["slTriggerPx"], row["tpTriggerPx"]) == ("49500", "52000")


def test_an_order_amended_down_to_what_was_filled_is_done() -> None:
    desk = BenchDesk()
    desk.market.level_size = Decimal("0.4")
    row = desk.filled("buy", "1", px="50000.1")
    amend = {"instId": BTC, "ordId": row["ordId"]}
    assert desk.venue.amend_order({**amend, "newSz": "0.3"})[0]["sCode"] == "51526"
    assert desk.venue.amend_order({**amend, "newSz": "0.4"})[0]["sCode"] == "0"
    assert desk.venue.order(amend)[0]["state"] == "filled"
    assert desk.order("buy", "0.1", px="49000")["sCode"] == "0"


def test_an_empty_book_refuses_market_orders_and_fails_stops() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    algo_id = desk.oco("sell", "1", "52000", "49000")
    desk.market.levels = 0
    assert desk.order("buy", "1")["sCode"] == "51109"
    assert desk.order("buy", "1", px="49000")["sCode"] == "0"
    desk.market.say(BTC, 48_950.0, at_s=60)
    desk.go(60)
    assert (desk.algo_row(algo_id)["state"], desk.algo_row(algo_id)["failCode"]) == ("order_failed", "51109")
    assert desk.venue.ledger_report()["naked"][-1]["to_wall_ms"] is None
    assert balances(desk.totals())


def test_trailing_stops_and_orders_have_their_caps() -> None:
    desk = BenchDesk(equity="1000000")
    desk.filled("buy", "1")
    codes = [desk.algo("sell", "move_order_stop", sz="1", callbackRatio="0.1")["sCode"] for _ in range(51)]
    assert (set(codes[:50]), codes[50]) == ({"0"}, "51260")
    codes = [desk.order("buy", "0.01", px="49000")["sCode"] for _ in range(501)]
    assert (set(codes[:500]), codes[500]) == ({"0"}, "51174")


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("51000", {"ordType": "conditional", "tpTriggerPx": "", "slTriggerPx": "", "tpOrdPx": "", "slOrdPx": ""}),
        ("51000", {"ordType": "conditional", "slTriggerPx": "", "tpTriggerPx": "52000", "tpOrdPx": "-2"}),
        ("51000", {"ordType": "trigger"}),
        ("51250", {"ordType": "trigger", "triggerPx": "50000", "orderPx": "-1"}),
        ("51000", {"ordType": "move_order_stop"}),
        ("51000", {"ordType": "move_order_stop", "callbackSpread": "0.01"}),
        ("51259", {"ordType": "move_order_stop", "callbackSpread": "10", "activePx": "51000", "side": "buy"}),
        ("51000", {"sz": "-1"}),
    ],
)
def test_rarer_algo_refusals(code: str, change: dict[str, str]) -> None:
    desk = BenchDesk()
    params = {"instId": BTC, "tdMode": "isolated", "side": "sell", "ordType": "oco", "sz": "1", "tpTriggerPx": "52000",
              "tpOrdPx": "-1", "slTriggerPx": "49000", "slOrdPx": "-1"}  # fmt: skip
    assert desk.venue.place_algo({**params, **change})[0]["sCode"] == code


def test_a_conditional_with_both_legs_keeps_only_its_stop() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    legs = {"tpTriggerPx": "52000", "tpOrdPx": "-1", "slTriggerPx": "49000", "slOrdPx": "-1"}
    algo_id = desk.algo("sell", "conditional", sz="1", reduceOnly=True, **legs)["algoId"]
    assert (desk.algo_row(algo_id)["tpTriggerPx"], desk.algo_row(algo_id)["slTriggerPx"]) == ("", "49000")


def test_amending_what_cannot_be_amended_is_refused() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    legs = {"slTriggerPx": "49000", "slOrdPx": "-1", "reduceOnly": True}
    whole = desk.algo("sell", "conditional", closeFraction="1", **legs)["algoId"]
    trail = desk.algo("sell", "move_order_stop", sz="1", callbackRatio="0.1")["algoId"]
    codes = [
        desk.venue.amend_algo({"instId": BTC, "algoId": whole, "newSz": "1"}),
        desk.venue.amend_algo({"instId": BTC, "algoId": whole, "newTpTriggerPx": "52000"}),
        desk.venue.amend_algo({"instId": BTC, "algoId": trail, "newSlTriggerPx": "49000"}),
        desk.venue.amend_algo({"instId": BTC, "algoId": trail, "newSz": "0.5"}),
        desk.venue.amend_algo({"instId": BTC, "algoId": "77", "newSz": "0.5"}),
    ]
    assert [items[0]["sCode"] for items in codes] == ["51000", "51000", "51500", "0", "51503"]


def test_requests_that_are_no_objects_are_refused() -> None:
    venue = BenchDesk().venue
    with pytest.raises(OkxError, match="50002"):
        venue.cancel_algos({"instId": BTC})  # type: ignore[arg-type]
    with pytest.raises(OkxError, match="50002"):
        venue.place_orders(["x"])  # type: ignore[list-item]
    with pytest.raises(OkxError, match="51000"):
        venue.place_orders([])
    item = {"instId": BTC, "tdMode": "isolated", "side": "buy", "ordType": "market", "sz": "1"}
    assert venue.place_order({**item, "reduceOnly": "perhaps"})[0]["sCode"] == "51000"
    assert venue.place_order({**item, "reduceOnly": ["x"]})[0]["sCode"] == "51000"
    assert venue.place_order({**item, "attachAlgoOrds": ["x"]})[0]["sCode"] == "51000"
    assert venue.place_order({**item, "attachAlgoOrds": [{"attachAlgoClOrdId": "a"}]})[0]["sCode"] == "51000"
    assert venue.place_order({**item, "attachAlgoOrds": None})[0]["sCode"] == "0"
