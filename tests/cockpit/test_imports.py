"""What the first paint may import: nothing heavy, and nothing of the engine but facts and requests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVY = (
    "numpy",
    "pandas",
    "pydantic",
    "ollama",
    "mcp",
    "torch",
    "timesfm",
    "scipy",
    "talib",
    "okx",
    "httpx",
    "plotext",
)
ALLOWED = {"engine", "engine.commands", "engine.reasons", "engine.mode"}


def test_the_first_paint_imports_nothing_heavy() -> None:
    code = "import sys, cynosure_tui.app, cynosure_tui.replay; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not [name for name in HEAVY if name in loaded]
    assert {name for name in loaded if name.split(".")[0] == "engine"} <= ALLOWED
