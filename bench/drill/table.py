"""The table of docs/safety.md: every scenario with its measured result."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.drill.drill import Result

PAGE = Path(__file__).resolve().parents[2] / "docs" / "safety.md"
BEGIN, END = "<!-- scenarios: python -m bench.drill --table -->", "<!-- /scenarios -->"
HEAD = ("| Step | Fault | Ends | Longest unprotected | Scenario |", "|---|---|---|---|---|")


def _line(result: Result) -> str:
    verdict = "" if result.passed else " (FAILED)"
    seconds = f"{result.unprotected_s:.2f} s"
    return f"| {result.row} | {result.fault} | {result.end}{verdict} | {seconds} | `{result.name}` |"


def listed(page: str) -> list[str]:
    """The scenarios that the page's table names."""
    return list(_lines(page))


def with_table(page: str, results: Sequence[Result], names: Sequence[str]) -> str:
    """The page with the table between its markers: a line for each of `names`, those that were not played now as they
    were. Raises ValueError when the markers are not there."""
    if BEGIN not in page or END not in page:
        raise ValueError(f"the page lacks {BEGIN} … {END}")
    lines = _lines(page) | {result.name: _line(result) for result in results}
    rows = [lines[name] for name in names if name in lines]
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    return "\n".join([f"{before}{BEGIN}", *HEAD, *rows, f"{END}{after}"])


def _lines(page: str) -> dict[str, str]:
    """The table's lines by scenario."""
    rows = _between(page).splitlines()
    return {row.rsplit("`", 2)[1]: row for row in rows if row.startswith("|") and row.count("`") >= 2}


def _between(page: str) -> str:
    return page.partition(BEGIN)[2].partition(END)[0]
