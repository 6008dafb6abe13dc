"""The proof at start: it passes under any limits, and it catches a gate that does not trip."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.reasons import Reason
from engine.risk import gates, persistence, self_test
from engine.risk.gates import GATES
from engine.risk.limits import RANGES, RiskLimits
from engine.risk.self_test import GateProofFailed, prove_gates_trip
from engine.risk.verdicts import blocked, passed

INTEGERS = {name for name, value in RiskLimits().as_mapping().items() if isinstance(value, int)}


def test_every_gate_trips_under_the_published_limits() -> None:
    prove_gates_trip()


@st.composite
def any_limits(draw: st.DrawFn) -> RiskLimits:
    names = draw(st.sets(st.sampled_from(sorted(RANGES)), max_size=6))
    values = {}
    for name in names:
        low, high = RANGES[name]
        values[name] = draw(st.integers(int(low), int(high)) if name in INTEGERS else st.floats(low, high))
    if values.get("min_stop_frac", 0.003) > values.get("max_stop_frac", 0.08):
        values.pop("min_stop_frac", None)
        values.pop("max_stop_frac", None)
    return RiskLimits(**values)


@settings(max_examples=100, deadline=None)
@given(any_limits())
def test_every_gate_trips_under_any_limits_a_user_can_set(limits: RiskLimits) -> None:
    prove_gates_trip(limits)


@pytest.mark.parametrize("index", range(len(GATES)), ids=[gate.name for gate in GATES])
def test_a_gate_that_never_trips_is_caught_by_name(index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    name = GATES[index].name
    lame = replace(GATES[index], check=lambda _, __: passed(name))
    monkeypatch.setattr(self_test, "GATES", (*GATES[:index], lame, *GATES[index + 1 :]))
    with pytest.raises(GateProofFailed, match=name):
        prove_gates_trip()


def test_a_gate_that_always_blocks_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    stuck = replace(GATES[0], check=lambda _, __: blocked("kill", Reason.KILL_ENGAGED, "stuck"))
    monkeypatch.setattr(self_test, "GATES", (stuck, *GATES[1:]))
    with pytest.raises(GateProofFailed, match="blocks a sound case"):
        prove_gates_trip()


def test_a_gate_without_a_known_breach_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_test, "GATES", (*GATES, replace(GATES[0], name="new")))
    with pytest.raises(GateProofFailed, match="new"):
        prove_gates_trip()


@pytest.mark.parametrize(
    ("table", "index"), [("BUY_GATES", 0), ("BUY_GATES", 1), *[("SELL_GATES", i) for i in range(4)]]
)
def test_a_persistence_gate_that_never_trips_is_caught(table: str, index: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = getattr(persistence, table)
    name = rows[index][0]
    lame = (name, lambda _: passed(name))
    monkeypatch.setattr(persistence, table, (*rows[:index], lame, *rows[index + 1 :]))
    with pytest.raises(GateProofFailed, match=name):
        prove_gates_trip()


def test_the_proof_uses_the_gates_that_decide() -> None:
    assert self_test.GATES is gates.GATES
