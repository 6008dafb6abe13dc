"""Every bench command that CI runs or a document shows is one that the bench understands: its name and its options.

A command that nobody runs before it is needed is where a renamed option is found last.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import re
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WRITTEN_IN = [ROOT / ".ci" / "run", ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
COMMAND = re.compile(r"python -m bench\.(\w+)((?: +[^\s`|&;})]+)*)")
PLACEHOLDERS = {"NAME": "some", "FILE": "some", "STATE": "some", "DIR": "some"}


class Understood(Exception):
    """The options were taken; what they ask for is not done here."""


def written() -> Iterator[tuple[str, str]]:
    for path in WRITTEN_IN:
        for name, options in COMMAND.findall(path.read_text(encoding="utf-8")):
            if (ROOT / "bench" / f"{name}.py").exists():
                yield name, options.strip()


def test_the_commands_are_found() -> None:
    assert {"kill", "crash", "cycle", "synthesis", "soak"} <= {name for name, _ in written()}


@pytest.mark.parametrize(("name", "options"), sorted(set(written())))
def test_the_bench_understands_it(name: str, options: str, monkeypatch: pytest.MonkeyPatch) -> None:
    module = importlib.import_module(f"bench.{name}")
    words = [PLACEHOLDERS.get(word, word) for word in shlex.split(options, comments=True)]
    if "ArgumentParser(" not in inspect.getsource(module):
        assert not words, f"bench.{name} takes no options"
        return
    parse = argparse.ArgumentParser.parse_args

    def parse_only(self: argparse.ArgumentParser, *given: object) -> None:
        parse(self, *given)  # type: ignore[call-overload] - exits at what it does not know
        raise Understood

    monkeypatch.setattr(sys, "argv", [f"bench.{name}", *words])
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", parse_only)
    with pytest.raises(Understood):
        module.main()
