"""The port through which a brief becomes an answer: a model or the rules, nobody cares which."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.model import Action, Advice, AssetClass, DecisionRecord, GatherResult, Synthesis


@dataclass(frozen=True, slots=True)
class Performance:
    """Closed trades so far. `sharpe` is annualised, None when undefined; `win_rate` in [0, 1]."""

    closed_trades: int
    sharpe: float | None
    win_rate: float | None


@dataclass(frozen=True, slots=True)
class SynthesisRequest:
    """One ticker's question. `bearish_cycles` counts bearish 15m bars in a row, 0 when not bearish."""

    ticker: str
    brief: str
    gathered: GatherResult
    in_position: bool
    bearish_cycles: int
    performance: Performance | None
    asset_class: AssetClass = AssetClass.CRYPTO


@dataclass(frozen=True, slots=True)
class Answer:
    """A valid answer, whole. `notional` is advisory and sizes nothing."""

    action: Action
    signals_aligned: int
    timeframes_aligned: int
    reasoning: str
    notional: float


class Synthesizer(Protocol):
    """Answers one request. Never raises for what a model or a network does: that is `Synthesis.failure`."""

    async def synthesize(self, request: SynthesisRequest) -> Synthesis: ...


class Advocate(Protocol):
    """Gives a second opinion on a proposed buy. Never raises for what a model or a network does: that is ABORT."""

    async def review(self, request: SynthesisRequest, proposal: DecisionRecord) -> Advice: ...


class Counsel(Synthesizer, Advocate, Protocol):
    """Who proposes, and who speaks against it."""
