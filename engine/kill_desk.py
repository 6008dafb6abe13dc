"""The engine's kill switch, built and connected before it is needed, on a thread of its own.

Building a client costs 20 to 40 ms (certificates), a connection another handshake: both are paid when the engine
starts, not when somebody flattens. A kill runs on its own thread from the very start, so that a busy or dead
event loop, or a thread pool full of slow calls, does not hold it up by one instant.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future

from engine.exchange.errors import ExchangeError
from engine.exchange.okx.kill_client import OkxKillVenue
from engine.exchange.okx.sdk import OkxEndpoint
from engine.execution.kill_switch import KillReport, KillSwitch, OnProgress
from engine.execution.latch import EntryLatch
from engine.model import KillState


class KillDesk:
    """One per engine, thread-safe. `on_progress` is called on the kill's thread."""

    def __init__(self, latch: EntryLatch, on_progress: OnProgress) -> None:
        self._latch = latch
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._venue: OkxKillVenue | None = None
        self._switch: KillSwitch | None = None
        self._threads: list[threading.Thread] = []

    @property
    def at_work(self) -> bool:
        """Whether a kill of this process is under way."""
        return any(thread.is_alive() for thread in self._threads)

    def warm(self, endpoint: OkxEndpoint) -> bool:
        """Opens, or keeps open, the connection. False when the venue does not answer; a kill tries all the same."""
        self._ready(endpoint)
        assert self._venue is not None
        try:
            self._venue.warm()
        except ExchangeError:
            return False
        return True

    def look_ahead(self, endpoint: OkxEndpoint) -> None:
        """The latch has fallen and a word may follow: what rests is read now, on a thread of its own."""
        thread = threading.Thread(target=lambda: self._ready(endpoint).look_ahead(), name="kill line", daemon=True)
        thread.start()

    def engage(self, endpoint: OkxEndpoint, flatten: bool, by: str) -> Future[KillReport]:
        """Returns at once; the report comes when the venue has confirmed or the time has run out."""
        # The latch falls here, in the caller's thread: nothing that is built or started below may delay it.
        if not self._latch.engaged():
            self._latch.engage(KillState.LATCHED, by)
        answer: Future[KillReport] = Future()

        def run() -> None:
            try:
                answer.set_result(self._ready(endpoint).engage(flatten, by, self._on_progress))
            except BaseException as error:
                answer.set_exception(error)
                raise

        # Not a daemon: a program that ends must not leave a kill half done.
        thread = threading.Thread(target=run, name="kill", daemon=False)
        self._threads = [*(t for t in self._threads if t.is_alive()), thread]
        thread.start()
        return answer

    def close(self) -> None:
        """Waits for a kill that is under way, then closes the connection. A later kill opens its own."""
        for thread in self._threads:
            thread.join()
        with self._lock:
            venue, self._venue, self._switch = self._venue, None, None
        if venue is not None:
            venue.close_connections()

    def _ready(self, endpoint: OkxEndpoint) -> KillSwitch:
        """One switch for all runs: they exclude each other."""
        with self._lock:
            if self._switch is None:
                self._venue = OkxKillVenue(endpoint)
                self._switch = KillSwitch(self._venue, self._latch)
            return self._switch
