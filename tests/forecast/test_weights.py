"""Whether the model is here is found out by looking at files, and said in one line."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

from engine.config import ForecastSettings
from engine.forecast.timesfm_model import HUB_ID
from engine.forecast.weights import Absent, find_weights, hub_cache

ROOT = Path(__file__).parents[2]
AS_WITHOUT_THE_PACKAGES = """
import asyncio, importlib.util, sys
real = importlib.util.find_spec
importlib.util.find_spec = lambda name, *rest: None if name in ("timesfm", "torch") else real(name, *rest)
from engine.clock import SystemClock
from engine.config import ForecastSettings
from engine.forecast.service import ForecastService
from engine.supervisor import Supervisor

async def main():
    service = ForecastService(ForecastSettings(), SystemClock(), lambda *said: print(*said))
    service.start(Supervisor(lambda *death: print(death)))
    await asyncio.sleep(0.1)
    print(service.state, service.health().status)
    await service.aclose()

asyncio.run(main())
heavy = {"torch", "timesfm", "huggingface_hub", "safetensors"} & set(sys.modules)
assert not heavy, heavy
"""


def absent(settings: ForecastSettings, **environ: Path) -> str:
    with pytest.raises(Absent) as caught:
        find_weights(settings, {name: str(path) for name, path in environ.items()})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def cached(hub: Path, revision: str = "abc") -> Path:
    """Weights as the hub's client leaves them."""
    model = hub / f"models--{HUB_ID.replace('/', '--')}"
    file = model / "snapshots" / revision / "model.safetensors"
    file.parent.mkdir(parents=True)
    file.touch()
    (model / "refs").mkdir(exist_ok=True)
    (model / "refs" / "main").write_text("abc")
    return file


def test_a_slim_installation_says_what_to_install_and_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-c", AS_WITHOUT_THE_PACKAGES], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told, state = done.stdout.splitlines()
    assert told.startswith("info forecast timesfm and torch not installed: pip install -r requirements.txt")
    assert state == "absent off"


def test_asking_for_the_packages_imports_none_of_them(tmp_path: Path) -> None:
    assert importlib.util.find_spec("torch") is not None, "the tests need the full set"
    absent(ForecastSettings(), HF_HUB_CACHE=tmp_path)
    assert "torch" not in sys.modules


def test_without_weights_it_says_how_to_get_them(tmp_path: Path) -> None:
    message = absent(ForecastSettings(), HF_HUB_CACHE=tmp_path)
    assert HUB_ID in message and "forecast.download: true" in message
    page = message.rsplit(" ", 1)[1]
    assert (ROOT / page).is_file()


def test_the_cache_is_searched_where_the_hub_keeps_it(tmp_path: Path) -> None:
    file = cached(tmp_path)
    assert find_weights(ForecastSettings(), {"HF_HUB_CACHE": str(tmp_path)}).file == file
    assert hub_cache({"HF_HOME": "/x"}) == Path("/x/hub")
    assert hub_cache({"XDG_CACHE_HOME": "/c"}) == Path("/c/huggingface/hub")
    assert hub_cache({}) == Path.home() / ".cache/huggingface/hub"


def test_a_download_that_was_cut_off_is_no_weights(tmp_path: Path) -> None:
    cached(tmp_path, revision="older")
    absent(ForecastSettings(), HF_HUB_CACHE=tmp_path)


def test_a_download_is_left_to_the_child_and_only_when_asked_for(tmp_path: Path) -> None:
    assert find_weights(ForecastSettings(download=True), {"HF_HUB_CACHE": str(tmp_path)}).file is None


def test_a_named_checkpoint_is_a_folder_or_a_file_and_is_never_replaced_by_the_cache(tmp_path: Path) -> None:
    cached(tmp_path / "hub")
    named = ForecastSettings(checkpoint=str(tmp_path / "mine"), download=True)
    message = absent(named, HF_HUB_CACHE=tmp_path / "hub")
    assert message.startswith(f"forecast.checkpoint: {tmp_path / 'mine'} is no model.safetensors and holds none")
    file = tmp_path / "mine" / "model.safetensors"
    file.parent.mkdir()
    file.touch()
    assert find_weights(named, {}).file == file
    assert find_weights(ForecastSettings(checkpoint=str(file)), {}).file == file
