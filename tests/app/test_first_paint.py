"""Nothing heavy is imported before the cockpit's first paint."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.app.program import REPOSITORY, environment

HEAVY = {
    "torch", "timesfm", "pandas", "ollama", "mcp", "scipy", "talib",
    "okx", "httpx", "apscheduler", "aiosqlite", "numba",
}  # fmt: skip

BUILD = """
import json, sys
import app
import cynosure_tui.app as tui

def stop_before_paint(link, **options):
    cockpit = tui.CockpitApp(link, mode=options["mode"])
    print(json.dumps(sorted({name.split(".")[0] for name in sys.modules})))
    return 0

tui.run_cockpit = stop_before_paint
sys.exit(app.main(["--home", sys.argv[1]]))
"""


def test_up_to_the_built_cockpit_no_heavy_package_is_imported(tmp_path: Path) -> None:
    """app.py's own path is walked (arguments, lock, link, app); only the terminal is left out."""
    run = subprocess.run(
        [sys.executable, "-c", BUILD, str(tmp_path / "home")],
        cwd=REPOSITORY, env=environment(), capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert (run.returncode, run.stderr) == (0, "")
    loaded = set(json.loads(run.stdout))
    assert "textual" in loaded
    assert loaded & HEAVY == set()
