"""What the model said beside what Python computed and what was used. A failure is never shown as a HOLD."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from cynosure_tui.format import UNKNOWN, fixed, latency
from cynosure_tui.lines import Line, Span, cell, clean, wrap
from cynosure_tui.widgets.gates import waiting
from cynosure_tui.widgets.pane import Content, Pane, View

if TYPE_CHECKING:
    from cynosure_tui.glyphs import Glyphs
    from engine.model import DecisionRecord, Synthesis
    from engine.model.worth import Worth


def source_words(synthesis: Synthesis) -> Span:
    """Who answered, in plain words."""
    if synthesis.source == "skipped":
        return "skipped", "label"
    if synthesis.source == "rules":
        return "rules, no LLM", "warn"
    return clean(synthesis.model) or "ollama", "accent"


def _meta(synthesis: Synthesis) -> str:
    if synthesis.source == "skipped":
        return "no call was made"
    parts = [latency(synthesis.latency_ms)] if synthesis.latency_ms is not None else []
    if synthesis.prompt_tokens is not None:
        parts.append(f"{synthesis.prompt_tokens}+{synthesis.completion_tokens or 0} tok")
    if synthesis.attempts:
        parts.append(f"try {synthesis.attempts}")
    if synthesis.invented_numbers:
        parts.append(f"{synthesis.invented_numbers}/{synthesis.numbers} numbers invented")
    return "  ".join(parts)


def _table(record: DecisionRecord, glyphs: Glyphs) -> list[Line]:
    rows = [Line((("  field          LLM       engine    used", "label"),))]
    said, did = str(record.synthesis.action), str(record.action)
    if record.synthesis.failure is not None or record.synthesis.source == "skipped":
        said = UNKNOWN
    rows.append(_row("action", said, did if said != did else UNKNOWN, did, said not in {did, UNKNOWN}, glyphs))
    for field in record.overrides:
        if field.field != "action":
            rows.append(_row(field.field, field.llm, field.used, field.used, field.changed, glyphs))
    return rows


def _row(name: str, said: str | None, engine: str, used: str, changed: bool, glyphs: Glyphs) -> Line:
    label = {"signals_aligned": "signals", "timeframes_aligned": "timeframes"}.get(name, name)
    spans: list[Span] = [
        (f"  {cell(clean(label), 12)}", "label"),
        (cell(clean(said) if said is not None else UNKNOWN, 10), "text" if not changed else "dim"),
        (cell(clean(engine), 10), "text"),
        (cell(clean(used), 8), "strong"),
        (f" {glyphs.override}" if changed else "  ", "warn"),
    ]
    return Line(tuple(spans))


def _reasoning(synthesis: Synthesis, record: DecisionRecord | None, width: int) -> list[Line]:
    if synthesis.failure == "LLM_INVENTS":
        return wrap(f"{synthesis.failure}: {synthesis.reasoning}", width, "fail")
    if synthesis.failure is not None:
        return wrap(f"no valid answer: {synthesis.failure}. This is not an LLM's HOLD.", width, "fail")
    if synthesis.source == "skipped":
        gate = record.reason if record is not None else "a gate"
        return wrap(f"skipped: gate {gate} made it moot", width, "label")
    return wrap(f'"{synthesis.reasoning}"' if synthesis.reasoning else "(no reasoning given)", width, "text")


def overrides(view: View) -> Content:
    state = view.store.ticker(view.ticker)
    title: list[Span] = [(f"LLM {view.glyphs.arrow} OVERRIDES", "title"), (f" {view.ticker}", "accent")]
    synthesis, record = state.synthesis, state.record
    if synthesis is None:
        return Content(title, [Line(), *wrap(waiting(view), view.width - 2, "label")])
    word, role = source_words(synthesis)
    rows = [Line(((" source ", "label"), (word, role), (f"  {_meta(synthesis)}", "dim")))]
    current = record if record is not None and record.synthesis == synthesis else None
    rows += _table(current, view.glyphs) if current else _bare(synthesis)
    rows += _worth(view.store.worth, view.width) or [Line()]
    body = _reasoning(synthesis, current, view.width - 2)
    rows += [Line(tuple((f" {text}", span_role) for text, span_role in row.spans)) for row in body]
    if synthesis.raw and synthesis.source != "rules":
        rows += [Line(((f" {row.plain}", "dim"),)) for row in wrap(synthesis.raw, view.width - 2)]
    return Content(title, rows, [("w why", "dim")])


def _worth(worth: Worth | None, width: int) -> list[Line]:
    """What the model's answers have earned beside the rules': the line that status and review show too."""
    if worth is None:
        return []
    role = "ok" if "better than" in worth.text else "warn" if "worse than" in worth.text else "label"
    rows = wrap(f"worth vs rules: {worth.text}", width - 2, role)
    return [Line(tuple((f" {text}", span_role) for text, span_role in row.spans)) for row in rows]


def _bare(synthesis: Synthesis) -> list[Line]:
    """The answer before a decision was made of it."""
    pairs = (
        ("action", str(synthesis.action)),
        ("signals", UNKNOWN if synthesis.signals_aligned is None else str(synthesis.signals_aligned)),
        ("timeframes", UNKNOWN if synthesis.timeframes_aligned is None else str(synthesis.timeframes_aligned)),
        ("notional", fixed(synthesis.notional)),
    )
    return [Line(((f"  {cell(name, 12)}", "label"), (value, "text"))) for name, value in pairs]


class OverridesPane(Pane):
    NAME = "LLM OVERRIDES"
    SLICES: ClassVar[frozenset[str]] = frozenset({"synthesized", "decision", "stage", "pauses", "identity", "worth"})

    def content(self, view: View) -> Content:
        return overrides(view)
