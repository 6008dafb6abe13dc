"""docs/incidents.md is data: all 52 rows, and every test that it names exists."""

from __future__ import annotations

import ast
import re
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
ROWS = ROW.findall((ROOT / "docs" / "incidents.md").read_text(encoding="utf-8"))


@lru_cache
def functions_in(file: str) -> frozenset[str]:
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef))


def test_all_incidents_are_listed_once_and_in_order() -> None:
    assert [int(number) for number, *_ in ROWS] == list(range(1, 53))


@pytest.mark.parametrize(("number", "wrong", "invariant", "held_by"), ROWS, ids=[row[0] for row in ROWS])
def test_every_incident_is_held_by_tests_that_exist(number: str, wrong: str, invariant: str, held_by: str) -> None:
    named = re.findall(r"`([^`]+)`", held_by)
    assert wrong and invariant and named
    for test in named:
        file, _, name = test.partition("::")
        assert (ROOT / file).is_file(), test
        assert name in functions_in(file), test
