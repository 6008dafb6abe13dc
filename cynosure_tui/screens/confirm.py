"""A question before a risky step: one `y`, or a word to be spelled. Enter alone never confirms."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual import events

from cynosure_tui.glyphs import Glyphs
from cynosure_tui.lines import Line, Span, wrap
from cynosure_tui.screens.panel import PanelScreen
from cynosure_tui.store import Store
from cynosure_tui.themes import Palette

YES = "y"


class ConfirmScreen(PanelScreen):
    """Dismisses with "yes" or "". With a `word` longer than one letter it must be typed, then enter."""

    def __init__(
        self,
        store: Store,
        palette: Palette,
        glyphs: Glyphs,
        monotonic: Callable[[], float],
        *,
        title: str,
        question: str,
        word: str = YES,
    ) -> None:
        self._title = title
        self._question = question
        self._word = word
        self.typed = ""
        super().__init__(store, palette, glyphs, monotonic)

    def heading(self) -> Sequence[Span]:
        return [(self._title, "warn")]

    def note(self) -> Sequence[Span]:
        return [("esc keeps things as they are", "label")]

    def body(self, width: int) -> Sequence[Line]:
        rows = [Line(), *[Line(((f" {row.plain}", "text"),)) for row in wrap(self._question, width - 2)], Line()]
        if self._word == YES:
            rows.append(
                Line(((" y", "danger_key"), ("  yes      ", "text"), ("any other key", "key"), ("  no", "text")))
            )
        else:
            rows.append(
                Line(((f" type {self._word} + enter  ", "text"), ("> ", "label"), (f"{self.typed}_", "strong")))
            )
        return [*rows, Line()]

    def on_key(self, event: events.Key) -> None:
        if event.key in {"f12", "ctrl+q", "ctrl+c"}:
            return
        event.stop()
        event.prevent_default()
        if event.key == "escape":
            self.dismiss("")
        elif not self.guarded:
            self._answer(event)

    def _answer(self, event: events.Key) -> None:
        if self._word == YES:
            self.dismiss("yes" if event.character == YES else "")
        elif event.key == "enter":
            done = self.typed == self._word
            self.typed = ""
            if done:
                self.dismiss("yes")
            else:
                self.refresh_panel()
        else:
            self._spell(event)

    def _spell(self, event: events.Key) -> None:
        if event.key == "backspace":
            self.typed = self.typed[:-1]
        elif event.character and event.character.isalnum():
            self.typed = (self.typed + event.character.upper())[-12:]
        self.refresh_panel()

    def on_paste(self, event: events.Paste) -> None:
        """Pasted text confirms nothing."""
        event.stop()
