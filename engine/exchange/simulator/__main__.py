"""`python -m engine.exchange.simulator`: the OKX-compatible venue as a server of its own, on loopback only."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import uvicorn

from engine.exchange.simulator.bars import RecordedDataError
from engine.exchange.simulator.faults.file import FaultFileError, read_fault_file
from engine.exchange.simulator.faults.plan import FaultPlan
from engine.exchange.simulator.faults.spec import Fault
from engine.exchange.simulator.market import Market
from engine.exchange.simulator.options import Options, read_options
from engine.exchange.simulator.request_limits import RequestLimits
from engine.exchange.simulator.request_log import RequestLog
from engine.exchange.simulator.routes_admin import Administration, Identity
from engine.exchange.simulator.routing import Desk
from engine.exchange.simulator.server import Application
from engine.exchange.simulator.simulated_market import open_market
from engine.exchange.simulator.store import StateFileError, StateStore
from engine.exchange.simulator.streams import Hub
from engine.exchange.simulator.timekeeper import Timekeeper, wall_ms
from engine.exchange.simulator.venue import Venue

HEARTBEAT_S = 0.05
GRACE_S = 2
USAGE_EXIT = 2

_Opener = Callable[[int, Path | None, int | None], Market]


class StartError(Exception):
    """The operator's mistake, in one line."""


def main(arguments: list[str] | None = None, opened: _Opener = open_market) -> int:
    """Serves until told to stop. Exit status 0, or 2 after one line on stderr. `opened` gives the market of
    (seed, replay, start in ms)."""
    options = read_options(arguments)
    try:
        seed, faults = read_fault_file(options.faults) if options.faults else (0, ())
        listener = _listen(options.port)
        market = _market(options, opened)
        plan = FaultPlan(seed)
        venue = _venue(market, options, plan)
    except (StartError, StateFileError, FaultFileError) as error:
        sys.stderr.write(f"simulator: {error}\n")
        return USAGE_EXIT
    try:
        asyncio.run(_serve(listener, venue, options, plan, faults))
    finally:
        venue.close()
    return 0


def _listen(port: int) -> socket.socket:
    """Bound before the market is built, so that a busy port is told at once."""
    # The protocol is named because asyncio sets TCP_NODELAY only then; without it every answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(2048)
    except OSError as error:
        listener.close()
        taken = (
            "is taken by another process" if error.errno == errno.EADDRINUSE else f"cannot be used: {error.strerror}"
        )
        raise StartError(f"port {port} {taken}; choose another or 0 for any free one") from None
    return listener


def _market(options: Options, opened: _Opener) -> Market:
    try:
        return opened(options.seed, options.replay, options.start_ms)
    except RecordedDataError as error:
        raise StartError(str(error)) from None


def _venue(market: Market, options: Options, plan: FaultPlan) -> Venue:
    identity = {"market": market.identity}
    store = StateStore.in_memory() if options.state is None else StateStore.open(options.state, identity)
    return Venue(market, options.equity, wall_ms, store, options.seed, plan)


class _Server(uvicorn.Server):
    """Uvicorn raises the signal again after a graceful end; this process ends with exit status 0 instead."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def _serve(
    listener: socket.socket,
    venue: Venue,
    options: Options,
    plan: FaultPlan,
    faults: Sequence[Fault],
) -> None:
    timekeeper = Timekeeper(venue, options.speed, venue.market.end_ms)
    limits = RequestLimits(timekeeper.counting_s) if options.limits else None
    desk = Desk(venue.market, venue, timekeeper, RequestLog(), options.credentials, plan, limits=limits)
    hub = Hub(desk)
    stopping = asyncio.Event()
    identity = Identity(options.token, options.seed, str(options.replay or ""))
    application = Application(desk, hub, Administration(desk, identity, stopping.set))
    server = _Server(_config(application))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stopping.set)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(server.serve(sockets=[listener]))
        heart = tasks.create_task(_beat(desk, hub, application, stopping, options.idle_exit_s))
        plan.arm(faults)
        _announce(listener, timekeeper)
        await stopping.wait()
        heart.cancel()
        server.should_exit = True


def _config(application: Application) -> uvicorn.Config:
    return uvicorn.Config(
        application,
        loop="asyncio",
        http="httptools",
        ws="websockets-sansio",
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        ws_max_size=65_536,
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=GRACE_S,
    )


async def _beat(desk: Desk, hub: Hub, application: Application, stopping: asyncio.Event, idle_exit_s: float) -> None:
    """Moves the venue while nobody asks, feeds the sockets, and ends a forgotten process."""
    heard, heard_at = 0, time.monotonic()
    while True:
        await asyncio.sleep(HEARTBEAT_S)
        desk.timekeeper.pulse()
        application.pulse()
        hub.pump()
        if application.requests + hub.heard != heard:
            heard, heard_at = application.requests + hub.heard, time.monotonic()
        elif idle_exit_s and time.monotonic() - heard_at > idle_exit_s:
            stopping.set()


def _announce(listener: socket.socket, timekeeper: Timekeeper) -> None:
    ready = {
        "type": "ready",
        "port": listener.getsockname()[1],
        "pid": os.getpid(),
        "venue_ms": timekeeper.now_ms,
        "speed": timekeeper.speed,
    }
    sys.stdout.write(json.dumps(ready, allow_nan=False, separators=(",", ":")) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
