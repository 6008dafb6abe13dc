"""Lines of text with roles: what a pane makes, before anything knows of colours or terminals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from cynosure_tui.glyphs import ASCII, TO_ASCII, Glyphs

Span = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Line:
    """Spans of (text, role), left to right. `under` is a role painted beneath all of them."""

    spans: tuple[Span, ...] = ()
    under: str = ""

    @property
    def width(self) -> int:
        return sum(cell_len(text) for text, _ in self.spans)

    @property
    def plain(self) -> str:
        return "".join(text for text, _ in self.spans)


def line(*spans: Span | str, under: str = "") -> Line:
    return Line(tuple((span, "text") if isinstance(span, str) else span for span in spans), under)


def clean(text: str) -> str:
    """Foreign text without control characters: a model or an exchange must not steer the terminal."""
    return "".join(char if char.isprintable() else " " for char in text)


def cell(text: str, width: int, align: str = "<") -> str:
    """`text` in exactly `width` cells; too long ends in an ellipsis, so that a cut is visible."""
    length = cell_len(text)
    if length > width:
        return set_cell_size(text, width - 1) + "…" if width > 0 else ""
    pad = " " * (width - length)
    return pad + text if align == ">" else text + pad


def fit(source: Line, width: int) -> Line:
    """Cut or padded to exactly `width` cells."""
    spans: list[Span] = []
    left = width
    for text, role in source.spans:
        length = cell_len(text)
        if length > left:
            spans.append((cell(text, left), role))
            left = 0
            break
        spans.append((text, role))
        left -= length
    if left:
        spans.append((" " * left, "text"))
    return Line(tuple(spans), source.under)


def packed(groups: Iterable[Sequence[Span]], width: int) -> list[Line]:
    """Groups side by side, two cells apart; one that does not fit whole begins the next row."""
    rows: list[list[Span]] = []
    for group in groups:
        needed = Line(tuple(group)).width + 2
        if rows and Line(tuple(rows[-1])).width + needed <= width:
            rows[-1] += [("  ", "text"), *group]
        else:
            rows.append([(" ", "text"), *group])
    return [Line(tuple(row)) for row in rows]


def wrap(text: str, width: int, role: str = "text") -> list[Line]:
    """Words wrapped to `width`; the text's own line breaks are kept."""
    lines: list[Line] = []
    for paragraph in text.splitlines() or [""]:
        lines += [line((part, role)) for part in _wrap_words(clean(paragraph), max(width, 8))]
    return lines


def _wrap_words(text: str, width: int) -> list[str]:
    rows = [""]
    for word in text.split(" "):
        candidate = f"{rows[-1]} {word}" if rows[-1] else word
        if cell_len(candidate) <= width:
            rows[-1] = candidate
            continue
        rows.append(word)
        while cell_len(rows[-1]) > width:
            head = set_cell_size(rows[-1], width)
            rows[-1:] = [head, rows[-1][len(head) :]]
    return rows


def join(parts: Iterable[Sequence[Span]], separator: Span) -> list[Span]:
    """The parts with `separator` between them."""
    spans: list[Span] = []
    for part in parts:
        if spans and part:
            spans.append(separator)
        spans += part
    return spans


def two_sided(left: Sequence[Span], right: Sequence[Span], width: int) -> Line:
    """`left` from the left, `right` at the right edge; the left side gives way."""
    right_width = sum(cell_len(text) for text, _ in right)
    head = fit(Line(tuple(left)), max(width - right_width, 0))
    return Line((*head.spans, *right))


def ascii_only(source: Line) -> Line:
    """The same line in the 95 printable ASCII characters."""
    spans = tuple(
        (text if text.isascii() else text.translate(TO_ASCII).encode("ascii", "replace").decode(), role)
        for text, role in source.spans
    )
    return Line(spans, source.under)


def framed(
    body: Sequence[Line],
    size: tuple[int, int],
    glyphs: Glyphs,
    *,
    title: Sequence[Span],
    note: Sequence[Span] = (),
    role: str = "frame",
) -> list[Line]:
    """`body` inside a frame of `size` (width, height), titled above left, with a note below right."""
    width, height = size
    inner = width - 2
    side = (glyphs.vertical, role)
    rows = [_edge(glyphs.corner_tl, glyphs.corner_tr, title, (), inner, glyphs, role)]
    for index in range(height - 2):
        content = fit(body[index], inner) if index < len(body) else Line(((" " * inner, "text"),))
        rows.append(Line((side, *_beneath(content), side)))
    rows.append(_edge(glyphs.corner_bl, glyphs.corner_br, (), note, inner, glyphs, role))
    return [ascii_only(row) for row in rows] if glyphs is ASCII else rows


def _beneath(content: Line) -> tuple[Span, ...]:
    """The line's own under-role is carried by each span, so that the frame beside it stays plain."""
    if not content.under:
        return content.spans
    return tuple((text, f"{role}/{content.under}") for text, role in content.spans)


def _edge(
    left: str, right: str, title: Sequence[Span], note: Sequence[Span], inner: int, glyphs: Glyphs, role: str
) -> Line:
    head = [(f"{glyphs.horizontal} ", role), *title, (" ", role)] if title else []
    tail = [(" ", role), *note, (f" {glyphs.horizontal}", role)] if note else []
    room = inner - sum(cell_len(text) for text, _ in tail)
    head_width = sum(cell_len(text) for text, _ in head)
    fill = (glyphs.horizontal * max(room - head_width, 0), role)
    middle = fit(Line((*head, fill)), max(room, 0)).spans
    return fit(Line(((left, role), *middle, *tail, (right, role))), inner + 2)
