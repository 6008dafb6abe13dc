"""Every gate with its value and limit: persistence gates first, the first that blocks marked."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from cynosure_tui.format import NOT_APPLICABLE, UNKNOWN, age, known, narrow
from cynosure_tui.lines import Line, Span, cell, clean, wrap
from cynosure_tui.widgets.pane import Content, Pane, View

if TYPE_CHECKING:
    from cynosure_tui.glyphs import Glyphs
    from engine.model import DecisionRecord, GateResult

EMPTY_VALUES = {"pass": "", "block": UNKNOWN, "n/a": NOT_APPLICABLE}
MARKS = {"pass": ("ok", "ok"), "block": ("fail", "fail"), "n/a": ("skip", "dim")}


def number(value: float | None, unit: str = "") -> str:
    """A gate's number in at most seven cells: whole where it is whole, otherwise two digits; seconds as an age."""
    if value is None or not known(value):
        return UNKNOWN
    if unit == "s":
        return age(value)
    sign = unit if unit in {"%", "x"} else ""
    return f"{narrow(value, 6, 0 if value == int(value) else 2)}{sign}"


def decisive(gates: tuple[GateResult, ...], record: DecisionRecord | None = None) -> int | None:
    """The index of the gate that decided: the one that the decision names, else the first that blocks.
    A decision that acted was stopped by none."""
    if record is not None and record.action != "HOLD":
        return None
    blocks = [index for index, gate in enumerate(gates) if gate.verdict == "block"]
    named = (index for index in blocks if record is not None and gates[index].reason == record.reason)
    return next(named, blocks[0] if blocks else None)


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
    state = view.store.ticker(view.ticker)
    cycle = f"  c{state.gates_cycle}" if state.gates else ""
    title: list[Span] = [("GATES", "title"), (f" {view.ticker}", "accent"), (cycle, "label")]
    if not state.gates:
        return Content(title, [Line(), *wrap(waiting(view), view.width - 2, "label")])
    record = state.record if state.record is not None and state.record.gates == state.gates else None
    first = decisive(state.gates, record)
    verdict = _verdict(state.gates, first, record, view)
    header = Line(((f"   {cell('gate', max(view.width - 20, 8))}{'value':>7}{'limit':>7}", "label"),))
    passed = sum(gate.verdict == "pass" for gate in state.gates)
    blocked = sum(gate.verdict == "block" for gate in state.gates)
    note: list[Span] = [(f"{passed} pass", "label"), (f" · {blocked} block", "warn" if blocked else "dim")]
    return Content(title, [*verdict, header, *_matrix(state.gates, first, view)], note, head=len(verdict) + 1)


def _matrix(gates_: tuple[GateResult, ...], first: int | None, view: View) -> list[Line]:
    """One row a gate; plain yes-or-no gates that do not block stand two in a row."""
    rows: list[Line] = []
    waiting_one: GateResult | None = None
    for index, gate in enumerate(gates_):
        if gate.value is None and gate.limit is None and gate.verdict != "block":
            if waiting_one is None:
                waiting_one = gate
            else:
                rows.append(_two(waiting_one, gate, view))
                waiting_one = None
            continue
        if waiting_one is not None:
            rows.append(_two(waiting_one, None, view))
            waiting_one = None
        rows.append(gate_line(gate, view.width, index == first, view.glyphs))
    return rows + ([_two(waiting_one, None, view)] if waiting_one is not None else [])


def _two(left: GateResult, right: GateResult | None, view: View) -> Line:
    spans: list[Span] = []
    for gate in (left, right):
        if gate is not None:
            glyph, role = MARKS[str(gate.verdict)]
            name = cell(clean(gate.name).replace("_", " "), max(view.width // 2 - 3, 6))
            spans += [(f" {getattr(view.glyphs, glyph)} ", role), (name, "dim" if gate.verdict == "n/a" else "label")]
    return Line(tuple(spans))


def _verdict(
    gates_: tuple[GateResult, ...], first: int | None, record: DecisionRecord | None, view: View
) -> list[Line]:
    rows: list[Line] = []
    if record is not None:
        role = "ok" if record.action != "HOLD" else "warn"
        rows.append(Line(((f" {record.action}", role), (f"  {record.reason}", "strong"))))
    if first is not None:
        rows += [
            Line(((f" {row.plain}", "label"),)) for row in wrap(gates_[first].detail or "blocks", view.width - 2)[:2]
        ]
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
