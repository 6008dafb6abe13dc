"""The board goes on by one bar where it can, begins anew where it must, and is right either way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from engine.experts import signal_board
from engine.experts.live_series import LiveSeries
from engine.experts.signal_board import Key, SignalBoard
from engine.experts.technical_expert import technical_signals
from engine.model import Candles, TechnicalSignals, Timeframe
from tests.experts.markets import candles, head, tail, walk

M15 = Timeframe.M15
NAMES = ("A", "B", "C")
MARKETS = {
    (name, t): candles(walk(7 * k + j, 340), t, k) for j, t in enumerate(Timeframe) for k, name in enumerate(NAMES)
}


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each time that the live state was made from windows."""
    begins: list[int] = []

    class Counted(LiveSeries):
        def __init__(self, windows: dict[Timeframe, list[Candles]]) -> None:
            begins.append(len(windows))
            super().__init__(windows)

    monkeypatch.setattr(signal_board, "LiveSeries", Counted)
    return begins


def windows(end: int, **moved: int) -> dict[Key, Candles]:
    """300 bars up to `end`, or to another end in one timeframe: m15=…, h1=…, h4=…"""
    ends = {t: moved.get(t.name.lower(), end) for t in Timeframe}
    return {key: tail(head(bars, ends[key[1]]), 300) for key, bars in MARKETS.items()}


def assert_right(board: SignalBoard, now: dict[Key, Candles]) -> None:
    for name in NAMES:
        of_name = {t: now[name, t] for t in Timeframe if (name, t) in now}
        same(board.technical(name, of_name), technical_signals(of_name))


def same(board: TechnicalSignals, alone: TechnicalSignals) -> None:
    assert board.score == pytest.approx(alone.score, abs=1e-3)
    assert (board.bullish_count, board.bearish_count, board.direction) == (
        alone.bullish_count, alone.bearish_count, alone.direction,
    )  # fmt: skip
    for timeframe, signals in alone.timeframes.items():
        assert board.timeframes[timeframe].bar_ts == signals.bar_ts
        assert board.timeframes[timeframe].vpin == pytest.approx(signals.vpin, rel=1e-9)


def test_quarters_hours_and_four_hours_are_one_bar_more_of_what_is_known(begun: list[int]) -> None:
    board, ends = SignalBoard(), dict.fromkeys(Timeframe, 300)
    board.refresh(windows(300))
    for quarter in range(1, 17):
        for timeframe, every in zip(Timeframe, (1, 4, 16), strict=True):
            ends[timeframe] += quarter % every == 0
        now = windows(0, **{t.name.lower(): end for t, end in ends.items()})
        known = board._at
        now = {key: known[key] if known[key].ts[-1] == window.ts[-1] else window for key, window in now.items()}
        board.refresh(now)
        assert_right(board, now)
    assert len(begun) == 1


def test_two_bars_at_once_begin_anew(begun: list[int]) -> None:
    board = SignalBoard()
    board.refresh(windows(300))
    board.refresh(windows(302))
    assert_right(board, windows(302))
    assert len(begun) == 2


def test_a_rewritten_past_begins_anew(begun: list[int]) -> None:
    board, now = SignalBoard(), windows(301)
    board.refresh(windows(300))
    volume = now["B", M15].volume.copy()
    volume[-50] *= 3
    now["B", M15] = replace(now["B", M15], volume=volume)
    board.refresh(now)
    assert_right(board, now)
    assert len(begun) == 2


@pytest.mark.parametrize(
    ("name", "value"), [("close", np.nan), ("open", np.inf), ("low", 0.0), ("volume", -1.0), ("volume", np.nan)]
)
def test_a_malformed_new_bar_is_not_taken_over(name: str, value: float, begun: list[int]) -> None:
    board, now = SignalBoard(), windows(301)
    board.refresh(windows(300))
    column = getattr(now["B", M15], name).copy()
    column[-1] = value
    now["B", M15] = replace(now["B", M15], **{name: column})
    board.refresh(now)
    assert len(begun) == 2
    of_name = {t: now["A", t] for t in Timeframe}
    same(board.technical("A", of_name), technical_signals(of_name))


def test_one_late_ticker_holds_nobody_up(begun: list[int]) -> None:
    board, now = SignalBoard(), windows(301)
    board.refresh(windows(300))
    now["C", M15] = windows(300)["C", M15]
    board.refresh(now)
    assert_right(board, now)


def test_short_missing_and_malformed_windows_are_left_to_themselves() -> None:
    board, now = SignalBoard(), windows(300)
    now["A", M15] = tail(now["A", M15], 60)
    broken = now["B", Timeframe.H1].close.copy()
    broken[5] = np.nan
    now["B", Timeframe.H1] = replace(now["B", Timeframe.H1], close=broken)
    del now["C", Timeframe.H4]
    board.refresh(now)
    for name in ("A", "C"):
        of_name = {t: now[name, t] for t in Timeframe if (name, t) in now}
        same(board.technical(name, of_name), technical_signals(of_name))
    board.refresh({})
    assert SignalBoard().technical("A", {}).bullish_count == 0


def test_a_window_nobody_handed_over_is_computed_by_itself() -> None:
    board = SignalBoard()
    board.refresh(windows(300))
    later = {t: windows(305)["A", t] for t in Timeframe}
    assert board.technical("A", later) == technical_signals(later)
