"""--kill [--flatten]: the kill switch from any shell, whatever the engine does.

It shares nothing with a running engine but the latch file, and talks to the exchange itself. The latch falls before
anything heavy is loaded and before the settings are read: a broken config.yaml must not keep entries alive, nor
positions, as long as the venue of the last run is known.
"""

from __future__ import annotations

import os

from engine.cli.arguments import Arguments
from engine.cli.prepare import prepare
from engine.cli.say import Telling
from engine.config import ConfigError, Settings
from engine.exchange.errors import ExchangeError
from engine.exchange.okx.kill_client import OkxKillVenue
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.simulator.embedded import EmbeddedVenue, VenueStartError
from engine.execution.kill_switch import KillReport, KillSwitch
from engine.execution.latch import EntryLatch
from engine.execution.latch_record import record
from engine.home import Home, HomeError
from engine.known_venue import last_known
from engine.mode import Mode
from engine.model import KillState
from engine.venue import embedded_endpoint, okx_endpoint, start_embedded

_tell = Telling()
"""Nothing that is said here may hold up what is done."""


def run_kill(arguments: Arguments) -> int:
    """0 when done and, with --flatten, when the venue is flat; 1 otherwise, saying what is left."""
    return _tell.leave(_kill(arguments))


def _kill(arguments: Arguments) -> int:
    home = Home(arguments.home)
    latch = EntryLatch(home.storage)
    latched = latch.engage(latch.status().state if latch.engaged() else KillState.LATCHED, "cli")
    if latched:
        _tell.say("kill: entries are latched")
    try:
        endpoint, embedded = _endpoint(_settings(arguments), home)
    except (ConfigError, HomeError, VenueStartError) as error:
        stands = "entries stay latched" if latched else f"and {latch.path} could not be written, NOTHING was stopped"
        _say(f"the exchange could not be reached, {stands}: {error}")
        return 1
    if not latched:
        _say(f"{latch.path} could not be written; a running engine will NOT see the latch")
    try:
        report = KillSwitch(OkxKillVenue(endpoint), latch).engage(arguments.flatten, "cli", _show)
    except ExchangeError as error:
        _say(f"{error}; entries stay latched")
        return 1
    finally:
        if embedded is not None and not embedded.adopted:
            embedded.stop()
    return _told(report, latch, home)


def _told(report: KillReport, latch: EntryLatch, home: Home) -> int:
    unrecorded = record(home.database, latch.status())
    if unrecorded:
        _tell.say(f"kill: the database did not take it ({unrecorded}); {latch.path.name} holds by itself")
    done = report.state is not KillState.FLATTEN_FAILED and "NOT confirmed" not in report.detail
    line = f"kill: {report.state.value}: {report.detail} ({report.seconds:.1f} s)"
    _tell.say(line)
    if not done:
        _tell.complain(line)
        for inst_id in report.remaining:
            _say(f"STILL OPEN: {inst_id}: {report.results.get(inst_id, 'not confirmed')}; close it in the exchange")
    return 0 if done else 1


def _settings(arguments: Arguments) -> Settings:
    """Raises ConfigError or HomeError when neither the settings nor the last run tell where the positions are."""
    try:
        return prepare(arguments).settings
    except (ConfigError, HomeError, OSError) as error:
        known = last_known(Home(arguments.home), os.environ)
        if known is None:
            raise ConfigError(str(error)) from error
        _say(f"going on at the venue of the last run ({known.goals.mode.value}): {error}")
        return known


def _endpoint(settings: Settings, home: Home) -> tuple[OkxEndpoint, EmbeddedVenue | None]:
    if settings.goals.mode is not Mode.DEMO:
        return okx_endpoint(settings), None
    running = EmbeddedVenue.find(home.root)
    if running is not None:
        # Found, not adopted: the market keeps its speed under an engine that may well be alive.
        return embedded_endpoint(settings, running), running
    embedded, endpoint = start_embedded(settings, home, settings.demo.speed)
    return endpoint, embedded


def _say(text: str) -> None:
    _tell.complain(f"kill: {text}")


def _show(report: KillReport) -> None:
    for inst_id, result in report.results.items():
        _tell.say(f"kill: {inst_id}: {result}")
