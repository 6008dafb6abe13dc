"""The real architecture with random weights, saved to a file and loaded by the real child. Its forecasts mean nothing;
that they come, and of what they depend, does."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pytest_asyncio

from engine.config import ForecastSettings
from engine.experts.forecaster import usable_series
from engine.forecast.pipe import Batch
from engine.forecast.process import CHILD, ForecasterDied, ForecastProcess, command_for, environment_for, started
from engine.forecast.timesfm_model import ModelRefused, load
from engine.forecast.weights import Weights
from engine.model import FloatArray, Timeframe
from tests.experts.markets import NOW, candles, walk
from tests.forecast.rig import rig, windows

ROOT = Path(__file__).parents[2]
ONE_LAYER = (sys.executable, "-m", "tests.forecast.small_model")
WATCHLIST = tuple(f"T{number}-USDT-SWAP" for number in range(17))


def changes(seed: int, bars: int = 200, factor: float = 1.0) -> FloatArray:
    return usable_series(candles(walk(seed, bars) * factor, Timeframe.H1), Timeframe.H1, NOW, 512).changes


@dataclass
class Loaded:
    """A child with one layer of the model."""

    child: ForecastProcess
    file: Path

    async def ask(self, *series: FloatArray, steps: int = 4) -> FloatArray:
        return await self.child.quantiles(Batch(steps, series), 60.0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def loaded(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Loaded]:
    folder = tmp_path_factory.mktemp("weights")
    file = folder / "model.safetensors"
    settings = ForecastSettings(checkpoint=str(file), device="cpu")
    command = command_for(Weights(file), settings, (*ONE_LAYER, "--build", str(file)))
    async with started(command, environment_for(settings, os.environ), folder / "log") as child:
        assert (await child.ready(60.0))[0] == "cpu"
        yield Loaded(child, file)


@pytest.mark.asyncio(loop_scope="module")
async def test_quantiles_depend_on_the_shape_of_the_series_and_on_nothing_else(loaded: Loaded) -> None:
    """Not on who else is in the batch, nor on how much longer others are, nor on the size of the price: unscaled,
    closes near 1e-5 would come back as a flat line."""
    short, other, longer, cheap = changes(1, bars=100), changes(2), changes(3), changes(2, factor=1e-7)
    together = await loaded.ask(short, other, longer, cheap)
    assert together.shape == (4, 10)
    assert np.isfinite(together).all() and (np.diff(together[:, 1:]) >= 0).all()
    assert np.ptp(together[:3, 5]) > 1e-3, "different markets, different forecasts"
    assert np.ptp(together[3]) > 1e-3 and np.allclose(together[3], together[1], atol=1e-6)
    assert np.allclose(await loaded.ask(short), together[:1], atol=1e-6)


@pytest.mark.asyncio(loop_scope="module")
async def test_the_same_question_has_the_same_answer_and_more_steps_another(loaded: Loaded) -> None:
    series = changes(4, bars=64)
    first, again, further = [await loaded.ask(series, steps=steps) for steps in (4, 4, 6)]
    assert np.array_equal(first, again)
    assert not np.allclose(first, further, atol=1e-6)


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_a_file_with_other_weights_is_refused_in_one_line(loaded: Loaded, tmp_path: Path) -> None:
    """One layer where twenty are expected; then half a file."""
    damaged = tmp_path / "model.safetensors"
    damaged.write_bytes(loaded.file.read_bytes()[:1000])
    for file, words in ((damaged, "is damaged"), (loaded.file, "does not hold the weights of TimesFM 2.5 200M")):
        settings = ForecastSettings(checkpoint=str(file), device="cpu")
        child = ONE_LAYER if file is damaged else (*ONE_LAYER, "--layers", "2")
        command = command_for(Weights(file), settings, child)
        async with started(command, environment_for(settings, os.environ), None) as process:
            with pytest.raises(ForecasterDied) as caught:
                await process.ready(60.0)
        assert words in str(caught.value) and str(file) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.parametrize("device", ["auto", "cuda"])
def test_a_gpu_without_room_is_left_to_the_language_model(device: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`auto` goes on by CPU; a GPU that was asked for by name is a refusal. No GPU is needed to see it."""
    import timesfm
    import torch

    class Crowded:
        """A model that fits on no GPU."""

        def __init__(self, torch_compile: bool) -> None:
            self.model = SimpleNamespace()

        def load_checkpoint(self, path: str) -> None:
            if self.model.device.type == "cuda":
                raise torch.cuda.OutOfMemoryError("CUDA out of memory.")

    monkeypatch.setattr(timesfm, "TimesFM_2p5_200M_torch", Crowded)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    if device == "auto":
        assert load(Path("weights"), device, 512, 1).device == "cpu"
    else:
        with pytest.raises(ModelRefused, match="the GPU has no room for it: CUDA out of memory"):
            load(Path("weights"), device, 512, 1)


@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_the_whole_model_forecasts_a_watchlist(tmp_path: Path) -> None:
    """925 MB of weights through the product's own command; an engine that is killed in mid-batch takes it along."""
    file = tmp_path / "whole" / "model.safetensors"
    build = (*ONE_LAYER, "--layers", "20", "--only-build", "--build", str(file))
    subprocess.run(build, cwd=ROOT, check=True)  # noqa: ASYNC221 - nothing else runs yet
    assert file.stat().st_size > 900_000_000
    async with rig(tmp_path, checkpoint=str(file), child=CHILD) as desk:
        desk.service.request(windows(*WATCHLIST, bars=512))
        await desk.until(lambda: desk.service.state == "ok", within_s=120)
        assert await desk.service.settled(240)
        for inst_id in WATCHLIST:
            forecast = desk.service.latest(inst_id)
            assert forecast is not None
            assert all(
                part is not None or "no usable answer" in forecast.why for part in (forecast.short, forecast.medium)
            )
        assert any(desk.service.latest(inst_id).short for inst_id in WATCHLIST)
