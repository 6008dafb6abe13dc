"""`python -m bench.orderflow [--data DIR]`: does the flow of the best quote explain the price, and only event by event?

Recorded best quotes of a perpetual (5 min 44 s, every change) go through the product's own flow window; Σ e_n of each
second and of each five is held against the same interval's move of the mid. The same from the recorded 100 ms book
snapshots, whose flow is a different and much poorer thing. Intervals lie on the UTC grid; `*_shifted` is the range
over grids that begin a quarter, a half and three quarters of an interval later. One JSON line; exit status 1 when the
flow of events explains less or more than market.md measured (R² .46–.58 in 1 s, .39–.68 in 5 s), or when that of
snapshots explains half as much.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from engine.model import FloatArray, IntArray
from engine.model.quote_flow import BestQuote, QuoteFlowWindow

DATA = Path(__file__).parents[1] / "../shared/data"
EVENTS = "bbo_binance_perp_BTCUSDT_2024_08_08.parquet"
SNAPSHOTS = "l2_100ms_binance_perp_BTCUSDT_2024_08_08.parquet"
EVENT_COLUMNS = ("bid_px", "bid_sz", "ask_px", "ask_sz")
SNAPSHOT_COLUMNS = ("bid_px_01", "bid_sz_01", "ask_px_01", "ask_sz_01")
EXPECTED = {1_000: (0.46, 0.58), 5_000: (0.39, 0.68)}
"""R² by interval in ms, as measured for event-level flow."""
MUCH_LOWER = 0.5
"""Of the events' R²: what snapshots must stay under."""


@dataclass(frozen=True, slots=True)
class Quotes:
    """Best quotes in time order, shape (n,) each."""

    ts: IntArray
    quotes: list[BestQuote]

    @property
    def mid(self) -> FloatArray:
        return np.array([(quote.bid + quote.ask) / 2 for quote in self.quotes])


@dataclass(frozen=True, slots=True)
class Fit:
    """R² of Σ e_n against the same interval's mid move, and its correlation with the next interval's."""

    r2: float
    next_correlation: float
    intervals: int


def recorded(path: Path, columns: tuple[str, ...]) -> Quotes:
    table = pq.read_table(path, columns=["ts_ms", *columns])
    rows = zip(*(table[name].to_pylist() for name in columns), strict=True)
    return Quotes(table["ts_ms"].to_numpy(), [BestQuote(*row) for row in rows])


def interval_flow(quotes: Quotes, interval_ms: int, shift_ms: int = 0) -> tuple[FloatArray, FloatArray]:
    """(Σ e_n, mid move) of each whole interval, through the product's window: one bucket long, read at its end."""
    window = QuoteFlowWindow(window_ms=interval_ms, bucket_ms=interval_ms)
    ts = quotes.ts - shift_ms
    keys = ts // interval_ms - ts[0] // interval_ms
    last = np.searchsorted(keys, np.arange(keys[-1] + 1), side="right") - 1
    ends, net = set(last.tolist()), []
    for number, (at, quote) in enumerate(zip(ts.tolist(), quotes.quotes, strict=True)):
        window.note(at, quote)
        if number in ends:
            net.append(window.totals(at).net)
    return np.array(net[1:]), np.diff(quotes.mid[last])


def fit(quotes: Quotes, interval_ms: int, shift_ms: int = 0) -> Fit:
    flow, move = interval_flow(quotes, interval_ms, shift_ms)
    same = float(np.corrcoef(flow, move)[0, 1])
    return Fit(same * same, float(np.corrcoef(flow[:-1], move[1:])[0, 1]), len(flow))


def report(data: Path) -> dict[str, Any]:
    events, snapshots = recorded(data / EVENTS, EVENT_COLUMNS), recorded(data / SNAPSHOTS, SNAPSHOT_COLUMNS)
    told: dict[str, Any] = {"bench": "orderflow", "events": len(events.ts), "snapshots": len(snapshots.ts)}
    for interval in EXPECTED:
        seconds = interval // 1000
        exact, poor = fit(events, interval), fit(snapshots, interval)
        shifted = [fit(events, interval, quarter * interval // 4).r2 for quarter in (1, 2, 3)]
        told |= {
            f"r2_event_{seconds}s": round(exact.r2, 3),
            f"r2_event_{seconds}s_shifted": [round(min(shifted), 3), round(max(shifted), 3)],
            f"r2_snapshot_{seconds}s": round(poor.r2, 3),
            f"next_correlation_{seconds}s": round(exact.next_correlation, 3),
            f"intervals_{seconds}s": exact.intervals,
        }
    return told


def faults(told: dict[str, Any]) -> list[str]:
    found = []
    for interval, (low, high) in EXPECTED.items():
        events, snapshots = told[f"r2_event_{interval // 1000}s"], told[f"r2_snapshot_{interval // 1000}s"]
        if not low <= events <= high:
            found.append(f"R² {events} of {interval} ms is outside [{low}, {high}]")
        if not snapshots < MUCH_LOWER * events:
            found.append(f"R² {snapshots} of snapshots is not much lower than {events} of events")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--data", type=Path, default=DATA, help="folder of the recorded books")
    data = parser.parse_args().data
    if not (data / EVENTS).exists():
        print(f"{data} holds no {EVENTS}; name the folder with --data", file=sys.stderr)
        return 2
    told = report(data)
    told["faults"] = faults(told)
    print(json.dumps(told, allow_nan=False))
    return 1 if told["faults"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
