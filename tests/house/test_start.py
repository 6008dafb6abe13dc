"""What ./start installs, and that it says so: everything, or all but forecasts when it was told to."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PYTHON = '#!/bin/sh\necho "$@" >>calls\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone with an environment whose interpreter only notes what it is asked."""
    shutil.copytree(ROOT / "bin", tmp_path / "bin")
    for name in ("start", *(path.name for path in ROOT.glob("requirements*.txt"))):
        shutil.copy(ROOT / name, tmp_path / name)
    python = tmp_path / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(PYTHON)
    python.chmod(0o755)
    return tmp_path


def start(clone: Path, **environ: str) -> tuple[list[str], str]:
    """(what was installed, what was said)."""
    calls = clone / "calls"
    calls.unlink(missing_ok=True)
    kept = {name: value for name, value in os.environ.items() if name != "SLIM"}
    done = subprocess.run(
        ["./start", "--status"], cwd=clone, env=kept | environ, capture_output=True, text=True, check=True
    )
    *installs, last = calls.read_text().splitlines()
    assert last == "app.py --status"
    return [line.rsplit(" ", 1)[1] for line in installs], done.stdout


def test_everything_is_installed_once_and_its_size_is_said(clone: Path) -> None:
    installed, said = start(clone)
    assert installed == ["requirements.txt"]
    assert "a few GB" in said and "SLIM=1 ./start" in said
    assert start(clone) == ([], "")


def test_an_environment_without_forecasts_stays_so_until_told_otherwise(clone: Path) -> None:
    installed, said = start(clone, SLIM="1")
    assert installed == ["requirements-slim.txt"]
    assert "about a minute" in said
    assert start(clone) == ([], "")
    assert start(clone, SLIM="0")[0] == ["requirements.txt"]
    assert start(clone) == ([], "")
