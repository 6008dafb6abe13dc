"""Two habits that the tree itself must keep: no task that nobody watches, no number in JSON that JSON does not know."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
STARTERS = {"create_task", "ensure_future"}
AWAITED_WHERE_IT_STARTS = {"engine/supervisor.py", "engine/db.py"}
WRITERS = {"dumps", "dump", "JSONEncoder"}
ECHOES_WHAT_A_CLIENT_SENT = "engine/exchange/simulator/streams.py"


Call = tuple[str, ast.Call, str, str]


def calls(*folders: str) -> Iterator[Call]:
    """(file, call, name of the function, name of what it is called on)."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield from calls_of(path)


@cache
def calls_of(path: Path) -> tuple[Call, ...]:
    file = path.relative_to(ROOT).as_posix()
    return tuple(
        (file, node, node.func.attr, node.func.value.id if isinstance(node.func.value, ast.Name) else "")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
    )


def test_every_task_is_started_by_the_supervisor_or_in_a_task_group() -> None:
    for file, call, name, owner in calls("engine", "cynosure_tui"):
        if name in STARTERS and file not in AWAITED_WHERE_IT_STARTS:
            assert owner in {"group", "tasks"}, f"{file}:{call.lineno}: start it through the Supervisor or a TaskGroup"


def test_nothing_writes_json_that_may_hold_nan() -> None:
    for file, call, name, owner in calls("engine", "cynosure_tui", "bench"):
        if owner == "json" and name in WRITERS and file != ECHOES_WHAT_A_CLIENT_SENT:
            given = {keyword.arg: keyword.value for keyword in call.keywords}
            strict = given.get("allow_nan")
            assert isinstance(strict, ast.Constant), f"{file}:{call.lineno}: json.{name} without allow_nan=False"
            assert strict.value is False
