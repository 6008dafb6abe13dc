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


class KillResumeRefused(Exception):
    """The kill switch is at work; resume when that has ended."""


class KillDesk:
    """One per engine, thread-safe. `on_progress` is called on the kill's thread."""

    def __init__(self, latch: EntryLatch, on_progress: OnProgress) -> None:
        self._latch = latch
        self._on_progress = on_progress
        self._lock = threading.Lock()
        self._venue: OkxKillVenue | None = None
        self._switch: KillSwitch | None = None
        self._word = threading.Lock()
        """A person's word, kill or resume: the later one counts, whole."""
        self._runs: list[tuple[threading.Thread, Future[KillReport]]] = []

    @property
    def at_work(self) -> bool:
        """Whether a kill of this process is under way."""
        return any(not answer.done() for _, answer in self._runs)

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
        answer: Future[KillReport] = Future()
        # Whoever waits may give up; the kill does not.
        answer.set_running_or_notify_cancel()

        def run() -> None:
            try:
                answer.set_result(self._ready(endpoint).engage(flatten, by, self._on_progress))
            except BaseException as error:
                answer.set_exception(error)
                raise

        # Not a daemon: a program that ends must not leave a kill half done.
        thread = threading.Thread(target=run, name="kill", daemon=False)
        with self._word:
            # The latch falls here, in the caller's thread: nothing that is built or started below may delay it.
            if not self._latch.engaged():
                self._latch.engage(KillState.LATCHED, by)
            self._runs = [*((t, a) for t, a in self._runs if t.is_alive()), (thread, answer)]
            thread.start()
        return answer

    def resume(self, by: str) -> None:
        """Takes the latch off. Raises KillResumeRefused while a kill is at work, OSError when the disk refuses: it then
        stays engaged."""
        with self._word:
            self.refuse_resume()
            self._latch.resume(by)

    def refuse_resume(self) -> None:
        """Raises KillResumeRefused with the reason, if there is one: what a kill ends with would be written over it."""
        if self._latch.status().state is KillState.FLATTENING:
            raise KillResumeRefused("positions are being closed right now; resume when that has ended")
        if self.at_work:
            raise KillResumeRefused("the kill switch is still cancelling at the exchange; resume when that has ended")

    def close(self) -> None:
        """Waits for a kill that is under way, then closes the connection. A later kill opens its own."""
        for thread, _ in self._runs:
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
