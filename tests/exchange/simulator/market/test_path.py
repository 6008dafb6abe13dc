"""The path inside bars: through all four prices, nowhere else."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.exchange.simulator.bars import Bars
from engine.exchange.simulator.generator import START_MS, GeneratedBars
from engine.exchange.simulator.grid import Grid
from engine.exchange.simulator.path import build_path, step_ms
from engine.exchange.simulator.simulated_market import SimulatedMarket
from engine.exchange.simulator.specs import SPECS

TICK = Grid(1, 2)


@st.composite
def any_bars(draw: st.DrawFn) -> Bars:
    """A few bars whose prices are whole cents, often flat or with extremes at open or close."""
    rows = draw(st.lists(st.lists(st.integers(100, 115), min_size=4, max_size=4), min_size=1, max_size=6))
    prices = np.array(rows, dtype=np.float64) / 100
    opened, close = prices[:, 0], prices[:, 1]
    high, low = prices.max(axis=1), prices.min(axis=1)
    ts = np.arange(len(rows), dtype=np.int64) * 300_000 + 1_700_000_100_000
    return Bars(ts, opened, high, low, close, np.full(len(rows), 10.0))


@settings(max_examples=150, deadline=None)
@given(bars=any_bars(), interval=st.sampled_from([60_000, 300_000, 900_000]), key=st.integers(0, 2**63))
def test_the_path_touches_open_high_low_and_close_and_stays_inside(bars: Bars, interval: int, key: int) -> None:
    ts = bars.ts // 300_000 * interval
    bars = Bars(ts, bars.open, bars.high, bars.low, bars.close, bars.volume)
    path = build_path(bars, interval, TICK, key)
    prices = path.price.reshape(len(bars), -1)
    assert np.array_equal(prices[:, 0], bars.open)
    assert np.array_equal(prices[:, -1], bars.close)
    assert np.array_equal(prices.max(axis=1), bars.high)
    assert np.array_equal(prices.min(axis=1), bars.low)
    assert np.allclose(path.volume.reshape(len(bars), -1).sum(axis=1), bars.volume)
    assert path.ts[0] == bars.ts[0]
    assert path.ts[-1] == bars.ts[-1] + interval - step_ms(interval)


def test_a_bar_without_volume_leaves_no_trades() -> None:
    ts = np.array([0, 300_000], dtype=np.int64)
    price = np.array([1.0, 1.0])
    path = build_path(Bars(ts, price, price, price, price, np.array([0.0, 5.0])), 300_000, TICK, 1)
    assert path.ts.min() == 300_000


def test_steps_are_at_most_fifteen_seconds() -> None:
    assert [step_ms(minutes * 60_000) for minutes in (1, 5, 15)] == [5_000, 5_000, 10_000]


@pytest.mark.parametrize("span", [17_000, 280_000, 1_234_567, 26 * 3_600_000])
@pytest.mark.parametrize("inst_id", ["BTC-USDT-SWAP", "NVDA-USDT-SWAP"])
def test_extremes_are_those_of_the_path(market: SimulatedMarket, inst_id: str, span: int) -> None:
    begin = START_MS - 86_400_000 + 123_456
    low, high = market.extremes(inst_id, begin, begin + span)
    _, prices = market.path(inst_id, begin, begin + span)
    known = np.append(prices, float(market.last_price(inst_id, begin)))
    assert (low, high) == (known.min(), known.max())


def test_the_mark_price_keeps_within_its_bounds_and_near_the_last(market: SimulatedMarket) -> None:
    for inst_id in SPECS:
        begin = START_MS - 3_600_000
        _, marks = market.mark_path(inst_id, begin, START_MS)
        times, last = market.path(inst_id, begin, START_MS)
        low, high = market.mark_extremes(inst_id, begin, START_MS)
        assert low <= marks.min() <= marks.max() <= high
        assert np.median(np.abs(marks / last - 1)) < 0.002
        assert float(market.mark_price(inst_id, int(times[-1]))) == marks[-1]


def test_a_path_asked_in_pieces_is_the_path_asked_at_once(market: SimulatedMarket) -> None:
    begin, end = START_MS - 5 * 3_600_000, START_MS
    cuts = [begin, begin + 7, begin + 100_000, begin + 4 * 3_600_000, end]
    whole = market.path("ETH-USDT-SWAP", begin, end)
    pieces = [market.path("ETH-USDT-SWAP", a, b) for a, b in pairwise(cuts)]
    for place in (0, 1):
        assert np.array_equal(np.concatenate([piece[place] for piece in pieces]), whole[place])


@pytest.mark.slow
def test_the_path_never_depends_on_what_was_asked_before() -> None:
    one, other = (SimulatedMarket(GeneratedBars(seed=5)) for _ in range(2))
    other.mark_path("SUI-USDT-SWAP", START_MS + 86_400_000, START_MS + 2 * 86_400_000)
    span = ("SUI-USDT-SWAP", START_MS, START_MS + 9 * 3_600_000)
    assert all(np.array_equal(a, b) for a, b in zip(one.mark_path(*span), other.mark_path(*span), strict=True))
    assert one.book("SUI-USDT-SWAP", START_MS + 4321) == other.book("SUI-USDT-SWAP", START_MS + 4321)
