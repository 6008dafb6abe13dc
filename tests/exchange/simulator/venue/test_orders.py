"""Orders at the simulated venue: what is taken, what is refused and with which code."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.exchange.simulator.okx_errors import OkxError
from tests.exchange.simulator.venue.bench_desk import BenchDesk, attached
from tests.exchange.simulator.venue.scripted_market import BTC, SPY, START


def test_a_market_order_fills_at_the_book_and_pays_the_taker_fee() -> None:
    desk = BenchDesk()
    row = desk.filled("buy", "2", clOrdId="first")
    assert (row["state"], row["accFillSz"], row["avgPx"]) == ("filled", "2", "50000.1")
    assert Decimal(row["fee"]) == -Decimal("0.02") * Decimal("50000.1") * Decimal("0.0005")
    fill = desk.venue.fills({})[0]
    assert (fill["fillPx"], fill["fillSz"], fill["execType"], fill["feeRate"]) == ("50000.1", "2", "T", "-0.0005")


def test_a_large_market_order_walks_the_book_level_by_level() -> None:
    desk = BenchDesk(equity="1000000")
    desk.market.level_size = Decimal(4)
    row = desk.filled("buy", "10")
    assert [fill["fillSz"] for fill in desk.venue.fills({})] == ["2", "4", "4"]
    assert Decimal(row["avgPx"]) == (4 * Decimal("50000.1") + 4 * Decimal("50000.2") + 2 * Decimal("50000.3")) / 10


def test_a_market_order_deeper_than_the_book_is_cancelled_with_its_fill_kept() -> None:
    desk = BenchDesk(equity="1000000")
    desk.market.level_size, desk.market.levels = Decimal(1), 5
    row = desk.filled("buy", "10")
    assert (row["state"], row["accFillSz"], row["cancelSource"]) == ("canceled", "5", "27")
    assert desk.contracts() == 5


def test_a_market_order_stops_at_the_slippage_guard() -> None:
    desk = BenchDesk(equity="1000000")
    desk.market.lasts[SPY] = [1.0]
    desk.market.marks[SPY] = [1.0]
    desk.market.level_size = Decimal(10)
    row = desk.filled("buy", "100", SPY)
    assert (row["state"], row["accFillSz"], row["cancelSource"]) == ("canceled", "60", "27")


def test_ioc_takes_what_there_is_and_fok_takes_all_or_nothing() -> None:
    desk = BenchDesk(equity="1000000")
    desk.market.level_size = Decimal(3)
    ioc = desk.filled("buy", "10", px="50000.2", ordType="ioc")
    assert (ioc["state"], ioc["accFillSz"], ioc["cancelSource"]) == ("canceled", "6", "14")
    fok = desk.filled("buy", "10", px="50000.2", ordType="fok")
    assert (fok["state"], fok["accFillSz"], fok["cancelSource"]) == ("canceled", "0", "14")


def test_post_only_that_would_take_is_shown_live_then_cancelled() -> None:
    desk = BenchDesk()
    row = desk.filled("buy", "1", px="50001", ordType="post_only")
    assert (row["state"], row["cancelSource"], row["accFillSz"]) == ("canceled", "31", "0")
    assert [event.row["state"] for event in desk.events if event.channel == "orders"] == ["live", "canceled"]


def test_a_resting_limit_fills_as_maker_at_its_own_price_when_the_path_trades_through() -> None:
    desk = BenchDesk()
    desk.market.say(BTC, 49_950.0, at_s=60)
    desk.market.say(BTC, 49_800.0, at_s=120)
    row = desk.filled("buy", "1", px="49900")
    assert row["state"] == "live"
    desk.go(100)
    assert desk.contracts() == 0
    desk.go(130)
    order = desk.venue.order({"instId": BTC, "ordId": row["ordId"]})[0]
    assert (order["state"], order["avgPx"], order["fillTime"]) == ("filled", "49900", str(START + 120_000))
    assert Decimal(order["fee"]) == -Decimal("0.01") * 49900 * Decimal("0.0002")


def test_a_resting_limit_larger_than_the_depth_fills_in_parts() -> None:
    desk = BenchDesk(equity="1000000")
    desk.market.level_size = Decimal(2)
    row = desk.filled("buy", "7", px="49900")
    for step, price in enumerate((49_900.0, 49_899.8, 49_800.0), start=1):
        desk.market.say(BTC, price, at_s=60 * step)
    seen = []
    for step in range(1, 4):
        desk.go(60 * step)
        seen.append(desk.venue.order({"instId": BTC, "ordId": row["ordId"]})[0]["accFillSz"])
    assert seen == ["2", "6", "7"]


REFUSALS = [
    ("51001", {"instId": "NOPE-USDT-SWAP"}),
    ("51000", {"tdMode": "cash"}),
    ("51000", {"side": "up"}),
    ("51000", {"ordType": "weird"}),
    ("51000", {"sz": "0"}),
    ("51000", {"sz": "NaN"}),
    ("51000", {"sz": "-1"}),
    ("51000", {"posSide": "long"}),
    ("51000", {"clOrdId": "with-dash"}),
    ("51000", {"clOrdId": "x" * 33}),
    ("51000", {"tag": "with space"}),
    ("51000", {"ordType": "limit"}),
    ("51000", {"ordType": "limit", "px": "49000.05"}),
    ("51006", {"ordType": "limit", "px": "60000"}),
    ("51006", {"side": "sell", "ordType": "limit", "px": "40000"}),
    ("51020", {"sz": "0.001"}),
    ("51121", {"sz": "1.005"}),
    ("51202", {"sz": "34001"}),
    ("51203", {"ordType": "limit", "px": "50000", "sz": "50000"}),
    ("51008", {"sz": "100"}),
    ("51169", {"reduceOnly": True, "side": "sell"}),
    ("51333", {"reduceOnly": True, "attachAlgoOrds": attached("51000", "49000")}),
    ("51050", {"attachAlgoOrds": attached("49000", "48000")}),
    ("51051", {"attachAlgoOrds": attached("51000", "50500")}),
    ("51046", {"ordType": "limit", "px": "49900", "attachAlgoOrds": attached("49800", "48000")}),
    ("51053", {"side": "sell", "attachAlgoOrds": attached("49000", "48000")}),
]


@pytest.mark.parametrize(("code", "change"), REFUSALS, ids=[f"{code}-{change}"[:60] for code, change in REFUSALS])
def test_a_bad_order_is_refused_in_its_item_and_changes_nothing(code: str, change: dict[str, object]) -> None:
    desk = BenchDesk()
    good = {"instId": BTC, "tdMode": "isolated", "side": "buy", "ordType": "market", "sz": "1"}
    item = desk.venue.place_order({**good, **change})[0]
    assert item["sCode"] == code
    assert item["sMsg"]
    assert desk.venue.ledger_report()["orders"] == []


def test_a_batch_reports_each_item_on_its_own() -> None:
    desk = BenchDesk()
    good = {"instId": BTC, "tdMode": "isolated", "side": "buy", "ordType": "market", "sz": "1"}
    items = desk.venue.place_orders([good, {**good, "sz": "0.001"}, good])
    assert [item["sCode"] for item in items] == ["0", "51020", "0"]
    assert desk.contracts() == 2


def test_a_client_id_is_refused_only_while_its_order_lives() -> None:
    desk = BenchDesk()
    assert desk.order("buy", "1", px="49000", clOrdId="same")["sCode"] == "0"
    assert desk.order("buy", "1", px="49000", clOrdId="same")["sCode"] == "51016"
    assert desk.venue.cancel_order({"instId": BTC, "clOrdId": "same"})[0]["sCode"] == "0"
    assert desk.order("buy", "1", clOrdId="same")["sCode"] == "0"
    again = desk.order("buy", "1", clOrdId="same")
    assert again["sCode"] == "0", "accepted again after a fill: the client's duty to ask first"
    assert desk.venue.order({"instId": BTC, "clOrdId": "same"})[0]["ordId"] == again["ordId"]
    assert desk.venue.ledger_report()["duplicates"] == 1


def test_reduce_only_refuses_what_would_not_reduce() -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    assert desk.order("buy", "1", reduceOnly=True)["sCode"] == "51170"
    assert desk.order("sell", "3", reduceOnly=True)["sCode"] == "51112"
    assert desk.order("sell", "1", tdMode="cross", reduceOnly=True)["sCode"] == "51169"
    assert desk.order("sell", "2", reduceOnly="true")["sCode"] == "0"
    assert desk.position() is None


def test_a_resting_reduce_only_order_never_flips_at_fill_time() -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    resting = desk.filled("sell", "2", px="50500", reduceOnly=True)
    desk.filled("sell", "1.5")
    desk.market.say(BTC, 50_600.0, at_s=60)
    desk.go(60)
    row = desk.venue.order({"instId": BTC, "ordId": resting["ordId"]})[0]
    assert (row["state"], row["accFillSz"], row["cancelSource"]) == ("canceled", "0.5", "22")
    assert desk.contracts() == 0


def test_resting_reduce_only_orders_go_with_the_position_plain_ones_stay() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    desk.filled("sell", "1", px="51000", reduceOnly=True)
    plain = desk.filled("buy", "1", px="49000")
    desk.filled("sell", "1")
    assert [row["ordId"] for row in desk.venue.orders_pending({})] == [plain["ordId"]]


def test_an_opposite_order_without_reduce_only_flips_in_net_mode() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    desk.filled("sell", "3")
    assert desk.contracts() == -2
    assert [row["type"] for row in desk.venue.positions_history({})] == ["2"]


def test_amending_changes_the_total_size_and_the_price() -> None:
    desk = BenchDesk()
    row = desk.filled("buy", "1", px="49000", clOrdId="rest")
    item = desk.venue.amend_order({"instId": BTC, "clOrdId": "rest", "newSz": "2", "newPx": "50000.5", "reqId": "r1"})
    assert (item[0]["sCode"], item[0]["reqId"]) == ("0", "r1")
    assert desk.contracts() == 2, "the new price crosses the book"
    assert desk.venue.amend_order({"instId": BTC, "ordId": row["ordId"], "newSz": "3"})[0]["sCode"] == "51503"


@pytest.mark.parametrize(
    ("code", "change"),
    [("51500", {}), ("51006", {"newPx": "70000"}), ("51121", {"newSz": "1.005"}), ("51008", {"newSz": "100"})],
)
def test_a_refused_amendment_leaves_the_order_as_it_was(code: str, change: dict[str, str]) -> None:
    desk = BenchDesk()
    row = desk.filled("buy", "1", px="49000")
    assert desk.venue.amend_order({"instId": BTC, "ordId": row["ordId"], **change})[0]["sCode"] == code
    after = desk.venue.order({"instId": BTC, "ordId": row["ordId"]})[0]
    assert (after["sz"], after["px"], after["state"]) == ("1", "49000", "live")
    desk.venue.amend_order({"instId": BTC, "ordId": row["ordId"], "cxlOnFail": True, "newPx": "70000"})
    assert desk.venue.order({"instId": BTC, "ordId": row["ordId"]})[0]["state"] == "canceled"


def test_cancelling_what_is_gone_says_so() -> None:
    desk = BenchDesk()
    row = desk.filled("buy", "1")
    assert desk.venue.cancel_order({"instId": BTC, "ordId": row["ordId"]})[0]["sCode"] == "51400"
    assert desk.venue.cancel_order({"instId": BTC, "clOrdId": "never"})[0]["sCode"] == "51400"
    with pytest.raises(OkxError, match="51603"):
        desk.venue.order({"instId": BTC, "clOrdId": "never"})


def test_close_position_closes_all_and_names_its_refusals() -> None:
    desk = BenchDesk()
    close = {"instId": BTC, "mgnMode": "isolated", "clOrdId": "bye"}
    with pytest.raises(OkxError, match="51023"):
        desk.venue.close_position(close)
    desk.filled("buy", "2")
    desk.filled("sell", "1", px="51000", reduceOnly=True)
    with pytest.raises(OkxError, match="51115"):
        desk.venue.close_position(close)
    assert desk.venue.close_position({**close, "autoCxl": "true"}) == [
        {"instId": BTC, "posSide": "net", "clOrdId": "bye", "tag": ""}
    ]
    assert desk.position() is None
    assert desk.venue.orders_pending({}) == []


def test_a_position_beyond_one_market_order_must_be_sliced() -> None:
    desk = BenchDesk(equity="1000000")
    desk.filled("buy", "150", SPY)
    desk.filled("buy", "50", SPY)
    with pytest.raises(OkxError, match="51108"):
        desk.venue.close_position({"instId": SPY, "mgnMode": "isolated"})
    assert desk.order("sell", "150", SPY, reduceOnly=True)["sCode"] == "0"
    desk.venue.close_position({"instId": SPY, "mgnMode": "isolated"})
    assert desk.position(SPY) is None


def test_cancel_all_after_fires_by_the_wall_and_spares_stops() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    algo_id = desk.oco("sell", "1", "52000", "49000")
    desk.filled("buy", "1", px="48000", tag="mine")
    other = desk.filled("buy", "1", px="48000")
    desk.venue.cancel_all_after({"timeOut": "10", "tag": "mine"})
    desk.pass_wall(9_000)
    assert len(desk.venue.orders_pending({})) == 2
    desk.pass_wall(1_000)
    assert [row["ordId"] for row in desk.venue.orders_pending({})] == [other["ordId"]]
    assert desk.algo_row(algo_id)["state"] == "live"
    with pytest.raises(OkxError, match="51000"):
        desk.venue.cancel_all_after({"timeOut": "5"})


def test_own_resting_orders_are_cancelled_rather_than_met() -> None:
    desk = BenchDesk()
    own = desk.filled("sell", "1", px="50000.2")
    desk.market.level_size = Decimal(1)
    desk.filled("buy", "3")
    assert desk.venue.order({"instId": BTC, "ordId": own["ordId"]})[0]["cancelSource"] == "32"


def test_history_forgets_unfilled_cancels_after_two_hours() -> None:
    desk = BenchDesk()
    row = desk.filled("buy", "1", px="49000")
    desk.venue.cancel_order({"instId": BTC, "ordId": row["ordId"]})
    assert len(desk.venue.orders_history({"instType": "SWAP"})) == 1
    desk.go(7_201)
    assert desk.venue.orders_history({"instType": "SWAP"}) == []
    assert len(desk.venue.orders_history({"instType": "SWAP"}, archive=True)) == 1


def test_pages_are_newest_first_with_exclusive_cursors() -> None:
    desk = BenchDesk()
    ids = [desk.filled("buy", "0.1", clOrdId=f"n{number}")["ordId"] for number in range(5)]
    assert ids == sorted(ids)
    newest = desk.venue.orders_history({"instType": "SWAP", "limit": "2"})
    assert [row["ordId"] for row in newest] == [ids[4], ids[3]]
    older = desk.venue.orders_history({"instType": "SWAP", "limit": "2", "after": ids[3]})
    assert [row["ordId"] for row in older] == [ids[2], ids[1]]
    newer = desk.venue.orders_history({"instType": "SWAP", "before": ids[3]})
    assert [row["ordId"] for row in newer] == [ids[4]]


def test_hedge_mode_keeps_both_sides_and_closes_by_construction() -> None:
    desk = BenchDesk()
    desk.venue.set_position_mode({"posMode": "long_short_mode"})
    assert desk.order("buy", "1")["sCode"] == "51000"
    desk.filled("buy", "1", posSide="long")
    desk.filled("sell", "2", posSide="short")
    assert sorted((row["posSide"], row["pos"]) for row in desk.venue.positions({})) == [("long", "1"), ("short", "2")]
    assert desk.order("sell", "2", posSide="long")["sCode"] == "51112"
    desk.filled("sell", "1", posSide="long")
    assert [row["posSide"] for row in desk.venue.positions({})] == ["short"]
    with pytest.raises(OkxError, match="59000"):
        desk.venue.set_position_mode({"posMode": "net_mode"})
