"""No signal of a moment knows what came after it: with the future present or cut away, it is the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.experts.columns import TimeframeColumns, timeframe_columns
from engine.experts.quote_flow import BestQuote, order_flow_imbalance
from engine.experts.scanner import momentum
from engine.experts.signal_board import SignalBoard
from engine.experts.streak import Streak, advance
from engine.experts.technical_expert import combine, signals_of
from engine.model import Candles, Direction, FloatArray, Timeframe
from engine.risk.correlation import correlation_matrix
from tests.experts.markets import candles, head, recorded_btc, walk

M15, H1 = Timeframe.M15, Timeframe.H1
History = Callable[[Candles], Mapping[str, FloatArray]]
"""A signal as a column over a whole history: one value a bar."""


def technical(bars: Candles) -> Mapping[str, FloatArray]:
    columns = timeframe_columns(M15, bars)
    named = {f.name: getattr(columns, f.name) for f in dataclasses.fields(TimeframeColumns) if f.name != "votes"}
    return named | {f"vote {row}": votes.astype(np.float64) for row, votes in enumerate(columns.votes)}


def streaks(bars: Candles) -> Mapping[str, FloatArray]:
    """The direction of each bar's own signals, counted as the engine counts it."""
    streak: Streak | None = None
    values = []
    for signals in signals_of([M15] * len(bars), timeframe_columns(M15, bars)):
        direction = combine({M15: signals}).direction
        streak = advance(streak, direction, signals.bar_ts)
        values.append(float(streak.value))
    return {"streak": np.array(values)}


def relative_strength(bars: Candles) -> Mapping[str, FloatArray]:
    values = [momentum(bars.close[: end + 1]) for end in range(len(bars))]
    return {"momentum": np.array([np.nan if value is None else value for value in values])}


def correlations(bars: Candles) -> Mapping[str, FloatArray]:
    """With a second market of the same hours; the whole history is handed over at every bar."""
    other = dataclasses.replace(bars, close=bars.close[0] * np.exp(np.cumsum(np.sin(np.arange(len(bars))) * 1e-2)))
    pairs = [correlation_matrix({"a": bars, "b": other}, int(ts)).between("a", "b") for ts in bars.ts]
    return {"correlation": np.array([np.nan if pair is None else pair for pair in pairs])}


def book_flow(bars: Candles) -> Mapping[str, FloatArray]:
    """Event OFI of a stream of best quotes around the closes."""
    bars = head(bars, 80)
    quotes = [BestQuote(c * 0.9999, v, c * 1.0001, 5.0) for c, v in zip(bars.close, bars.volume, strict=True)]
    values = [order_flow_imbalance(quotes[: end + 1]) for end in range(len(bars))]
    return {"event ofi": np.array([np.nan if value is None else value for value in values])}


def peeking(bars: Candles) -> Mapping[str, FloatArray]:
    """Biased on purpose, as so often by accident: scaled by the deviation of the whole series."""
    return {"z of close": (bars.close - bars.close.mean()) / bars.close.std()}


def peeking_one_bar(bars: Candles) -> Mapping[str, FloatArray]:
    """Biased by one bar only: a centred average."""
    padded = np.concatenate((bars.close[:1], bars.close, bars.close[-1:]))
    return {"centred mean": (padded[:-2] + padded[1:-1] + padded[2:]) / 3}


def changed_by_the_future(history: History, bars: Candles, cuts: Sequence[int]) -> set[str]:
    """Names of the signals that are another number once later bars exist."""
    whole = history(bars)
    wrong: set[str] = set()
    for cut in cuts:
        for name, then in history(head(bars, cut)).items():
            if not np.allclose(then, whole[name][: len(then)], rtol=1e-7, atol=1e-8, equal_nan=True):
                wrong.add(name)
    return wrong


EXPERTS = [technical, streaks, relative_strength, correlations, book_flow]


@pytest.mark.parametrize("history", EXPERTS)
@given(seed=st.integers(0, 500), cut=st.integers(1, 289))
@settings(max_examples=8, deadline=None)
def test_generated_markets(history: History, seed: int, cut: int) -> None:
    timeframe = H1 if history is correlations else M15
    bars = candles(walk(seed, 290), timeframe, seed)
    assert changed_by_the_future(history, bars, [cut]) == set()


@pytest.mark.parametrize("history", [technical, streaks, relative_strength])
def test_a_recorded_market(history: History) -> None:
    assert changed_by_the_future(history, recorded_btc(600), [97, 350, 599]) == set()


@pytest.mark.parametrize("biased", [peeking, peeking_one_bar])
def test_the_detector_detects(biased: History) -> None:
    assert changed_by_the_future(biased, candles(walk(1, 290)), [200]) == set(biased(candles(walk(1, 290))))


def test_the_engines_own_board_says_at_each_bar_what_it_said_before_the_next_came() -> None:
    """Signals of a bar, kept as they were told, beside those of a board that begins there."""
    bars = candles(walk(9, 330))
    live = SignalBoard()
    for end in range(300, 330):
        window = Candles(*(getattr(bars, f.name)[end - 300 : end] for f in dataclasses.fields(Candles)))
        live.refresh({("A", M15): window})
        afresh = SignalBoard().technical("A", {M15: window})
        told = live.technical("A", {M15: window})
        assert told.timeframes[M15].votes == afresh.timeframes[M15].votes
        assert told.score == pytest.approx(afresh.score, abs=1e-3)
        assert told.direction is afresh.direction or Direction.NEUTRAL in {told.direction, afresh.direction}
