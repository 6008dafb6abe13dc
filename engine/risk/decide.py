"""The one decision function: the same for live, paper, demo and backtest.

synthesis → overrides → persistence gates → risk gates with sizing → one record that explains itself.
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.model import Action, DecisionRecord, GateResult, Override, Synthesis, SynthesisSource
from engine.reasons import Reason
from engine.risk.calibration import WinEstimate
from engine.risk.gates import UNUSABLE, first_block, risk_gates
from engine.risk.inputs import Controls, DecisionInputs, HeldPosition, OpenExposure
from engine.risk.limits import RiskLimits
from engine.risk.persistence import path_of, persistence_gates
from engine.risk.setup import Setup, assess, entry_price, strength_of
from engine.risk.sizing import Refusal, clip_share
from engine.risk.verdicts import finite

__all__ = ["Controls", "DecisionInputs", "HeldPosition", "OpenExposure", "decide", "forced_hold", "needs_advocate"]

SKIPPED = Synthesis(SynthesisSource.SKIPPED, Action.HOLD, None, None, "not asked: the gates already force HOLD", None)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comes of it, and the sentence that tells why."""

    action: Action
    reason: Reason
    detail: str


def decide(inputs: DecisionInputs) -> DecisionRecord:
    """The decision, with everything that led to it. Pure and deterministic; raises for no input data."""
    synthesis = SKIPPED if inputs.synthesis is None else inputs.synthesis
    setup = safe_setup(inputs)
    persistence = persistence_gates(inputs, path_of(inputs, synthesis.action))
    risk = risk_gates(inputs, setup)
    outcome = conclude(inputs, synthesis, setup, persistence, risk)
    technical = inputs.gathered.technical
    return DecisionRecord(
        decision_id=inputs.decision_id,
        cycle=inputs.cycle,
        ticker=inputs.ticker,
        inst_id=inputs.instrument.inst_id,
        bar_ts=inputs.snapshot.bar_ts,
        decided_at=inputs.decided_at,
        action=outcome.action,
        reason=outcome.reason,
        detail=outcome.detail,
        price=setup.price,
        signals_aligned=technical.bullish_count,
        timeframes_aligned=technical.timeframes_aligned,
        strength=setup.strength,
        confidence=setup.confidence,
        p_win=setup.win.p_win,
        direction=inputs.gathered.dominant_direction,
        direction_streak=inputs.streak,
        synthesis=synthesis,
        overrides=overrides(inputs, synthesis, setup, outcome.action),
        gates=persistence + risk,
        sizing=setup.sizing,
        brief=inputs.gathered.brief,
        ages_s={source: finite(age) for source, age in inputs.gathered.ages_s.items()},
        stages_ms=inputs.stages_ms,
        regime_multiplier=clip_share(inputs.regime_multiplier),
        regime_unknown=inputs.gathered.regime.why if inputs.gathered.regime is not None else "",
    )


def forced_hold(inputs: DecisionInputs) -> Reason | None:
    """The first reason why any answer would end in HOLD; None when an answer can still make a difference.

    Flat, a SELL has nothing to close, so whatever blocks a BUY decides. In a position, a BUY never adds, so
    whatever blocks a SELL decides. `inputs.synthesis` is not looked at.
    """
    block = forcing_gate(inputs)
    return None if block is None else block.reason


def forcing_gate(inputs: DecisionInputs) -> GateResult | None:
    """The gate behind `forced_hold`."""
    path = path_of(inputs, Action.HOLD)
    persistence = first_block(persistence_gates(inputs, path))
    if persistence is not None or path is Action.SELL:
        return persistence
    return first_block(risk_gates(inputs, safe_setup(inputs)))


def needs_advocate(record: DecisionRecord, limits: RiskLimits) -> bool:
    """True for a BUY whose confidence lies in the devil's advocate's band, both ends included."""
    low, high = limits.advocate_confidence_min, limits.advocate_confidence_max
    return record.action is Action.BUY and low <= record.confidence <= high


def safe_setup(inputs: DecisionInputs) -> Setup:
    """`assess`, or an untradable setup that names why it could not be computed."""
    try:
        return assess(inputs)
    except UNUSABLE as error:
        strength = strength_of(inputs)
        refusal = Refusal(Reason.DATA_MISSING, f"the trade cannot be computed: {error}")
        return Setup(entry_price(inputs.snapshot), strength, WinEstimate(0.0, 0), 0.0, refusal=refusal)


def conclude(
    inputs: DecisionInputs,
    synthesis: Synthesis,
    setup: Setup,
    persistence: tuple[GateResult, ...],
    risk: tuple[GateResult, ...],
) -> Outcome:
    """What comes of the answer. A failure of the model is never shown as its HOLD."""
    if synthesis.source is SynthesisSource.SKIPPED:
        return _skipped(inputs)
    if synthesis.failure is not None:
        return Outcome(Action.HOLD, synthesis.failure, synthesis.reasoning or f"no valid answer: {synthesis.failure}")
    if synthesis.action is Action.HOLD:
        return _held_back(synthesis)
    block = first_block(persistence if synthesis.action is Action.SELL else persistence + risk)
    if block is not None:
        assert block.reason is not None, f"the gate {block.name} blocks without a reason"
        return Outcome(Action.HOLD, block.reason, f"{synthesis.action} held by {block.name}: {block.detail}")
    return _exit(inputs) if synthesis.action is Action.SELL else _entry(setup)


def _skipped(inputs: DecisionInputs) -> Outcome:
    block = forcing_gate(inputs)
    if block is None or block.reason is None:
        return Outcome(Action.HOLD, Reason.LLM_DOWN, "nobody answered although no gate forces HOLD")
    return Outcome(Action.HOLD, block.reason, f"not asked, held by {block.name}: {block.detail}")


def _held_back(synthesis: Synthesis) -> Outcome:
    if synthesis.source is SynthesisSource.RULES:
        return Outcome(Action.HOLD, Reason.NO_SETUP, synthesis.reasoning or "the rules see neither entry nor exit")
    return Outcome(Action.HOLD, Reason.LLM_HOLD, synthesis.reasoning or "the model answered HOLD")


def _exit(inputs: DecisionInputs) -> Outcome:
    held = inputs.held
    assert held is not None, "a SELL passed its gates without a position"
    detail = f"close {held.contracts} contracts reduce-only, {-inputs.streak} bearish bars in a row"
    return Outcome(Action.SELL, Reason.EXITED, detail)


def _entry(setup: Setup) -> Outcome:
    sizing = setup.sizing
    assert sizing is not None and sizing.bracket is not None, "a BUY passed its gates without a size"
    cap = f", capped by {sizing.capped_by}" if sizing.capped_by else ""
    detail = (
        f"buy {sizing.contracts} contracts ({sizing.notional:.2f} USDT{cap}) near {setup.price}, "
        f"stop {sizing.bracket.stop}, target {sizing.bracket.target}, risk {sizing.risk_usdt:.2f} USDT, "
        f"EV {sizing.ev_pct:.2%}, confidence {sizing.confidence:.2f}"
    )
    return Outcome(Action.BUY, Reason.ENTERED, detail)


def overrides(inputs: DecisionInputs, synthesis: Synthesis, setup: Setup, action: Action) -> tuple[Override, ...]:
    """The model's numbers beside those that count; its notional never sizes anything (D8)."""
    technical = inputs.gathered.technical
    bought = action is Action.BUY and setup.sizing is not None
    notional = f"{setup.sizing.notional:.2f}" if bought and setup.sizing else "0.00"
    advised = None if synthesis.notional is None else f"{synthesis.notional:.2f}"
    return (
        _override("signals_aligned", _text(synthesis.signals_aligned), str(technical.bullish_count)),
        _override("timeframes_aligned", _text(synthesis.timeframes_aligned), str(technical.timeframes_aligned)),
        _override("confidence", None, f"{setup.confidence:.3f}"),
        _override("notional", advised, notional),
    )


def _text(value: int | None) -> str | None:
    return None if value is None else str(value)


def _override(field: str, llm: str | None, used: str) -> Override:
    return Override(field, llm, used, changed=llm is not None and llm != used)
