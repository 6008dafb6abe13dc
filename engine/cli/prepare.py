"""What every command does first: the folder, the settings, the log file."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.cli.arguments import Arguments
from engine.config import ConfigError, DemoSettings, Settings, load_settings, secret_values
from engine.exchange.simulator.embedded import last_market
from engine.home import Home
from engine.mode import Mode
from engine.redaction import Redactor, log_to_file


@dataclass(frozen=True, slots=True)
class Prepared:
    home: Home
    settings: Settings
    warnings: tuple[str, ...]


def prepare(arguments: Arguments) -> Prepared:
    """Raises ConfigError or HomeError, each with one line for the user."""
    home = Home(arguments.home).prepare()
    loaded = load_settings(home.root, os.environ)
    settings = _with_flags(loaded.settings, arguments)
    _check_cassette(settings, arguments.cassette)
    log_to_file(home.logs / "engine.log", Redactor(secret_values(settings)))
    log = logging.getLogger("cynosure")
    log.info("settings from %s, mode %s", loaded.source, settings.goals.mode)
    for warning in loaded.warnings:
        log.warning(warning)
    return Prepared(home, settings, loaded.warnings)


def _check_cassette(settings: Settings, cassette: Path | None) -> None:
    """Told before anything starts: a cassette that cannot be read, or that nobody would listen to."""
    if cassette is None:
        return
    if settings.goals.mode.profile.real_money:
        raise ConfigError(f"--cassette: recorded answers never trade real money; goals.mode is '{settings.goals.mode}'")
    if settings.llm.backend != "ollama":
        raise ConfigError(f"--cassette plays a model's answers; llm.backend is '{settings.llm.backend}', not 'ollama'")
    from engine.synthesis.cassette import read_cassette  # noqa: PLC0415 - only who replays needs it

    read_cassette(cassette)


def _market_of(arguments: Arguments) -> dict[str, Any]:
    """A home goes on in the market in which it began, until it is told otherwise."""
    known = last_market(arguments.home)
    return {"seed": known.seed, "replay": known.replay} if known is not None else {}


def _with_flags(settings: Settings, arguments: Arguments) -> Settings:
    """--seed, --speed and --replay belong to the simulated market alone."""
    flags: dict[str, Any] = {"seed": arguments.seed, "speed": arguments.speed}
    if arguments.replay is not None:
        flags["replay"] = str(Path(arguments.replay).expanduser().resolve())
    given = {name: value for name, value in flags.items() if value is not None}
    if settings.goals.mode is Mode.DEMO and not {"seed", "replay"} & (set(given) | settings.demo.model_fields_set):
        given |= _market_of(arguments)
    if not given:
        return settings
    if settings.goals.mode is not Mode.DEMO:
        raise ConfigError(f"--{next(iter(given))} works in demo mode only; goals.mode is '{settings.goals.mode}'")
    if not 0 <= given.get("speed", 0) <= 3600:
        raise ConfigError(f"--speed: expected 0 to 3600 venue seconds per wall second, got {given['speed']:g}")
    if given.get("seed", 0) < 0:
        raise ConfigError(f"--seed: expected 0 or more, got {given['seed']}")
    demo = DemoSettings.model_validate({**settings.demo.model_dump(), **given})
    return settings.model_copy(update={"demo": demo})
