"""The peers that a cycle's compute is measured beside do the same work: their numbers are the product's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from bench import plain_pandas, plain_talib
from bench.compute import CoreAlone, bars_at, product
from bench.compute_market import snapshots, windows_of
from engine.model import MarketSnapshot, Timeframe

MARKETS = snapshots(seed=5)[:4]
EXACT = 1e-6
SEEDED_OTHERWISE = 2e-3
"""pandas' averages begin with the first close: EMA 50 keeps 0.005 % of that, which is this much of an ATR."""


@pytest.fixture(scope="module")
def ours() -> dict[str, Any]:
    return product(MARKETS)


@pytest.mark.parametrize(("peer", "tolerance"), [(plain_talib, EXACT), (plain_pandas, SEEDED_OTHERWISE)])
def test_peers_agree_with_the_product(peer: Any, tolerance: float, ours: dict[str, Any]) -> None:
    theirs = peer.compute(MARKETS)
    for market in MARKETS:
        gathered = ours["gathered"][market.instrument.ticker]
        for timeframe in Timeframe:
            same_signals(gathered.technical.timeframes[timeframe], _signals_of(theirs, market, timeframe), tolerance)
        same_book(gathered.book, theirs["books"][market.instrument.ticker])
    assert list(ours["rs"].values()) == pytest.approx(theirs["rs"].tolist(), rel=1e-9)
    assert np.allclose(ours["correlation"], theirs["correlation"], atol=1e-9)
    assert len(theirs["briefs"]) == len(MARKETS)


def test_the_streams_that_a_new_bar_is_measured_beside_say_the_same() -> None:
    """TA-Lib rounds otherwise than a window summed up; ATRs are about a hundredth of the price."""
    markets = snapshots(seed=6, bars=310)[:2]
    first = windows_of(markets, 0, 300)
    streams = plain_talib.CoreStreams(first.values())
    core = CoreAlone([[w for (_, t), w in first.items() if t is timeframe] for timeframe in Timeframe])
    for row in range(300, 310):
        theirs, said = streams.advance(bars_at(markets, row)), core.advance(bars_at(markets, row))
    for series, (ema9, ema20, ema50, rsi, macd, band, atr) in enumerate(theirs):
        upper, middle, lower = band
        position = (
            (markets[series % 2].candles[tuple(Timeframe)[series // 2]].close[309] - middle) * 2 / (upper - lower)
        )
        assert [ema9, ema20, ema50, atr, *macd, rsi, position] == pytest.approx(said[:9, series].tolist(), abs=1e-6)


def _signals_of(theirs: Mapping[str, Any], market: MarketSnapshot, timeframe: Timeframe) -> dict[str, Any]:
    found: dict[str, Any] = theirs["signals"][market.instrument.ticker, timeframe]
    return found


def same_signals(signals: Any, found: Mapping[str, Any], tolerance: float) -> None:
    for name in ("rsi", "bollinger_position", "ofi_bar", "vpin", "toxicity", "realised_vol", "jump_z",
                 "vwap_deviation_sigma", "score"):  # fmt: skip
        assert getattr(signals, name) == pytest.approx(found[name], rel=tolerance, abs=tolerance), name
    for name in ("ema9", "ema20", "ema50", "macd", "macd_signal", "atr"):
        assert getattr(signals, name) == pytest.approx(found[name], abs=tolerance * signals.atr), name
    assert signals.votes == found["votes"]


def same_book(book: Any, found: Mapping[str, float]) -> None:
    for name in ("imbalance", "micro_price_offset_pct", "spread_pct"):
        assert getattr(book, name) == pytest.approx(found[name], rel=1e-9)
    assert (book.wall_distance_pct or np.inf) == pytest.approx(found["wall"])
