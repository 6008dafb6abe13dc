"""`python -m bench.forecast`: what a forecast costs, and what it does not. Prints one JSON line.

The real architecture with random weights (their forecasts mean nothing, their cost is the same), saved and loaded by
the real child on CPU threads: time to load, seconds a batch, memory. Beside it the real cockpit with its engine in demo
mode in a terminal: key to paint of a cursor's move and of the help, in turns with and without a forecast running; and
the lag of the loop that asks. Exits as `bench/limits.py` says.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from bench.limits import Limit, exit_status, load_now, verdict
from bench.rig import percentile
from bench.terminal import Terminal
from engine.config import ForecastSettings
from engine.exchange.simulator.embedded import EmbeddedVenue
from engine.experts.forecaster import SHORT
from engine.forecast.pipe import Batch
from engine.forecast.process import ForecastProcess, command_for, environment_for, started
from engine.forecast.shelf import Shelf
from engine.forecast.weights import Weights
from engine.model import Candles, Timeframe

ROOT = Path(__file__).parents[1]
DOWN, UP, CURSOR, FIRST_ROW = "j", "k", "│▶", 4
HELP, HELP_IS_THERE = "?", "esc closes"
HELP_IS_ONE_OF = 5
"""A help for so many moves of the cursor."""
KEY_P50_MS, KEY_P95_MS, UNCHANGED = 25.0, 80.0, 1.25
START_S = 60.0
PAINT_S = 20.0
REST_S = 0.4
"""After a key: until its picture is whole, the panel hears again (it is deaf for a quarter second), and the reader of
the terminal had the processor for itself."""
LAG_S = 4.0
TURNS = 8
TICK_S = 0.005
LOAD_S = 300.0
PATIENCE_S = 300.0
NOW = 1_700_006_412_000


def build(file: Path, layers: int) -> float:
    """Writes random weights; seconds."""
    began = time.monotonic()
    command = [sys.executable, "-m", "tests.forecast.small_model", "--layers", str(layers), "--only-build"]
    subprocess.run([*command, "--build", str(file)], cwd=ROOT, check=True)
    return time.monotonic() - began


def windows(tickers: int, bars: int) -> dict[str, dict[Timeframe, Candles]]:
    return {
        f"T{number}": {timeframe: _candles(timeframe, bars, number) for timeframe in (Timeframe.H1, Timeframe.H4)}
        for number in range(tickers)
    }


def _candles(timeframe: Timeframe, bars: int, seed: int) -> Candles:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.004, bars)))
    last = NOW // timeframe.ms * timeframe.ms - timeframe.ms
    ts = last - timeframe.ms * np.arange(bars - 1, -1, -1, dtype=np.int64)
    return Candles(ts, close, close, close, close, close)


def batch_of(tickers: int, context: int) -> tuple[Batch, float]:
    """The question for so many tickers, and the milliseconds that the loop spends on asking it."""
    frames, shelf = windows(tickers, context), Shelf(context)
    began = time.perf_counter()
    shelf.ask(frames, NOW)
    asking_ms = (time.perf_counter() - began) * 1000
    series = shelf.batch(SHORT, NOW).values()
    return Batch(SHORT.steps, tuple(one.changes for one in series)), asking_ms


def memory_mb(pid: int) -> dict[str, float]:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return {"now": round(sizes["VmRSS"]), "peak": round(sizes["VmHWM"])}


async def latencies(child: ForecastProcess, batch: Batch, runs: int) -> dict[str, float]:
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        await child.quantiles(batch, PATIENCE_S)
        seconds.append(time.perf_counter() - began)
    return {"p50": round(statistics.median(seconds), 2), "max": round(max(seconds), 2)}


@asynccontextmanager
async def forecasting(child: ForecastProcess, batch: Batch) -> AsyncIterator[list[float]]:
    """Batch after batch without a rest while it lasts; the seconds of each."""
    took: list[float] = []
    ending = asyncio.Event()

    async def on_and_on() -> None:
        while not ending.is_set():
            began = time.perf_counter()
            await child.quantiles(batch, PATIENCE_S)
            took.append(time.perf_counter() - began)

    async with asyncio.TaskGroup() as group:
        group.create_task(on_and_on())
        yield took
        ending.set()


async def loop_lag(child: ForecastProcess, batch: Batch) -> dict[str, dict[str, float]]:
    """Milliseconds that the asking loop wakes a sleeper too late, without and with a forecast running."""
    alone = await _lags()
    async with forecasting(child, batch):
        return {"alone": _summary(alone), "forecasting": _summary(await _lags())}


async def _lags() -> list[float]:
    lags, ending = [], time.perf_counter() + LAG_S
    while (began := time.perf_counter()) < ending:
        await asyncio.sleep(TICK_S)
        lags.append((time.perf_counter() - began - TICK_S) * 1000)
    return lags


@contextmanager
def cockpit() -> Iterator[Terminal]:
    """The real program in demo mode in a home of its own, once its first cycle is through."""
    with tempfile.TemporaryDirectory(prefix="cynosure-forecast-") as folder:
        home = Path(folder)
        environ = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8", "HF_HUB_CACHE": str(home)}
        terminal = Terminal([sys.executable, "app.py", "--home", str(home)], ROOT, environ)
        try:
            deadline = time.monotonic() + START_S
            while not (home / "logs" / "reasoning.jsonl").exists() and time.monotonic() < deadline:
                time.sleep(0.1)
            assert "CYNOSURE" in terminal.text(), terminal.text()
            yield terminal
        finally:
            terminal.end(signal.SIGTERM)
            venue = EmbeddedVenue.find(home)
            if venue is not None:
                venue.stop()


def cursor_to_paint(terminal: Terminal, presses: int) -> list[float]:
    """Milliseconds from a key that moves the cursor, down from the first row and up from any other, to its mark in
    another row."""
    found = []
    for _ in range(presses):
        row = cursor_row(terminal.text())
        pressed = terminal.press(DOWN if row == FIRST_ROW else UP)
        found.append((_first(terminal, lambda screen, row=row: cursor_row(screen) != row) - pressed) / 1e6)  # type: ignore[misc]
    return found


def cursor_row(screen: str) -> int | None:
    """The row of the watchlist that is marked."""
    return next((row for row, line in enumerate(screen.splitlines()) if line.startswith(CURSOR)), None)


def help_to_paint(terminal: Terminal, presses: int) -> list[float]:
    """Milliseconds from the key that asks for help to its picture: a whole screen that is laid over the cockpit."""
    found = []
    for _ in range(presses):
        pressed = terminal.press(HELP)
        found.append((_first(terminal, lambda screen: HELP_IS_THERE in screen) - pressed) / 1e6)
        while HELP_IS_THERE in terminal.text():
            terminal.press(HELP)
            time.sleep(REST_S)
    return found


def _first(terminal: Terminal, holds: Callable[[str], bool]) -> int:
    """When it came on the screen; the terminal's own bytes are read at rest, so that reading slows nothing."""
    deadline = time.monotonic() + PAINT_S
    while time.monotonic() < deadline:
        time.sleep(REST_S)
        if (painted := terminal.first_at(holds)) is not None:
            return painted
    raise AssertionError(f"nothing was painted within {PAINT_S:g} s:\n{terminal.text()}")


def one_turn(terminal: Terminal, presses: int, helps: int) -> dict[str, list[float]]:
    return {"cursor": cursor_to_paint(terminal, presses), "help": help_to_paint(terminal, helps)}


async def beside_the_cockpit(child: ForecastProcess, batch: Batch, presses: int) -> dict[str, Any]:
    """Many short turns without and with a forecast, so that whatever else the machine does falls on both."""
    turns: dict[str, list[dict[str, list[float]]]] = {"alone": [], "forecasting": []}
    each, helps = max(1, presses // TURNS), max(1, presses // TURNS // HELP_IS_ONE_OF)
    seconds: list[float] = []
    with cockpit() as terminal:
        for _ in range(TURNS):
            turns["alone"].append(await asyncio.to_thread(one_turn, terminal, each, helps))
            async with forecasting(child, batch) as took:
                turns["forecasting"].append(await asyncio.to_thread(one_turn, terminal, each, helps))
            seconds += took
    keys = {
        key: {side: _summary([ms for turn in done for ms in turn[key]]) for side, done in turns.items()}
        for key in ("cursor", "help")
    }
    return {
        "key_to_paint_ms": {key: found | {"forecasting_to_alone": _ratio(found)} for key, found in keys.items()},
        "batch_beside_cockpit_s": {"p50": round(statistics.median(seconds), 2), "max": round(max(seconds), 2)},
    }


def _ratio(found: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {share: round(found["forecasting"][share] / found["alone"][share], 2) for share in ("p50", "p95")}


def limits_of(report: Mapping[str, Any]) -> list[Limit]:
    """Of the key that moves the cursor: the hard limits of a cockpit beside a cycle, and no other with a forecast than
    without. A median of some eighty keys moves by a tenth or two by itself."""
    if "key_to_paint_ms" not in report:
        return []
    cursor = report["key_to_paint_ms"]["cursor"]
    return [
        Limit("cursor_ms.p50 beside a forecast", cursor["forecasting"]["p50"], KEY_P50_MS, speed=True),
        Limit("cursor_ms.p95 beside a forecast", cursor["forecasting"]["p95"], KEY_P95_MS, speed=True),
        Limit("cursor p50, forecasting to alone", cursor["forecasting_to_alone"]["p50"], UNCHANGED, speed=True),
    ]


def _summary(values: list[float]) -> dict[str, float]:
    shares = {"p50": 0.5, "p95": 0.95, "max": 1.0}
    return {name: round(percentile(values, share), 1) for name, share in shares.items()} | {"n": len(values)}


async def measure(options: argparse.Namespace, file: Path) -> dict[str, Any]:
    settings = ForecastSettings(
        checkpoint=str(file), device="cpu", context=options.context, threads=options.threads, timeout_s=PATIENCE_S
    )
    child_command = (sys.executable, "-m", "tests.forecast.small_model", "--layers", str(options.layers))
    questions = {tickers: batch_of(tickers, options.context) for tickers in (17, 34)}
    began = time.monotonic()
    command = command_for(Weights(file), settings, child_command)
    async with started(command, environment_for(settings, os.environ), file.parent / "log") as child:
        _, load_s = await child.ready(LOAD_S)
        ready_s, loaded_mb = time.monotonic() - began, memory_mb(child.pid)
        batch_s = {str(n): await latencies(child, batch, options.runs) for n, (batch, _) in questions.items()}
        beside = await beside_the_cockpit(child, questions[17][0], options.keys) if options.keys else {}
        return {
            "load_s": round(load_s, 2),
            "start_to_ready_s": round(ready_s, 2),
            "batch_s": batch_s,
            "loop_lag_ms": await loop_lag(child, questions[17][0]),
            "asking_ms": {str(n): round(asking, 2) for n, (_, asking) in questions.items()},
            "rss_mb": {"loaded": loaded_mb, "after": memory_mb(child.pid)},
            **beside,
        }


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.forecast", description=__doc__.split("\n\n")[0])
    parser.add_argument("--runs", type=int, default=5, help="batches of each size")
    parser.add_argument(
        "--keys", type=int, default=80, help="moves of the cursor without and with a forecast; 0: no cockpit"
    )
    parser.add_argument("--context", type=int, default=512)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--layers", type=int, default=20, help="20: the whole model")
    options = parser.parse_args(arguments)
    load = load_now()
    with tempfile.TemporaryDirectory(prefix="cynosure-weights-") as folder:
        file = Path(folder) / "model.safetensors"
        build_s = build(file, options.layers)
        report = {
            "bench": "forecast",
            "layers": options.layers,
            "context": options.context,
            "threads": options.threads,
            "weights_mb": round(file.stat().st_size / 1e6),
            "build_s": round(build_s, 1),
            **asyncio.run(measure(options, file)),
        }
    report |= verdict(limits_of(report), load)
    print(json.dumps(report, allow_nan=False))
    return exit_status(report)


if __name__ == "__main__":
    sys.exit(main())
