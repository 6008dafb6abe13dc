"""`python -m bench.drill [NAME…] [--jobs N] [--json] [--table]`: plays fault scenarios and measures the end.

A name may be the beginning of several (`entry_reply`). One line a scenario; `--table` writes the results into
docs/safety.md. Exit status: 0 all as expected, 1 some not, 2 a scenario file that cannot be played.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator

from bench.drill.drill import Result
from bench.drill.scenario import ScenarioError, chosen_scenarios, scenario_paths
from bench.drill.side_by_side import played
from bench.drill.table import PAGE, with_table


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.drill", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="scenarios, or how their names begin; none = all")
    parser.add_argument(
        "--jobs", type=int, default=1, metavar="N", help="so many at once: most of a scenario is waiting"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--table", action="store_true", help="write these results into docs/safety.md")
    given = parser.parse_args(arguments)
    try:
        results = list(_told(played(chosen_scenarios(given.names), given.jobs), given.json))
    except ScenarioError as error:
        print(error, file=sys.stderr)
        return 2
    if given.table:
        names = [path.stem for path in scenario_paths()]
        PAGE.write_text(with_table(PAGE.read_text(encoding="utf-8"), results, names), encoding="utf-8")
    failed = sum(not result.passed for result in results)
    if not given.json:
        print(f"{len(results)} scenarios, {failed} failed")
    return 1 if failed else 0


def _told(results: Iterable[Result], as_json: bool) -> Iterator[Result]:
    for result in results:
        print(json.dumps(result.as_json(), allow_nan=False) if as_json else _line(result), flush=True)
        yield result


def _line(result: Result) -> str:
    verdict = "ok  " if result.passed else "FAIL"
    text = f"{verdict} {result.name:<44} {result.unprotected_s:7.2f} s bare  {result.end:<10} {result.reason}"
    return "\n     ".join([f"{text} ({result.seconds:.1f} s)", *result.wrong])


if __name__ == "__main__":
    sys.exit(main())
