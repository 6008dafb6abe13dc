"""The house keeps its own rules: what imports what, what is in the README, what may not be in the tree."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from engine.reasons import EXPLANATIONS, Reason

ROOT = Path(__file__).parents[2]


def test_the_import_contracts_hold() -> None:
    tool = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([str(tool)], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_every_reason_is_explained_once() -> None:
    assert set(EXPLANATIONS) == set(Reason)
    assert all(text.endswith(".") for text in EXPLANATIONS.values())


def test_every_reason_is_in_the_manual() -> None:
    manual = (ROOT / "docs" / "reasons.md").read_text(encoding="utf-8")
    for reason in Reason:
        assert f"`{reason}`" in manual, f"docs/reasons.md lacks {reason}; run python -m engine.cli.reasons_page"


def test_every_requirement_is_pinned_and_has_its_reason() -> None:
    why = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8").lower()
    for file in ("requirements-slim.txt", "requirements.txt", "requirements-dev.txt"):
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines():
            if line and not line.startswith(("#", "-r")):
                name, _, version = line.partition("==")
                assert version, f"{file}: {line} is not pinned"
                assert name.split("[")[0].lower() in why, f"docs/dependencies.md does not say why {name} is here"


def test_nothing_unfinished_is_in_the_tree() -> None:
    words = ("TO" + "DO", "FIX" + "ME", "NotImplemented" + "Error")
    for folder in ("engine", "cynosure_tui", "bench", "tests"):
        for path in (ROOT / folder).rglob("*.py"):
            text = path.read_text(encoding="utf-8")
            assert not any(word in text for word in words), path
