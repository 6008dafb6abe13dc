"""Where this home traded last, so that the kill switch finds it with a config.yaml that nobody can read.

`storage/venue.json` holds no secret: mode and host only. Keys come from .env, the environment or the embedded market's
own registration.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError

from engine.config import Settings
from engine.exchange.simulator.embedded import last_market
from engine.home import Home
from engine.mode import OKX_KEY_VARIABLES, Mode

FILE_NAME = "venue.json"


def remember(home: Home, mode: Mode, host: str) -> None:
    """Best effort: a disk that refuses keeps nobody from trading."""
    path = home.storage / FILE_NAME
    text = json.dumps({"mode": mode.value, "host": host}, allow_nan=False)
    try:
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            draft = path.with_suffix(f".{os.getpid()}")
            draft.write_text(text, encoding="utf-8")
            draft.replace(path)
    except OSError:
        return


def last_known(home: Home, environ: Mapping[str, str]) -> Settings | None:
    """Just enough of the settings to reach the venue of the last run; None when it is not known."""
    try:
        known: dict[str, Any] = json.loads((home.storage / FILE_NAME).read_text(encoding="utf-8"))
        mode, host = Mode(known["mode"]), str(known["host"])
    except (OSError, ValueError, TypeError, KeyError):
        return None
    okx = {"flag": mode.profile.flag, "host": host} | _keys(home, environ) if mode is not Mode.DEMO else {}
    try:
        return Settings.model_validate({"goals": {"mode": mode}, "apis": {"okx": okx}, "demo": _market(home)})
    except ValidationError:
        return None


def _keys(home: Home, environ: Mapping[str, str]) -> dict[str, str]:
    """From the environment and .env; those of a config.yaml that cannot be used are out of reach."""
    try:
        kept = dict(dotenv_values(home.root / ".env"))
    except (OSError, UnicodeDecodeError):
        kept = {}
    names = dict(zip(("api_key", "secret_key", "passphrase"), OKX_KEY_VARIABLES, strict=True))
    return {field: environ.get(name) or kept.get(name) or "" for field, name in names.items()}


def _market(home: Home) -> dict[str, Any]:
    """Which simulated market this home plays."""
    registered = last_market(home.root)
    return {} if registered is None else {"seed": registered.seed, "replay": registered.replay}
