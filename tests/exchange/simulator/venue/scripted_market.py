"""A market that does what a test says: prices at given times, a ladder of equal levels, chosen funding."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from decimal import Decimal

import numpy as np

from engine.exchange.simulator.market import BookRow, FundingSettlement, FundingView
from engine.exchange.simulator.specs import SPECS
from engine.model import FloatArray, IntArray

START = 1_772_542_800_000  # 2026-03-03 13:00 UTC
HOUR = 3_600_000
EIGHT_HOURS = 8 * HOUR
BTC, ETH, SPY = "BTC-USDT-SWAP", "ETH-USDT-SWAP", "SPY-USDT-SWAP"


class ScriptedMarket:
    """`say(inst, price, after_s)` appends a price; asks stand at last + 1, 2, … ticks, bids at last − 1, 2, …"""

    identity = "scripted"
    history_start_ms = START - 24 * HOUR
    start_ms = START
    end_ms = None
    base_ms = 300_000

    def __init__(self, **first: float) -> None:
        self.specs = SPECS
        self.times: dict[str, list[int]] = {inst_id: [START] for inst_id in SPECS}
        base = {BTC: 50_000.0, ETH: 2_000.0, SPY: 700.0}
        base.update({f"{name}-USDT-SWAP": price for name, price in first.items()})
        self.lasts: dict[str, list[float]] = {inst_id: [base.get(inst_id, 100.0)] for inst_id in SPECS}
        self.marks: dict[str, list[float]] = {inst_id: list(prices) for inst_id, prices in self.lasts.items()}
        self.level_size = Decimal(1_000_000)
        self.levels = 400
        self.rate = 0.0

    def say(self, inst_id: str, last: float, *, at_s: float, mark: float | None = None) -> None:
        """At `at_s` seconds after the start, the last trade is at `last`, the mark at `mark` (default: the same)."""
        self.times[inst_id].append(START + int(at_s * 1000))
        self.lasts[inst_id].append(last)
        self.marks[inst_id].append(last if mark is None else mark)

    def _at(self, series: Mapping[str, list[float]], inst_id: str, t_ms: int) -> Decimal:
        step = max(0, bisect_right(self.times[inst_id], t_ms) - 1)
        return Decimal(repr(series[inst_id][step])).quantize(self.specs[inst_id].tick_sz)

    def last_price(self, inst_id: str, t_ms: int) -> Decimal:
        return self._at(self.lasts, inst_id, t_ms)

    def mark_price(self, inst_id: str, t_ms: int) -> Decimal:
        return self._at(self.marks, inst_id, t_ms)

    index_price = mark_price

    def _between(self, prices: list[float], inst_id: str, from_ms: int, to_ms: int) -> tuple[IntArray, FloatArray]:
        times = self.times[inst_id]
        low, high = bisect_right(times, from_ms), bisect_right(times, to_ms)
        return np.array(times[low:high], dtype=np.int64), np.array(prices[low:high], dtype=np.float64)

    def path(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[IntArray, FloatArray]:
        return self._between(self.lasts[inst_id], inst_id, from_ms, to_ms)

    def mark_path(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[IntArray, FloatArray]:
        return self._between(self.marks[inst_id], inst_id, from_ms, to_ms)

    def extremes(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[float, float]:
        prices = [float(self.last_price(inst_id, from_ms)), *self.path(inst_id, from_ms, to_ms)[1]]
        return min(prices), max(prices)

    def mark_extremes(self, inst_id: str, from_ms: int, to_ms: int) -> tuple[float, float]:
        prices = [float(self.mark_price(inst_id, from_ms)), *self.mark_path(inst_id, from_ms, to_ms)[1]]
        return min(prices), max(prices)

    def book(self, inst_id: str, t_ms: int, depth: int = 20) -> tuple[list[BookRow], list[BookRow]]:
        last, tick = self.last_price(inst_id, t_ms), self.specs[inst_id].tick_sz
        rows = [
            [BookRow(last + side * step * tick, self.level_size, 1) for step in range(1, min(depth, self.levels) + 1)]
            for side in (-1, 1)
        ]
        return rows[0], rows[1]

    def funding(self, inst_id: str, t_ms: int) -> FundingView:
        due = (t_ms // EIGHT_HOURS + 1) * EIGHT_HOURS
        return FundingView(self.rate, due, due + EIGHT_HOURS, self.rate, due - EIGHT_HOURS)

    def funding_settled(self, inst_id: str, settle_ms: int) -> float:
        return self.rate

    def funding_history(self, inst_id: str, now_ms: int, **window: int | None) -> list[FundingSettlement]:
        return []
