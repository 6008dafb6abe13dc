"""TimesFM 2.5 200M behind two calls. Runs in the child; importing this module is cheap, `load` is not.

Facts of timesfm 3.0.2, measured: `torch_compile` costs 18 to 29 s a shape and needs a compiler; bfloat16 fails; the
list of inputs is padded in place; `from_pretrained` asks the network even for a local folder, so the file is loaded
directly.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from engine.model import FloatArray

HUB_ID = "google/timesfm-2.5-200m-pytorch"
"""Version 2.5, Apache-2.0. Never 3.0's weights: their licence forbids commercial and productive use."""
WEIGHTS_FILE = "model.safetensors"
PATCH = 32


class ModelRefused(Exception):
    """The model cannot be loaded; one line says why and what to do."""


class TimesFm:
    """A loaded model. Not thread-safe."""

    def __init__(self, model: Any, context: int, device: str) -> None:
        self._model = model
        self._context = context
        self.device = device

    def quantiles(self, steps: int, series: Sequence[FloatArray]) -> FloatArray:
        """(n, 10): mean and the quantiles 10 % to 90 % at the end point, all series in one batch."""
        from timesfm import ForecastConfig  # noqa: PLC0415 - 1.6 s and 0.2 GB that only the child pays

        longest = min(self._context, max(map(len, series)))
        self._model.compile(
            ForecastConfig(
                max_context=-(-longest // PATCH) * PATCH,
                max_horizon=steps,
                normalize_inputs=True,
                per_core_batch_size=len(series),
                use_continuous_quantile_head=True,
                force_flip_invariance=True,
                infer_is_positive=False,
                fix_quantile_crossing=True,
            )
        )
        # A list of its own: the model pads it in place.
        _, quantiles = self._model.forecast(horizon=steps, inputs=list(series))
        return np.asarray(quantiles[: len(series), steps - 1, :], dtype=np.float64)


def load(file: Path | None, device: str, context: int, threads: int) -> TimesFm:
    """Loads `file`, or fetches it from the hub first. `device` is auto, cpu or cuda. Raises ModelRefused."""
    try:
        import torch  # noqa: PLC0415 - as above
        from timesfm import TimesFM_2p5_200M_torch  # noqa: PLC0415
    except (ImportError, OSError) as error:  # OSError: a library of torch's own is missing
        raise ModelRefused(f"{error}; install timesfm and torch by pip install -r requirements.txt") from error
    torch.set_num_threads(threads)
    chosen = _chosen(device, torch)
    place = file or download()
    model = TimesFM_2p5_200M_torch(torch_compile=False)
    return TimesFm(model, context, _onto(model, chosen, place, fall_back=device == "auto"))


def download() -> Path:
    """The weights from the hub into its cache. Raises ModelRefused."""
    from huggingface_hub import hf_hub_download  # noqa: PLC0415 - as above

    try:
        return Path(hf_hub_download(repo_id=HUB_ID, filename=WEIGHTS_FILE))
    except (OSError, ValueError) as error:  # every refusal of the hub is one of them, the network's too
        raise ModelRefused(f"{HUB_ID} could not be fetched: {_first_line(error)}") from error


def _chosen(device: str, torch: Any) -> str:
    there = torch.cuda.is_available()
    if device == "cuda" and not there:
        raise ModelRefused("forecast.device is cuda, but torch sees no GPU here: set it to auto or cpu")
    return "cuda" if there and device != "cpu" else "cpu"


def _onto(model: Any, device: str, file: Path, fall_back: bool) -> str:
    """Reads the weights into `model` on `device`; a GPU that is full (the language model's) is no reason to fail."""
    import torch  # noqa: PLC0415 - as above
    from safetensors import SafetensorError  # noqa: PLC0415

    module = model.model
    module.device, module.device_count = torch.device(device), 1
    try:
        model.load_checkpoint(str(file))
    except torch.cuda.OutOfMemoryError as error:
        if not fall_back:
            raise ModelRefused(f"the GPU has no room for it: {_first_line(error)}") from error
        return _onto(model, "cpu", file, fall_back=False)
    except SafetensorError as error:
        raise ModelRefused(f"{file} is damaged ({_first_line(error)}); remove it and fetch it again") from error
    except RuntimeError as error:
        raise ModelRefused(f"{file} does not hold the weights of TimesFM 2.5 200M: {_first_line(error)}") from error
    except OSError as error:
        raise ModelRefused(f"{file} cannot be read: {_first_line(error)}") from error
    return device


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
