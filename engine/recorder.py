"""Writes the engine's stream of events to a file, one JSON object a line; the cockpit can replay it."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

from engine import wire
from engine.bus import EventBus
from engine.events import EngineSnapshot, Event

log = logging.getLogger(__name__)

LIMIT_BYTES = 512 * 1024 * 1024
"""Some weeks of the whole watchlist. A recording is for looking at; the logs go on."""


class Recorder:
    """The first line is a snapshot, so that a replay knows mode and watchlist from its start. Thread-safe."""

    def __init__(self, path: Path, bus: EventBus, head: EngineSnapshot, limit_bytes: int = LIMIT_BYTES) -> None:
        """Raises OSError when the file cannot be written."""
        self._lock = threading.Lock()
        self._left = limit_bytes
        self._file = path.open("w", encoding="utf-8", errors="backslashreplace", buffering=1)
        self._file.write(wire.snapshot_line(head) + "\n")
        bus.listen(self._write)

    def _write(self, event: Event) -> None:
        """Never raises: a full disk, or a recording of full length, ends the recording, not the engine."""
        try:
            line = wire.event_line(event) + "\n"
        except ValueError as error:
            log.error("%s not recorded: %s", event.kind, error)
            return
        with self._lock:
            if self._file.closed:
                return
            self._left -= len(line)
            if self._left < 0:
                self._end("it has reached its greatest length")
                return
            try:
                self._file.write(line)
            except OSError as error:
                self._end(str(error))

    def _end(self, why: str) -> None:
        log.warning("recording ended: %s", why)
        self._close()

    def _close(self) -> None:
        try:
            self._file.close()
        except OSError as error:
            # What was still in its buffer found no room; closed it is all the same.
            log.warning("the last lines of the recording are lost: %s", error)

    def close(self) -> None:
        with self._lock:
            self._close()
