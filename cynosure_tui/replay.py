"""Replay a recorded stream, read only: `python -m cynosure_tui.replay FILE [--speed X]`."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from cynosure_tui.app import run_cockpit
from cynosure_tui.link import ReplayLink


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m cynosure_tui.replay", description=__doc__)
    parser.add_argument("file", type=Path, help="one JSON event a line; the first line may be a snapshot")
    parser.add_argument("--speed", type=float, default=0.0, help="venue seconds per second; 0 = all at once (default)")
    parser.add_argument("--logs", type=Path, default=None, help="where stray output goes (default: a temporary folder)")
    options = parser.parse_args(arguments)
    if not options.file.is_file():
        sys.stderr.write(f"{options.file}: no such recording\n")
        return 2
    logs = options.logs or Path(tempfile.mkdtemp(prefix="cynosure-replay-"))
    return run_cockpit(ReplayLink(options.file, options.speed), logs)


if __name__ == "__main__":
    sys.exit(main())
