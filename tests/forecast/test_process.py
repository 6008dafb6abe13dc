"""The child process: it may die, hang or refuse, and it never outlives its engine."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

import pytest

from engine.config import ForecastSettings
from engine.forecast import process
from engine.forecast.process import environment_for
from tests.forecast.processes import alive, assert_none_outlives_its_engine, forecasters, proc, stat
from tests.forecast.rig import HOUR_MS, rig, stand_in, windows

BTC = "BTC-USDT-SWAP"


async def test_a_child_that_dies_in_a_batch_is_started_again_and_the_batch_with_it(tmp_path: Path) -> None:
    async with rig(tmp_path, "--does", "die", "--once", str(tmp_path / "died")) as desk:
        desk.service.request(windows(BTC))
        await desk.until(lambda: desk.service.latest(BTC) is not None)
        warnings = [text for level, _, text in desk.told if level == "warning"]
        assert len(warnings) == 1 and warnings[0].startswith("the process ended with exit code 3")
        assert desk.service.state == "ok"


async def test_a_child_that_hangs_is_ended_and_started_again(tmp_path: Path) -> None:
    async with rig(tmp_path, "--does", "hang", "--once", str(tmp_path / "hung"), timeout_s=0.3) as desk:
        desk.service.request(windows(BTC))
        await desk.until(lambda: forecasters(os.getpid()))
        (first,) = forecasters(os.getpid())
        await desk.until(lambda: desk.service.latest(BTC) is not None)
        assert ("warning", "no answer to a batch of 1 within 0.3 s") in [
            (level, text.partition(";")[0]) for level, _, text in desk.told
        ]
        assert not alive(first)


async def test_a_child_that_is_killed_while_it_waits_is_noticed_at_once(tmp_path: Path) -> None:
    async with rig(tmp_path) as desk:
        await desk.forecast(BTC)
        (child,) = forecasters(os.getpid())
        os.kill(child, signal.SIGKILL)
        await desk.until(lambda: desk.service.state != "ok", within_s=5.0)
        assert any("ended by SIGKILL (the machine may have run out of memory)" in text for *_, text in desk.told)
        assert desk.service.latest(BTC).short is not None, "what was known stays known until it is stale"
        await desk.until(lambda: desk.service.state == "ok")
        desk.clock.advance(HOUR_MS)
        await desk.forecast(BTC)


async def test_a_child_that_cannot_load_waits_longer_each_time_and_says_it_once(tmp_path: Path) -> None:
    async with rig(tmp_path, "--does", "refuse") as desk:
        desk.service.request(windows(BTC))
        await desk.until(lambda: "again in 0.1 s" in desk.service.health().detail)
        health = desk.service.health()
        assert health.status == "down" and health.detail.startswith("this file is damaged; started again in")
        assert desk.service.latest(BTC) is None
        assert [level for level, *_ in desk.told] == ["warning"]
        assert not await desk.service.settled(5.0)


async def test_a_program_that_is_no_child_is_a_failure_with_its_last_words(tmp_path: Path) -> None:
    async with rig(tmp_path, child=(sys.executable, "-c", "raise SystemExit('no such thing')")) as desk:
        await desk.until(lambda: desk.service.state == "failed")
        assert "exit code 1: no such thing" in desk.service.health().detail
    async with rig(tmp_path, child=(sys.executable, "-c", "print('hello', flush=True); input()")) as desk:
        await desk.until(lambda: desk.service.state == "failed")
        assert "it answered no JSON" in desk.service.health().detail
    async with rig(tmp_path, child=(str(tmp_path / "no-such-python"),)) as desk:
        await desk.until(lambda: desk.service.state == "failed")
        assert "could not be started" in desk.service.health().detail


async def test_a_child_that_never_stops_talking_fills_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "LOG_LIMIT", 20_000)
    monkeypatch.setattr(process, "LOG_LOOK_S", 0.05)
    talk = "import sys, time\nwhile True: sys.stderr.write('x' * 999 + chr(10)); sys.stderr.flush(); time.sleep(0.005)"
    async with rig(tmp_path, child=(sys.executable, "-c", talk)) as desk:
        older = tmp_path / "forecast.1.log"
        await desk.until(older.exists)
        first = older.stat().st_mtime_ns
        await desk.until(lambda: older.stat().st_mtime_ns > first)
        assert older.stat().st_size < 100_000
        assert (tmp_path / "forecast.log").stat().st_size < 100_000
        assert desk.service.state == "loading"


async def test_a_stop_in_the_middle_of_a_batch_leaves_nobody_behind(tmp_path: Path) -> None:
    async with rig(tmp_path, "--does", "hang") as desk:
        desk.service.request(windows(BTC))
        await desk.until(lambda: desk.service.state == "ok")
        (child,) = forecasters(os.getpid())
        began = time.monotonic()
        assert not await desk.service.settled(0.05), "the wait for an answer is bounded"
        assert await desk.supervisor.cancel_all() == ()
        assert time.monotonic() - began < 1.9 and not alive(child)
        await desk.service.aclose()
        assert desk.service.health().status == "off"


async def test_a_child_that_does_not_hear_the_end_is_killed(tmp_path: Path) -> None:
    async with rig(tmp_path) as desk:
        await desk.forecast(BTC)
        (child,) = forecasters(os.getpid())
        os.kill(child, signal.SIGSTOP)
        await desk.service.aclose()
        assert not alive(child)


async def test_the_child_gives_way_and_knows_no_secrets(tmp_path: Path) -> None:
    async with rig(tmp_path) as desk:
        await desk.forecast(BTC)
        (child,) = forecasters(os.getpid())
        assert stat(child)[16] == "19"
        assert proc(child, "oom_score_adj").strip() == "1000"
    environ = {"OKX_API_KEY": "k", "CYNOSURE_LIVE": "yes", "TELEGRAM_TOKEN": "t", "HOME": "/h"}
    given = environment_for(ForecastSettings(device="cpu"), environ)
    assert not any(name.startswith(("OKX", "CYNOSURE", "TELEGRAM")) for name in given)
    assert (given["HF_HUB_OFFLINE"], given["GOMP_SPINCOUNT"], given["OMP_WAIT_POLICY"]) == ("1", "0", "PASSIVE")
    assert (given["HOME"], given["CUDA_VISIBLE_DEVICES"]) == ("/h", "")
    assert environment_for(ForecastSettings(download=True), environ)["HF_HUB_OFFLINE"] == "0"


def test_an_engine_that_is_killed_leaves_no_forecaster_behind(tmp_path: Path) -> None:
    """In the middle of a batch, beside another child of the engine that lives on."""
    weights = tmp_path / "model.safetensors"
    weights.touch()
    assert_none_outlives_its_engine(weights, stand_in("--does", "hang"))
