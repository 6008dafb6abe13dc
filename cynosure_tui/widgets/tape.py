"""The tape: what happened, newest first."""

from __future__ import annotations

from itertools import islice
from typing import ClassVar

from cynosure_tui.format import clock
from cynosure_tui.lines import Line, cell
from cynosure_tui.narrate import TapeEntry
from cynosure_tui.widgets.pane import Content, Pane, View


def entry_line(entry: TapeEntry, width: int) -> Line:
    stamp = clock(entry.ts) if width >= 50 else clock(entry.ts)[3:]
    return Line(((f" {stamp} ", "dim"), (cell(entry.ticker, 6), "strong"), (entry.text, entry.role)))


def tape(view: View) -> Content:
    entries = view.store.tape
    if not entries:
        return Content([("TAPE", "title")], [Line(), Line((("  Nothing has happened yet.", "label"),))])
    shown = islice(reversed(entries), view.top + view.height)
    rows = [entry_line(entry, view.width) for entry in shown]
    missing = len(entries) - len(rows)
    return Content([("TAPE", "title")], rows, [(f"{missing} earlier", "dim")] if missing else [])


class TapePane(Pane):
    NAME = "TAPE"
    PER_TICKER = False
    SLICES: ClassVar[frozenset[str]] = frozenset({"tape"})

    def content(self, view: View) -> Content:
        return tape(view)
