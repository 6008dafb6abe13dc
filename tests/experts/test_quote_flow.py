"""The flow window: the sums of the paper, whatever the buckets; nothing across a gap; what real quotes say."""

from __future__ import annotations

import math
from dataclasses import astuple, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.orderflow import (
    EVENT_COLUMNS,
    EVENTS,
    EXPECTED,
    MUCH_LOWER,
    SNAPSHOT_COLUMNS,
    SNAPSHOTS,
    fit,
    recorded,
)
from engine.model.quote_flow import BestQuote, QuoteFlowWindow
from tests.experts.reference import order_flow_imbalance, quote_event

DATA = Path(__file__).parents[2] / "../shared/data"
START = 1_700_000_000_000
GOLDEN = [
    (100, 10, 101, 8),
    (100, 12, 101, 8),
    (100.5, 5, 101, 8),
    (100.5, 5, 101, 3),
    (100, 9, 100.5, 4),
    (100, 9, 101, 7),
]
QUOTES = [BestQuote(*row) for row in GOLDEN]

ticks = st.tuples(st.integers(1, 50), st.integers(1, 9), st.integers(1, 4), st.integers(1, 9))
quotes = st.builds(lambda t: BestQuote(float(t[0]), float(t[1]), float(t[0] + t[2]), float(t[3])), ticks)


def filled(window: QuoteFlowWindow, every_ms: int = 100) -> QuoteFlowWindow:
    for number, quote in enumerate(QUOTES):
        window.note(START + number * every_ms, quote)
    return window


def test_the_golden_vector_goes_through_the_window() -> None:
    totals = filled(QuoteFlowWindow()).totals(START + 500)
    assert (totals.net, totals.events, totals.covered_ms) == (7.0, 5, 500)
    assert totals.imbalance == pytest.approx(order_flow_imbalance(GOLDEN))


@given(st.lists(st.tuples(st.integers(0, 4_000), quotes), min_size=2, max_size=40))
def test_the_window_is_the_sum_of_the_events_in_its_buckets(steps: list[tuple[int, BestQuote]]) -> None:
    window, at, events, before = QuoteFlowWindow(window_ms=10_000, bucket_ms=1_000), START, [], None
    for wait, quote in steps:
        at += wait
        window.note(at, quote)
        if before is not None:
            events.append((at, quote_event(astuple(before), astuple(quote))))
        before = quote
    totals = window.totals(at)
    inside = [e for ts, e in events if ts // 1_000 > (at - 10_000) // 1_000]
    assert totals.net == pytest.approx(math.fsum(inside), abs=1e-9)
    assert totals.events == len(inside)
    assert abs(totals.net) <= totals.gross + 1e-9
    assert totals.covered_ms <= 10_000


def test_however_many_events_there_are_the_window_stays_small() -> None:
    window = QuoteFlowWindow()
    for number in range(20_000):
        window.note(START + number * 25, QUOTES[number % len(QUOTES)])
    assert len(window._buckets) <= 61
    assert window.totals(START + 19_999 * 25).events == pytest.approx(60 * 40, abs=41)


def test_no_event_is_computed_across_a_gap_and_the_gap_is_not_covered() -> None:
    window = filled(QuoteFlowWindow())
    window.gap()
    window.note(START + 30_000, replace(QUOTES[0], bid=90.0))
    totals = window.totals(START + 31_000)
    assert (totals.net, totals.events) == (7.0, 5)
    assert totals.covered_ms == 500 + 1_000


@pytest.mark.parametrize(
    "broken",
    [
        replace(QUOTES[0], bid=math.nan),
        replace(QUOTES[0], ask_size=math.nan),
        replace(QUOTES[0], ask=math.inf),
        replace(QUOTES[0], bid_size=0.0),
        replace(QUOTES[0], bid=101.0),
        replace(QUOTES[0], bid=-1.0),
    ],
)
def test_a_quote_that_is_none_is_a_gap_and_poisons_nothing(broken: BestQuote) -> None:
    window = filled(QuoteFlowWindow())
    window.note(START + 600, broken)
    window.note(START + 700, QUOTES[0])
    window.note(START + 800, QUOTES[1])
    totals = window.totals(START + 800)
    assert (totals.net, totals.events) == (7.0 + 2.0, 6)


def test_a_late_event_is_left_out_and_a_time_that_was_set_back_begins_anew() -> None:
    window = filled(QuoteFlowWindow())
    window.note(START + 100, QUOTES[0])
    assert window.totals(START + 500).events == 5
    window.note(START - 60_000, QUOTES[0])
    assert window.totals(START - 60_000).events == 0


def test_frozen_quotes_say_nothing() -> None:
    window = QuoteFlowWindow()
    for number in range(100):
        window.note(START + number * 100, QUOTES[0])
    totals = window.totals(START + 9_900)
    assert (totals.net, totals.gross, totals.imbalance) == (0.0, 0.0, None)


@pytest.mark.skipif(not (DATA / EVENTS).exists(), reason="the recorded quotes are not on this machine")
@pytest.mark.parametrize("interval", [1_000, 5_000])
def test_events_explain_the_move_of_their_interval_and_snapshots_do_not(interval: int) -> None:
    """On recorded quotes, within what market.md reports for events."""
    exact = fit(recorded(DATA / EVENTS, EVENT_COLUMNS), interval)
    poor = fit(recorded(DATA / SNAPSHOTS, SNAPSHOT_COLUMNS), interval)
    low, high = EXPECTED[interval]
    assert low <= exact.r2 <= high
    assert poor.r2 < MUCH_LOWER * exact.r2
    assert abs(exact.next_correlation) < 0.15  # it explains, it does not foretell
