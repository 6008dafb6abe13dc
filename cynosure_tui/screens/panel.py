"""A box over the cockpit, drawn by lines; the ground of every modal."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from textual.app import ComposeResult
from textual.geometry import Size
from textual.screen import ModalScreen

from cynosure_tui.compositor import CellCompositor
from cynosure_tui.glyphs import Glyphs
from cynosure_tui.lines import Line, Span, framed
from cynosure_tui.store import Changes, Store
from cynosure_tui.themes import Palette
from cynosure_tui.widgets.pane import Painted

GUARD_S = 0.25

Body = Callable[[int], Sequence[Line]]


class Panel(Painted):
    """Opaque, framed, as high as its text; scrolls when the screen is lower than that."""

    top = 0
    _needed = 0

    def __init__(
        self, store: Store, palette: Palette, glyphs: Glyphs, *, title: Sequence[Span], body: Body, note: Sequence[Span]
    ) -> None:
        super().__init__(store, palette, glyphs, id="panel")
        self.title_spans = title
        self.body = body
        self.note = note
        self.role = "frame_focus"

    def surface(self, width: int, height: int) -> list[Line]:
        rows = list(self.body(width - 2))
        room = height - 2
        hidden = max(0, len(rows) - room)
        self.top = max(0, min(self.top, hidden))
        note = self.note
        if hidden > self.top:
            note = [(f"{self.glyphs.more} {hidden - self.top} more", "label")]
        return framed(rows[self.top :], (width, height), self.glyphs, title=self.title_spans, note=note, role=self.role)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:  # noqa: ARG002
        """As high as the text needs, the screen permitting. Said when the layout asks: a height that is corrected
        after the first paint costs a second one of the whole screen, 50 ms."""
        self._needed = len(self.body(width - 2)) + 2
        return self._needed

    def fit_height(self) -> None:
        """The text has changed."""
        if len(self.body(self.size.width - 2)) + 2 != self._needed:
            self.refresh(layout=True)
        self.repaint()

    def scroll_by_lines(self, by: int) -> None:
        self.top += by
        self.repaint()


class PanelScreen(ModalScreen[str]):
    """A modal with one panel. `guarded` is true for its first quarter second: nothing typed then counts."""

    DEFAULT_CSS = """
    PanelScreen { align: center middle; background: transparent; }
    PanelScreen Panel { width: 84; max-width: 100%; height: auto; max-height: 100%; min-height: 5; }
    """

    def __init__(self, store: Store, palette: Palette, glyphs: Glyphs, monotonic: Callable[[], float]) -> None:
        super().__init__()
        self._compositor = CellCompositor()
        self.store = store
        self.palette = palette
        self.glyphs = glyphs
        self._monotonic = monotonic
        self._opened = monotonic()
        self.panel = Panel(store, palette, glyphs, title=self.heading(), body=self.body, note=self.note())

    def heading(self) -> Sequence[Span]:
        return ()

    def note(self) -> Sequence[Span]:
        return [("esc closes", "label")]

    def body(self, width: int) -> Sequence[Line]:  # noqa: ARG002 - each panel writes its own
        return ()

    @property
    def guarded(self) -> bool:
        return self._monotonic() - self._opened < GUARD_S

    def compose(self) -> ComposeResult:
        yield self.panel

    def changed(self, changes: Changes) -> None:
        """Called after each batch while this panel is open."""

    def refresh_panel(self) -> None:
        self.panel.title_spans = self.heading()
        self.panel.fit_height()
