"""Candles: OKX's rows, the same trades whatever the bar size."""

from __future__ import annotations

import time

import numpy as np
import pytest

from engine.exchange.simulator import candles
from engine.exchange.simulator.candles import BAR_MS
from engine.exchange.simulator.generator import START_MS, GeneratedBars
from engine.exchange.simulator.simulated_market import SimulatedMarket

BTC = "BTC-USDT-SWAP"
NOW = START_MS + 1_234_567
MINUTE = 60_000


def numbers(rows: list[tuple[str, ...]]) -> np.ndarray:
    return np.array([[float(cell) for cell in row] for row in rows])


@pytest.mark.parametrize("bar", BAR_MS)
def test_rows_come_newest_first_and_only_the_first_may_be_unfinished(market: SimulatedMarket, bar: str) -> None:
    rows = market.candles(BTC, bar, limit=60, now_ms=NOW)
    times = [int(row[0]) for row in rows]
    assert len(rows) == 60
    assert times == sorted(times, reverse=True)
    assert set(np.diff(times)) == {-BAR_MS[bar]}
    assert [row[8] for row in rows] == ["0"] + ["1"] * 59
    assert times[0] <= NOW < times[0] + BAR_MS[bar]


@pytest.mark.parametrize("bar", BAR_MS)
def test_every_bar_holds_exactly_the_path_of_its_span(market: SimulatedMarket, bar: str) -> None:
    rows = market.candles(BTC, bar, limit=3, now_ms=NOW)
    for ts, opened, high, low, close in numbers(rows)[:, :5]:
        _, prices = market.path(BTC, int(ts) - 1, min(int(ts) + BAR_MS[bar] - 1, NOW))
        assert (opened, high, low, close) == (prices[0], prices.max(), prices.min(), prices[-1])


@pytest.mark.parametrize(
    ("small", "large"), [("1m", "5m"), ("3m", "15m"), ("5m", "1H"), ("15m", "4H"), ("4H", "1Dutc")]
)
def test_longer_bars_are_sums_of_shorter_ones(market: SimulatedMarket, small: str, large: str) -> None:
    for row in numbers(market.candles(BTC, large, limit=4, now_ms=NOW)):
        span = {"before_ms": int(row[0]) - 1, "after_ms": int(row[0]) + BAR_MS[large]}
        parts = numbers(market.candles(BTC, small, limit=300, now_ms=NOW, **span))
        assert parts[-1, 1] == row[1]
        assert parts[:, 2].max() == row[2]
        assert parts[:, 3].min() == row[3]
        assert parts[0, 4] == row[4]
        for column, close in ((5, 1e-6), (6, 1e-6), (7, 0.01)):
            assert parts[:, column].sum() == pytest.approx(row[column], rel=close)


def test_volume_is_told_in_contracts_base_and_usdt(market: SimulatedMarket) -> None:
    for inst_id, spec in market.specs.items():
        row = numbers(market.candles(inst_id, "1H", limit=2, now_ms=NOW))[1]
        assert row[6] == pytest.approx(row[5] * float(spec.units), rel=1e-6)
        assert row[3] * 0.99 <= row[7] / row[6] <= row[2] * 1.01


def test_bounds_are_exclusive_and_the_newest_rows_win(market: SimulatedMarket) -> None:
    newest = START_MS - 10 * 15 * MINUTE
    rows = market.candles(BTC, "15m", after_ms=newest, limit=5, now_ms=NOW)
    assert [int(row[0]) for row in rows] == [newest - n * 15 * MINUTE for n in range(1, 6)]
    rows = market.candles(BTC, "15m", before_ms=newest, limit=300, now_ms=NOW)
    assert int(rows[-1][0]) == newest + 15 * MINUTE
    rows = market.candles(BTC, "15m", before_ms=newest, limit=2, now_ms=NOW)
    assert int(rows[0][0]) == NOW // (15 * MINUTE) * 15 * MINUTE
    assert market.candles(BTC, "15m", before_ms=NOW, now_ms=NOW) == []


def test_walking_back_reaches_the_first_bar_and_ends(market: SimulatedMarket, source: GeneratedBars) -> None:
    after, seen = NOW, []
    while rows := market.candles(BTC, "4H", after_ms=after, limit=300, now_ms=NOW):
        seen += [int(row[0]) for row in rows]
        after = seen[-1]
    assert seen[-1] == source.history_start_ms
    assert len(seen) == len(set(seen)) == (NOW - source.history_start_ms) // BAR_MS["4H"] + 1


def test_long_bars_begin_at_midnight_in_hong_kong_unless_utc_is_asked_for(market: SimulatedMarket) -> None:
    for bar, hour in (("1D", 16), ("1Dutc", 0)):
        assert {int(row[0]) // 3_600_000 % 24 for row in market.candles(BTC, bar, limit=5, now_ms=NOW)} == {hour}
    assert {int(row[0]) // 3_600_000 % 6 for row in market.candles(BTC, "6H", limit=5, now_ms=NOW)} == {4}


def test_at_the_very_open_the_running_bar_holds_one_trade(market: SimulatedMarket) -> None:
    row = market.candles(BTC, "15m", limit=1, now_ms=START_MS)[0]
    assert row[8] == "0"
    assert row[1] == row[2] == row[3] == row[4]


def test_a_finished_row_never_changes_again() -> None:
    market = SimulatedMarket(GeneratedBars(seed=4))
    seen: dict[str, tuple[str, ...]] = {}
    for step in range(40):
        for row in market.candles(BTC, "5m", limit=4, now_ms=START_MS + step * 97_000)[1:]:
            assert seen.setdefault(row[0], row) == row


def test_what_is_told_now_does_not_depend_on_later_questions() -> None:
    early, late = (SimulatedMarket(GeneratedBars(seed=4)) for _ in range(2))
    late.candles(BTC, "1H", limit=300, now_ms=NOW + 5 * 86_400_000)
    for bar in ("1m", "15m", "1H", "1D"):
        assert early.candles(BTC, bar, limit=20, now_ms=NOW) == late.candles(BTC, bar, limit=20, now_ms=NOW)


def test_mark_candles_are_cut_from_the_mark_path(market: SimulatedMarket) -> None:
    row = market.mark_candles(BTC, "1H", limit=2, now_ms=NOW)[1]
    _, marks = market.mark_path(BTC, int(row[0]) - 1, int(row[0]) + 3_600_000 - 1)
    assert [float(cell) for cell in row[1:5]] == [marks[0], marks.max(), marks.min(), marks[-1]]
    assert len(row) == 6


def test_an_unknown_bar_is_an_error(market: SimulatedMarket) -> None:
    with pytest.raises(KeyError):
        market.candles(BTC, "7m", now_ms=NOW)


def test_warm_candles_cost_little(market: SimulatedMarket) -> None:
    market.candles(BTC, "4H", limit=300, now_ms=NOW)
    began = time.perf_counter()
    for _ in range(20):
        market.candles(BTC, "4H", limit=300, now_ms=NOW)
    assert (time.perf_counter() - began) / 20 < 0.01  # 0.14 ms on an idle core


def test_what_is_kept_of_candles_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that runs for a month asks for new pages every day."""
    monkeypatch.setattr(candles, "_CACHED_ROWS", 3_000)
    market = SimulatedMarket(GeneratedBars(7))
    for day in range(0, 20, 2):
        market.candles(BTC, "5m", limit=300, now_ms=START_MS + day * 86_400_000)
    kept = sum(len(page[1]) for page in market._candles._pages.values())
    assert kept == market._candles._cached
    assert 2_000 < kept <= 3_000
