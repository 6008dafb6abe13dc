"""Snapshots in which every source has something to say, for the brief's golden files and its budget."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from engine.model import (
    AssetClass,
    FearGreed,
    Forecast,
    ForecastBand,
    Headline,
    Headlines,
    LiquidationFlow,
    MarketSnapshot,
    QuoteFlow,
    Timeframe,
)
from tests.experts.markets import NOW, book, candles, snapshot, walk

HOUR_MS = 3_600_000
NEWS = {
    AssetClass.CRYPTO: "Bitcoin slides as traders pull back from leverage after a record week of liquidations",
    AssetClass.METAL: "Gold steadies near a record as dollar weakens and central banks keep buying",
    AssetClass.INDEX: "Wall Street indexes rally after inflation cools more than expected",
    AssetClass.STOCK: "Stocks surge as chip export rules are eased for three more countries",
}


def whole_snapshot(seed: int = 7, asset_class: AssetClass = AssetClass.CRYPTO) -> MarketSnapshot:
    """As at the end of a quiet cycle: nothing missing, nothing stale."""
    bare, rng = snapshot(seed, asset_class), np.random.default_rng(seed)
    inst_id, median = bare.instrument.inst_id, float(rng.normal(0, 0.006))
    return replace(
        bare,
        earlier_books=tuple(book(100.0, NOW - 1000 * age, wall_at=8) for age in (602, 302, 122, 62, 32, 12)),
        quote_flow=QuoteFlow(inst_id, float(rng.uniform(-1, 1)), 4_000, 60_000, NOW - 300),
        liquidations=LiquidationFlow(inst_id, 1.9e6, 0.4e6, 2.5e5, HOUR_MS, NOW - 4_000),
        forecast=Forecast(
            ForecastBand(Timeframe.H1, 4, median, median - 0.011, median + 0.012, NOW // HOUR_MS * HOUR_MS - HOUR_MS),
            ForecastBand(Timeframe.H4, 6, 0.0012, -0.021, 0.0243, NOW // HOUR_MS * HOUR_MS - 4 * HOUR_MS),
            NOW - 9_000,
        ),
        fear_greed=FearGreed(38, NOW - 12_000),
        headlines=Headlines(
            (
                Headline(NEWS[asset_class], NOW - 2 * HOUR_MS),
                Headline("Insider files to sell shares worth 40 million dollars", NOW - 19 * HOUR_MS),
            ),
            NOW - 60_000,
        ),
        btc_hours=candles(walk(seed + 1), Timeframe.H1),
    )
