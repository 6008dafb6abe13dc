"""The real kill switch in its real thread, one of the two running at a time: it sleeps and asks by virtual time.

The switch is synchronous by design. Here its thread runs only while the loop stands still, and each sleep and each
call of the venue hands the word back to the loop, so that everybody else goes on meanwhile, always in the same order.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

from engine.exchange.okx.kill_client import OkxKillVenue
from engine.exchange.okx.sdk import OkxEndpoint
from engine.execution import kill_switch
from engine.execution.kill_switch import KillReport, KillSwitch
from engine.execution.latch import EntryLatch
from tests.properties.virtual_time import VirtualLoop
from tests.properties.wire import Wire

Work = Callable[[], Any]


class Baton:
    """Who holds it runs. The thread passes it on with what the loop shall do, and when."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop
        self._thread_may = threading.Semaphore(0)
        self._loop_may = threading.Semaphore(0)
        self._request: tuple[float, Work] | None = None
        self._answer: Any = None
        self._error: BaseException | None = None

    # ---------------------------------------------------------------- the thread's side

    def monotonic(self) -> float:
        return self._loop.time()

    def sleep(self, seconds: float) -> None:
        self.after(seconds, lambda: None)

    def after(self, seconds: float, work: Work) -> Any:
        """`work` done by the loop's thread `seconds` from now."""
        self._request = (seconds, work)
        self._loop_may.release()
        self._thread_may.acquire()
        if self._error is not None:
            raise self._error
        return self._answer

    def finish(self) -> None:
        self._request = None
        self._loop_may.release()

    def begin(self) -> None:
        self._thread_may.acquire()

    # ---------------------------------------------------------------- the loop's side

    async def follow(self) -> None:
        """Lets the thread run, and does what it asks, until it has finished."""
        while True:
            self._thread_may.release()
            self._loop_may.acquire()
            if self._request is None:
                return
            seconds, work = self._request
            await asyncio.sleep(seconds)
            self._answer, self._error = None, None
            try:
                self._answer = work()
            except Exception as error:  # noqa: BLE001 - it belongs to the thread that asked
                self._error = error


class _Inline:
    """In place of the switch's thread pool: positions are closed one after the other."""

    def __init__(self, **_: Any) -> None:
        return

    def submit(self, work: Callable[..., Any], *arguments: Any) -> Future[Any]:
        done: Future[Any] = Future()
        done.set_result(work(*arguments))
        return done

    def shutdown(self, **_: Any) -> None:
        return


async def kill(
    loop: VirtualLoop, wire: Wire, endpoint: OkxEndpoint, latch: EntryLatch, flatten: bool
) -> KillReport | None:
    """One engagement from key press to report, beside whatever the engine does."""
    baton = Baton(loop)
    venue = OkxKillVenue(endpoint)
    _attach(venue, wire, baton)
    switch = KillSwitch(venue, latch)
    reports: list[KillReport] = []

    def run() -> None:
        baton.begin()
        try:
            reports.append(switch.engage(flatten, "a person"))
        finally:
            baton.finish()

    thread = threading.Thread(target=run, name="kill", daemon=True)
    saved = kill_switch.time, kill_switch.ThreadPoolExecutor
    kill_switch.time, kill_switch.ThreadPoolExecutor = baton, _Inline  # type: ignore[assignment, misc]
    thread.start()
    try:
        await baton.follow()
    finally:
        kill_switch.time, kill_switch.ThreadPoolExecutor = saved  # type: ignore[misc]
    thread.join(10)
    return reports[0] if reports else None


def _attach(venue: OkxKillVenue, wire: Wire, baton: Baton) -> None:
    api = venue._session._api

    def ask(method: str, target: str, body: str) -> Any:
        def work() -> Any:
            try:
                return wire.call(method, target, body), None, wire.waits
            except Exception as error:  # noqa: BLE001 - raised again in the thread, after its wait
                return None, error, wire.waits

        answer, error, waits = baton.after(wire.latency(), work)
        baton.sleep(wire.latency() + waits)
        if error is not None:
            raise error
        api.answers.status = answer.status
        return answer

    api.get = lambda target, headers=None, **_: ask("GET", target, "")
    api.post = lambda target, data="", headers=None, **_: ask("POST", target, data)
