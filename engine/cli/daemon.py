"""--daemon: the engine without a cockpit, until SIGTERM or SIGINT; a clean stop exits 0."""

from __future__ import annotations

import signal
import threading

from engine.cli.arguments import Arguments
from engine.cli.prepare import Prepared
from engine.cli.say import complain, say
from engine.home import StorageLock
from engine.options import EngineOptions
from engine.runtime import EngineRuntime


def run_daemon(prepared: Prepared, arguments: Arguments) -> int:
    """0 after a clean stop, 1 when the engine died; why is on stderr and in the log."""
    lock = StorageLock(prepared.home)
    lock.acquire()
    options = EngineOptions(record=arguments.record, cassette=arguments.cassette)
    runtime = EngineRuntime(prepared.settings, prepared.home, options, watched=False)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    # A hang-up of the terminal that started it is no reason to stop watching positions.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    runtime.start()
    say(f"cynosure: engine started in {prepared.home.root} (mode {prepared.settings.goals.mode})")
    while runtime.running and not stop.wait(0.2):
        pass
    runtime.stop(timeout_s=50.0)
    if runtime.running:
        # The lock stays with the process: whatever hangs may still be at the venue.
        complain("cynosure: the engine did not stop within 30 s; positions stay under their brackets")
        return 1
    lock.release()
    if runtime.failure is not None:
        complain(f"cynosure: engine failed: {runtime.failure}")
        return 1
    say("cynosure: engine stopped; positions stay under their brackets")
    return 0
