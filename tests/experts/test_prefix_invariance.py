"""No signal of a moment knows what came after it: with the future present or cut away, it is the same."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.experts.columns import MEASURED, timeframe_columns
from engine.experts.forecaster import SeriesRefused, usable_series
from engine.experts.orderbook_expert import book_signals
from engine.experts.regime import regime_signals
from engine.experts.scanner import momentum
from engine.experts.sentiment import sentiment_signals, tag_of
from engine.experts.signal_board import SignalBoard
from engine.experts.streak import Streak, advance
from engine.experts.technical_expert import combine, signals_of
from engine.experts.walls import floats, wall_prices
from engine.model import AssetClass, Book, Candles, Direction, FearGreed, FloatArray, Headline, Headlines, Timeframe
from engine.model.quote_flow import BestQuote, QuoteFlowWindow
from engine.risk.correlation import correlation_matrix
from tests.experts.markets import book, candles, head, recorded_btc, walk

M15, H1 = Timeframe.M15, Timeframe.H1
History = Callable[[Candles], Mapping[str, FloatArray]]
"""A signal as a column over a whole history: one value a bar."""


def technical(bars: Candles) -> Mapping[str, FloatArray]:
    columns = timeframe_columns(M15, bars)
    named = {name: columns.of(name) for name in MEASURED}
    named |= {"bar_ts": columns.bar_ts.astype(np.float64), "close": columns.close, "score": columns.score}
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


def event_flow(bars: Candles) -> Mapping[str, FloatArray]:
    """What a window of streamed best quotes says at each bar, told before the next quote comes."""
    bars = head(bars, 80)
    window, told = QuoteFlowWindow(window_ms=10 * M15.ms, bucket_ms=M15.ms), []
    for ts, close, volume in zip(bars.ts, bars.close, bars.volume, strict=True):
        window.note(int(ts), BestQuote(close * 0.9999, volume, close * 1.0001, 5.0))
        told.append(window.totals(int(ts)))
    return {
        "event ofi": known(totals.imbalance for totals in told),
        "events": known(float(totals.events) for totals in told),
    }


def books_of(bars: Candles) -> tuple[Book, ...]:
    """One a bar, each with a wall of its own or none."""
    walls = [None if close % 3 < 1 else 8 for close in bars.close]
    return tuple(book(100.0, int(ts), wall_at=at) for ts, at in zip(bars.ts, walls, strict=True))


def walls(bars: Candles) -> Mapping[str, FloatArray]:
    """Each bar's book against all books that there are: what is later than itself is none of its business."""
    bars = every_minute(head(bars, 40))
    books = books_of(bars)
    told = [book_signals(now, Decimal(1), books) for now in books]
    return {
        "wall share": known(None if s is None else s.wall_share for s in told),
        "wall distance": known(None if s is None else s.wall_distance_pct for s in told),
        "walls known": known(None if s is None else float(s.walls_known) for s in told),
    }


def every_minute(bars: Candles) -> Candles:
    """Walls are held against the last quarter of an hour."""
    return dataclasses.replace(bars, ts=bars.ts[0] + 60_000 * np.arange(len(bars)))


def stories_of(bars: Candles) -> tuple[Headline, ...]:
    """The press of a market: it tells each bar's move."""
    moves = zip(bars.ts, bars.close > bars.open, strict=True)
    return tuple(Headline(f"Bitcoin {'rallies' if up else 'slides'} once more, hour {ts}", int(ts)) for ts, up in moves)


def sentiment(bars: Candles) -> Mapping[str, FloatArray]:
    """All headlines that were ever told are handed over at every bar."""
    bars, told = head(bars, 60), []
    items = stories_of(bars)
    for ts in bars.ts:
        told.append(sentiment_signals(Headlines(items, int(ts)), "BTC", AssetClass.CRYPTO, int(ts)))
    return {
        "sentiment": known(None if s is None else s.score for s in told),
        "headlines": known(None if s is None else float(len(s.headlines)) for s in told),
    }


def regime(bars: Candles) -> Mapping[str, FloatArray]:
    """BTC's whole history, and the index of that day and of the next, at every fifth bar."""
    told = []
    for ts in bars.ts[::5]:
        now = int(ts) + H1.ms
        told.append(regime_signals(bars, FearGreed(50, now), now))
        assert regime_signals(bars, FearGreed(99, now + 24 * H1.ms), now).fear_greed is None
    return {
        "regime trend": known(s.p_trend for s in told),
        "regime range": known(s.p_range for s in told),
        "regime reversal": known(s.p_reversal for s in told),
        "multiplier": known(s.volatility_multiplier for s in told),
    }


def seen_by_the_forecaster(bars: Candles) -> Mapping[str, FloatArray]:
    """The first change of the series that the model would be given at each bar."""
    values: list[float | None] = []
    for ts in bars.ts:
        try:
            values.append(float(usable_series(bars, H1, int(ts) + H1.ms, 64).changes[0]))
        except SeriesRefused:
            values.append(None)
    return {"forecaster's series": known(values)}


def known(values: Iterable[float | None]) -> FloatArray:
    return np.array([np.nan if value is None else value for value in values])


def peeking(bars: Candles) -> Mapping[str, FloatArray]:
    """Biased on purpose, as so often by accident: scaled by the deviation of the whole series."""
    return {"z of close": (bars.close - bars.close.mean()) / bars.close.std()}


def peeking_one_bar(bars: Candles) -> Mapping[str, FloatArray]:
    """Biased by one bar only: a centred average."""
    padded = np.concatenate((bars.close[:1], bars.close, bars.close[-1:]))
    return {"centred mean": (padded[:-2] + padded[1:-1] + padded[2:]) / 3}


def peeking_walls(bars: Candles) -> Mapping[str, FloatArray]:
    """Biased: a wall's share over all books, later ones among them."""
    books = books_of(every_minute(head(bars, 60)))
    stood = [bool(wall_prices(floats(each.bids))) for each in books]
    return {"share of walls": np.full(len(books), np.mean(stood))}


def peeking_news(bars: Candles) -> Mapping[str, FloatArray]:
    """Biased: the mood of headlines that were not yet written."""
    bars = head(bars, 60)
    signs = [1.0 if tag_of(story.text) is Direction.BULLISH else -1.0 for story in stories_of(bars)]
    return {"mood": np.cumsum(signs[::-1])[::-1].copy()}


def peeking_regime(bars: Candles) -> Mapping[str, FloatArray]:
    """Biased: asked at the last bar's time, and told at every bar."""
    latest = regime_signals(bars, None, int(bars.ts[-1]) + H1.ms)
    return {"regime": np.full(len(bars), latest.volatility_multiplier)}


def peeking_flow(bars: Candles) -> Mapping[str, FloatArray]:
    """Biased: the flow of the window that ends with the next quote."""
    return {"flow": np.append(event_flow(bars)["event ofi"][1:], 0.0)}


def changed_by_the_future(history: History, bars: Candles, cuts: Sequence[int]) -> set[str]:
    """Names of the signals that are another number once later bars exist."""
    whole = history(bars)
    wrong: set[str] = set()
    for cut in cuts:
        for name, then in history(head(bars, cut)).items():
            if not np.allclose(then, whole[name][: len(then)], rtol=1e-7, atol=1e-8, equal_nan=True):
                wrong.add(name)
    return wrong


EXPERTS = [
    technical, streaks, relative_strength, correlations, event_flow, walls, sentiment, regime, seen_by_the_forecaster,
]  # fmt: skip
HOURLY = {correlations, regime, seen_by_the_forecaster, peeking_regime}


@pytest.mark.parametrize("history", EXPERTS)
@given(seed=st.integers(0, 500), cut=st.integers(1, 289))
@settings(max_examples=8, deadline=None)
def test_generated_markets(history: History, seed: int, cut: int) -> None:
    assert changed_by_the_future(history, market_of(history, seed), [cut]) == set()


def market_of(history: History, seed: int) -> Candles:
    return candles(walk(seed, 290), H1 if history in HOURLY else M15, seed)


@pytest.mark.parametrize("history", [technical, streaks, relative_strength])
def test_a_recorded_market(history: History) -> None:
    assert changed_by_the_future(history, recorded_btc(600), [97, 350, 599]) == set()


@pytest.mark.parametrize("history", EXPERTS)
def test_each_signal_says_something(history: History) -> None:
    """Else its invariance would prove nothing."""
    said = history(market_of(history, 3))
    assert any(np.unique(values[np.isfinite(values)]).size > 1 for values in said.values()), said


BIASED = [peeking, peeking_one_bar, peeking_walls, peeking_news, peeking_regime, peeking_flow]


@pytest.mark.parametrize("biased", BIASED)
def test_the_detector_detects(biased: History) -> None:
    bars = market_of(biased, 1)
    assert changed_by_the_future(biased, bars, [37, 200]) == set(biased(bars))


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
