"""What must hold of the signals whatever the market does."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.experts.columns import timeframe_columns
from engine.experts.flow import SIGMA_BARS
from engine.experts.jumps import JUMP_Z
from engine.experts.score import scores_of
from engine.experts.technical_expert import combine, direction_of, signals_at, technical_signals, timeframe_signals
from engine.model import Candles, Direction, Timeframe, TimeframeSignals
from tests.experts.markets import candles, head, mirrored, recorded_btc, scaled, tail, walk

M15 = Timeframe.M15


@pytest.mark.parametrize("cut", [60, 150, 299])
def test_signals_at_a_bar_do_not_change_when_the_future_is_appended(cut: int) -> None:
    bars = candles(walk(1, 400))
    then = timeframe_signals(M15, head(bars, cut))
    row = signals_at(M15, timeframe_columns(M15, bars), cut - 1)
    assert _differences(row, then) == []


def test_every_column_row_is_the_live_signal_of_that_bar() -> None:
    bars = recorded_btc(500)
    columns = timeframe_columns(M15, bars)
    for n in range(1, 501, 7):
        assert _differences(signals_at(M15, columns, n - 1), timeframe_signals(M15, head(bars, n))) == []


def test_a_window_of_300_bars_votes_as_the_whole_history_does() -> None:
    bars = recorded_btc(3000)
    columns = timeframe_columns(M15, bars)
    for end in range(400, 3001, 100):
        live = timeframe_signals(M15, tail(head(bars, end), 300))
        assert live.votes == tuple(columns.votes[:, end - 1])
        assert live.score == pytest.approx(columns.score[end - 1], abs=1e-3)


@given(seed=st.integers(0, 500), still=st.integers(1, 400), traded=st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_price_that_is_pegged_says_the_same_to_a_window_and_to_the_whole_history(
    seed: int, still: int, traded: bool
) -> None:
    """The averages come ever nearer to a price that stands, and so does the range: what is left of both is noise, and
    no trend. Volume goes on, as it does at a peg."""
    close = np.concatenate((walk(seed, 150), np.full(still, walk(seed, 150)[-1])))
    bars = candles(close, seed=seed)
    flat = dataclasses.replace(bars, high=bars.high.copy(), low=bars.low.copy(), open=bars.open.copy())
    flat.open[150:] = flat.high[150:] = flat.low[150:] = close[-1]
    if not traded:
        flat = dataclasses.replace(flat, volume=np.where(np.arange(len(close)) < 150, flat.volume, 0.0))
    whole = signals_at(M15, timeframe_columns(M15, flat), len(close) - 1)
    window = timeframe_signals(M15, tail(flat, min(300, len(close))))
    assert whole.votes == window.votes
    assert whole.score == pytest.approx(window.score, abs=1e-3)
    if still > SIGMA_BARS:
        assert whole.votes[:4] == (0, 0, 0, 0)  # the fifth, VWAP's, still knows the prices of the day


@given(seed=st.integers(0, 500), power=st.integers(-20, 20), n=st.integers(1, 320))
@settings(max_examples=60, deadline=None)
def test_scaling_prices_and_volumes_changes_no_vote_and_no_score(seed: int, power: int, n: int) -> None:
    bars = candles(walk(seed, n), seed=seed)
    one, other = (timeframe_signals(M15, b) for b in (bars, scaled(bars, 2.0**power, 3.0)))
    assert one.votes == other.votes
    assert one.score == pytest.approx(other.score, abs=1e-6)


@given(seed=st.integers(0, 500), drift=st.floats(-0.004, 0.004))
@settings(max_examples=60, deadline=None)
def test_a_market_upside_down_has_the_opposite_votes_and_score(seed: int, drift: float) -> None:
    close = 1000 + np.cumsum(np.random.default_rng(seed).normal(drift * 100, 0.5, 300))
    bars = candles(close, seed=seed)
    up, down = timeframe_signals(M15, bars), timeframe_signals(M15, mirrored(bars, 2000.0))
    assert down.votes == tuple(-vote for vote in up.votes)
    if up.jump == down.jump:
        assert down.score == pytest.approx(-up.score, abs=1e-6)


@given(seed=st.integers(0, 500), drift=st.floats(-0.004, 0.004))
@settings(max_examples=30, deadline=None)
def test_vpin_and_toxicity_do_not_know_up_from_down(seed: int, drift: float) -> None:
    close = 1000 + np.cumsum(np.random.default_rng(seed).normal(drift * 100, 0.5, 300))
    bars = candles(close, seed=seed)
    up, down = timeframe_signals(M15, bars), timeframe_signals(M15, mirrored(bars, 2000.0))
    assert up.vpin == pytest.approx(down.vpin, rel=1e-6)
    assert up.toxicity == pytest.approx(down.toxicity)
    assert up.ofi_bar == pytest.approx(-down.ofi_bar if down.ofi_bar is not None else None, abs=1e-9)


@given(
    evidence=st.lists(st.floats(-50, 50), min_size=6, max_size=6),
    toxicity=st.floats(0, 1),
    jump_z=st.floats(-5, 20),
)
def test_toxicity_and_jumps_only_ever_damp_a_score(evidence: list[float], toxicity: float, jump_z: float) -> None:
    pieces = np.array(evidence)[:, None]
    bare = scores_of(pieces, np.array([np.nan]), np.array([np.nan]), JUMP_Z)[0]
    damped = scores_of(pieces, np.array([jump_z]), np.array([toxicity]), JUMP_Z)[0]
    assert damped * bare >= 0
    assert 0.68 * abs(bare) - 1e-12 <= abs(damped) <= abs(bare)


@given(
    n=st.integers(1, 330),
    constant=st.booleans(),
    zero_volume=st.booleans(),
    price=st.sampled_from([1e-6, 1.0, 123_456.7]),
    seed=st.integers(0, 50),
)
@settings(max_examples=120, deadline=None)
def test_short_constant_and_empty_markets_never_raise(
    n: int, constant: bool, zero_volume: bool, price: float, seed: int
) -> None:
    close = np.full(n, price) if constant else walk(seed, n) * price
    bars = candles(close)
    if zero_volume:
        bars = dataclasses.replace(bars, volume=np.zeros(n))
    signals = timeframe_signals(M15, bars)
    assert -1 <= signals.score <= 1
    assert all(value is None or math.isfinite(value) for value in _numbers(signals))


def test_a_frozen_market_says_nothing() -> None:
    bars = candles(np.full(300, 0.1))
    flat = Candles(bars.ts, bars.close, bars.close, bars.close, bars.close, bars.volume)
    signals = timeframe_signals(M15, flat)
    assert signals.rsi is None and signals.ofi_bar is None and signals.jump is None
    assert signals.bollinger_position is None and signals.vwap_deviation_sigma is None and signals.vpin is None
    assert signals.votes == (0, 0, 0, 0, 0)
    assert signals.score == 0
    assert signals.atr == 0


def test_a_price_that_freezes_later_has_no_rsi() -> None:
    close = np.concatenate((walk(1, 280), np.full(20, 90.0)))
    assert timeframe_signals(M15, candles(close)).rsi is None


def test_warm_up_is_unknown_not_zero() -> None:
    signals = timeframe_signals(M15, candles(walk(1, 12)))
    assert signals.ema9 is not None
    assert signals.ema20 is None and signals.rsi is None and signals.atr is None and signals.macd is None


def test_a_strong_aligned_market_is_strong_and_a_walk_is_not() -> None:
    trend = {tf: candles(walk(2, 300, 0.0016, 0.003), tf) for tf in Timeframe}
    signals = technical_signals(trend)
    assert signals.direction is Direction.BULLISH
    assert signals.strength >= 0.8
    walks = [
        technical_signals({tf: candles(walk(100 * i + s), tf, s) for i, tf in enumerate(Timeframe)}).strength
        for s in range(60)
    ]
    assert 0.4 < np.median(walks) < 0.6


def test_a_missing_timeframe_counts_nothing_and_is_not_made_up_for() -> None:
    bars = {tf: candles(walk(2, 300, 0.0016, 0.003), tf) for tf in Timeframe}
    whole = technical_signals(bars)
    without = technical_signals({tf: b for tf, b in bars.items() if tf is not Timeframe.H4})
    assert Timeframe.H4 not in without.timeframes
    assert without.score == pytest.approx(whole.score - 0.5 * whole.timeframes[Timeframe.H4].score)


def test_no_market_at_all_is_neutral() -> None:
    nothing = technical_signals({})
    assert (nothing.score, nothing.strength, nothing.direction) == (0, 0.5, Direction.NEUTRAL)
    assert nothing.atr_pct_avg is None


def test_atr_average_is_over_the_timeframes_that_have_one() -> None:
    bars = {Timeframe.M15: candles(walk(1)), Timeframe.H1: candles(walk(1, 5), Timeframe.H1)}
    signals = technical_signals(bars)
    assert signals.atr_pct_avg == signals.timeframes[M15].atr_pct


@pytest.mark.parametrize(
    ("bulls", "bears", "score", "expected"),
    [
        (3, 0, 0.01, Direction.BULLISH),
        (2, 0, 0.9, Direction.NEUTRAL),
        (8, 6, 0.9, Direction.NEUTRAL),
        (9, 6, 0.0, Direction.NEUTRAL),
        (9, 6, -0.1, Direction.NEUTRAL),
        (0, 3, -0.01, Direction.BEARISH),
        (0, 3, 0.01, Direction.NEUTRAL),
    ],
)
def test_direction_needs_a_lead_of_three_and_the_score(
    bulls: int, bears: int, score: float, expected: Direction
) -> None:
    assert direction_of(bulls, bears, score) is expected


def test_strength_and_weights() -> None:
    base = timeframe_signals(M15, candles(walk(1)))
    frames = {
        tf: dataclasses.replace(base, timeframe=tf, score=score)
        for tf, score in ((Timeframe.H4, 1.0), (Timeframe.H1, 0.0), (Timeframe.M15, -1.0))
    }
    combined = combine(frames)
    assert combined.score == pytest.approx(0.35)
    assert combined.strength == pytest.approx(0.675)


def _numbers(signals: TimeframeSignals) -> list[float | None]:
    return [v for v in dataclasses.astuple(signals) if v is None or isinstance(v, float)]


def _differences(one: TimeframeSignals, other: TimeframeSignals) -> list[str]:
    """Fields that differ by more than rounding."""
    pairs = {field.name: (getattr(one, field.name), getattr(other, field.name)) for field in dataclasses.fields(one)}
    return [
        f"{name}: {a} != {b}"
        for name, (a, b) in pairs.items()
        if (a != pytest.approx(b, rel=1e-6, abs=1e-7) if isinstance(a, float) and isinstance(b, float) else a != b)
    ]
