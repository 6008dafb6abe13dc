"""The generated market: the same for everybody who asks, endless, on the grid."""

from __future__ import annotations

import subprocess
import sys
import time

import numpy as np
import pytest

from engine.exchange.simulator.bars import Bars
from engine.exchange.simulator.generator import HISTORY_DAYS, START_MS, GeneratedBars
from engine.exchange.simulator.seasons import BAR_MS, DAY_MS
from engine.exchange.simulator.specs import SPECS, WATCHLIST

BTC = "BTC-USDT-SWAP"


def same(one: Bars, other: Bars) -> bool:
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in Bars.__slots__)


def test_a_fresh_instance_asked_in_another_order_gives_the_same_bars(source: GeneratedBars) -> None:
    fresh = GeneratedBars(seed=7)
    far = START_MS + 9 * DAY_MS
    late = fresh.bars("XAU-USDT-SWAP", far, far + DAY_MS)
    early = fresh.bars(BTC, START_MS - 3 * DAY_MS, START_MS)
    assert same(early, source.bars(BTC, START_MS - 3 * DAY_MS, START_MS))
    assert same(late, source.bars("XAU-USDT-SWAP", far, far + DAY_MS))


@pytest.mark.slow
def test_another_process_gives_the_same_bars(source: GeneratedBars) -> None:
    code = (
        "from engine.exchange.simulator.generator import GeneratedBars, START_MS as S\n"
        "print(GeneratedBars(7).bars('SOL-USDT-SWAP', S, S + 86_400_000).close.sum())"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert float(told) == source.bars("SOL-USDT-SWAP", START_MS, START_MS + DAY_MS).close.sum()


def test_another_seed_is_another_market(source: GeneratedBars) -> None:
    other = GeneratedBars(seed=8)
    assert not same(other.bars(BTC, START_MS, START_MS + DAY_MS), source.bars(BTC, START_MS, START_MS + DAY_MS))
    assert other.identity != source.identity


def test_going_on_never_changes_what_was(source: GeneratedBars) -> None:
    fresh = GeneratedBars(seed=7)
    before = fresh.bars(BTC, fresh.history_start_ms, START_MS + DAY_MS)
    fresh.bars(BTC, START_MS + 40 * DAY_MS, START_MS + 41 * DAY_MS)
    assert same(before, fresh.bars(BTC, fresh.history_start_ms, START_MS + DAY_MS))


@pytest.mark.slow
def test_a_day_that_left_the_cache_comes_back_the_same() -> None:
    fresh = GeneratedBars(seed=3)
    first = fresh.bars(BTC, fresh.history_start_ms, fresh.history_start_ms + DAY_MS)
    fresh.bars(BTC, START_MS, START_MS + 160 * DAY_MS)
    assert same(first, fresh.bars(BTC, fresh.history_start_ms, fresh.history_start_ms + DAY_MS))


def test_every_span_is_a_cut_of_the_same_series(source: GeneratedBars) -> None:
    whole = source.bars(BTC, START_MS - 2 * DAY_MS, START_MS)
    for offset, length in ((0, 1), (7, 300), (281, 20), (570, 6)):
        cut = source.bars(BTC, int(whole.ts[offset]), int(whole.ts[offset]) + length * BAR_MS)
        assert same(cut, whole.pick(slice(offset, offset + length)))


def test_history_reaches_back_far_enough_for_every_indicator(source: GeneratedBars) -> None:
    assert HISTORY_DAYS >= 120
    assert START_MS - source.history_start_ms >= 120 * DAY_MS
    assert (START_MS // DAY_MS + 3) % 7 == 1  # a Tuesday


@pytest.mark.parametrize("inst_id", SPECS)
def test_bars_are_whole_continuous_and_on_the_tick_grid(source: GeneratedBars, inst_id: str) -> None:
    bars = source.bars(inst_id, START_MS - 30 * DAY_MS, START_MS)
    assert np.array_equal(np.diff(bars.ts), np.full(len(bars) - 1, BAR_MS))
    assert (bars.low <= np.minimum(bars.open, bars.close)).all()
    assert (bars.high >= np.maximum(bars.open, bars.close)).all()
    assert np.array_equal(bars.open[1:], bars.close[:-1])
    ticks = bars.close / float(SPECS[inst_id].tick_sz)
    assert np.abs(ticks - np.rint(ticks)).max() < 1e-6
    lots = bars.volume / float(SPECS[inst_id].lot_sz * SPECS[inst_id].units)
    assert np.abs(lots - np.rint(lots)).max() < 1e-4
    assert lots.min() >= 1 - 1e-9


def test_prices_at_the_start_are_near_the_typical_ones(source: GeneratedBars) -> None:
    for inst_id, spec in SPECS.items():
        assert 0.75 < source.close_before(inst_id, START_MS) / spec.typical_price < 1.35


def test_the_history_holds_one_wild_day(source: GeneratedBars) -> None:
    sui = source.bars("SUI-USDT-SWAP", source.history_start_ms, START_MS)
    days = (sui.low.reshape(-1)[: len(sui) // 288 * 288].reshape(-1, 288).min(axis=1), sui.open[::288])
    falls = days[0] / days[1][: len(days[0])] - 1
    assert falls.min() < -0.22


def test_the_watchlist_is_listed() -> None:
    assert {f"{base}-USDT-SWAP" for base in WATCHLIST} <= set(SPECS)
    assert len(WATCHLIST) == 17
    assert len(SPECS) == 21


def test_start_up_is_quick() -> None:
    began = time.perf_counter()
    GeneratedBars(seed=21)
    assert time.perf_counter() - began < 3.0  # 0.3 s on an idle core
