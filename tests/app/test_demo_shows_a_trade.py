"""A newcomer who starts the demo sees it trade within three minutes: entries, brackets, exits of more than one kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from engine.config import DemoSettings
from tests.app.program import app, fresh_home, ledger_of

BAR_MS = 900_000
STARTING_S = 5


def bars_in(wall_s: float) -> int:
    """Whole bars that the market of the demo plays in so many seconds after the start."""
    return int((wall_s - STARTING_S) * 1000 * DemoSettings().speed / BAR_MS)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_three_minutes_of_the_demo_hold_three_entries_and_two_kinds_of_exit(tmp_path: Path) -> None:
    home = fresh_home(tmp_path / "home")
    cycles = bars_in(180)
    run = app(home, "--once", "--json", "--cycles", str(cycles), timeout=840)
    assert (run.code, run.err) == (0, "")
    bars = [o["bar_ts"] for o in run.objects if o["type"] == "cycle"]
    assert len(bars) == cycles
    events = [json.loads(line) for line in (home / "logs/trades.jsonl").read_text().splitlines()]
    entries = [e["ts"] for e in events if e["kind"] == "order_filled" and e["purpose"] == "entry"]
    exits = [e["trade"]["reason"] for e in events if e["kind"] == "trade_closed"]
    assert len(entries) >= 3
    assert entries[0] - bars[0] <= bars_in(60) * BAR_MS
    assert len(exits) >= 2
    assert len(set(exits)) >= 2, exits
    with ledger_of(home) as ledger:
        covered = [entry["covered_wall_ms"] is not None for entry in ledger["entries"]]
        assert len(covered) == len(entries)
        assert all(covered)
        assert (ledger["duplicates"], ledger["orphans"]) == (0, 0)
        assert max(entry["unprotected_s"] for entry in ledger["entries"]) < 2
