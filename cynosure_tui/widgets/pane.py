"""A framed pane that paints by lines and sends only the cells that changed.

Textual resends a dirty region in full, so each pane compares its new lines with what it painted last.
A pane that fails to make its lines shows the error in its own box; it never takes the app down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from cynosure_tui.glyphs import ASCII, Glyphs
from cynosure_tui.lines import Line, Span, ascii_only, fit, framed, line, wrap

if TYPE_CHECKING:
    from cynosure_tui.store import Changes, Store
    from cynosure_tui.themes import Palette

GAP = 6


@dataclass(frozen=True, slots=True)
class View:
    """What a pane may look at: the store, the ticker under the cursor, and its own inner size."""

    store: Store
    ticker: str
    glyphs: Glyphs
    width: int
    height: int
    focused: bool = False
    top: int = 0


@dataclass(frozen=True, slots=True)
class Content:
    """A pane's text: title above left, note below right, and as many lines as it likes."""

    title: Sequence[Span]
    lines: Sequence[Line]
    note: Sequence[Span] = ()
    head: int = 0


class Painted(Widget):
    """A widget whose whole surface is lines with roles."""

    DEFAULT_CSS = "Painted { height: 1; }"

    def __init__(self, store: Store, palette: Palette, glyphs: Glyphs, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.store = store
        self.palette = palette
        self.glyphs = glyphs
        self._strips: list[Strip] = []
        self._styles: dict[str, Style] = {}

    def surface(self, width: int, height: int) -> list[Line]:
        """Exactly `height` lines of `width` cells; blank unless a pane draws."""
        return [Line(((" " * width, "text"),))] * height

    def repaint(self) -> None:
        """Make the lines again and mark the cells that differ."""
        width, height = self.size
        if not self.is_mounted or not width or not height or not self.display:
            return
        strips = [self._strip(row, width) for row in self._safe_surface(width, height)]
        old, self._strips = self._strips, strips
        if len(old) != len(strips) or (old and old[0].cell_length != width):
            self.refresh()
            return
        regions = [
            Region(start, y, stop - start, 1)
            for y, (before, after) in enumerate(zip(old, strips, strict=True))
            for start, stop in changed_spans(before, after)
        ]
        if regions:
            self.refresh(*regions)

    def _safe_surface(self, width: int, height: int) -> list[Line]:
        try:
            return self.surface(width, height)
        except Exception as error:  # noqa: BLE001 - a pane's fault stays in its own box
            self.log.error(error)
            return self.broken(error, width, height)

    def broken(self, error: Exception, width: int, height: int) -> list[Line]:
        text = f"{type(error).__name__}: {error}"
        rows = [line((f"this pane failed: {text}", "fail"))]
        return [fit(row, width) for row in (rows + [line()] * height)[:height]]

    def _strip(self, row: Line, width: int) -> Strip:
        segments = [Segment(text, self._style(role, row.under)) for text, role in fit(row, width).spans if text]
        return Strip(segments, width)

    def _style(self, role: str, under: str) -> Style:
        key = f"{role}/{under}" if under and "/" not in role else role
        if key not in self._styles:
            names = key.split("/")
            style = self.rich_style
            for name in reversed(names):
                style += self.palette.style(name)
            self._styles[key] = style
        return self._styles[key]

    def render_line(self, y: int) -> Strip:
        if y < len(self._strips):
            return self._strips[y]
        return Strip.blank(self.size.width, self.rich_style)

    def on_resize(self) -> None:
        self._strips = []
        self.repaint()

    def on_show(self) -> None:
        self.repaint()


def changed_spans(before: Strip, after: Strip) -> list[tuple[int, int]]:
    """Cell ranges that differ, near ones merged: a cursor move costs bytes too."""
    if before == after:
        return []
    old, new = _cells(before), _cells(after)
    spans: list[tuple[int, int]] = []
    for index, (was, now) in enumerate(zip(old, new, strict=False)):
        if was == now:
            continue
        if spans and index - spans[-1][1] <= GAP:
            spans[-1] = (spans[-1][0], index + 1)
        else:
            spans.append((index, index + 1))
    return spans or [(0, max(len(old), len(new)))]


def _cells(strip: Strip) -> list[tuple[str, Style | None]]:
    """One entry a cell; a wide character's second cell repeats its first, so both go together."""
    cells: list[tuple[str, Style | None]] = []
    for text, style, _ in strip:
        if text.isascii():
            cells += [(char, style) for char in text]
        else:
            for char in text:
                cells += [(char, style)] * max(cell_len(char), 1 if not char.isprintable() else cell_len(char))
    return cells


class Pane(Painted, can_focus=True):
    """A framed pane. `SLICES` names the parts of the store that it shows."""

    DEFAULT_CSS = "Pane { height: 1fr; width: 1fr; }"
    SLICES: ClassVar[frozenset[str]] = frozenset()
    PER_TICKER: ClassVar[bool] = True
    NAME: ClassVar[str] = ""

    ticker = ""
    top = 0
    tabs: Sequence[Span] = ()

    def content(self, view: View) -> Content:  # noqa: ARG002 - each pane looks at its own view
        return Content([(self.NAME, "title")], ())

    def concerned(self, changes: Changes) -> bool:
        """Whether these changes could show here."""
        if not self.SLICES & changes.slices:
            return False
        return not self.PER_TICKER or self.ticker in changes.tickers or not changes.tickers

    def show(self, ticker: str) -> None:
        """Follow the cursor to `ticker`."""
        if ticker != self.ticker:
            self.ticker = ticker
            self.top = 0
            self.repaint()

    def view(self, width: int, height: int) -> View:
        return View(self.store, self.ticker, self.glyphs, width - 2, height - 2, self.has_focus, self.top)

    def surface(self, width: int, height: int) -> list[Line]:
        content = self.content(self.view(width, height))
        body, note = self._scrolled(content, height - 2)
        return self._frame(content.title, body, note, (width, height))

    def _frame(
        self, title: Sequence[Span], body: Sequence[Line], note: Sequence[Span], size: tuple[int, int]
    ) -> list[Line]:
        role = "frame_focus" if self.has_focus else "frame"
        if self.tabs:
            title = list(self.tabs)
            if self.PER_TICKER and Line(tuple(title)).width + len(self.ticker) + 8 <= size[0]:
                title.append((f"  {self.ticker}", "accent"))
        if self.has_focus:
            title = [(text, "title_focus" if span_role == "title" else span_role) for text, span_role in title]
        return framed(body, size, self.glyphs, title=title, note=note, role=role)

    def _scrolled(self, content: Content, height: int) -> tuple[list[Line], Sequence[Span]]:
        """The visible lines: the first `head` stay, the rest scrolls by `top`."""
        rows, head = list(content.lines), content.head
        hidden = max(0, len(rows) - height)
        self.top = min(self.top, hidden)
        body = rows[:head] + rows[head + self.top :]
        below = hidden - self.top
        if below > 0:
            return body, [(f"{self.glyphs.more} {below} more", "label")]
        return body, content.note

    def scroll_lines(self, by: int) -> None:
        self.top = max(0, self.top + by)
        self.repaint()

    def broken(self, error: Exception, width: int, height: int) -> list[Line]:
        text = f"This pane failed: {type(error).__name__}: {error}. The engine goes on; the log has the details."
        body = wrap(text, width - 2, "fail")
        return self._frame([(self.NAME, "title")], body, (), (width, height))

    def on_focus(self) -> None:
        self.repaint()

    def on_blur(self) -> None:
        self.repaint()


class Bar(Painted):
    """One or more unframed rows across the screen."""

    def rows(self, width: int, height: int) -> list[Line]:
        """At most `height` lines; shorter ones are padded."""
        return super().surface(width, height)

    def surface(self, width: int, height: int) -> list[Line]:
        rows = self.rows(width, height)
        rows = [fit(row, width) for row in (rows + [line()] * height)[:height]]
        return [ascii_only(row) for row in rows] if self.glyphs is ASCII else rows
