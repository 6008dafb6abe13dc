"""Every background task of the engine is started here: none is lost, none dies unseen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

OnDeath = Callable[[str, BaseException], None]
TaskBody = Coroutine[Any, Any, None]


class Supervisor:
    """Holds a reference to each task, reads each task's exception and reports it as (name, error).

    A task that returns or is cancelled ends silently; everything else is a death.
    """

    def __init__(self, on_death: OnDeath) -> None:
        self._on_death = on_death
        self._tasks: dict[asyncio.Task[None], str] = {}

    def start(self, name: str, coro: TaskBody) -> asyncio.Task[None]:
        """Runs `coro` once."""
        task = asyncio.get_running_loop().create_task(coro, name=name)
        self._tasks[task] = name
        task.add_done_callback(self._ended)
        return task

    def keep(
        self,
        name: str,
        factory: Callable[[], TaskBody],
        first_delay_s: float = 0.5,
        max_delay_s: float = 30.0,
    ) -> asyncio.Task[None]:
        """Runs `factory()` again after each death, waiting twice as long each time up to `max_delay_s`.

        It ends when a run returns. A run that lasted longer than `max_delay_s` resets the wait.
        """
        assert 0 < first_delay_s <= max_delay_s
        return self.start(name, self._keep(name, factory, first_delay_s, max_delay_s))

    def names(self) -> tuple[str, ...]:
        """The tasks that are alive, in the order in which they were started."""
        return tuple(self._tasks.values())

    async def cancel_all(self, timeout_s: float = 5.0) -> tuple[str, ...]:
        """Cancels every task and waits; returns the names of those that would not end in time."""
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if not tasks:
            return ()
        _, stuck = await asyncio.wait(tasks, timeout=timeout_s)
        return tuple(task.get_name() for task in stuck)

    async def _keep(self, name: str, factory: Callable[[], TaskBody], first: float, longest: float) -> None:
        delay = first
        loop = asyncio.get_running_loop()
        while True:
            started = loop.time()
            run = loop.create_task(factory(), name=name)
            try:
                await asyncio.wait([run])
            except asyncio.CancelledError:
                run.cancel()
                await asyncio.wait([run])
                raise
            # Nobody cancelled the keeper, so a run that ended as cancelled died of something of its own.
            error = asyncio.CancelledError("cancelled from within") if run.cancelled() else run.exception()
            if error is None:
                return
            self._on_death(name, error)
            delay = first if loop.time() - started > longest else delay
            await asyncio.sleep(delay)
            delay = min(delay * 2, longest)

    def _ended(self, task: asyncio.Task[None]) -> None:
        name = self._tasks.pop(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._on_death(name, error)
