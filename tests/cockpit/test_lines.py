from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from cynosure_tui.glyphs import ASCII, UTF8
from cynosure_tui.lines import Line, cell, clean, fit, framed, wrap


@given(st.text(max_size=60), st.integers(1, 40))
def test_a_cell_has_exactly_its_width(text: str, width: int) -> None:
    assert cell_len(cell(clean(text), width)) == width


@given(st.lists(st.text(max_size=12), max_size=6), st.integers(1, 50))
def test_a_fitted_line_has_exactly_its_width(texts: list[str], width: int) -> None:
    assert fit(Line(tuple((clean(text), "text") for text in texts)), width).width == width


@given(st.text(max_size=200), st.integers(8, 40))
def test_wrapped_text_never_overflows(text: str, width: int) -> None:
    assert all(row.width <= width for row in wrap(text, width))


def test_foreign_text_cannot_steer_the_terminal() -> None:
    assert "\x1b" not in clean("\x1b[2Jhello\x07\x9b31m\r\n")


def test_the_ascii_frame_is_ascii_only() -> None:
    body = [Line((("price → 1.00 … ≥", "text"),))]
    rows = framed(body, (30, 4), ASCII, title=[("T", "title")], note=[("½ n", "label")])
    assert all(row.plain.isascii() and row.width == 30 for row in rows)


def test_a_frame_has_its_size_and_its_titles() -> None:
    rows = framed([], (20, 5), UTF8, title=[("GATES", "title")], note=[("9 pass", "label")])
    assert [row.width for row in rows] == [20] * 5
    assert "GATES" in rows[0].plain
    assert "9 pass" in rows[-1].plain
