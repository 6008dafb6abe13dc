"""Is the model here, and where? Answered by looking at files: nothing heavy is imported, nothing is downloaded."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from engine.config import ForecastSettings
from engine.forecast.timesfm_model import HUB_ID, WEIGHTS_FILE

PACKAGES = ("timesfm", "torch")
PAGE = "docs/forecast.md"


class Absent(Exception):
    """No forecasts until a person does something; one line says what."""


@dataclass(frozen=True, slots=True)
class Weights:
    """A file to load, or None: the child fetches it from the hub first."""

    file: Path | None


def find_weights(settings: ForecastSettings, environ: Mapping[str, str]) -> Weights:
    """Raises Absent. A name in `forecast.checkpoint` is never replaced by what the cache holds."""
    missing = [name for name in PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        raise Absent(f"{' and '.join(missing)} not installed: pip install -r requirements.txt, then start again")
    if settings.checkpoint:
        return Weights(_at(Path(settings.checkpoint).expanduser().absolute()))
    cached = _in_hub_cache(hub_cache(environ))
    if cached is None and not settings.download:
        raise Absent(f"no weights of {HUB_ID}: set forecast.download: true, or see {PAGE}")
    return Weights(cached)


def hub_cache(environ: Mapping[str, str]) -> Path:
    """The folder that huggingface_hub caches in, by its own rules."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if environ.get(variable):
            return Path(environ[variable]).expanduser()
    if environ.get("HF_HOME"):
        return Path(environ["HF_HOME"]).expanduser() / "hub"
    caches = Path(environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser()
    return caches / "huggingface" / "hub"


def _at(place: Path) -> Path:
    file = place / WEIGHTS_FILE if place.is_dir() else place
    if not file.is_file():
        raise Absent(f"forecast.checkpoint: {place} is no {WEIGHTS_FILE} and holds none; see {PAGE}")
    return file


def _in_hub_cache(cache: Path) -> Path | None:
    """The weights of the revision that `main` stood for; None unless they were fetched whole."""
    model = cache / f"models--{HUB_ID.replace('/', '--')}"
    try:
        revision = (model / "refs" / "main").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    file = model / "snapshots" / revision / WEIGHTS_FILE
    return file if file.is_file() else None
