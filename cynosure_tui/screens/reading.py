"""Panels to read: why a decision fell, and the keys."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.binding import Binding, BindingType

from cynosure_tui.glyphs import Glyphs
from cynosure_tui.keymap import Asks, Direction, groups, over_modal_bindings
from cynosure_tui.lines import Line, Span, cell, wrap
from cynosure_tui.screens.panel import PanelScreen
from cynosure_tui.store import Changes, Store
from cynosure_tui.themes import Palette
from cynosure_tui.widgets.gates import waiting
from cynosure_tui.widgets.ladder import why_lines
from cynosure_tui.widgets.pane import View


class ReadingScreen(PanelScreen):
    """Scrolls; esc, q or enter closes; K still kills."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,w,question_mark", "close", "close", show=False),
        Binding("down,j", "scroll_panel(1)", "down", show=False),
        Binding("up,k", "scroll_panel(-1)", "up", show=False),
        Binding("pagedown,space", "scroll_panel(15)", "page down", show=False),
        Binding("pageup", "scroll_panel(-15)", "page up", show=False),
        *over_modal_bindings(),
    ]
    DEFAULT_CSS = "ReadingScreen Panel { width: 100; }"

    def note(self) -> Sequence[Span]:
        return [("j k scroll · esc closes", "label")]

    def action_close(self) -> None:
        self.dismiss("")

    def action_scroll_panel(self, by: int) -> None:
        self.panel.scroll_by_lines(by)


class WhyScreen(ReadingScreen):
    """The decision ladder of one ticker."""

    def __init__(
        self, store: Store, palette: Palette, glyphs: Glyphs, monotonic: Callable[[], float], *, ticker: str
    ) -> None:
        self.ticker = ticker
        super().__init__(store, palette, glyphs, monotonic)

    def heading(self) -> Sequence[Span]:
        return [("WHY", "title"), (f" {self.ticker}", "accent")]

    def body(self, width: int) -> Sequence[Line]:
        record = self.store.ticker(self.ticker).record
        if record is None:
            view = View(self.store, self.ticker, self.glyphs, width, 10)
            return [Line(), *wrap(waiting(view), width - 2, "label"), Line()]
        return why_lines(record, width, self.glyphs)

    def changed(self, changes: Changes) -> None:
        if "decision" in changes.slices and self.ticker in changes.tickers:
            self.refresh_panel()


class HelpScreen(ReadingScreen):
    """All keys, from the one table."""

    def heading(self) -> Sequence[Span]:
        return [("KEYS", "title")]

    def body(self, width: int) -> Sequence[Line]:
        rows: list[Line] = [Line()]
        for group, keys in groups().items():
            rows.append(Line(((f"  {group}", "accent"),)))
            for key in keys:
                asks = f"  ({key.asks})" if key.asks is not Asks.NEVER else ""
                role = "danger_key" if key.dangerous else "key"
                mark = "warn" if key.direction is Direction.RISKY else "label"
                rows.append(Line(((f"    {cell(key.shown, 8)}", role), (key.text, "text"), (asks, mark))))
            rows.append(Line())
        text = "F12 is K from anywhere, also while typing. What lowers risk is one key; what raises it asks."
        return [*rows, *wrap(f"  {text}", width - 2, "label"), Line()]
