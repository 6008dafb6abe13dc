"""What a person sees while the model hangs, is dead, and is back: the real program in a real terminal, on paper."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from bench.rig import open_rig
from engine.config import Settings
from engine.reasons import Reason
from engine.synthesis.breaker import COOL_DOWN_S
from tests.app.program import unbracketed
from tests.cockpit.test_terminal import Terminal
from tests.ollama_server import PERSONA, OllamaServer, Script, Step
from tests.simulator_process import KEY, PASSPHRASE, SECRET, Simulator, simulator

INST = "BTC-USDT-SWAP"
KEYS = {"OKX_API_KEY": KEY, "OKX_SECRET_KEY": SECRET, "OKX_PASSPHRASE": PASSPHRASE}
ANSWERS = Script((Step(PERSONA),))
HANGS = Script((Step(PERSONA, fault="hang"),))


QUARTER_S, TAKES_S = 900, 150


def clear_of_a_close() -> None:
    """On paper bars close by the wall: a cycle in the middle of the outage would ask the dead server by itself."""
    left = QUARTER_S - time.time() % QUARTER_S
    if left < TAKES_S:
        time.sleep(left + 10)


def paper_home(home: Path, venue: Simulator, model: str) -> dict[str, object]:
    """Every ticker is asked about, within a second."""
    document = {
        "goals": {"mode": "paper"},
        "apis": {"okx": {"host": venue.base_url}},
        "llm": {"host": model, "timeout_s": 1.0, "skip_when_forced": False},
        "watchlist": ["BTC"],
        "forecast": {"enabled": False},
        "feeds": {"enabled": False},
    }
    home.mkdir()
    (home / "config.yaml").write_text(yaml.safe_dump(document))
    return document


async def open_position(home: Path, document: dict[str, object]) -> None:
    keys = {"api_key": KEY, "secret_key": SECRET, "passphrase": PASSPHRASE}
    apis = document["apis"]
    assert isinstance(apis, dict)
    settings = Settings.model_validate(document | {"apis": {"okx": apis["okx"] | keys}})
    async with open_rig(home=home, settings=settings) as rig:
        assert await rig.enter(INST, "BTC1", Decimal(2000), Decimal("0.2")) is Reason.ENTERED


@contextmanager
def cockpit(home: Path) -> Iterator[Terminal]:
    command = f"{sys.executable} app.py --home {home}; echo code=$?; exec cat"
    environ = {"LANG": "C.UTF-8", **KEYS}
    terminal = Terminal(f"cyn{os.getpid()}outage", (160, 45), command, environ)
    try:
        yield terminal
    finally:
        terminal.keys("q")
        time.sleep(0.5)
        terminal.keys("y")
        try:
            terminal.until(lambda screen: "code=" in screen, 20)
        finally:
            terminal.run("kill-server")


@pytest.mark.slow
@pytest.mark.timeout(2 * TAKES_S + 60)
@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_what_the_screen_says_of_a_model_that_hangs_dies_and_comes_back(tmp_path: Path) -> None:
    clear_of_a_close()
    now = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    with simulator(tmp_path, speed=1, start=now) as venue:
        server = OllamaServer(ANSWERS).__enter__()
        port = int(server.host.rpartition(":")[2])
        document = paper_home(tmp_path / "home", venue, server.host)
        asyncio.run(open_position(tmp_path / "home", document))
        with cockpit(tmp_path / "home") as terminal:
            terminal.until(lambda s: "llm ok" in s and "cycle 1 done" in s, 60)
            assert "HOLD  LLM_HOLD" in guarded(terminal)

            server.play = HANGS
            for cycle in (2, 3, 4):
                text = analysed(terminal, cycle)
                assert "BTC   HOLD  LLM_DOWN  no answer within 1 s" in text
                assert "This is not an" in text, "never shown as the model's own HOLD"
            terminal.shows("LLM DOWN  qwen3.5:4b abababababab: no answer within 1 s; next try in", "llm ✗")

            server.__exit__()
            died = time.monotonic()
            assert "HOLD  LLM_DOWN  not asked: it failed before" in analysed(terminal, 5)
            terminal.until(lambda s: "LLM DOWN  no Ollama at" in s, 40)

            with OllamaServer(ANSWERS, port=port) as back:
                time.sleep(max(0.0, died + COOL_DOWN_S + 3 - time.monotonic()))
                text = analysed(terminal, 6)
                assert back.requests
                assert text.count("HOLD  LLM_HOLD") + text.count("HOLD  EXIT_") >= 1 and "LLM_DOWN" not in gates(text)
                text = terminal.until(lambda s: "llm ok" in s, 40)
                assert "LLM DOWN" not in text
            guarded(terminal)
        assert unbracketed(venue.ledger()) == []


def analysed(terminal: Terminal, cycle: int) -> str:
    """Asks for a cycle by key; the screen once it is done and its position still under its bracket."""
    for _ in range(10):  # the cycle before may still be at its books, and refuses another until it is done
        terminal.keys("n")
        with suppress(AssertionError):
            terminal.until(lambda s: f"cycle {cycle} started" in s, 2)
            break
    terminal.until(lambda s: f"cycle {cycle} done" in s, 20)
    return guarded(terminal)


def guarded(terminal: Terminal) -> str:
    """The screen, on which the engine runs and the position's bracket was seen at the venue within one guard's pass."""
    text = terminal.until(lambda s: "● RUN" in s and "OCO live" in s, 20)
    (line,) = (line for line in text.splitlines() if "OCO live" in line)
    found = re.search(r"(\d+)s +│", line)
    assert found is not None and int(found[1]) <= 16, line
    return text


def gates(text: str) -> str:
    """The newest decision, on top of the ladder."""
    return next(line for line in text.splitlines() if "HOLD  " in line)
