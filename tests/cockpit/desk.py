"""A cockpit under test: a link that delivers given events and keeps what was asked."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import Future
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from cynosure_tui.app import CockpitApp
from engine.commands import Ack, Command
from engine.events import EngineSnapshot, Event
from tests.cockpit import stream

UTF8 = {"LANG": "C.UTF-8", "TERM": "xterm-256color", "COLORTERM": "truecolor"}


class Wall:
    """A wall clock that moves only when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class RecordingLink:
    """Delivers events; answers every command with ok; `hold` makes `send` block until released."""

    def __init__(self, events: Iterable[Event], mode: str = "demo") -> None:
        self._events = list(events)
        self._snapshot = stream.snapshot(mode)
        self._lock = threading.Lock()
        self.sent: list[Command] = []
        self.latched: list[str] = []
        self.released = threading.Event()
        self.released.set()
        self.running = False

    def start(self) -> None:
        self.running = True

    def stop(self, timeout_s: float = 20.0) -> None:
        self.running = False

    def snapshot(self) -> EngineSnapshot | None:
        return self._snapshot

    def feed(self, *events: Event) -> None:
        with self._lock:
            self._events += events

    def drain(self, timeout_s: float) -> list[Event]:
        with self._lock:
            taken, self._events = self._events, []
        if not taken:
            threading.Event().wait(min(timeout_s, 0.02))
        return taken

    def send(self, command: Command) -> Future[Ack]:
        self.sent.append(command)
        self.released.wait(20)
        answer: Future[Ack] = Future()
        answer.set_result(Ack(True, f"{command.kind} done"))
        return answer

    def latch(self, by: str) -> None:
        self.latched.append(by)

    def kinds(self) -> list[str]:
        return [command.kind for command in self.sent]


class Desk:
    """The app, its pilot, its link and its wall clock."""

    def __init__(self, app: CockpitApp, pilot: Pilot[int], link: RecordingLink, wall: Wall) -> None:
        self.app, self.pilot, self.link, self.wall = app, pilot, link, wall

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def until(self, condition: object, seconds: float = 5.0) -> None:
        """Wait for `condition()` to hold; never a fixed sleep."""
        assert callable(condition)
        for _ in range(int(seconds / 0.02)):
            if condition():
                return
            await self.pilot.pause(0.02)
        raise AssertionError(f"did not happen within {seconds} s:\n{self.text()}")

    async def shows(self, *texts: str) -> None:
        await self.until(lambda: all(text in self.text() for text in texts))

    async def pass_guard(self) -> None:
        """Let a modal's first quarter second go by."""
        self.wall.now += 1.0

    def text(self) -> str:
        """What is on the screen, as text."""
        screen = self.app.screen
        strips = screen._compositor.render_strips()
        return "\n".join(strip.text.rstrip() for strip in strips)


@asynccontextmanager
async def desk(
    scene: str = "running",
    size: tuple[int, int] = (160, 45),
    mode: str = "demo",
    environ: dict[str, str] | None = None,
) -> AsyncIterator[Desk]:
    link, wall = RecordingLink(stream.SCENES[scene](), mode), Wall()
    app = CockpitApp(link, mode=mode, environ=environ or UTF8, monotonic=wall)
    async with app.run_test(size=size, notifications=True) as pilot:
        found = Desk(app, pilot, link, wall)
        await found.until(lambda: app.store.clock is not None and app.store.joined)
        await pilot.pause(0.15)
        yield found
