"""Every gate with its value and limit: persistence gates first, the first that blocks marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from cynosure_tui.format import NOT_APPLICABLE, UNKNOWN, fixed, known
from cynosure_tui.lines import Line, Span, cell, clean, wrap
from cynosure_tui.widgets.pane import Content, Pane, View

if TYPE_CHECKING:
    from cynosure_tui.glyphs import Glyphs
    from engine.model import GateResult

EMPTY_VALUES = {"pass": "", "block": UNKNOWN, "n/a": NOT_APPLICABLE}
MARKS = {"pass": ("ok", "ok"), "block": ("fail", "fail"), "n/a": ("skip", "dim")}


def number(value: float | None, unit: str = "") -> str:
    """A gate's number: whole where it is whole, otherwise two digits."""
    if value is None or not known(value):
        return UNKNOWN
    text = fixed(value, 0) if value == int(value) and abs(value) < 1e9 else fixed(value, 2)
    return f"{text}{unit}" if unit in {"%", "x", "s"} else text


def decisive(gates: tuple[GateResult, ...]) -> int | None:
    """The index of the first gate that blocks: it decides."""
    return next((index for index, gate in enumerate(gates) if gate.verdict == "block"), None)


def gate_line(gate: GateResult, width: int, decides: bool, glyphs: Glyphs) -> Line:
    glyph, role = MARKS[str(gate.verdict)]
    mark = getattr(glyphs, glyph)
    value = EMPTY_VALUES[str(gate.verdict)] if gate.value is None else number(gate.value, gate.unit)
    limit = number(gate.limit, gate.unit) if gate.limit is not None else ""
    name = clean(gate.name).replace("_", " ")
    room = max(width - 20, 8)
    spans: list[Span] = [
        (f" {mark} ", role),
        (cell(name, room), "strong" if decides else ("dim" if gate.verdict == "n/a" else "text")),
        (cell(value, 7, ">"), role if gate.verdict != "pass" else "text"),
        (cell(limit, 7, ">"), "label"),
        (f" {glyphs.override}" if decides else "  ", "fail"),
    ]
    return Line(tuple(spans), "select" if decides else "")


def gates(view: View) -> Content:
    store, glyphs = view.store, view.glyphs
    state = store.ticker(view.ticker)
    cycle = f"  c{state.gates_cycle}" if state.gates else ""
    title: list[Span] = [("GATES", "title"), (f" {view.ticker}", "accent"), (cycle, "label")]
    if not state.gates:
        return Content(title, [Line(), *wrap(waiting(view), view.width - 2, "label")])
    first = decisive(state.gates)
    passed = sum(gate.verdict == "pass" for gate in state.gates)
    rows = [Line(((f"   {cell('gate', max(view.width - 20, 8))}{'value':>7}{'limit':>7}", "label"),))]
    rows += [gate_line(gate, view.width, index == first, glyphs) for index, gate in enumerate(state.gates)]
    verdict = _verdict(state.gates, first, view)
    return Content(title, [*rows, *verdict], [(f"{passed}/{len(state.gates)} pass", "label")], head=1)


def _verdict(gates_: tuple[GateResult, ...], first: int | None, view: View) -> list[Line]:
    record = view.store.ticker(view.ticker).record
    rows = [Line()]
    if record is not None:
        role = "ok" if record.action != "HOLD" else "warn"
        rows.append(Line(((" verdict ", "label"), (str(record.action), role), (f"  {record.reason}", "strong"))))
    if first is not None:
        detail = gates_[first].detail or "blocks"
        rows += [Line(((f" {row.plain}", "label"),)) for row in wrap(detail, view.width - 2)]
    return rows


def waiting(view: View) -> str:
    """What an empty per-ticker pane says: why it is empty and which key helps."""
    stage = view.store.ticker(view.ticker).stage
    if not view.ticker:
        return " Waiting for the watchlist."
    if stage is not None and stage.stage == "failed":
        return f" Analysis failed: {clean(stage.detail)}. n runs it again."
    if view.store.paused(view.ticker):
        return f" {view.ticker} is paused. p resumes it."
    return f" Not analysed yet. n runs {view.ticker} now."


class GatesPane(Pane):
    NAME = "GATES"
    SLICES: ClassVar[frozenset[str]] = frozenset({"gates", "decision", "stage", "pauses", "identity"})

    def content(self, view: View) -> Content:
        return gates(view)
