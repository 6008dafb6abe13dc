"""The thread that owns the link: it starts it, drains it and posts batches. It never paints."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

from cynosure_tui.link import EngineLink, LinkError
from cynosure_tui.messages import CommandAnswered, EngineBatch, LinkFailed, SnapshotLoaded

if TYPE_CHECKING:
    from engine.commands import Command
    from engine.events import Event

URGENT = frozenset(
    {"order_sent", "order_filled", "order_refused", "bracket_verified", "bracket_healed", "positions", "trade_closed"}
    | {"halts", "pauses", "kill", "engine_state"}
)
AMBIENT = frozenset({"quotes", "clock", "health", "account"})
PERIOD_S = 0.25
AMBIENT_PERIOD_S = 0.5
BREATH_S = 0.02
ANSWER_TIMEOUT_S = 60.0


class LinkPump:
    """Posts at most one batch each quarter second, each half second when only prices moved, and at once
    what concerns orders, risk and the kill switch."""

    def __init__(self, link: EngineLink, post: Callable[[Message], object]) -> None:
        self._link = link
        self._post = post
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="engine-link", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()

    def _run(self) -> None:
        try:
            self._link.start()
            self._watch()
        except Exception as error:  # noqa: BLE001 - whatever ends the link is shown, and the cockpit stays
            if not self._stopping.is_set():
                text = str(error) if isinstance(error, LinkError) else f"{type(error).__name__}: {error}"
                self._post(LinkFailed(text))

    def _watch(self) -> None:
        joined = False
        held: list[Event] = []
        posted = time.monotonic() - PERIOD_S
        while not self._stopping.is_set():
            if not joined and (snapshot := self._link.snapshot()) is not None:
                # An engine that is still starting knows its limits a little later.
                joined = bool(snapshot.risk_limits)
                self._post(SnapshotLoaded(snapshot))
            held += self._link.drain(PERIOD_S)
            if held and time.monotonic() - posted >= patience(held):
                self._post(EngineBatch(held))
                held, posted = [], time.monotonic()
            elif held:
                self._stopping.wait(BREATH_S)

    def send(self, command: Command) -> None:
        """In a thread of its own: a send that blocks must not hold up the next one, nor the screen."""
        threading.Thread(target=self._send, args=(command,), name=f"send-{command.kind}", daemon=True).start()

    def _send(self, command: Command) -> None:
        from engine.commands import Ack  # noqa: PLC0415 - not before the first paint

        try:
            ack = self._link.send(command).result(ANSWER_TIMEOUT_S)
        except TimeoutError:
            ack = Ack(False, f"no answer within {ANSWER_TIMEOUT_S:.0f} s")
        except Exception as error:  # noqa: BLE001 - the person who asked must learn that it failed
            ack = Ack(False, f"{type(error).__name__}: {error}")
        if not self._stopping.is_set():
            self._post(CommandAnswered(command, ack))


def patience(events: list[Event]) -> float:
    """How long this batch may wait, in seconds since the last one."""
    kinds = {event.kind for event in events}
    if kinds & URGENT:
        return 0.0
    return AMBIENT_PERIOD_S if kinds <= AMBIENT else PERIOD_S
