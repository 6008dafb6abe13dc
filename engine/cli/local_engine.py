"""The engine behind an in-process cockpit: the lock at once, everything heavy after the first paint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from engine.cli.arguments import Arguments
from engine.home import Home, StorageLock

if TYPE_CHECKING:
    from engine.runtime import EngineRuntime


class LocalEngine:
    """Holds the storage folder for one cockpit. Raises HomeError or AlreadyRunning with one line."""

    def __init__(self, arguments: Arguments) -> None:
        self._arguments = arguments
        self.home = Home(arguments.home).prepare()
        self._lock = StorageLock(self.home)
        self._lock.acquire()
        self._check_settings()

    def _check_settings(self) -> None:
        """A wrong config.yaml is told before the screen is taken; without one there is nothing to read."""
        if self.home.config.exists():
            from engine.cli.prepare import prepare  # noqa: PLC0415 - pydantic waits when there is no file

            prepare(self._arguments)

    def open(self) -> EngineRuntime:
        """Called by the link after the first paint: the heavy imports happen here."""
        from engine.cli.prepare import prepare  # noqa: PLC0415
        from engine.engine import EngineOptions  # noqa: PLC0415
        from engine.runtime import EngineRuntime  # noqa: PLC0415

        prepared = prepare(self._arguments)
        return EngineRuntime(prepared.settings, self.home, EngineOptions())

    def close(self) -> None:
        self._lock.release()
