"""The cockpit as a program: it paints first, then starts the link, and leaves the terminal as it found it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import BindingType

from cynosure_tui import glyphs as glyph_sets
from cynosure_tui import themes
from cynosure_tui.keymap import everywhere_bindings
from cynosure_tui.link import EngineLink, LinkError
from cynosure_tui.messages import CommandAnswered, EngineBatch, LinkFailed, SnapshotLoaded
from cynosure_tui.pump import LinkPump
from cynosure_tui.requests import Requests
from cynosure_tui.screens.cockpit import CockpitScreen
from cynosure_tui.screens.confirm import ConfirmScreen
from cynosure_tui.screens.kill import KillScreen, Latched
from cynosure_tui.screens.panel import PanelScreen
from cynosure_tui.screens.reading import HelpScreen, WhyScreen
from cynosure_tui.store import Changes, Store
from cynosure_tui.terminal import Terminal

if TYPE_CHECKING:
    from engine.commands import Command

LEFT, HUNG_UP, TERMINATED = 0, 129, 143


class CockpitApp(App[int]):
    """One screen over one link. It holds no trading state: kill it, start another, nothing changes."""

    TITLE = "CYNOSURE"
    CSS_PATH = "screens/cockpit.tcss"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = everywhere_bindings()

    def __init__(
        self,
        link: EngineLink,
        *,
        mode: str = "",
        environ: Mapping[str, str] | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        on_signal: Callable[[int], None] | None = None,
    ) -> None:
        found = os.environ if environ is None else environ
        self.palette = themes.pick(found)
        super().__init__(ansi_color=self.palette.native_ansi or None)
        self.register_theme(themes.CYNOSURE)
        self.theme = self.palette.textual_theme
        self.animation_level = "none"
        self.glyphs = glyph_sets.pick(found)
        self.monotonic = monotonic
        self.store = Store(monotonic=monotonic, mode=mode)
        self.requests = Requests(self)
        self.link = link
        self.pump = LinkPump(link, self.post_message)
        self.latch_ms: float | None = None
        self._on_signal = on_signal
        self.ended_by: int | None = None

    def get_default_screen(self) -> CockpitScreen:
        return CockpitScreen()

    # ------------------------------------------------------------ life

    def on_mount(self) -> None:
        self._handle_signals()
        self.call_after_refresh(self.pump.start)

    def _handle_signals(self) -> None:
        """Textual leaves the terminal raw on SIGTERM and dies uncleaned on SIGHUP (8.2.8)."""
        if self.is_headless:
            return
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: int) -> None:
        self.ended_by = number
        if self._on_signal is not None:
            self._on_signal(number)
        self.exit(HUNG_UP if number == signal.SIGHUP else TERMINATED)

    def on_unmount(self) -> None:
        self.pump.stop()

    # ------------------------------------------------------------ facts

    def on_snapshot_loaded(self, message: SnapshotLoaded) -> None:
        self._show(self.store.load(message.snapshot))

    def on_engine_batch(self, message: EngineBatch) -> None:
        self._show(self.store.apply(message.events))

    def on_link_failed(self, message: LinkFailed) -> None:
        self.store.link_error = message.text
        self._show(Changes(frozenset({"link"})))

    def _show(self, changes: Changes) -> None:
        for screen in self.screen_stack:
            if isinstance(screen, CockpitScreen | PanelScreen):
                screen.changed(changes)

    # ------------------------------------------------------------ requests

    def send(self, command: Command) -> None:
        self.pump.send(command)

    def on_command_answered(self, message: CommandAnswered) -> None:
        ack, stack = message.ack, self.screen_stack
        if not stack:
            return
        top = stack[-1]
        if isinstance(top, KillScreen) and message.command.kind in {"engage_kill", "resume_from_kill"}:
            top.answered(ack.detail if ack.ok else f"refused: {ack.detail}")
        else:
            self.say(ack.detail, "information" if ack.ok else "error")

    def say(self, text: str, severity: str = "information") -> None:
        """One at a time: on a small screen several would cover the figures; the tape keeps what was said."""
        self.clear_notifications()
        self.notify(text, severity=severity, timeout=6 if severity == "information" else 12, markup=False)  # type: ignore[arg-type]

    def ask(self, title: str, question: str, word: str, then: Callable[[], None]) -> None:
        def answered(answer: str | None) -> None:
            if answer == "yes":
                then()

        screen = ConfirmScreen(
            self.store, self.palette, self.glyphs, self.monotonic, title=title, question=question, word=word
        )
        self.push_screen(screen, answered)

    # ------------------------------------------------------------ everywhere

    def action_kill(self) -> None:
        """The fast half first: latch, then everything else."""
        latched = self._latch()
        if isinstance(self.screen, KillScreen):
            return
        screen = KillScreen(
            self.store, self.palette, self.glyphs, self.monotonic, latched=latched, ask=self.requests.kill
        )
        self.push_screen(screen)

    def _latch(self) -> Latched:
        began = time.perf_counter()
        try:
            self.link.latch(by="key")
        except (OSError, LinkError) as error:
            return Latched(0.0, str(error))
        self.latch_ms = (time.perf_counter() - began) * 1000
        return Latched(self.latch_ms)

    def action_leave(self) -> None:
        if isinstance(self.screen, ConfirmScreen):
            return
        count = len(self.store.positions or ())
        held = f"{count} position{'s' * (count != 1)} stay{'s' * (count == 1)} under the brackets at the venue."
        question = f"Leave the cockpit and stop its engine? {held if count else 'No position is open.'}"
        self.ask("LEAVE", question, "y", lambda: self.exit(LEFT))

    def show_why(self, ticker: str) -> None:
        self.push_screen(WhyScreen(self.store, self.palette, self.glyphs, self.monotonic, ticker=ticker))

    def show_help(self) -> None:
        self.push_screen(HelpScreen(self.store, self.palette, self.glyphs, self.monotonic))


def run_cockpit(
    link: EngineLink,
    log_dir: Path,
    on_exit: Callable[[], None] | None = None,
    *,
    on_hangup: Callable[[], None] | None = None,
    mode: str = "",
    stop_timeout_s: float = 20.0,
) -> int:
    """Run the cockpit until the person leaves, a signal ends it or the terminal vanishes; returns the exit code.

    `mode` fills the badge of the first paint. After a SIGHUP `on_hangup`, when given, decides what
    becomes of the engine (it may block and go on headless); in all other cases the link is stopped.
    """
    terminal = Terminal(log_dir)
    with terminal:
        app = CockpitApp(link, mode=mode, on_signal=terminal.on_signal)
        code = app.run(mouse=not os.environ.get("SSH_CONNECTION"))
    hung_up = app.ended_by == signal.SIGHUP
    if hung_up and on_hangup is not None:
        on_hangup()
    else:
        if not hung_up:
            terminal.say("Cynosure: stopping the engine; open positions stay under their brackets.")
        link.stop(stop_timeout_s)
    if on_exit is not None:
        on_exit()
    return LEFT if code is None and app.return_code in {0, None} else int(code or app.return_code or 0)
