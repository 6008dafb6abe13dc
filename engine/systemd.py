"""sd_notify: tells systemd that the daemon is ready and alive, when systemd asked to be told."""

from __future__ import annotations

import os
import socket


def notify(message: str) -> None:
    """`message` such as READY=1, WATCHDOG=1, STOPPING=1. Does nothing outside systemd; see sd_notify(3)."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        # A supervisor that does not read fills its queue; waiting for it would stop the engine's loop.
        channel.setblocking(False)
        try:
            channel.sendto(message.encode(), address)
        except OSError:
            # A missing or slow supervisor must never hurt the engine.
            return
