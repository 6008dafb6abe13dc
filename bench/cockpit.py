"""How the cockpit feels over SSH: `python -m bench.cockpit` prints one JSON line against the goals.

Drives the real program in a pseudo-terminal through the terminal probe (first paint, key to paint,
bytes and CPU at rest, memory, exit, signals). `--target replay` watches a recorded stream with six
prices moving each second; `--target app` is `python app.py` in demo mode in a folder of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
DEFAULT_PROBE = ROOT.parent / "shared" / "bench" / "tui_probe.py"

# name: (path in the probe's answer, goal, hard limit); section D of the cockpit's design
GOALS: dict[str, tuple[str, float, float]] = {
    "first_paint_ms": ("first_paint_ms", 400, 600),
    "key_median_ms": ("keys.median", 6, 15),
    "key_p95_ms": ("keys.p95", 12, 40),
    "idle_cpu_percent": ("idle.cpu_percent", 0.7, 1.5),
    "idle_bytes_per_s": ("idle.bytes_per_s", 800, 1500),
    "bytes_per_key_held": ("burst.bytes_per_key", 400, 1000),
    "held_key_lag_ms": ("burst.lag_after_last_key_ms", 0, 50),
    "startup_bytes": ("startup_bytes", 90_000, 120_000),
    "resize_ms": ("resize.0.settled_ms", 80, 200),
    "resize_bytes": ("resize.0.bytes", 25_000, 40_000),
    "rss_mib": ("mem.rss_mib", 50, 70),
    "sigterm_ms": ("signals.sigterm.ms", 500, 500),
}


def at(answer: Any, path: str) -> float | None:
    """The number at a dotted path, or None."""
    for part in path.split("."):
        if isinstance(answer, list) and part.isdigit() and int(part) < len(answer):
            answer = answer[int(part)]
        elif isinstance(answer, dict):
            answer = answer.get(part)
        else:
            return None
    return answer if isinstance(answer, int | float) else None


def command(target: str, folder: Path) -> list[str]:
    if target == "app":
        return [sys.executable, "app.py", "--home", str(folder)]
    sys.path.insert(0, str(ROOT))
    from tests.cockpit import stream

    path = stream.recording(folder / "moving.ndjson", stream.moving(600))
    return [sys.executable, "-m", "cynosure_tui.replay", str(path), "--speed", "1", "--logs", str(folder)]


def probe(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    out = folder / "probe.json"
    arguments = ["--runs", str(options.runs), "--idle", str(options.idle), "--size", options.size, "--json", str(out)]
    # q asks, and is deaf for a quarter second: the tab in between only passes the time.
    arguments += ["--ready", "CYNOSURE|DEMO", "--quit", "q,tab,y", "--signals", "--cwd", str(ROOT)]
    done = subprocess.run(
        [sys.executable, str(options.probe), *arguments, "--", *command(options.target, folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": ""},
    )
    if done.returncode or not out.is_file():
        raise SystemExit(f"the probe failed: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return json.loads(out.read_text(encoding="utf-8"))


def report(answer: dict[str, Any], options: argparse.Namespace) -> dict[str, Any]:
    measured = {name: at(answer, path) for name, (path, _, _) in GOALS.items()}
    over = [name for name, value in measured.items() if value is None or value > GOALS[name][2]]
    if options.target == "app":
        over = [name for name in over if name != "rss_mib"]  # the goal is for a cockpit without an engine inside
    return {
        "bench": "cockpit",
        "target": options.target,
        "size": options.size,
        **measured,
        "goals": {name: {"goal": goal, "limit": limit} for name, (_, goal, limit) in GOALS.items()},
        "over_limit": over,
        "left_on": answer.get("exit", {}).get("left_on"),
        "exit_by_keys": answer.get("exit", {}).get("by_keys"),
        "sigterm_left_on": answer.get("signals", {}).get("sigterm", {}).get("left_on"),
        "hangup": answer.get("signals", {}).get("hangup"),
        "others_cpu_percent": at(answer, "idle.others_cpu_percent"),
    }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.cockpit", description=__doc__.split("\n\n")[0])
    parser.add_argument("--target", choices=("replay", "app"), default="replay")
    parser.add_argument("--probe", type=Path, default=DEFAULT_PROBE, help="tui_probe.py (needs pyte)")
    parser.add_argument("--size", default="160x45")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--idle", type=float, default=15.0, help="seconds at rest")
    options = parser.parse_args(arguments)
    if not options.probe.is_file():
        sys.stderr.write(f"bench.cockpit: {options.probe}: no terminal probe there; pass --probe PATH\n")
        return 2
    with tempfile.TemporaryDirectory() as folder:
        answer = probe(options, Path(folder))
    print(json.dumps(report(answer, options), allow_nan=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
