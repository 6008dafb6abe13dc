"""The engine's sign of life: to systemd's watchdog, and into storage/status.json."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from engine.status_file import write_status
from engine.systemd import notify

if TYPE_CHECKING:
    from engine.engine import Engine

log = logging.getLogger(__name__)

HEARTBEAT_S = 2


def heartbeat(engine: Engine) -> None:
    """To systemd's watchdog, and to --status, which reads the file. A full disk must not stop the watchdog: the
    engine still watches positions."""
    notify("WATCHDOG=1")
    tell_status(engine)


def tell_status(engine: Engine) -> None:
    try:
        write_status(engine)
    except OSError as error:
        log.warning("status.json not written: %s", error)
