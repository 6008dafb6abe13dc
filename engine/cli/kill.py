"""--kill [--flatten]: the kill switch from any shell, whatever the engine does.

It shares nothing with a running engine but the latch file, and talks to the exchange itself. The latch
falls before the settings are even read: a broken config.yaml must not keep entries alive.
"""

from __future__ import annotations

import sys

from engine.cli.arguments import Arguments
from engine.cli.prepare import Prepared, prepare
from engine.config import ConfigError
from engine.exchange.errors import ExchangeError
from engine.exchange.okx.kill_client import OkxKillVenue
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.simulator.embedded import EmbeddedVenue, VenueStartError
from engine.execution.kill_switch import KillReport, KillSwitch
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.mode import Mode
from engine.model import KillState
from engine.venue import embedded_endpoint, okx_endpoint, start_embedded


def run_kill(arguments: Arguments) -> int:
    """0 when done and, with --flatten, when the venue is flat; 1 otherwise, saying what is left."""
    latch = EntryLatch(Home(arguments.home).prepare().storage)
    if latch.engage(latch.status().state if latch.engaged() else KillState.LATCHED, "cli"):
        print("kill: entries are latched", flush=True)
    else:
        print(f"kill: {latch.path} could not be written; a running engine will NOT see the latch", file=sys.stderr)
    try:
        prepared = prepare(arguments)
        endpoint, embedded = _endpoint(prepared)
    except (ConfigError, VenueStartError) as error:
        print(f"kill: the exchange could not be reached, entries stay latched: {error}", file=sys.stderr)
        return 1
    try:
        report = KillSwitch(OkxKillVenue(endpoint), latch).engage(arguments.flatten, "cli", _show)
    except ExchangeError as error:
        print(f"kill: {error}; entries stay latched", file=sys.stderr)
        return 1
    finally:
        if embedded is not None and not embedded.adopted:
            embedded.stop()
    print(f"kill: {report.state.value}: {report.detail} ({report.seconds:.1f} s)")
    return 1 if report.state is KillState.FLATTEN_FAILED or "NOT confirmed" in report.detail else 0


def _endpoint(prepared: Prepared) -> tuple[OkxEndpoint, EmbeddedVenue | None]:
    if prepared.settings.goals.mode is not Mode.DEMO:
        return okx_endpoint(prepared.settings), None
    running = EmbeddedVenue.find(prepared.home.root)
    if running is not None:
        # Found, not adopted: the market keeps its speed under an engine that may well be alive.
        return embedded_endpoint(prepared.settings, running), running
    embedded, endpoint = start_embedded(prepared.settings, prepared.home, prepared.settings.demo.speed)
    return endpoint, embedded


def _show(report: KillReport) -> None:
    for inst_id, result in report.results.items():
        print(f"kill: {inst_id}: {result}", flush=True)
