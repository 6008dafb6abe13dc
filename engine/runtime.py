"""The engine's own thread and asyncio loop, and the few things that other threads may do to it."""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from concurrent.futures import Future

from engine.bus import EventBus, Subscription
from engine.clock import SystemClock
from engine.command_handler import kill_ack
from engine.commands import Ack, Command, EngageKill
from engine.config import Settings
from engine.engine import Engine
from engine.events import EngineSnapshot, EngineStateChanged, Event, KillChanged
from engine.execution.kill_switch import KillReport
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.model import EngineState, KillState
from engine.options import EngineOptions
from engine.recorder import Recorder

log = logging.getLogger(__name__)


class EngineRuntime:
    """Starts an Engine on a thread of its own. All methods may be called from any thread. `watched` False = nobody
    will drain: nothing is kept for a reader."""

    def __init__(self, settings: Settings, home: Home, options: EngineOptions, watched: bool = True) -> None:
        self.bus = EventBus()
        self.latch = EntryLatch(home.storage)
        self._settings = settings
        self._home = home
        self._options = options
        self._subscription = self.bus.subscribe() if watched else Subscription()
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._engine: Engine | None = None
        self._stopping: asyncio.Event | None = None
        self._stop_asked = threading.Event()
        self.failure: str | None = None

    @property
    def running(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self, timeout_s: float = 20.0) -> None:
        """Asks for a clean stop and waits; positions stay under their brackets."""
        self._stop_asked.set()
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def join(self, timeout_s: float | None = None) -> None:
        self._thread.join(timeout_s)

    def drain(self, timeout_s: float) -> list[Event]:
        return self._subscription.drain(timeout_s)

    def snapshot(self) -> EngineSnapshot:
        seq, events = self.bus.latest()
        engine = self._engine
        return EngineSnapshot(
            seq=seq,
            mode=self._settings.goals.mode.value,
            venue=engine.venue_name if engine is not None else "",
            home=str(self._home.root),
            pid=os.getpid(),
            watchlist=self._settings.watchlist,
            risk_limits=engine.risk_limits if engine is not None else {},
            events=events,
        )

    def submit(self, command: Command) -> Future[Ack]:
        """The engine's answer; an engine that is not running answers that at once."""
        engine, loop = self._engine, self._loop
        if engine is not None and isinstance(command, EngageKill):
            return self._kill(engine, command)
        if engine is None or loop is None or not self._thread.is_alive():
            answer: Future[Ack] = Future()
            answer.set_result(Ack(False, "the engine is not running"))
            return answer
        return asyncio.run_coroutine_threadsafe(engine.handle(command), loop)

    def _kill(self, engine: Engine, command: EngageKill) -> Future[Ack]:
        """Past the loop, which may be stuck or have ended: nothing of it is needed to cancel and to close."""
        answer: Future[Ack] = Future()
        started = engine.kill.engage(command.flatten, command.by)
        if started is None:
            answer.set_result(Ack(False, "entries are latched; the venue is not open yet, nothing could be cancelled"))
            return answer

        def ended(run: Future[KillReport]) -> None:
            error = run.exception()
            answer.set_result(kill_ack(run.result()) if error is None else Ack(False, f"the kill failed: {error}"))
            if self._loop is not None and self._thread.is_alive():
                self._loop.call_soon_threadsafe(lambda: engine.supervisor.start("after the kill", engine.kill.after()))

        started.add_done_callback(ended)
        return answer

    def engage_latch(self, by: str) -> None:
        """Stops entries now: flag and file, in the caller's own thread, with no queue and no loop between."""
        if not self.latch.engaged():
            self.latch.engage(KillState.LATCHED, by)
        if self._engine is not None:
            self._engine.kill.expect()
        status = self.latch.status()
        now = self._venue_ms()
        self.bus.publish(KillChanged(status.state, status.by, status.since, status.detail, {}, now))

    def _venue_ms(self) -> int:
        clock = self._engine.clock if self._engine is not None else SystemClock()
        return clock.now_ms()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        except Exception as error:
            log.exception("engine died")
            self.failure = f"{type(error).__name__}: {error}"
            self.bus.publish(EngineStateChanged(EngineState.FAILED, self.failure, self._venue_ms()))

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        if self._stop_asked.is_set():
            self._stopping.set()
        recorder = self._start_recording()
        self._engine = Engine(self._settings, self._home, self.bus, self.latch, self._options)
        self._loop.set_exception_handler(self._engine.telling.unhandled)
        try:
            await self._engine.run(self._stopping)
        finally:
            await self._engine.close()
            if recorder is not None:
                recorder.close()

    def _start_recording(self) -> Recorder | None:
        head = self.snapshot()
        return Recorder(self._options.record, self.bus, head) if self._options.record is not None else None
