"""TP/SL, OCO, trigger and trailing orders, attached ones included."""

from __future__ import annotations

from decimal import Decimal

import pytest

from engine.exchange.simulator.okx_errors import OkxError
from tests.exchange.simulator.venue.bench_desk import BenchDesk, attached
from tests.exchange.simulator.venue.scripted_market import BTC, START

LEGS = {"tpTriggerPx": "52000", "tpOrdPx": "-1", "slTriggerPx": "49000", "slOrdPx": "-1", "reduceOnly": True}


@pytest.mark.parametrize(("price", "side"), [(52_500.0, "tp"), (48_900.0, "sl")])
def test_either_leg_of_an_oco_closes_the_position(price: float, side: str) -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    algo_id = desk.oco("sell", "2", "52000", "49000")
    desk.market.say(BTC, price, at_s=60)
    desk.go(120)
    row = desk.algo_row(algo_id)
    assert (row["state"], row["actualSide"], row["actualSz"]) == ("effective", side, "2")
    assert row["triggerTime"] == str(START + 60_000)
    child = desk.venue.order({"instId": BTC, "ordId": row["ordIdList"][0]})[0]
    assert (child["state"], child["source"], child["algoId"], child["reduceOnly"]) == ("filled", "7", algo_id, "true")
    assert Decimal(child["avgPx"]) == Decimal(str(price)) - Decimal("0.1")
    assert desk.position() is None


def test_a_gap_through_the_stop_fills_at_the_book_after_the_gap() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    algo_id = desk.oco("sell", "1", "52000", "49000")
    desk.market.say(BTC, 45_000.0, at_s=60)
    desk.go(60)
    assert desk.algo_row(algo_id)["actualPx"] == "44999.9"


def test_a_short_is_protected_the_other_way_round() -> None:
    desk = BenchDesk()
    desk.filled("sell", "1")
    algo_id = desk.oco("buy", "1", "48000", "51000")
    desk.market.say(BTC, 51_100.0, at_s=60)
    desk.go(60)
    assert desk.algo_row(algo_id)["actualSide"] == "sl"
    assert desk.position() is None


def test_triggers_watch_the_price_they_name() -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    by_mark = desk.oco("sell", "1", "52000", "49000", slTriggerPxType="mark", tpTriggerPxType="mark")
    by_index = desk.oco("sell", "1", "52000", "48000", slTriggerPxType="index", tpTriggerPxType="index")
    desk.market.say(BTC, 48_500.0, at_s=60, mark=49_500.0)
    desk.market.say(BTC, 49_500.0, at_s=120, mark=48_900.0)
    desk.market.say(BTC, 49_500.0, at_s=180, mark=47_900.0)
    desk.go(60)
    assert desk.algo_row(by_mark)["state"] == "live", "a wick of the last price is no reason"
    desk.go(120)
    assert (desk.algo_row(by_mark)["state"], desk.algo_row(by_index)["state"]) == ("effective", "live")
    desk.go(180)
    assert desk.algo_row(by_index)["state"] == "effective"
    assert desk.position() is None


REFUSALS = [
    ("51279", {"tpTriggerPx": "49500"}),
    ("51280", {"slTriggerPx": "50500"}),
    ("51304", {"slTriggerPx": "50500", "slTriggerPxType": "mark"}),
    ("51307", {"tpTriggerPx": "49500", "tpTriggerPxType": "index"}),
    ("51000", {"slTriggerPx": ""}),
    ("51000", {"sz": "1", "closeFraction": "1"}),
    ("51000", {"sz": ""}),
    ("51000", {"cxlOnClosePos": True, "reduceOnly": False}),
    ("51000", {"ordType": "twap"}),
    ("51000", {"slTriggerPx": "49000.05"}),
    ("51000", {"algoClOrdId": "a_b"}),
    ("51020", {"sz": "0.001"}),
    ("51121", {"sz": "1.005"}),
    ("51202", {"sz": "34001"}),
    ("51328", {"sz": "", "closeFraction": "1", "reduceOnly": False}),
    ("51330", {"sz": "", "closeFraction": "1", "slOrdPx": "48900"}),
    ("51332", {"sz": "", "closeFraction": "0.5"}),
    ("51023", {"tdMode": "cross", "cxlOnClosePos": True}),
    ("51001", {"instId": "NOPE"}),
]


@pytest.mark.parametrize(("code", "change"), REFUSALS, ids=[f"{code}-{change}"[:60] for code, change in REFUSALS])
def test_a_bad_algo_is_refused_in_its_item(code: str, change: dict[str, object]) -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    params = {"instId": BTC, "tdMode": "isolated", "side": "sell", "ordType": "oco", "sz": "1", **LEGS}
    item = desk.venue.place_algo({**params, **change})[0]
    assert item["sCode"] == code
    assert desk.venue.ledger_report()["algos"] == []


def test_one_algo_may_close_the_whole_position_whatever_its_size() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    assert desk.algo("sell", "oco", closeFraction="1", **LEGS)["sCode"] == "0"
    assert desk.algo("sell", "oco", closeFraction="1", **LEGS)["sCode"] == "51088"
    desk.filled("buy", "1.5")
    assert desk.position()["closeOrderAlgo"][0]["slTriggerPx"] == "49000"
    desk.market.say(BTC, 48_900.0, at_s=60)
    desk.go(60)
    assert desk.position() is None


def test_ordinary_oco_survives_the_close_linked_ones_go_with_it() -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    orphan = desk.oco("sell", "2", "52000", "49000")
    linked = desk.oco("sell", "2", "52000", "49000", cxlOnClosePos=True)
    whole = desk.oco("sell", "", "52000", "49000", closeFraction="1")
    desk.filled("sell", "2")
    assert desk.algo_row(orphan)["state"] == "live"
    assert [desk.algo_row(one)["state"] for one in (linked, whole)] == ["canceled", "canceled"]
    assert desk.venue.ledger_report()["orphans"] == 0, "a sweep has a moment"
    desk.wall += 2_001
    assert desk.venue.ledger_report()["orphans"] == 1
    desk.market.say(BTC, 48_900.0, at_s=60)
    desk.go(60)
    row = desk.algo_row(orphan)
    assert (row["state"], row["failCode"]) == ("order_failed", "51169")
    assert desk.position() is None


def test_an_orphan_stop_closes_the_next_position() -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    desk.oco("sell", "2", "52000", "49000")
    desk.filled("sell", "2")
    desk.filled("buy", "1")
    desk.market.say(BTC, 48_900.0, at_s=60)
    desk.go(60)
    assert desk.contracts() == 0, "shrunk to the new position, never flipped"


def test_a_stop_that_is_no_longer_the_closing_side_fails() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    algo_id = desk.oco("sell", "1", "52000", "49000")
    desk.filled("sell", "3")
    desk.market.say(BTC, 48_900.0, at_s=60)
    desk.go(60)
    assert desk.algo_row(algo_id)["failCode"] == "51170"
    assert desk.contracts() == -2


def test_a_limit_leg_sends_a_limit_order() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    algo_id = desk.oco("sell", "1", "52000", "49000", slOrdPx="49500")
    desk.market.say(BTC, 48_900.0, at_s=60)
    desk.go(60)
    child = desk.venue.order({"instId": BTC, "ordId": desk.algo_row(algo_id)["ordIdList"][0]})[0]
    assert (child["state"], child["px"], child["ordType"]) == ("live", "49500", "limit")
    assert desk.contracts() == 1, "a stop-limit skipped by a fast market protects nothing"


def test_a_trigger_order_opens_a_position() -> None:
    desk = BenchDesk()
    item = desk.algo(
        "buy", "trigger", sz="1", triggerPx="51000", orderPx="-1", attachAlgoOrds=attached("53000", "50000")
    )
    desk.market.say(BTC, 51_010.0, at_s=60)
    desk.go(60)
    row = desk.algo_row(item["algoId"])
    assert row["state"] == "effective"
    assert desk.venue.order({"instId": BTC, "ordId": row["ordId"]})[0]["source"] == "6"
    assert desk.contracts() == 1
    desk.pass_wall()
    assert desk.venue.algos_pending({"ordType": "oco"})[0]["slTriggerPx"] == "50000"


def test_a_trailing_stop_follows_the_peak_and_fires_on_the_way_back() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    item = desk.algo("sell", "move_order_stop", sz="1", callbackRatio="0.05", reduceOnly=True)
    for at_s, price in ((60, 55_000.0), (4_000, 60_000.0), (8_000, 57_100.0), (8_100, 56_900.0)):
        desk.market.say(BTC, price, at_s=at_s)
    desk.go(8_000)
    assert desk.algo_row(item["algoId"])["moveTriggerPx"] == "57000"
    desk.go(8_100)
    row = desk.algo_row(item["algoId"])
    assert (row["state"], row["actualPx"]) == ("effective", "56899.9")
    child = desk.venue.order({"instId": BTC, "ordId": row["ordId"]})[0]
    assert child["source"] == "25"


def test_a_trailing_stop_sleeps_until_its_activation_price() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    assert desk.algo("sell", "move_order_stop", sz="1", callbackSpread="500", activePx="49000")["sCode"] == "51258"
    assert desk.algo("sell", "move_order_stop", sz="1", callbackRatio="2")["sCode"] == "51257"
    params = {"sz": "1", "callbackSpread": "500", "activePx": "51000", "reduceOnly": True}
    algo_id = desk.algo("sell", "move_order_stop", **params)["algoId"]
    for at_s, price in ((60, 49_000.0), (120, 51_200.0), (180, 50_701.0), (240, 50_700.0)):
        desk.market.say(BTC, price, at_s=at_s)
    desk.go(60)
    assert (desk.algo_row(algo_id)["state"], desk.algo_row(algo_id)["moveTriggerPx"]) == ("live", "")
    desk.go(180)
    assert desk.algo_row(algo_id)["moveTriggerPx"] == "50700"
    desk.go(240)
    assert desk.algo_row(algo_id)["state"] == "effective"


def test_amending_an_oco_moves_its_legs_all_or_nothing() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    algo_id = desk.oco("sell", "1", "52000", "49000")
    amend = {"instId": BTC, "algoId": algo_id}
    assert desk.venue.amend_algo({**amend, "newSlTriggerPx": "49500"})[0]["sCode"] == "0"
    assert desk.venue.amend_algo({**amend, "newTpTriggerPx": "53000", "newSlTriggerPx": "51000"})[0]["sCode"] == "51280"
    assert desk.venue.amend_algo(amend)[0]["sCode"] == "51500"
    row = desk.algo_row(algo_id)
    assert (row["slTriggerPx"], row["tpTriggerPx"], row["slOrdPx"], row["sz"]) == ("49500", "52000", "-1", "1")
    assert desk.venue.amend_algo({**amend, "newSz": "0.5"})[0]["sCode"] == "0"
    assert desk.algo_row(algo_id)["sz"] == "0.5"


def test_cancelling_algos_names_what_is_gone() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    first = desk.oco("sell", "1", "52000", "49000", algoClOrdId="one")
    assert desk.algo("sell", "oco", sz="1", algoClOrdId="one", **LEGS)["sCode"] == "51065"
    items = desk.venue.cancel_algos([{"instId": BTC, "algoId": first}, {"instId": BTC, "algoClOrdId": "none"}])
    assert [item["sCode"] for item in items] == ["0", "51400"]
    second = desk.oco("sell", "1", "52000", "49000")
    desk.market.say(BTC, 48_000.0, at_s=60)
    desk.go(60)
    assert desk.venue.cancel_algos([{"instId": BTC, "algoId": second}])[0]["sCode"] == "51416"
    with pytest.raises(OkxError, match="51000"):
        desk.venue.cancel_algos([{"instId": BTC, "algoId": "1"}] * 11)


def test_algo_lists_ask_for_a_type_and_history_for_state_or_id() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1")
    algo_id = desk.oco("sell", "1", "52000", "49000")
    assert [row["algoId"] for row in desk.venue.algos_pending({"ordType": "conditional,oco"})] == [algo_id]
    assert desk.venue.algos_pending({"ordType": "trigger"}) == []
    with pytest.raises(OkxError, match="50014"):
        desk.venue.algos_pending({})
    desk.venue.cancel_algos([{"instId": BTC, "algoId": algo_id}])
    assert desk.venue.algos_history({"ordType": "oco", "state": "canceled"})[0]["algoId"] == algo_id
    with pytest.raises(OkxError, match="50015"):
        desk.venue.algos_history({"ordType": "oco"})


# ---------------------------------------------------------------- attached


def test_attached_stops_sleep_a_short_wall_moment_then_become_one_oco() -> None:
    desk = BenchDesk()
    parent = desk.filled("buy", "2", clOrdId="entry", attachAlgoOrds=attached("52000", "49000", "stop1"))
    assert desk.venue.algos_pending({"ordType": "oco"}) == []
    desk.pass_wall(4)
    assert desk.venue.algos_pending({"ordType": "oco"}) == []
    desk.pass_wall(60)
    [row] = desk.venue.algos_pending({"ordType": "conditional,oco"})
    assert (row["algoClOrdId"], row["sz"], row["reduceOnly"], row["side"]) == ("stop1", "2", "true", "sell")
    after = desk.venue.order({"instId": BTC, "clOrdId": "entry"})[0]
    assert after["linkedAlgoOrd"] == {"algoId": row["algoId"]}
    assert after["attachAlgoOrds"][0]["attachAlgoId"] != row["algoId"]
    assert row["linkedOrd"] == {"ordId": parent["ordId"]}
    [entry] = desk.venue.ledger_report()["entries"]
    assert (entry["clOrdId"], entry["unprotected_s"]) == ("entry", 0.064)


def test_attached_stops_are_sized_to_what_was_filled() -> None:
    desk = BenchDesk(equity="1000000")
    desk.market.level_size, desk.market.levels = Decimal(1), 3
    desk.filled("buy", "10", attachAlgoOrds=attached("52000", "49000"))
    desk.pass_wall()
    assert desk.venue.algos_pending({"ordType": "oco"})[0]["sz"] == "3"
    assert desk.venue.ledger_report()["entries"][0]["covered_wall_ms"] is not None


def test_attached_stops_of_an_unfilled_order_never_live() -> None:
    desk = BenchDesk()
    row = desk.filled("buy", "1", px="49900", attachAlgoOrds=attached("52000", "49000"))
    desk.venue.cancel_order({"instId": BTC, "ordId": row["ordId"]})
    desk.pass_wall()
    assert desk.venue.ledger_report()["algos"] == []


def test_attached_stops_of_a_partly_filled_resting_order_wait_for_its_end() -> None:
    desk = BenchDesk()
    desk.market.level_size = Decimal("0.4")
    row = desk.filled("buy", "1", px="50000.1", attachAlgoOrds=attached("52000", "49000"))
    desk.pass_wall()
    assert row["state"] == "partially_filled"
    assert desk.venue.algos_pending({"ordType": "oco"}) == []
    desk.venue.cancel_order({"instId": BTC, "ordId": row["ordId"]})
    desk.pass_wall()
    assert desk.venue.algos_pending({"ordType": "oco"})[0]["sz"] == "0.4"


def test_a_market_that_has_moved_past_the_stop_fails_its_creation() -> None:
    desk = BenchDesk()
    desk.filled("buy", "1", clOrdId="entry", attachAlgoOrds=attached("52000", "49000"))
    desk.market.say(BTC, 48_900.0, at_s=1)
    desk.go(1)
    desk.pass_wall()
    [element] = desk.venue.order({"instId": BTC, "clOrdId": "entry"})[0]["attachAlgoOrds"]
    assert (element["failCode"], element["failReason"] != "") == ("51280", True)
    assert desk.venue.algos_pending({"ordType": "oco"}) == []
    assert desk.contracts() == 1, "naked, and the client must find out"


def test_a_rehearsed_creation_fault_shows_on_the_parent() -> None:
    desk = BenchDesk()
    desk.venue.fail_attached("51149")
    desk.filled("buy", "1", clOrdId="entry", attachAlgoOrds=attached("52000", "49000"))
    desk.pass_wall()
    assert desk.venue.order({"instId": BTC, "clOrdId": "entry"})[0]["attachAlgoOrds"][0]["failCode"] == "51149"


def test_naked_spans_are_measured_by_both_clocks() -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    desk.wall += 1_500
    desk.go(10)
    half = desk.oco("sell", "1", "52000", "49000")
    assert desk.venue.ledger_report()["naked"][0]["to_wall_ms"] is None, "half a cover is none"
    desk.algo("sell", "conditional", sz="1", slTriggerPx="49000", slOrdPx="-1", reduceOnly=True)
    assert desk.venue.ledger_report()["naked"][0]["to_wall_ms"] is None, "a stop without a target is half a cover"
    desk.oco("sell", "1", "52000", "49000")
    [span] = desk.venue.ledger_report()["naked"]
    assert (span["seconds"], span["to_venue_ms"] - span["from_venue_ms"]) == (1.5, 10_000)
    desk.venue.cancel_algos([{"instId": BTC, "algoId": half}])
    assert len(desk.venue.ledger_report()["naked"]) == 2
