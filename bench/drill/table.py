"""The table of docs/safety.md: every scenario with its measured result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.drill.drill import Result

PAGE = Path(__file__).resolve().parents[2] / "docs" / "safety.md"
BEGIN, END = "<!-- scenarios: python -m bench.drill --table -->", "<!-- /scenarios -->"
HEAD = ("| Step | Fault | Ends | Longest unprotected | Scenario |", "|---|---|---|---|---|")


def table(results: Iterable[Result]) -> str:
    return "\n".join([*HEAD, *(_line(result) for result in results)])


def _line(result: Result) -> str:
    verdict = "" if result.passed else " (FAILED)"
    seconds = f"{result.unprotected_s:.2f} s"
    return f"| {result.row} | {result.fault} | {result.end}{verdict} | {seconds} | `{result.name}` |"


def listed(page: str) -> list[str]:
    """The scenarios that the page's table names."""
    rows = _between(page).splitlines()
    return [row.rsplit("`", 2)[1] for row in rows if row.startswith("|") and row.count("`") >= 2]


def with_table(page: str, results: Sequence[Result]) -> str:
    """The page with the table between its markers. Raises ValueError when they are not there."""
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    if BEGIN not in page or END not in page:
        raise ValueError(f"the page lacks {BEGIN} … {END}")
    return f"{before}{BEGIN}\n{table(results)}\n{END}{after}"


def _between(page: str) -> str:
    return page.partition(BEGIN)[2].partition(END)[0]
