"""Why: one decision, rung by rung, from what was gathered to what was ordered."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cynosure_tui.format import UNKNOWN, age, clock, fixed, latency, price, signed
from cynosure_tui.glyphs import Glyphs
from cynosure_tui.lines import Line, Span, cell, clean, wrap
from cynosure_tui.widgets.gates import decisive, number
from cynosure_tui.widgets.overrides import source_words
from engine.reasons import EXPLANATIONS, Reason

if TYPE_CHECKING:
    from engine.model import DecisionRecord, GateResult


def _rung(mark: tuple[str, str], name: str, text: str, ms: float | None = None) -> Line:
    took = f"  {latency(ms)}" if ms is not None else ""
    return Line(((f"  {mark[0]} ", mark[1]), (cell(name, 20), "strong"), (clean(text), "text"), (took, "dim")))


def _indented(text: str, width: int, role: str) -> list[Line]:
    return [Line(((f"{' ' * 4}{row.plain}", role),)) for row in wrap(text, width - 6)]


def headline(record: DecisionRecord) -> str:
    return f"{record.action}{' because' if record.action == 'HOLD' else ':'} {record.reason}"


def explanation(reason: Reason) -> str:
    return EXPLANATIONS.get(reason, "")


def why_lines(record: DecisionRecord, width: int, glyphs: Glyphs) -> list[Line]:
    role = "warn" if record.action == "HOLD" else "ok"
    rows = [Line(), Line(((f"  {headline(record)}", role),))]
    rows += _indented(explanation(record.reason), width, "text")
    if record.detail:
        rows += _indented(record.detail, width, "label")
    return [
        *rows,
        Line(),
        *_signals(record, glyphs),
        *_said(record, width, glyphs),
        *_gates(record, width, glyphs),
        *_outcome(record, glyphs),
        Line(),
        *_facts(record, width),
    ]


def _signals(record: DecisionRecord, glyphs: Glyphs) -> list[Line]:
    passed = (glyphs.ok, "ok")
    missing = [name for name, seconds in record.ages_s.items() if seconds is None]
    gathered = f"{len(record.ages_s) - len(missing)} of {len(record.ages_s)} sources"
    if missing:
        gathered += f", missing: {' '.join(missing)}"
    mark = (glyphs.skip, "warn") if missing else passed
    counted = f"{record.signals_aligned}/15 bullish, {record.timeframes_aligned}/3 timeframes, {record.direction}"
    return [
        _rung(mark, "gather", gathered, record.stages_ms.get("fetch")),
        _rung(passed, "signals", counted, record.stages_ms.get("experts")),
        _rung(passed, "streak", f"{signed(record.direction_streak, 0)} {record.direction}"),
    ]


def _said(record: DecisionRecord, width: int, glyphs: Glyphs) -> list[Line]:
    said = record.synthesis
    ms = record.stages_ms.get("synthesis")
    if said.failure is not None:
        return [_rung((glyphs.fail, "fail"), "LLM", f"no valid answer: {said.failure}", ms)]
    if said.source == "skipped":
        return [_rung((glyphs.skip, "dim"), "LLM", "skipped: a gate made it moot", ms)]
    rows = [_rung((glyphs.ok, "ok"), "LLM", f"{said.action} by {source_words(said)[0]}", ms)]
    if said.reasoning:
        rows += _indented(f'"{said.reasoning}"', width, "label")
    changed = [o for o in record.overrides if o.changed]
    text = ", ".join(f"{o.field} {o.llm or UNKNOWN}{glyphs.arrow}{o.used}" for o in changed) or "nothing changed"
    return [*rows, _rung((glyphs.ok, "ok"), "overrides", text)]


def _gates(record: DecisionRecord, width: int, glyphs: Glyphs) -> list[Line]:
    first = decisive(record.gates, record)
    rows: list[Line] = []
    for index, gate in enumerate(record.gates):
        rows += _gate(gate, index == first, width, glyphs)
    return rows


def _gate(gate: GateResult, decides: bool, width: int, glyphs: Glyphs) -> list[Line]:
    marks = {"pass": (glyphs.ok, "ok"), "block": (glyphs.fail, "fail"), "n/a": (glyphs.skip, "dim")}
    limit = f"  limit {number(gate.limit, gate.unit)}" if gate.limit is not None else ""
    margin = f"  margin {signed(gate.margin)}" if gate.margin is not None else ""
    text = f"{number(gate.value, gate.unit)}{limit}{margin}" if gate.value is not None else str(gate.verdict)
    if decides:
        text += "  <- decides"
    rows = [_rung(marks[str(gate.verdict)], gate.name.replace("_", " "), text)]
    if gate.verdict == "block" and gate.reason is not None:
        rows += _indented(
            f"{gate.reason}: {gate.detail or explanation(gate.reason)}", width, "warn" if decides else "label"
        )
    return rows


def _outcome(record: DecisionRecord, glyphs: Glyphs) -> list[Line]:
    sizing = record.sizing
    if sizing is None:
        return [_rung((glyphs.skip, "dim"), "sizing", "not reached"), _rung((glyphs.skip, "dim"), "order", "none")]
    size = (
        f"{fixed(sizing.notional)} USDT, {sizing.contracts.normalize():f} contracts, at risk {fixed(sizing.risk_usdt)}"
    )
    sent = record.action != "HOLD"
    mark = (glyphs.ok, "ok") if sent else (glyphs.skip, "dim")
    bracket = sizing.bracket
    order = f"SL {price(bracket.stop)}  TP {price(bracket.target)}" if bracket else "no bracket"
    return [
        _rung((glyphs.ok, "ok"), "sizing", size),
        _rung(mark, "order", order if sent else "none", record.stages_ms.get("execute")),
    ]


def regime_share(record: DecisionRecord) -> str:
    """What the regime leaves of a size; unknown, it says so beside the number."""
    share = fixed(record.regime_multiplier, 2)
    return f"n/a x{share}" if record.regime_unknown else f"x{share}"


def _facts(record: DecisionRecord, width: int) -> list[Line]:
    numbers: list[Span] = [
        ("    confidence ", "label"),
        (fixed(record.confidence, 2), "text"),
        ("  strength ", "label"),
        (fixed(record.strength, 2), "text"),
        ("  p win ", "label"),
        (fixed(record.p_win, 2), "text"),
        ("  regime ", "label"),
        (regime_share(record), "text"),
    ]
    ages = "  ".join(f"{name} {age(value) if value is not None else 'n/a'}" for name, value in record.ages_s.items())
    stamp = (
        f"cycle {record.cycle}  decided {clock(record.decided_at)}Z  bar {clock(record.bar_ts)}Z  {record.decision_id}"
    )
    why = _indented(f"the regime is n/a: {record.regime_unknown}", width, "warn") if record.regime_unknown else []
    return [Line(tuple(numbers)), *why, *_indented(ages, width, "dim"), *_indented(stamp, width, "dim")]
