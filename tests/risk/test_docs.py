"""docs/risk.md tells the truth: its gates are the table's, and its worked example computes."""

from __future__ import annotations

import doctest
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from engine.model import Funding
from engine.reasons import Reason
from engine.risk.decide import decide
from engine.risk.gates import GATES
from engine.risk.limits import RiskLimits
from engine.risk.persistence import BUY_GATES, SELL_GATES
from engine.risk.setup import assess
from tests.risk.cases import sound, with_atr

PAGE = Path(__file__).parents[2] / "docs" / "risk.md"
ROW = re.compile(r"^\| \d+ \| `(\w+)` \|(.*)\|(.*)\|(.*)\| (.+) \|$", re.MULTILINE)


def rows() -> list[tuple[str, ...]]:
    return ROW.findall(PAGE.read_text(encoding="utf-8"))


def test_the_worked_example_computes() -> None:
    outcome = doctest.testfile(str(PAGE), module_relative=False)
    assert outcome.failed == 0 < outcome.attempted


def test_every_gate_is_told_in_its_order() -> None:
    assert [row[0] for row in rows()] == [gate.name for gate in GATES]


def test_every_gates_reason_key_and_end_are_told() -> None:
    for gate, (_, _, reasons, keys, lifts) in zip(GATES, rows(), strict=True):
        assert str(gate.reason) in reasons or gate.name in {"halt", "margin_ratio"}
        assert all(key.strip().removeprefix("risk.") in keys for key in gate.key.split(", ") if key)
        assert lifts == gate.lifts


def test_every_persistence_gate_is_told_in_its_order() -> None:
    text = PAGE.read_text(encoding="utf-8").split("## 2.")[0]
    assert re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE) == [name for name, _ in BUY_GATES + SELL_GATES]


def test_every_reason_on_the_page_exists() -> None:
    words = set(re.findall(r"`([A-Z][A-Z_]{3,})`", PAGE.read_text(encoding="utf-8")))
    assert words and words <= set(Reason)


def test_the_range_that_a_cold_start_asks_for_is_as_told() -> None:
    """At the ATR named for a strength, the value of a cold bet is the limit; a tenth less range is too little."""
    told = re.findall(r"([\d.]+) % at (?:strength )?(0\.\d\d)", PAGE.read_text(encoding="utf-8"))
    assert [strength for _, strength in told] == ["0.70", "0.80", "0.90"]
    for atr_pct, strength in told:
        least, signals = float(atr_pct) / 100, float(strength)
        assert cold_value(least, signals) == pytest.approx(RiskLimits().min_ev_frac, rel=0.05)
        assert cold_value(0.9 * least, signals) < RiskLimits().min_ev_frac


def cold_value(atr: float, strength: float) -> float:
    inputs = with_atr(atr, scale=0.3)
    technical = replace(inputs.gathered.technical, strength=strength)
    bet = assess(replace(inputs, gathered=replace(inputs.gathered, technical=technical))).bet
    assert bet is not None and bet.cost == pytest.approx(0.0016, abs=1e-6)
    return bet.ev


def test_the_worked_example_is_what_the_decision_does() -> None:
    base = with_atr(0.015, scale=0.006 / 0.008)
    quote = base.snapshot.quote
    assert quote is not None
    inputs = replace(
        base,
        gathered=replace(base.gathered, technical=replace(base.gathered.technical, strength=0.85)),
        snapshot=replace(
            base.snapshot,
            quote=replace(quote, bid=Decimal("149.985"), ask=Decimal("150.00")),
            mark_price=Decimal("149.99"),
            funding=Funding("X", 0.0001, sound().decided_at + 1, 8 * 3_600_000, sound().decided_at),
        ),
    )
    record = decide(inputs)
    assert record.sizing is not None and record.sizing.bracket is not None
    assert (record.sizing.contracts, record.sizing.notional) == (Decimal("2.93"), Decimal("439.5"))
    assert record.sizing.bracket.stop == Decimal("144.27")
    assert abs(record.sizing.bracket.target - Decimal("166.81")) <= Decimal("0.01")  # the page rounds the spread
    assert round(record.sizing.risk_usdt, 2) == Decimal("17.49")
