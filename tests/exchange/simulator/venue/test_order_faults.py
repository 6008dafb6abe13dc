"""Ordered faults in what becomes of an order: parts, cancellations, brackets that fail, fills told in disorder."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from tests.exchange.simulator.venue.bench_desk import BenchDesk, attached, balances
from tests.exchange.simulator.venue.scripted_market import BTC


def _order(desk: BenchDesk, ord_id: str) -> dict[str, str]:
    return desk.venue.order({"instId": BTC, "ordId": ord_id})[0]


def test_part_of_an_order_trades_now_and_the_rest_later_at_the_price_of_then() -> None:
    desk = BenchDesk()
    desk.fault("partial_fill", share=0.25, rest_after_ms=400)
    row = desk.filled("buy", "4", attachAlgoOrds=attached("60000", "40000"))
    assert (row["state"], row["accFillSz"]) == ("partially_filled", "1")
    desk.market.say(BTC, 50_500.0, at_s=10)
    desk.go(10)
    desk.pass_wall(300)
    assert desk.contracts() == 1
    assert desk.venue.algos_pending({"ordType": "oco"}) == [], "its bracket sleeps until the order has ended"
    desk.pass_wall(100)
    assert (_order(desk, row["ordId"])["state"], desk.contracts()) == ("filled", 4)
    assert Decimal(_order(desk, row["ordId"])["avgPx"]) > 50_100
    desk.pass_wall(100)
    assert desk.venue.algos_pending({"ordType": "oco"})[0]["sz"] == "4"
    assert balances(desk.totals())


def test_a_held_back_rest_survives_the_venues_death(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    desk.fault("partial_fill", share=0.5, rest_after_ms=400)
    desk.filled("buy", "4", attachAlgoOrds=attached("60000", "40000"))
    desk.reopen()
    desk.pass_wall(400)
    assert desk.contracts() == 4
    desk.fault("attach_fails", code="51277")
    desk.filled("buy", "1", attachAlgoOrds=attached("60000", "40000", "b1"))
    desk.reopen()
    desk.pass_wall()
    assert [row["algoClOrdId"] for row in desk.venue.algos_pending({"ordType": "oco"})] == ["a1"]


def test_a_rest_can_be_cancelled_by_the_venue_and_the_bracket_covers_what_filled() -> None:
    desk = BenchDesk()
    desk.fault("fill_then_cancel", share=0.3, cancel_source="27")
    row = desk.filled("buy", "4", attachAlgoOrds=attached("60000", "40000"))
    assert (row["state"], row["accFillSz"], row["cancelSource"]) == ("canceled", "1.2", "27")
    desk.pass_wall()
    assert desk.venue.algos_pending({"ordType": "oco"})[0]["sz"] == "1.2"


def test_a_held_back_order_can_be_cancelled_by_its_owner() -> None:
    desk = BenchDesk()
    desk.fault("partial_fill", share=0.5, rest_after_ms=60_000)
    row = desk.filled("buy", "4")
    assert desk.venue.cancel_order({"instId": BTC, "ordId": row["ordId"]})[0]["sCode"] == "0"
    desk.pass_wall(60_000)
    assert (desk.contracts(), _order(desk, row["ordId"])["cancelSource"]) == (2, "1")


def test_an_attached_bracket_fails_after_the_fill_with_its_code_on_the_order() -> None:
    desk = BenchDesk()
    desk.fault("attach_fails", code="51277", when={"body": {"side": "buy"}})
    plain = desk.filled("sell", "1")
    row = desk.filled("buy", "2", attachAlgoOrds=attached("60000", "40000"))
    desk.pass_wall()
    assert _order(desk, row["ordId"])["attachAlgoOrds"][0]["failCode"] == "51277"
    assert plain["attachAlgoOrds"] == []
    assert desk.venue.algos_pending({"ordType": "oco,conditional"}) == []


def test_only_one_leg_of_an_attached_bracket_comes_to_life() -> None:
    desk = BenchDesk()
    desk.fault("one_leg", leg="tp")
    desk.filled("buy", "2", attachAlgoOrds=attached("60000", "40000"))
    desk.pass_wall()
    [algo] = desk.venue.algos_pending({"ordType": "oco,conditional"})
    assert (algo["ordType"], algo["tpTriggerPx"], algo["slTriggerPx"]) == ("conditional", "60000", "")
    assert desk.venue.ledger_report()["entries"][0]["covered_wall_ms"] is None


def test_an_algo_triggers_and_its_order_is_refused() -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    algo_id = desk.oco("sell", "2", "60000", "49000")
    desk.fault("algo_child_rejected", code="51008", when={"inst": BTC})
    desk.market.say(BTC, 48_000.0, at_s=10)
    desk.go(10)
    assert (desk.algo_row(algo_id)["state"], desk.algo_row(algo_id)["failCode"]) == ("order_failed", "51008")
    assert desk.contracts() == 2
    failed = desk.venue.algos_history({"ordType": "oco", "state": "order_failed"})
    assert [row["algoId"] for row in failed] == [algo_id]


def test_fills_are_told_last_first_and_the_first_is_listed_late() -> None:
    desk = BenchDesk()
    desk.fault("fills_out_of_order", late_ms=500)
    row = desk.filled("buy", "3")
    told = [event.row["accFillSz"] for event in desk.events if event.channel == "orders"]
    assert told == ["0", "3", "1.5"]
    [listed] = desk.venue.fills({})
    desk.pass_wall(500)
    late = desk.venue.fills({})
    assert late[0]["tradeId"] == listed["tradeId"]
    assert [fill["fillSz"] for fill in late] == ["1.5", "1.5"]
    assert int(late[1]["billId"]) < int(late[0]["billId"]), "what comes late is older than what is known"
    assert row["state"] == "filled"


def test_a_fee_in_another_currency_costs_no_usdt() -> None:
    desk = BenchDesk()
    desk.fault("fee_ccy", ccy="OKB")
    desk.filled("buy", "3")
    [fill] = desk.venue.fills({})
    assert (fill["feeCcy"], Decimal(fill["fee"]) < 0) == ("OKB", True)
    assert desk.totals()["fees"] == 0
    assert desk.venue.bills({})[0]["fee"] == "0"
    assert balances(desk.totals())


def test_faults_choose_their_order_by_call_instrument_and_body() -> None:
    desk = BenchDesk()
    desk.fault("partial_fill", share=0.5, when={"inst": BTC, "body": {"side": "buy"}, "call": 2})
    states = [desk.filled(side, "2")["state"] for side in ("buy", "sell", "buy", "buy")]
    assert states == ["filled", "filled", "partially_filled", "filled"]
