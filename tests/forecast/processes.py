"""What the system says of processes: who is whose child, who lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def proc(pid: int, name: str) -> str:
    return Path(f"/proc/{pid}/{name}").read_text()


def stat(pid: int) -> list[str]:
    """The fields after the name: state, parent, …, the nice value at 16. Raises OSError when it is gone."""
    return proc(pid, "stat").rsplit(")", 1)[1].split()


def children_of(pid: int) -> dict[int, str]:
    """Command line by pid of the living children."""
    found = {}
    for place in Path("/proc").glob("[0-9]*"):
        try:
            state, parent, *_ = stat(int(place.name))
            if int(parent) == pid and state != "Z":
                found[int(place.name)] = proc(int(place.name), "cmdline").replace("\0", " ")
        except OSError:
            continue
    return found


def forecasters(pid: int) -> list[int]:
    return [child for child, command in children_of(pid).items() if "stand_in" in command]


def alive(pid: int) -> bool:
    try:
        return stat(pid)[0] != "Z"
    except OSError:
        return False


def gone(pid: int, within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not alive(pid)


def assert_none_outlives_its_engine(weights: Path, child: Sequence[str]) -> None:
    """A process like an engine is killed in the middle of a batch; its forecaster must go, its other child must not."""
    command = [sys.executable, "-m", "tests.forecast.engine_to_kill", str(weights), *child]
    engine = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    assert engine.stdout is not None
    try:
        assert engine.stdout.readline() == b"ready\n"
        family = children_of(engine.pid)
        (forecaster,) = (pid for pid, words in family.items() if child[2] in words)
        (other,) = (pid for pid, words in family.items() if child[2] not in words)
        engine.kill()
        assert gone(forecaster, within_s=5.0)
        assert alive(other)
        os.kill(other, signal.SIGKILL)
    finally:
        engine.kill()
        engine.wait()
        engine.stdout.close()
