"""Funding, open interest, ratios, liquidations."""

from __future__ import annotations

import numpy as np
import pytest

from engine.exchange.simulator.generator import START_MS
from engine.exchange.simulator.simulated_market import SimulatedMarket
from engine.exchange.simulator.specs import SPECS

EIGHT_HOURS = 28_800_000
NOW = START_MS + 2_345_678


@pytest.mark.parametrize("inst_id", SPECS)
def test_what_was_estimated_last_is_what_is_charged(market: SimulatedMarket, inst_id: str) -> None:
    view = market.funding(inst_id, NOW)
    assert view.prev_time < NOW < view.funding_time == view.next_funding_time - EIGHT_HOURS
    assert view.prev_rate == market.funding_settled(inst_id, view.prev_time)
    last_word = market.funding(inst_id, view.funding_time - 1).rate
    assert last_word == pytest.approx(market.funding_settled(inst_id, view.funding_time), abs=1e-12)
    assert abs(view.rate) <= SPECS[inst_id].funding_cap


def test_crypto_funding_has_the_recorded_shape(market: SimulatedMarket) -> None:
    rates = []
    for base in ("BTC", "ETH", "SOL", "XRP"):
        rates += [row.rate * 1e4 for row in market.funding_history(f"{base}-USDT-SWAP", START_MS, limit=340)]
    bp = np.array(rates)
    assert -0.5 < bp.mean() < 0.7
    assert 0.7 < bp.std() < 1.7
    assert 0.15 < (bp < 0).mean() < 0.5
    assert 0.10 < (np.abs(bp - 1) < 1e-9).mean() < 0.45


def test_funding_history_pages_newest_first(market: SimulatedMarket) -> None:
    rows = market.funding_history("BTC-USDT-SWAP", NOW, limit=5)
    times = [row.funding_time for row in rows]
    assert times == [NOW // EIGHT_HOURS * EIGHT_HOURS - n * EIGHT_HOURS for n in range(5)]
    older = market.funding_history("BTC-USDT-SWAP", NOW, after_ms=times[2], limit=2)
    assert [row.funding_time for row in older] == [times[3], times[4]]
    newer = market.funding_history("BTC-USDT-SWAP", NOW, before_ms=times[2], limit=9)
    assert [row.funding_time for row in newer] == times[:2]


def test_open_interest_moves_a_little_and_falls_when_price_moves(market: SimulatedMarket) -> None:
    rows = market.open_interest_history("BTC-USDT-SWAP", "15m", START_MS, 1_400)
    changes = np.diff(np.log([row.contracts for row in rows][::-1]))
    assert 20 < changes.std() * 1e4 < 50
    spec = SPECS["BTC-USDT-SWAP"]
    now = market.open_interest("BTC-USDT-SWAP", START_MS)
    assert now % spec.lot_sz == 0
    assert float(now) == pytest.approx(rows[0].contracts, rel=1e-6)
    assert rows[0].usd == pytest.approx(rows[0].base * float(market.last_price(spec.inst_id, START_MS - 1)), rel=1e-6)


def test_only_crypto_has_long_short_ratios(market: SimulatedMarket) -> None:
    rows = market.long_short_ratio("BTC", "5m", NOW, 10)
    assert rows == market.long_short_ratio("BTC-USDT-SWAP", "5m", NOW, 10)
    assert len(rows) == 10
    assert all(0.3 < row.ratio < 6 for row in rows)
    for inst_id in ("XAU-USDT-SWAP", "NVDA-USDT-SWAP", "QQQ", "NOSUCH"):
        assert market.long_short_ratio(inst_id, "5m", NOW, 10) == []


def test_taker_volume_adds_up_to_the_candles(market: SimulatedMarket) -> None:
    rows = market.taker_volume("ETH-USDT-SWAP", "1H", NOW, 3)
    candles = market.candles("ETH-USDT-SWAP", "1H", after_ms=rows[0][0] + 1, limit=3, now_ms=NOW)
    for (ts, sold, bought), candle in zip(rows, candles, strict=True):
        assert ts == int(candle[0])
        assert sold + bought == pytest.approx(float(candle[5]), rel=1e-6)


def test_liquidations_follow_the_move_and_never_repeat(market: SimulatedMarket) -> None:
    begin, end = START_MS - 86_400_000, START_MS
    rows = market.liquidations(begin, end)
    assert 50 < len(rows) < 30_000
    assert [row.ts for row in rows] == sorted(row.ts for row in rows)
    middle = begin + 40_000_003
    assert market.liquidations(begin, middle) + market.liquidations(middle, end) == rows
    assert {row.side for row in rows if row.pos_side == "long"} == {"sell"}
    assert {row.inst_id.split("-")[0] for row in rows} <= {
        "BTC",
        "ETH",
        "SOL",
        "XRP",
        "SUI",
        "DOGE",
        "BNB",
        "LTC",
        "BCH",
    }
