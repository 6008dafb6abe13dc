"""Every word and number that a gate shows, against a golden table: what the operator reads must be what was meant.

`python -m tests.risk.test_gate_words` writes the table anew; read the difference before it is committed.
"""

from __future__ import annotations

from pathlib import Path

from engine.model import Action, GateResult
from engine.risk.gates import GATES
from engine.risk.persistence import persistence_gates
from tests.risk.cases import HELD, sound
from tests.risk.test_gates import ROWS, Row, result_of

EACH_PASSING = [Row(gate.name, sound(), None) for gate in GATES]
GOLDEN = Path(__file__).with_name("gate_words.golden")


def test_every_gate_says_what_the_golden_table_holds() -> None:
    assert table().splitlines() == GOLDEN.read_text(encoding="utf-8").splitlines()


def table() -> str:
    results = [result_of(row.gate, row.inputs) for row in [*EACH_PASSING, *ROWS]]
    for held in (None, HELD):
        for path in Action:
            results += persistence_gates(sound(held=held), path)
    return "".join(f"{line(result)}\n" for result in results)


def line(result: GateResult) -> str:
    numbers = " ".join(_short(x) for x in (result.value, result.limit, result.margin))
    outcome = (
        f"{result.verdict.value} {result.reason.value if result.reason else '-'}{' halts' if result.halts else ''}"
    )
    return f"{result.name} | {numbers} [{result.unit}] | {outcome} | {result.detail}"


def _short(number: float | None) -> str:
    return "n/a" if number is None else f"{number:.6g}"


if __name__ == "__main__":
    GOLDEN.write_text(table(), encoding="utf-8")
