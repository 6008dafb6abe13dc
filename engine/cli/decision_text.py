"""A decision as one JSON object, and a cycle as lines for a person."""

from __future__ import annotations

from typing import Any

from engine.cycle import CycleReport
from engine.model import DecisionRecord, GateResult


def decision_line(record: DecisionRecord) -> dict[str, Any]:
    """The same keys for every decision; timings stay out, so that equal decisions are equal text."""
    synthesis = record.synthesis
    return {
        "type": "decision",
        "ticker": record.ticker,
        "action": record.action.value,
        "reason": record.reason.value,
        "detail": record.detail,
        "bar_ts": record.bar_ts,
        "price": str(record.price) if record.price is not None else None,
        "signals_aligned": record.signals_aligned,
        "timeframes_aligned": record.timeframes_aligned,
        "strength": round(record.strength, 6),
        "confidence": round(record.confidence, 6),
        "p_win": round(record.p_win, 6),
        "direction": record.direction.value,
        "direction_streak": record.direction_streak,
        "gates": [_gate(gate) for gate in record.gates],
        "llm": {
            "source": synthesis.source.value,
            "action": synthesis.action.value,
            "signals_aligned": synthesis.signals_aligned,
            "timeframes_aligned": synthesis.timeframes_aligned,
            "reasoning": synthesis.reasoning,
            "notional": synthesis.notional,
            "failure": synthesis.failure.value if synthesis.failure else None,
            "model": synthesis.model,
            "model_digest": synthesis.model_digest,
            "prompt_version": synthesis.prompt_version,
            "numbers": synthesis.numbers,
            "invented_numbers": synthesis.invented_numbers,
        },
        "advocate": _advice(record),
        "overrides": {o.field: {"llm": o.llm, "used": o.used, "changed": o.changed} for o in record.overrides},
        "contracts": str(record.sizing.contracts) if record.sizing is not None else None,
    }


def _advice(record: DecisionRecord) -> dict[str, Any] | None:
    advice = record.advice
    if advice is None:
        return None
    return {
        "verdict": advice.verdict.value,
        "factor": advice.factor,
        "reasoning": advice.reasoning,
        "failure": advice.failure.value if advice.failure else None,
    }


def _gate(gate: GateResult) -> dict[str, Any]:
    return {
        "name": gate.name,
        "value": gate.value,
        "limit": gate.limit,
        "margin": gate.margin,
        "verdict": gate.verdict.value,
        "reason": gate.reason.value if gate.reason else None,
        "unit": gate.unit,
    }


def cycle_lines(report: CycleReport) -> list[str]:
    """One line per ticker, strongest first, then what failed, then the sum."""
    lines = [
        f"{r.ticker:<6} {r.action.value:<4} {r.reason.value:<20} signals {r.signals_aligned:>2}/15  "
        f"tf {r.timeframes_aligned}/3  conf {r.confidence:.2f}  streak {r.direction_streak:+d}  {r.detail}"
        for r in report.records
    ]
    lines += [f"{ticker:<6} FAILED {why}" for ticker, why in report.failed.items()]
    lines.append(f"cycle {report.cycle}: {len(report.records)} decisions in {report.wall_ms / 1000:.2f} s")
    return lines
