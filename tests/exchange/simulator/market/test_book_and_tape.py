"""Books, trades and tickers: around the path's price, on the grids, with the recorded shape."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import numpy as np
import pytest

from engine.exchange.simulator.generator import START_MS
from engine.exchange.simulator.simulated_market import SimulatedMarket
from engine.exchange.simulator.specs import SPECS

SATURDAY = START_MS + 4 * 86_400_000
MOMENTS = [START_MS + step * 7_777 for step in range(40)]


@pytest.mark.parametrize("inst_id", SPECS)
def test_a_book_is_ordered_uncrossed_and_on_the_grids(market: SimulatedMarket, inst_id: str) -> None:
    spec = SPECS[inst_id]
    for t_ms in MOMENTS[:8]:
        bids, asks = market.book(inst_id, t_ms, 20)
        assert len(bids) == len(asks) == 20
        assert bids[0].price < asks[0].price
        assert market.last_price(inst_id, t_ms) in {bids[0].price, asks[0].price}
        for rows, ascending in ((bids, False), (asks, True)):
            prices = [row.price for row in rows]
            assert prices == sorted(set(prices), reverse=not ascending)
            assert all(row.price % spec.tick_sz == 0 and row.contracts % spec.lot_sz == 0 for row in rows)
            assert all(row.contracts >= spec.lot_sz and row.orders >= 1 for row in rows)


def test_a_deep_book_reaches_four_hundred_levels_and_no_more(market: SimulatedMarket) -> None:
    bids, asks = market.book("BTC-USDT-SWAP", START_MS, 1_000)
    assert len(bids) == len(asks) == 400
    assert market.book("BTC-USDT-SWAP", START_MS, 5)[0] == bids[:5]


def test_the_spread_is_nearly_always_one_tick_where_the_market_is_deep(market: SimulatedMarket) -> None:
    for inst_id in ("BTC-USDT-SWAP", "ETH-USDT-SWAP"):
        moments = range(START_MS, START_MS + 400_000, 1_000)
        books = [market.book(inst_id, t_ms, 1) for t_ms in moments]
        spreads = np.array([float((asks[0].price - bids[0].price) / SPECS[inst_id].tick_sz) for bids, asks in books])
        assert (spreads == 1).mean() > 0.96


def test_the_best_quote_is_thick_and_the_next_levels_are_thin(market: SimulatedMarket) -> None:
    books = [market.book("BTC-USDT-SWAP", t_ms, 20)[0] for t_ms in MOMENTS]
    best = np.median([float(rows[0].contracts) for rows in books])
    second = np.median([float(row.contracts) for rows in books for row in rows[1:]])
    assert 0.005 < second / best < 0.3


def test_stock_books_are_wider_and_thinner_at_the_weekend(market: SimulatedMarket) -> None:
    def feel(t_ms: int) -> tuple[float, float]:
        books = [market.book("NVDA-USDT-SWAP", t_ms + step * 60_000, 5) for step in range(30)]
        spread = np.mean([float(asks[0].price - bids[0].price) for bids, asks in books])
        return float(spread), float(np.mean([float(row.contracts) for bids, _ in books for row in bids]))

    (spread, size), (weekend_spread, weekend_size) = feel(START_MS + 7_200_000), feel(SATURDAY)
    assert weekend_spread > 1.4 * spread
    assert weekend_size < 0.7 * size


def test_imbalance_varies_and_forgets_within_ten_seconds(market: SimulatedMarket) -> None:
    lean = []
    for t_ms in range(START_MS, START_MS + 500_000, 1_000):
        bids, asks = market.book("BTC-USDT-SWAP", t_ms, 5)
        bid, ask = (sum(float(row.contracts) for row in rows) for rows in (bids, asks))
        lean.append((bid - ask) / (bid + ask))
    values = np.array(lean)
    assert 0.25 < values.std() < 0.75
    assert np.corrcoef(values[1:], values[:-1])[0, 1] > 0.2
    assert abs(np.corrcoef(values[10:], values[:-10])[0, 1]) < 0.25


@pytest.mark.parametrize("inst_id", SPECS)
def test_trades_follow_the_path_and_add_up_to_the_bars(market: SimulatedMarket, inst_id: str) -> None:
    spec, bar = SPECS[inst_id], START_MS
    trades = market.trades_between(inst_id, bar - 1, bar + 300_000 - 1)
    times, prices = market.path(inst_id, bar - 1, bar + 300_000 - 1)
    at_steps = dict(zip(times.tolist(), prices.tolist(), strict=True))
    assert [trade.ts for trade in trades] == sorted(trade.ts for trade in trades)
    assert len({trade.trade_id for trade in trades}) == len(trades)
    assert all(float(trade.price) == at_steps[trade.ts] for trade in trades if trade.ts in at_steps)
    assert all(trade.price == market.last_price(inst_id, trade.ts) for trade in trades)
    assert all(trade.contracts % spec.lot_sz == 0 and trade.contracts > 0 for trade in trades)
    told = float(market.candles(inst_id, "5m", limit=1, after_ms=bar + 1, now_ms=bar + 600_000)[0][5])
    slack = float(spec.lot_sz) * 61
    assert abs(float(sum((trade.contracts for trade in trades), Decimal(0))) - told) <= slack


def test_trades_asked_in_pieces_are_the_trades_asked_at_once(market: SimulatedMarket) -> None:
    cuts = [START_MS, START_MS + 1, START_MS + 12_345, START_MS + 50_000, START_MS + 90_001]
    pieces = [market.trades_between("SOL-USDT-SWAP", a, b) for a, b in pairwise(cuts)]
    assert [trade for piece in pieces for trade in piece] == market.trades_between("SOL-USDT-SWAP", cuts[0], cuts[-1])


def test_the_latest_trades_come_newest_first(market: SimulatedMarket) -> None:
    now = START_MS + 777_777
    trades = market.trades("BTC-USDT-SWAP", now, 500)
    assert len(trades) == 500
    assert trades[0].ts <= now
    assert [int(trade.trade_id) for trade in trades] == sorted((int(t.trade_id) for t in trades), reverse=True)
    assert market.trades("BTC-USDT-SWAP", now, 7) == trades[:7]


def test_a_ticker_agrees_with_candles_and_book(market: SimulatedMarket) -> None:
    now = START_MS + 999_999
    for inst_id in ("BTC-USDT-SWAP", "XAU-USDT-SWAP", "QQQ-USDT-SWAP"):
        ticker = market.ticker(inst_id, now)
        bids, asks = market.book(inst_id, now, 1)
        assert (ticker["bidPx"], ticker["bidSz"]) == (bids[0].price, bids[0].contracts)
        assert (ticker["askPx"], ticker["askSz"]) == (asks[0].price, asks[0].contracts)
        assert ticker["low24h"] <= ticker["last"] <= ticker["high24h"]
        hours = market.candles(inst_id, "1H", limit=24, now_ms=now)
        assert float(ticker["vol24h"]) == pytest.approx(sum(float(row[5]) for row in hours), rel=0.1)
        assert ticker["sodUtc0"] == Decimal(market.candles(inst_id, "1Dutc", limit=1, now_ms=now)[0][1])
        assert ticker["sodUtc8"] == Decimal(market.candles(inst_id, "1D", limit=1, now_ms=now)[0][1])
