"""Everything that the guard says, asks and writes, against a golden table: what the operator reads must be what is
meant, and what the venue is asked what was intended.

`python -m tests.execution.test_guard_words` writes the table anew; read the difference before it is committed.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.execution import guard_scenes_of_others, guard_scenes_of_trouble
from tests.execution.guard_scenes import SCENES
from tests.execution.guard_stage import Stage

assert guard_scenes_of_others, "scenes are among SCENES once their module is imported"
assert guard_scenes_of_trouble

GOLDEN = Path(__file__).with_name("guard_words.golden")


@pytest.fixture(autouse=True)
def quiet_log() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", SCENES)
def test_the_guard_says_asks_and_writes_what_the_golden_table_holds(name: str) -> None:
    assert played(name) == told()[name]


def test_the_golden_table_has_every_scene_and_no_other() -> None:
    assert list(told()) == list(SCENES)


def played(name: str) -> list[str]:
    stage = Stage()
    try:
        SCENES[name](stage)
    finally:
        stage.close()
    return [line.rstrip() for line in stage.record.lines]


def told() -> dict[str, list[str]]:
    """The table: a scene's name, then its lines, indented."""
    table: dict[str, list[str]] = {}
    name = ""
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        if line.startswith(" "):
            table[name].append(line)
        elif line:
            name = line
            table[name] = []
    return table


def main() -> None:
    logging.disable(logging.CRITICAL)
    text = "\n".join("\n".join([name, *played(name), ""]) for name in SCENES)
    GOLDEN.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
