"""How many planted defects do the tests notice? mutmut changes one thing at a time in the code that guards money.

`python -m bench.mutation [--target risk|guard|all] [--survivors FILE]` copies the tree, mutates the target, runs the
tests that cover each mutant, and prints one JSON line; `--survivors` also writes what nobody noticed, as a diff each.
It takes minutes: what is run for a mutant trades in virtual time, where it trades at all.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
NOTICED = frozenset({"killed", "timeout", "segfault", "caught"})


@dataclass(frozen=True, slots=True)
class Target:
    """`files` are mutated, `tests` must notice. Both are paths from the root; files may be globs."""

    files: Sequence[str]
    tests: Sequence[str]


TARGETS = {
    "risk": Target(
        [
            "engine/risk/gates*.py",
            "engine/risk/verdicts.py",
            "engine/risk/sizing.py",
            "engine/risk/stops.py",
            "engine/risk/edge.py",
            "engine/risk/persistence.py",
        ],
        ["tests/risk"],
    ),
    "guard": Target(
        [f"engine/execution/{name}.py" for name in ("guard", "cover", "seen", "strangers")],
        ["tests/execution/test_guard_words.py", "tests/execution/test_cover.py"],
    ),
}


def measure(name: str) -> tuple[dict[str, object], str]:
    """The figures of one target, and its survivors as text."""
    with tempfile.TemporaryDirectory(prefix="cynosure-mutants-") as folder:
        tree = Path(folder) / "tree"
        _copy(tree)
        _configure(tree, TARGETS[name])
        _mutmut(tree, "run", "--max-children", "2")
        fates = dict(line.strip().rsplit(": ", 1) for line in _results(tree))
        survivors = sorted(mutant for mutant, fate in fates.items() if fate not in NOTICED)
        text = "\n".join(_difference(tree, mutant) for mutant in survivors)
    killed = len(fates) - len(survivors)
    figures: dict[str, object] = {
        "mutants": len(fates),
        "noticed": killed,
        "score": round(killed / len(fates), 4) if fates else None,
        "fates": dict(Counter(fates.values())),
        "survivors": survivors,
    }
    return figures, text


def _copy(tree: Path) -> None:
    """What git knows of the tree and what it would add; nothing that was built."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.splitlines():
        source = ROOT / name
        if source.is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, tree / name)


def _configure(tree: Path, target: Target) -> None:
    beside = sorted(p.name for p in tree.iterdir() if p.name not in {"engine", "tests", "pyproject.toml"})
    with (tree / "pyproject.toml").open("a", encoding="utf-8") as config:
        config.write(
            f'\n[tool.mutmut]\nsource_paths = ["engine"]\nonly_mutate = {json.dumps(target.files, allow_nan=False)}\n'
            f"also_copy = {json.dumps(beside, allow_nan=False)}\n"
            f"pytest_add_cli_args_test_selection = {json.dumps(target.tests, allow_nan=False)}\n"
            'pytest_add_cli_args = ["-p", "no:cacheprovider"]\n'
        )


def _mutmut(tree: Path, *arguments: str) -> str:
    """Raises SystemExit with the tool's last words when it fails."""
    command = [str(Path(sys.executable).with_name("mutmut")), *arguments]
    done = subprocess.run(command, cwd=tree, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"mutmut {arguments[0]} failed: {(done.stdout + done.stderr)[-2000:]}")
    return done.stdout


def _results(tree: Path) -> list[str]:
    return [line for line in _mutmut(tree, "results", "--all", "true").splitlines() if ": " in line]


def _difference(tree: Path, mutant: str) -> str:
    changed = (line for line in _mutmut(tree, "show", mutant).splitlines() if line[:1] in {"-", "+"})
    lines = [line for line in changed if line[:3] not in {"---", "+++"}]
    return "\n".join([mutant, *lines, ""])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.mutation", description=__doc__)
    parser.add_argument("--target", choices=[*TARGETS, "all"], default="risk")
    parser.add_argument("--survivors", type=Path, help="a file for the mutants that no test noticed")
    arguments = parser.parse_args()
    names = list(TARGETS) if arguments.target == "all" else [arguments.target]
    measured = {name: measure(name) for name in names}
    if arguments.survivors is not None:
        arguments.survivors.write_text("\n".join(text for _, text in measured.values()), encoding="utf-8")
    print(
        json.dumps({"bench": "mutation", **{name: figures for name, (figures, _) in measured.items()}}, allow_nan=False)
    )


if __name__ == "__main__":
    main()
