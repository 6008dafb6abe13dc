"""Homes to start in: fresh ones, and copies of one in which real positions are open."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.app.program import REPOSITORY, RULES, environment, fresh_home

HELD = ("BTC-USDT-SWAP", "XAU-USDT-SWAP")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return fresh_home(tmp_path / "home")


@pytest.fixture(scope="session")
def trading_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home at rest with two bracketed positions (stops 20 % away: no market hits them during a test)."""
    home = fresh_home(tmp_path_factory.mktemp("trading") / "home", RULES + "demo: {equity_usdt: 100000}\n")
    subprocess.run(
        [sys.executable, "-m", "tests.app.open_positions", str(home), *HELD],
        cwd=REPOSITORY, env=environment(), check=True, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    return home


@pytest.fixture
def positions_home(trading_home: Path, tmp_path: Path) -> Path:
    """A copy of it for one test alone."""
    return Path(shutil.copytree(trading_home, tmp_path / "trading"))


@pytest.fixture(scope="module")
def copy_of_positions(trading_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    return lambda: Path(shutil.copytree(trading_home, tmp_path_factory.mktemp("copy") / "home"))
