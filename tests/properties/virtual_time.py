"""An event loop without a wall: when nobody can go on, time jumps to whoever waits for it next.

No selector, no threads, no sleeping: the same story always runs the same way, and an hour costs what happens in it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable
from typing import Any

WALL_START_MS = 1_772_542_800_000
"""Wall and venue time begin together here and run alike."""


class Standstill(Exception):
    """Nothing is scheduled and somebody still waits: a deadlock."""


class _NoSelector(selectors.BaseSelector):
    """Waiting for files means letting time pass."""

    def __init__(self, pass_time: Callable[[float | None], None]) -> None:
        self._pass_time = pass_time

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None or timeout > 0:
            self._pass_time(timeout)
        return []

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return selectors.SelectorKey(fileobj, 0, 0, None)

    def get_map(self) -> Any:
        return {}

    def close(self) -> None:
        return None


class VirtualLoop(asyncio.SelectorEventLoop):
    """`time()` is virtual seconds since the loop was made."""

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_NoSelector(self._pass))

    def time(self) -> float:
        return self._now

    def _pass(self, timeout: float | None) -> None:
        if timeout is None:
            raise Standstill
        self._now += timeout

    def _write_to_self(self) -> None:
        """There is no other thread to be woken by."""

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]
        """Work for a thread is done on the spot."""
        done = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - it belongs to whoever awaits it
            done.set_exception(error)
        return done

    def run_for(self, seconds: float) -> None:
        """Lets everybody work until `seconds` have passed."""
        self.run_until_complete(asyncio.sleep(seconds))


class VirtualClock:
    """engine.clock.Clock on a virtual loop; venue time and wall time are one."""

    def __init__(self, loop: VirtualLoop) -> None:
        self._loop = loop

    def now_ms(self) -> int:
        return WALL_START_MS + int(self._loop.time() * 1000)

    def wall_ms(self) -> int:
        return self.now_ms()

    def monotonic(self) -> float:
        return self._loop.time()

    def speed(self) -> float:
        return 1.0
