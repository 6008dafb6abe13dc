"""Liquidations as the flow board tells them: the last hour, in USDT, or nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from engine.exchange.okx.stream.flows import LISTENED_MS, REMEMBERED
from engine.exchange.okx.stream.liquidation_hour import HOUR_MS, MINUTE_MS, LiquidationHour
from engine.exchange.streams import Following, Topic
from tests.exchange.okx.stream.flow_desk import INST, MARKET, START, Desk


def listened(seconds: float = LISTENED_MS / 1000) -> Desk:
    desk = Desk()
    desk.clock.pass_(seconds)
    desk.pulse()
    return desk


def test_liquidations_are_told_in_usdt_by_the_side_that_died() -> None:
    desk = listened()
    desk.died("sell", "200", "100")  # 200 contracts of 0.01 at 100
    desk.died("buy", "50", "120")
    desk.died("sell", "100", "100", posSide="short")  # two-sided accounts name the position itself
    flow = desk.board.liquidations(INST)
    assert flow is not None
    assert (flow.long_usd, flow.short_usd, flow.largest_usd) == (200.0, 60.0 + 100.0, 200.0)
    assert (flow.window_ms, flow.ts) == (LISTENED_MS, desk.clock.ms)


def test_nothing_is_told_before_it_was_listened_for_a_quarter_of_an_hour() -> None:
    desk = listened(LISTENED_MS / 1000 - 1)
    desk.died("sell", "200")
    assert desk.board.liquidations(INST) is None
    desk.clock.pass_(1)
    assert desk.board.liquidations(INST) is not None


def test_no_liquidation_seen_is_nought_and_not_unknown() -> None:
    flow = listened().board.liquidations(INST)
    assert flow is not None and (flow.long_usd, flow.short_usd) == (0.0, 0.0)


def test_what_is_older_than_an_hour_is_forgotten() -> None:
    desk = listened()
    desk.died("sell", "200")
    desk.clock.pass_(3_000)
    desk.pulse()
    assert (flow := desk.board.liquidations(INST)) is not None and flow.long_usd == 200.0
    desk.clock.pass_(700)
    desk.pulse()
    assert (flow := desk.board.liquidations(INST)) is not None
    assert (flow.long_usd, flow.window_ms) == (0.0, HOUR_MS)


def test_a_short_break_goes_on_and_a_long_one_begins_to_listen_anew() -> None:
    desk = listened()
    desk.died("sell", "200")
    desk.clock.pass_(50)
    desk.board.resumed(MARKET)
    assert (flow := desk.board.liquidations(INST)) is not None and flow.long_usd == 200.0
    desk.clock.pass_(70)
    desk.board.resumed(MARKET)
    assert desk.board.liquidations(INST) is None
    desk.clock.pass_(LISTENED_MS / 1000)
    desk.pulse()
    assert (flow := desk.board.liquidations(INST)) is not None and flow.long_usd == 0.0


def test_the_same_row_from_two_lines_counts_once() -> None:
    desk = listened()
    desk.died("sell", "200")
    desk.died("sell", "200")
    desk.clock.pass_(1)
    desk.died("sell", "200")
    assert (flow := desk.board.liquidations(INST)) is not None and flow.long_usd == 400.0


def test_what_was_told_is_not_remembered_for_ever() -> None:
    desk = listened()
    for number in range(REMEMBERED + 5):
        desk.died("sell", str(number + 1))
    assert len(desk.board._told) == REMEMBERED


def test_what_is_not_followed_or_not_heard_has_no_liquidations() -> None:
    desk = listened()
    assert desk.board.liquidations("OTHER-USDT-SWAP") is None
    desk.up = False
    assert desk.board.liquidations(INST) is None


def test_the_liquidations_of_others_and_those_of_another_hour_count_nothing() -> None:
    desk = listened()
    desk.died("sell", "200", inst_id="OTHER-USDT-SWAP")
    desk.died("sell", "5", ts=str(desk.clock.ms + HOUR_MS))
    desk.died("sell", "5", ts=str(desk.clock.ms - 2 * HOUR_MS))
    flow = desk.board.liquidations(INST)
    assert flow is not None and (flow.long_usd, flow.short_usd) == (0.0, 0.0)


UNREADABLE = [
    *(("died", ("sell", *size)) for size in (("NaN", "1"), ("-5", "1"), ("5", "inf"), ("", "1"), ("5", "0"))),
    ("died", ("sell", None, None)),
    ("died", ("", "5")),
    *(("row", row) for row in (None, "x", {}, {"instId": INST}, {"instId": INST, "details": None})),
    ("row", {"instId": INST, "details": [1]}),
]  # fmt: skip


@pytest.mark.parametrize(("how", "what"), UNREADABLE)
def test_after_a_row_that_nobody_can_read_the_figure_is_unknown_and_never_0(how: str, what: Any) -> None:
    desk = listened()
    if how == "died":
        desk.died(*what)
    else:
        desk.say(Topic.LIQUIDATIONS, {"channel": "liquidation-orders"}, what)
    assert desk.board.liquidations(INST) is None


def test_a_market_that_is_followed_only_now_was_not_listened_to_before() -> None:
    desk = listened()
    known = desk.board._instruments[INST]
    newcomer = replace(known, inst_id="NEW-USDT-SWAP")
    desk.board.follow(Following((known, newcomer)))
    assert desk.board.liquidations(INST) is not None
    assert desk.board.liquidations("NEW-USDT-SWAP") is None


def test_a_channel_that_was_refused_says_nothing() -> None:
    desk = listened()
    desk.board.resumed((Topic.PULSE,))
    assert desk.board.liquidations(INST) is None


def test_minutes_come_in_any_order_and_are_never_more_than_an_hour_of_them() -> None:
    hour = LiquidationHour(INST)
    now = START // HOUR_MS * HOUR_MS + 50 * MINUTE_MS
    for minute in (10, 12, 11, 10, 90):
        hour.add(now - minute * MINUTE_MS, 1.0, long=True)
    assert hour.flow(now, HOUR_MS, now).long_usd == 4.0
    for minute in range(500):
        hour.add(now + minute * MINUTE_MS, 1.0, long=False)
    assert len(hour._minutes) == 60
    assert hour.flow(now + 499 * MINUTE_MS, HOUR_MS, now).short_usd == 60.0
