"""Writes the engine's stream of events to a file, one JSON object a line; the cockpit can replay it."""

from __future__ import annotations

import logging
from pathlib import Path

from engine import wire
from engine.bus import EventBus
from engine.events import EngineSnapshot, Event

log = logging.getLogger(__name__)


class Recorder:
    """The first line is a snapshot, so that a replay knows mode and watchlist from its start."""

    def __init__(self, path: Path, bus: EventBus, head: EngineSnapshot) -> None:
        """Raises OSError when the file cannot be written."""
        self._file = path.open("w", encoding="utf-8", buffering=1)
        self._file.write(wire.snapshot_line(head) + "\n")
        bus.listen(self._write)

    def _write(self, event: Event) -> None:
        """Never raises: a full disk ends the recording, not the engine."""
        if self._file.closed:
            return
        try:
            self._file.write(wire.event_line(event) + "\n")
        except OSError as error:
            log.warning("recording ended: %s", error)
            self.close()

    def close(self) -> None:
        self._file.close()
