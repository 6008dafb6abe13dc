"""The engine behind an in-process cockpit: the lock at once, everything heavy after the first paint."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING

from engine.cli.arguments import Arguments
from engine.home import Home, StorageLock
from engine.mode import Mode

if TYPE_CHECKING:
    from engine.runtime import EngineRuntime


class LocalEngine:
    """Holds the storage folder for one cockpit. Raises HomeError or AlreadyRunning with one line."""

    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self.home = Home(arguments.home).prepare()
        self._lock = StorageLock(self.home)
        self._lock.acquire()
        self._runtime: EngineRuntime | None = None
        self.mode = self._checked_mode()

    def _checked_mode(self) -> str:
        """A wrong config.yaml or cassette is told before the screen is taken; without either there is nothing to
        read."""
        if not (self.home.config.exists() or self._arguments.cassette):
            return Mode.DEMO
        from engine.cli.prepare import prepare  # noqa: PLC0415 - pydantic waits when there is no file

        return prepare(self._arguments).settings.goals.mode

    def open(self) -> EngineRuntime:
        """Called by the link after the first paint: the heavy imports happen here."""
        from engine.cli.prepare import prepare  # noqa: PLC0415
        from engine.options import EngineOptions  # noqa: PLC0415
        from engine.runtime import EngineRuntime  # noqa: PLC0415

        prepared = prepare(self._arguments)
        options = EngineOptions(record=self._arguments.record, cassette=self._arguments.cassette)
        self._runtime = EngineRuntime(prepared.settings, self.home, options)
        return self._runtime

    def go_on_headless(self) -> None:
        """The terminal is gone, the positions are not: the engine runs on until SIGTERM, as a daemon would."""
        if self._runtime is None:
            return
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        while self._runtime.running and not stop.wait(0.5):
            pass
        self._runtime.stop(timeout_s=50.0)

    def close(self) -> None:
        self._lock.release()
