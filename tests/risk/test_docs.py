"""docs/risk.md tells the truth: its gates are the table's, and its worked example computes."""

from __future__ import annotations

import doctest
import re
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from engine.model import Funding
from engine.reasons import Reason
from engine.risk.decide import decide
from engine.risk.gates import GATES
from engine.risk.persistence import BUY_GATES, SELL_GATES
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
    assert (record.sizing.contracts, record.sizing.notional) == (Decimal("2.94"), Decimal(441))
    assert record.sizing.bracket.stop == Decimal("146.18")
    assert abs(record.sizing.bracket.target - Decimal("161.36")) <= Decimal("0.01")  # the page rounds the spread
    assert round(record.sizing.risk_usdt, 2) == Decimal("11.94")
