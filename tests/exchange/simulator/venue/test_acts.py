"""What the market, the venue or a person does to an account, as ordered."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from engine.exchange.simulator.okx_errors import OkxError
from tests.exchange.simulator.venue.bench_desk import BenchDesk, balances
from tests.exchange.simulator.venue.scripted_market import BTC, ETH, START


def _channels(desk: BenchDesk) -> list[str]:
    return [event.channel for event in desk.events]


def _deeds(desk: BenchDesk) -> list[tuple[str, str]]:
    kinds = desk.store.records()
    return [(one.kind, one.inst_id) for one in kinds if type(one).__name__ == "Deed"]  # type: ignore[union-attr]


def test_a_gap_jumps_over_the_stop_which_fills_at_the_far_price() -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    algo_id = desk.oco("sell", "2", "60000", "49000")
    desk.fault("gap", inst=BTC, pct=-10)
    row = desk.algo_row(algo_id)
    assert (row["state"], row["actualSide"]) == ("effective", "sl")
    assert Decimal(row["actualPx"]) < 45_001
    assert desk.contracts() == 0
    assert desk.venue.market.last_price(BTC, desk.venue.now_ms) == 45_000
    assert balances(desk.totals())


def test_a_gap_stays_also_after_the_venues_death(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    desk.go(10)
    desk.fault("gap", inst=BTC, pct=20)
    desk.reopen()
    market = desk.venue.market
    assert market.last_price(BTC, desk.venue.now_ms) == 60_000
    assert market.last_price(BTC, START) == 50_000, "what was before stays what it was"
    assert market.last_price(ETH, desk.venue.now_ms) == 2_000
    bids, asks = market.book(BTC, desk.venue.now_ms, 5)
    assert 59_990 < bids[0].price < 60_000 < asks[0].price < 60_010
    assert desk.filled("buy", "1")["avgPx"] == str(asks[0].price)


@pytest.mark.parametrize(("share", "kind", "subtypes"), [(1.0, "3", {"107", "109"}), (0.5, "4", {"103", "109"})])
def test_a_liquidation_comes_without_an_order_push(share: float, kind: str, subtypes: set[str]) -> None:
    desk = BenchDesk()
    trade_id = desk.filled("buy", "4")["tradeId"]
    desk.events.clear()
    desk.fault("liquidate", inst=BTC, share=share)
    assert "orders" not in _channels(desk)
    assert {"positions", "account", "balance_and_position"} <= set(_channels(desk))
    flash = next(event.row for event in desk.events if event.channel == "balance_and_position")
    assert flash["eventType"] == "liquidation"
    pushed = next(event.row for event in desk.events if event.channel == "positions")
    assert pushed["tradeId"] == trade_id, "a liquidation keeps the position's last trade id"
    assert desk.contracts() == 4 * (1 - Decimal(share))
    assert desk.venue.positions_history({})[0]["type"] == kind
    assert {bill["subType"] for bill in desk.venue.bills({"type": "5"})} == subtypes
    category = "full_liquidation" if share == 1 else "partial_liquidation"
    assert desk.venue.orders_history({"instType": "SWAP", "category": category})[0]["state"] == "filled"
    assert balances(desk.totals())


@pytest.mark.parametrize(("share", "kind"), [(1.0, "6"), (0.25, "5")])
def test_auto_deleveraging_has_bills_and_a_position_type_of_its_own(share: float, kind: str) -> None:
    desk = BenchDesk()
    desk.filled("sell", "4")
    algo_id = desk.oco("buy", "4", "40000", "60000")
    desk.events.clear()
    desk.fault("adl", inst=BTC, share=share)
    assert "orders" not in _channels(desk)
    assert desk.venue.positions_history({})[0]["type"] == kind
    assert [bill["subType"] for bill in desk.venue.bills({"type": "9"})] == ["127"]
    assert desk.venue.orders_history({"instType": "SWAP", "category": "adl"})[0]["side"] == "buy"
    assert desk.algo_row(algo_id)["state"] == "live", "an ordinary OCO survives"
    assert balances(desk.totals())


def test_a_forced_close_may_also_be_told() -> None:
    desk = BenchDesk()
    desk.filled("buy", "4")
    desk.events.clear()
    desk.fault("adl", inst=BTC, share=0.5, push=True)
    assert [event.row["category"] for event in desk.events if event.channel == "orders"] == ["adl"]


def test_a_suspended_contract_takes_nothing_and_nothing_happens_in_it(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    desk.filled("buy", "2")
    algo_id = desk.oco("sell", "2", "60000", "49000")
    desk.fault("suspend", inst=BTC)
    desk.reopen()
    assert desk.venue.market.specs[BTC].state == "suspend"
    assert desk.order("buy", "1")["sCode"] == "51022"
    assert (
        desk.algo("sell", "conditional", sz="1", slTriggerPx="48000", slOrdPx="-1", reduceOnly=True)["sCode"] == "51022"
    )
    with pytest.raises(OkxError, match="51022"):
        desk.venue.close_position({"instId": BTC, "mgnMode": "isolated"})
    assert desk.order("buy", "1", ETH)["sCode"] == "0"
    desk.market.say(BTC, 45_000.0, at_s=60)
    desk.go(120)
    assert desk.algo_row(algo_id)["state"] == "live"
    assert desk.venue.cancel_algos([{"instId": ETH, "algoId": algo_id}])[0]["sCode"] == "51400"
    desk.fault("resume", inst=BTC)
    assert desk.algo_row(algo_id)["state"] == "effective", "what was passed meanwhile fires on resumption"
    assert desk.venue.market.specs[BTC].state == "live"


def test_an_unaccepted_disclaimer_stops_opening_and_nothing_else() -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    desk.fault("suspend", inst=BTC, code="54092")
    assert desk.order("buy", "1")["sCode"] == "54092"
    desk.oco("sell", "2", "60000", "40000")
    assert desk.order("sell", "1", reduceOnly=True)["sCode"] == "0"
    desk.venue.close_position({"instId": BTC, "mgnMode": "isolated"})
    assert desk.contracts() == 0


def test_new_contract_terms_hold_for_every_order_from_then_on(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    desk.filled("buy", "1.55")
    desk.fault("respec", inst=BTC, tick="5", lot="0.1", min="0.2")
    desk.reopen()
    spec = desk.venue.market.specs[BTC]
    assert (spec.tick_sz, spec.lot_sz, spec.min_sz) == (Decimal(5), Decimal("0.1"), Decimal("0.2"))
    assert desk.order("buy", "0.15")["sCode"] == "51020"
    assert desk.order("buy", "0.25")["sCode"] == "51121"
    assert desk.order("buy", "1", px="49001")["sCode"] == "51000"
    assert desk.order("buy", "1", px="49000")["sCode"] == "0"
    desk.market.say(BTC, 50_012.3, at_s=60)
    desk.go(60)
    assert desk.venue.market.last_price(BTC, desk.venue.now_ms) == 50_010
    bids, asks = desk.venue.market.book(BTC, desk.venue.now_ms, 20)
    assert bids[0].price < asks[0].price
    assert all(level.price % 5 == 0 for level in (*bids, *asks))
    desk.venue.close_position({"instId": BTC, "mgnMode": "isolated", "autoCxl": True})
    assert desk.contracts() == 0, "a position off the new grid closes whole"


def test_a_new_funding_interval_charges_by_its_own_schedule() -> None:
    desk = BenchDesk()
    desk.market.rate = 0.0008
    desk.filled("buy", "2")
    desk.fault("funding_interval", inst=BTC, hours=2)
    view = desk.venue.market.funding(BTC, desk.venue.now_ms)
    assert view.next_funding_time - view.funding_time == 2 * 3_600_000
    assert view.rate == pytest.approx(0.0002)
    desk.go(8 * 3600)
    bills = desk.venue.bills({"type": "8"})
    assert [int(bill["ts"]) % (2 * 3_600_000) for bill in bills] == [0] * 4
    assert Decimal(bills[0]["pnl"]) == -Decimal(2) * Decimal("0.01") * 50_000 * Decimal("0.0002")
    assert [row.funding_time for row in desk.venue.market.funding_history(BTC, desk.venue.now_ms)] == [
        int(bill["ts"]) for bill in bills
    ]


def test_an_announced_delisting_settles_what_is_still_open() -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    algo_id = desk.oco("sell", "2", "60000", "40000")
    rest = desk.filled("buy", "1", px="49000")
    desk.fault("delist", inst=BTC, in_s=3_600)
    assert desk.venue.market.specs[BTC].exp_time == START + 3_600_000
    assert desk.order("buy", "1")["sCode"] == "0"
    desk.market.say(BTC, 51_000.0, at_s=3_000)
    desk.events.clear()
    desk.go(3_601)
    assert desk.contracts() == 0
    [bill] = desk.venue.bills({"type": "3"})
    assert (bill["subType"], bill["px"], int(bill["ts"])) == ("112", "51000", START + 3_600_000)
    assert desk.algo_row(algo_id)["state"] == "canceled"
    assert desk.venue.order({"instId": BTC, "ordId": rest["ordId"]})[0]["state"] == "canceled"
    assert desk.order("buy", "1")["sCode"] == "51027"
    assert balances(desk.totals())


def test_maintenance_is_announced_begins_and_ends(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    desk.fault("maintenance", begin_s=60, end_s=120, hard=True, code="50013")

    def seen() -> tuple[str, str]:
        away = desk.venue.turned_away("GET", "/api/v5/market/ticker", signed=False)
        return desk.venue.system_status({})[0]["state"], "" if away is None else away.code

    assert seen() == ("scheduled", "")
    desk.go(60)
    desk.reopen()
    assert seen() == ("ongoing", "50013")
    assert desk.venue.turned_away("GET", "/api/v5/system/status", signed=False) is None
    desk.go(120)
    assert seen() == ("completed", "")
    assert desk.venue.system_status({"state": "scheduled"}) == []


def test_a_lost_permission_stops_writing_and_a_dead_key_everything(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")

    def refused(method: str, *, signed: bool = True) -> bool:
        return desk.venue.turned_away(method, "/api/v5/trade/order", signed=signed) is not None

    desk.fault("permission_lost", code="50120", for_s=5)
    desk.reopen()
    assert (refused("POST"), refused("GET"), refused("GET", signed=False)) == (True, False, False)
    assert desk.venue.account_config({})[0]["perm"] == "read_only"
    desk.pass_wall(5_000)
    assert not refused("POST")
    desk.fault("permission_lost", code="50111")
    assert (refused("POST"), refused("GET"), refused("GET", signed=False)) == (True, True, False)
    desk.venue.lift()
    assert not refused("GET")


def test_the_gateways_clock_can_go_wrong(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    desk.fault("clock_skew", ms=-45_000)
    desk.reopen()
    assert desk.venue.skew_ms == -45_000


def test_a_person_changes_settings_only_as_the_venue_allows() -> None:
    desk = BenchDesk()
    desk.fault("pos_mode", mode="long_short_mode")
    assert desk.venue.account_config({})[0]["posMode"] == "long_short_mode"
    desk.fault("pos_mode", mode="net_mode")
    desk.filled("buy", "1")
    desk.fault("pos_mode", mode="long_short_mode")
    assert desk.venue.account_config({})[0]["posMode"] == "net_mode", "59000 while something is open"
    desk.fault("leverage", inst=BTC, lever=7)
    assert (desk.position() or {})["lever"] == "7"


def test_a_switched_margin_mode_leaves_the_algos_behind(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    desk.filled("buy", "2")
    desk.oco("sell", "2", "60000", "40000")
    desk.pass_wall()
    desk.fault("margin_mode", inst=BTC, mode="cross")
    desk.reopen()
    row: dict[str, Any] = desk.position() or {}
    assert (row["mgnMode"], row["margin"], row["pos"]) == ("cross", "", "2")
    assert desk.venue.ledger_report()["naked"][-1]["to_wall_ms"] is None
    with pytest.raises(OkxError, match="51023"):
        desk.venue.close_position({"instId": BTC, "mgnMode": "isolated"})
    assert balances(desk.totals())


def test_a_person_trades_against_our_own_position() -> None:
    desk = BenchDesk()
    desk.filled("buy", "3", clOrdId="ours")
    desk.fault("manual_trade", inst=BTC, side="sell", contracts=1)
    assert desk.contracts() == 2
    desk.fault("manual_trade", inst=BTC, side="sell", share=0.5, after_s=2)
    assert desk.contracts() == 2
    desk.pass_wall(2_000)
    assert desk.contracts() == 1
    assert desk.venue.fills({})[0]["clOrdId"] == ""


def test_another_bot_leaves_orders_that_are_not_ours() -> None:
    desk = BenchDesk()
    desk.fault("foreign_order", inst=BTC, contracts=1)
    [row] = desk.venue.orders_pending({})
    assert (row["clOrdId"], row["px"], row["ordType"]) == ("otherbot1", "48500", "limit")
    desk.fault("foreign_order", inst=ETH, side="sell", contracts="2", market=True, client_id="otherbot2")
    assert desk.contracts(ETH) == -2


def test_a_person_cancels_stops_and_closes_positions() -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    first, second = desk.oco("sell", "1", "60000", "40000"), desk.oco("sell", "1", "61000", "41000")
    desk.fault("user_cancels_algo", inst=BTC, newest=True)
    assert [desk.algo_row(one)["state"] for one in (first, second)] == ["live", "canceled"]
    desk.fault("user_cancels_algo", inst=BTC)
    assert desk.algo_row(first)["state"] == "canceled"
    desk.fault("user_closes", inst=BTC)
    assert desk.contracts() == 0


def test_frozen_triggers_fire_once_they_hear_again() -> None:
    desk = BenchDesk()
    desk.filled("buy", "2")
    algo_id = desk.oco("sell", "2", "60000", "49000")
    desk.fault("freeze_algos", for_s=3)
    desk.market.say(BTC, 48_000.0, at_s=60)
    desk.go(120)
    assert desk.algo_row(algo_id)["state"] == "live"
    desk.pass_wall(3_000)
    assert desk.algo_row(algo_id)["state"] == "effective"


def test_every_act_leaves_a_deed_also_one_that_was_refused(tmp_path: Path) -> None:
    desk = BenchDesk(path=tmp_path / "state.db")
    desk.fault("manual_trade", inst=BTC, side="buy", contracts="0.001")
    desk.fault("gap", inst=BTC, pct=1)
    desk.fault("suspend", inst="NONE-USDT-SWAP")
    assert _deeds(desk) == [("manual_trade", BTC), ("gap", BTC), ("suspend", "NONE-USDT-SWAP")]
    assert desk.contracts() == 0
