"""Every cell of the fault matrix, played on the real parts; and the table of docs/safety.md names exactly these."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from bench.drill.drill import drill
from bench.drill.scenario import SCENARIOS, ScenarioError, chosen_scenarios, read_scenario, scenario_paths
from bench.drill.steps import check_steps
from bench.drill.table import PAGE, listed


def cases() -> list[object]:
    """The quick ones run always, the others with the slow set."""
    return [
        pytest.param(path, id=path.stem, marks=[] if is_quick(path) else pytest.mark.slow) for path in scenario_paths()
    ]


def is_quick(path: Path) -> bool:
    """Read by libyaml and not checked: every test worker asks this of every file before the first test."""
    return bool(yaml.load(path.read_bytes(), yaml.CSafeLoader).get("quick", False))


@pytest.mark.parametrize("path", cases())
async def test_it_ends_as_it_must(path: Path) -> None:
    result = await drill(read_scenario(path))
    assert result.passed, "\n".join(result.wrong)


@pytest.mark.parametrize("path", scenario_paths(), ids=lambda path: path.stem)
def test_the_file_is_understood_and_named_after_its_row(path: Path) -> None:
    scenario = read_scenario(path)
    assert scenario.quick == is_quick(path)
    check_steps(scenario)
    row = re.sub(r"[^a-z0-9]+", "_", scenario.row.lower())
    assert row.startswith(path.stem.partition("__")[0])


def test_the_manual_lists_exactly_these() -> None:
    assert listed(PAGE.read_text(encoding="utf-8")) == [path.stem for path in scenario_paths()]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("row: x", "Field required"),
        ("[]", ""),
        ("{row: r, fault: f, why: w, do: [{enter: BTC, close: BTC}], expect: {}}", "a step is one key"),
        ("{row: r, fault: f, why: w, do: [{enter: BTC}], expect: {}, faults: [{kind: nope}]}", "no kind of fault"),
        ("{row: r, fault: f, why: w, do: [{enter: BTC}], expect: {entry: NOPE}}", "expect.entry"),
    ],
)
def test_a_wrong_file_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "r__f.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        read_scenario(path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_an_unknown_step_and_an_unknown_name_are_told(tmp_path: Path) -> None:
    path = tmp_path / "r__f.yaml"
    path.write_text("{row: r, fault: f, why: w, do: [{dance: 1}], expect: {}}")
    with pytest.raises(ScenarioError, match="no such step: 'dance'"):
        check_steps(read_scenario(path))
    with pytest.raises(ScenarioError, match="no scenario is called"):
        chosen_scenarios(["never"], SCENARIOS)
