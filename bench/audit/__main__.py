"""`python -m bench.audit STATE [--home DIR] [--json] [--naked-limit S] [--orphan-limit S]`

Lists every naked second, duplicate, orphan, unlogged fill and cent that does not balance in a simulator's state
file, and beside a home also what its books lack. Exit status: 0 clean, 1 findings, 2 a file that cannot be read.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bench.audit.auditor import audit
from bench.audit.findings import Limits
from bench.audit.state import Unreadable


def main(arguments: list[str] | None = None) -> int:
    usage = Limits()
    parser = argparse.ArgumentParser(prog="python -m bench.audit", description=__doc__)
    parser.add_argument("state", type=Path, help="the simulator's state file")
    parser.add_argument("--home", type=Path, help="the home whose books are compared")
    parser.add_argument("--json", action="store_true", help="one JSON document")
    parser.add_argument("--naked-limit", type=float, default=usage.naked_s, metavar="S", help="wall seconds")
    parser.add_argument("--orphan-limit", type=float, default=usage.orphan_s, metavar="S", help="wall seconds")
    chosen = parser.parse_args(arguments)
    try:
        result = audit(chosen.state, chosen.home, Limits(chosen.naked_limit, chosen.orphan_limit))
    except Unreadable as problem:
        print(problem, file=sys.stderr)
        return 2
    if chosen.json:
        print(json.dumps(result.as_json(), allow_nan=False))
    else:
        print("\n".join(result.lines()))
    return 0 if result.clean else 1


if __name__ == "__main__":
    sys.exit(main())
