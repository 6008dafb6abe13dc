"""A history, a window and one bar more say the same of a market."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from engine.experts.bars import Bars
from engine.experts.columns import TimeframeColumns, timeframe_columns
from engine.experts.live_flow import WARM_BARS
from engine.experts.live_series import LiveSeries
from engine.model import Candles, Timeframe
from tests.experts.markets import candles, head, recorded_btc, tail, walk

TOLERANCE = 1e-7
"""Of each unit (price beside 100, RSI points, sigmas, shares): what float64 leaves between two orders of adding."""

NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)
"""A smaller seed is no smaller market."""

Markets = Mapping[Timeframe, Sequence[Candles]]


def hard_market(seed: int, n: int, timeframe: Timeframe) -> Candles:
    """A walk with a jump, a frozen stretch, and bars without volume: each of them sometimes."""
    rng = np.random.default_rng(seed)
    close = walk(seed, n)
    if seed % 2:
        close[rng.integers(1, n) :] *= 1.2
    if seed % 3 == 0:
        begin, length = int(rng.integers(0, n)), int(rng.integers(1, 160))
        close[begin : begin + length] = close[begin]
    bars = candles(close, timeframe, seed)
    quiet = rng.integers(0, n)
    if seed % 5 == 0:
        bars.volume[quiet : quiet + 120] = 0.0
    return bars


def markets(seed: int, n: int, each: int = 3) -> Markets:
    return {
        timeframe: [hard_market(seed + 7 * lane + k, n, timeframe) for k in range(each)]
        for lane, timeframe in enumerate(Timeframe)
    }


def heads(all_bars: Markets, n: int) -> Markets:
    return {timeframe: [head(bars, n) for bars in series] for timeframe, series in all_bars.items()}


def bars_at(all_bars: Markets, timeframes: Sequence[Timeframe], row: int) -> Bars:
    series = [bars for timeframe in timeframes for bars in all_bars[timeframe]]
    ts = np.array([bars.ts[row] for bars in series])
    return Bars(ts, *(np.array([getattr(b, f)[row] for b in series]) for f in ("high", "low", "close", "volume")))


def last_rows(series: Markets) -> list[tuple[str, TimeframeColumns]]:
    return [(t, timeframe_columns(t, bars)) for t, lane in series.items() for bars in lane]


def differences(live: TimeframeColumns, history: Sequence[tuple[str, TimeframeColumns]]) -> list[str]:
    """Columns in which a row of `live` is not the last row of its history."""
    wrong = []
    for row, (timeframe, columns) in enumerate(history):
        for field in dataclasses.fields(TimeframeColumns):
            now, then = getattr(live, field.name)[..., row], getattr(columns, field.name)[..., -1]
            if not np.allclose(now, then, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True):
                wrong.append(f"{timeframe} row {row} {field.name}: {now} != {then}")
    return wrong


@given(seed=st.integers(0, 400), more=st.integers(1, 60))
@settings(max_examples=12, deadline=None, phases=NO_SHRINKING)
def test_bar_by_bar_a_live_series_says_what_its_whole_history_says(seed: int, more: int) -> None:
    whole = markets(seed, 300 + more)
    live = LiveSeries(heads(whole, 300))
    assert differences(live.columns(), last_rows(heads(whole, 300))) == []
    for row in range(300, 300 + more):
        said = live.advance(tuple(Timeframe), bars_at(whole, tuple(Timeframe), row))
    assert differences(said, last_rows(whole)) == []
    assert differences(live.columns(), last_rows(whole)) == []


def test_lanes_advance_by_themselves() -> None:
    """Four 15-minute bars an hour: the others stand still, and nothing of one lane reaches another."""
    whole = markets(11, 330)
    live = LiveSeries(heads(whole, 300))
    ends = dict.fromkeys(Timeframe, 300)
    for bar in range(1, 17):
        due = [t for t, every in zip(Timeframe, (1, 4, 16), strict=True) if bar % every == 0]
        row = {t: ends[t] for t in due}
        bars = [bars_at(whole, (t,), row[t]) for t in due]
        live.advance(due, Bars(*(np.concatenate([getattr(b, f.name) for b in bars]) for f in dataclasses.fields(Bars))))
        for timeframe in due:
            ends[timeframe] += 1
    now = {t: [head(bars, ends[t]) for bars in series] for t, series in whole.items()}
    assert differences(live.columns(), last_rows(now)) == []


def test_what_was_said_of_a_bar_stays_when_the_next_one_comes() -> None:
    whole = markets(5, 302)
    live = LiveSeries(heads(whole, 300))
    said = [live.columns(), live.advance(tuple(Timeframe), bars_at(whole, tuple(Timeframe), 300))]
    then = copy.deepcopy(said)
    live.advance(tuple(Timeframe), bars_at(whole, tuple(Timeframe), 301))
    for now, before in zip(said, then, strict=True):
        for field in dataclasses.fields(TimeframeColumns):
            assert np.array_equal(getattr(now, field.name), getattr(before, field.name), equal_nan=True), field.name


@pytest.mark.slow
def test_the_tapes_run_on_for_as_long_as_an_engine_does() -> None:
    whole = markets(20, 1300, each=1)
    live = LiveSeries(heads(whole, WARM_BARS))
    for row in range(WARM_BARS, 1300):
        said = live.advance(tuple(Timeframe), bars_at(whole, tuple(Timeframe), row))
    assert differences(said, last_rows(whole)) == []


@pytest.mark.parametrize("spike", [1e9, 1e15])
def test_an_absurd_volume_is_forgotten_once_it_has_left_the_windows(spike: float) -> None:
    bars = candles(walk(4, 700), Timeframe.M15, 4)
    bars.volume[320] = spike
    live = LiveSeries({Timeframe.M15: [head(bars, 300)]})
    for row in range(300, 700):
        said = live.advance((Timeframe.M15,), bars_at({Timeframe.M15: [bars]}, (Timeframe.M15,), row))
    fresh = timeframe_columns(Timeframe.M15, tail(bars, 300))
    for name in ("ofi_bar", "vpin", "toxicity"):
        assert np.isclose(said.of(name)[0], fresh.of(name)[-1], rtol=0, atol=1e-9), name


def test_the_first_series_does_not_reach_into_a_huge_neighbour() -> None:
    own, other = candles(walk(8, 400), Timeframe.M15, 8), candles(walk(9, 400), Timeframe.M15, 9)
    other.volume[:] *= 1e12

    def said(*series: Candles) -> TimeframeColumns:
        live = LiveSeries({Timeframe.M15: [head(bars, 300) for bars in series]})
        for row in range(300, 400):
            last = live.advance((Timeframe.M15,), bars_at({Timeframe.M15: series}, (Timeframe.M15,), row))
        return last

    assert np.isclose(said(own, other).of("vpin")[0], said(own).of("vpin")[0], rtol=0, atol=1e-9)


def test_a_series_does_not_depend_on_its_company() -> None:
    whole = markets(3, 300)
    together = LiveSeries(whole).columns()
    alone = LiveSeries({Timeframe.M15: whole[Timeframe.M15][:1]}).columns()
    for field in dataclasses.fields(TimeframeColumns):
        assert np.array_equal(getattr(together, field.name)[..., 0], getattr(alone, field.name)[..., 0], equal_nan=True)


@pytest.mark.parametrize("end", [400, 1200, 2500, 2999])
def test_a_window_that_begins_later_gives_the_same_votes_and_nearly_the_same_numbers(end: int) -> None:
    """EMA 50 remembers 0.005 % of its seed after 300 bars: 1e-3 of an ATR in the stack, 1e-3 of a score."""
    bars = recorded_btc(3000)
    history = timeframe_columns(Timeframe.M15, head(bars, end))
    live = LiveSeries({Timeframe.M15: [tail(head(bars, end), 300)]}).columns()
    assert live.votes[:, 0].tolist() == history.votes[:, -1].tolist()
    assert live.score[0] == pytest.approx(history.score[-1], abs=1e-3)
    for name in ("ema9", "ema20", "ema50", "macd", "macd_signal", "atr"):
        apart = abs(live.of(name)[0] - history.of(name)[-1])
        assert apart <= 1e-3 * history.of("atr")[-1], name
    for name in ("ofi_bar", "vpin", "toxicity", "realised_vol", "jump_z", "rsi"):
        assert live.of(name)[0] == pytest.approx(history.of(name)[-1], rel=1e-6), name
