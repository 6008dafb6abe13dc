"""--replay: recorded candles traded under brackets, and books that balance to the cent with the venue's own."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.app.program import REPOSITORY, Finished, app, fresh_home, ledger_of, open_positions, status, unbracketed

RECORDED = REPOSITORY.parent / "shared/data"
BAR_MS = 900_000
CENT = Decimal("0.005")


def write_candles(folder: Path, tickers: Sequence[tuple[str, float, int]], days: int = 36) -> Path:
    """15m bars of steadily rising prices with noise: (ticker, first price, decimals)."""
    folder.mkdir()
    rng = np.random.default_rng(5)
    with (folder / "candles_okx_swap_15m.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["ticker", "ts_ms", "open", "high", "low", "close", "volume"])
        for ticker, price, decimals in tickers:
            steps = rng.normal(2e-4, 1.5e-3, days * 96)
            closes = price * np.exp(np.cumsum(steps))
            opens = np.concatenate(([price], closes[:-1]))
            wicks = np.abs(rng.normal(0, 8e-4, (2, len(closes))))
            highs = np.maximum(opens, closes) * (1 + wicks[0])
            lows = np.minimum(opens, closes) * (1 - wicks[1])
            for n, bar in enumerate(zip(opens, highs, lows, closes, strict=True)):
                prices = [f"{value:.{decimals}f}" for value in bar]
                table.writerow([ticker, 1_700_006_400_000 + n * BAR_MS, *prices, f"{rng.uniform(500, 2000):.1f}"])
    return folder


def assert_balanced(told: dict[str, Any]) -> None:
    """equity change = realised + unrealised + fees + funding, and each equal to the venue's own."""
    account, venue = told["account"], told["venue_ledger"]
    book = {name: Decimal(account[name]) for name in ("realised", "unrealised", "fees", "funding")}
    change = Decimal(account["equity_change"])
    assert abs(change - sum(book.values())) < CENT
    assert abs(Decimal(account["difference"])) < CENT
    for name, value in book.items():
        assert abs(value - Decimal(venue[name])) < CENT, name
    assert abs(Decimal(account["equity"]) - Decimal(venue["equity"])) < CENT
    assert abs(change - (Decimal(venue["equity"]) - Decimal(venue["initial_equity"]))) < CENT


def assert_always_protected(home: Path) -> dict[str, Any]:
    """Every entry was covered at once, as the simulator's own ledger saw it; nothing is naked, doubled or orphaned."""
    with ledger_of(home) as ledger:
        assert ledger["entries"]
        for entry in ledger["entries"]:
            assert entry["covered_wall_ms"] is not None or entry["closed_wall_ms"] is not None, entry
            assert entry["unprotected_s"] < 2, entry
        assert [span for span in ledger["naked"] if span["to_wall_ms"] is None] == []
        assert unbracketed(ledger) == []
        assert (ledger["duplicates"], ledger["orphans"]) == (0, 0)
        return ledger


def actions(run: Finished) -> list[str]:
    return [o["reason"] for o in run.objects if o["type"] == "decision" and o["action"] != "HOLD"]


@pytest.mark.slow
def test_a_folder_of_csv_files_is_traded_under_brackets_and_balances(tmp_path: Path) -> None:
    folder = write_candles(tmp_path / "candles", [("BTC", 30_000.0, 1), ("ETH", 2_000.0, 2), ("SOL", 50.0, 3)])
    home = fresh_home(tmp_path / "home")
    run = app(home, "--once", "--json", "--replay", str(folder), "--cycles", "12", timeout=120)
    assert (run.code, run.err) == (0, "")
    assert {o["ticker"] for o in run.objects if o["type"] == "decision"} == {"BTC", "ETH", "SOL"}
    assert "ENTERED" in actions(run)
    told = status(home)
    assert str(folder) in told["venue"], "a home goes on in the market in which it began"
    assert told["positions"]
    assert_balanced(told)
    ledger = assert_always_protected(home)
    assert open_positions(ledger) == {f"{p['ticker']}-USDT-SWAP" for p in told["positions"]}


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded market data is not beside this checkout")
def test_a_day_and_more_of_recorded_okx_candles_opens_and_closes_protected_positions(tmp_path: Path) -> None:
    home = fresh_home(tmp_path / "home")
    run = app(home, "--once", "--json", "--replay", str(RECORDED), "--cycles", "110", timeout=280)
    assert (run.code, run.err) == (0, "")
    assert all(o["failed"] == {} for o in run.objects if o["type"] == "cycle")
    told = status(home)
    assert_balanced(told)
    ledger = assert_always_protected(home)
    closed = {entry["posId"] for entry in ledger["entries"]} - {p["posId"] for p in ledger["positions"]}
    assert actions(run).count("ENTERED") >= 2
    assert closed, "no position was closed"
    assert Decimal(told["account"]["realised"]) != 0
