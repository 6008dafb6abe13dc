"""How much processor the venue takes, and that it walks the generated market as it would any other."""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

import pytest

from engine.exchange.simulator.simulated_market import SimulatedMarket, open_market
from tests.exchange.simulator.venue.bench_desk import BenchDesk, balances
from tests.exchange.simulator.venue.scripted_market import HOUR

HELD = [f"{name}-USDT-SWAP" for name in ("BTC", "ETH", "SOL", "XRP", "SUI", "XAU", "NVDA", "TSLA", "DOGE", "BNB")]


@pytest.fixture(scope="module")
def market() -> SimulatedMarket:
    return open_market(seed=7)


def _protected(market: SimulatedMarket, stop: Decimal, path: Path | None = None) -> BenchDesk:
    """Ten longs of about 300 USDT with an OCO `stop` away on both sides."""
    desk = BenchDesk(market, path=path)  # type: ignore[arg-type]
    for inst_id in HELD:
        spec = market.specs[inst_id]
        last = market.last_price(inst_id, market.start_ms)
        contracts = max(spec.min_sz, (300 / (last * spec.units) / spec.lot_sz).to_integral_value() * spec.lot_sz)
        desk.filled("buy", str(contracts), inst_id)
        low, high = ((last * (1 + sign * stop) / spec.tick_sz).to_integral_value() * spec.tick_sz for sign in (-1, 1))
        desk.oco("sell", str(contracts), str(high), str(low), inst_id, cxlOnClosePos=True)
    return desk


def test_a_day_with_ten_open_positions_passes_quickly(market: SimulatedMarket, tmp_path: Path) -> None:
    desk = _protected(market, Decimal("0.2"), tmp_path / "state.db")
    began = time.process_time()
    for quarter in range(1, 97):
        desk.venue.advance(market.start_ms + quarter * 900_000)
    taken = time.process_time() - began
    assert len(desk.venue.positions({})) == 10
    assert len(desk.venue.bills({"type": "8"})) == 30
    assert balances(desk.totals())
    assert taken < 4.0, f"{taken:.2f} s; meant to stay under 2 s on an idle machine"


def test_an_idle_day_costs_nothing(market: SimulatedMarket) -> None:
    desk = BenchDesk(market)  # type: ignore[arg-type]
    began = time.process_time()
    desk.venue.advance(market.start_ms + 24 * HOUR)
    assert time.process_time() - began < 0.05


def test_a_market_order_is_answered_in_two_milliseconds(market: SimulatedMarket, tmp_path: Path) -> None:
    desk = _protected(market, Decimal("0.2"), tmp_path / "state.db")
    taken = []
    for step in range(40):
        desk.venue.advance(market.start_ms + 1000 * (step + 1))
        began = time.process_time()
        desk.order("buy" if step % 2 else "sell", "1", HELD[0])
        taken.append(time.process_time() - began)
    median = sorted(taken)[len(taken) // 2]
    assert median < 0.005, f"{median * 1000:.2f} ms; meant to stay under 2 ms on an idle machine"


def test_tight_stops_on_the_generated_market_all_end_their_positions(market: SimulatedMarket) -> None:
    desk = _protected(market, Decimal("0.004"))
    desk.venue.advance(market.start_ms + 24 * HOUR)
    report = desk.venue.ledger_report()
    assert report["positions"] == []
    sides = {row["actualSide"] for row in report["algos"] if row["state"] == "effective"}
    assert sides == {"tp", "sl"}
    assert balances(desk.totals())
    for row in report["algos"]:
        trigger = Decimal(row["slTriggerPx"] if row["actualSide"] == "sl" else row["tpTriggerPx"])
        assert abs(Decimal(row["actualPx"]) / trigger - 1) < Decimal("0.02")


def test_small_steps_and_one_leap_reach_the_same_books(market: SimulatedMarket) -> None:
    leap, steps = _protected(market, Decimal("0.006")), _protected(market, Decimal("0.006"))
    leap.venue.advance(market.start_ms + 12 * HOUR)
    for minute in range(1, 12 * 60 + 1):
        steps.venue.advance(market.start_ms + minute * 60_000)
    rows = [
        [(fill["instId"], fill["fillPx"], fill["fillSz"], fill["ts"]) for fill in desk.venue.fills({})]
        for desk in (leap, steps)
    ]
    assert rows[0] == rows[1]
    assert leap.totals() == steps.totals()
