"""What each policy answers to the same question. Pure; the random one is seeded by the decision's id."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from engine.model import Action, Synthesis, SynthesisSource
from engine.model.worth import Policy
from engine.outcome.worth.book import Book
from engine.risk.inputs import DecisionInputs
from engine.synthesis.doctrine import Doctrine
from engine.synthesis.port import SynthesisRequest
from engine.synthesis.rules import apply_rules

MIN_CHANCES = 20
"""Below this many open gates a frequency is not one yet: a first entry must not make the random policy buy always."""

NOT_ANSWERED = Synthesis(SynthesisSource.SKIPPED, Action.HOLD, None, None, "no answer", None)
ALWAYS_HOLD = Synthesis(SynthesisSource.RULES, Action.HOLD, None, None, "always HOLD", None, model="hold")


def answer(policy: Policy, inputs: DecisionInputs, book: Book, model_book: Book, doctrine: Doctrine) -> Synthesis:
    """`inputs` are the engine's own, with the answer that the engine got."""
    if policy is Policy.MODEL:
        return inputs.synthesis or NOT_ANSWERED
    if policy is Policy.HOLD:
        return ALWAYS_HOLD
    rules = _rules(inputs, inputs.ticker in book.positions, doctrine)
    if policy is Policy.RULES:
        return rules
    return _random(inputs, rules, inputs.ticker in book.positions, frequency(model_book))


def _rules(inputs: DecisionInputs, in_position: bool, doctrine: Doctrine) -> Synthesis:
    """`tightened` is what poor results do to the rules' own threshold."""
    tighter = replace(doctrine, min_signals=doctrine.min_signals + inputs.tightened)
    request = SynthesisRequest(
        ticker=inputs.ticker,
        brief=inputs.gathered.brief,
        gathered=inputs.gathered,
        in_position=in_position,
        bearish_cycles=max(0, -inputs.streak),
        performance=None,
        asset_class=inputs.instrument.asset_class,
    )
    return apply_rules(request, tighter)


def _random(inputs: DecisionInputs, rules: Synthesis, in_position: bool, probability: float) -> Synthesis:
    """Enters as often as the model does when the gates stand open, and leaves as the rules leave."""
    if in_position:
        return rules
    action = Action.BUY if draw(inputs.decision_id) < probability else Action.HOLD
    return Synthesis(SynthesisSource.RULES, action, None, None, f"drawn at {probability:.3f}", None, model="random")


def frequency(model_book: Book) -> float:
    """The model's entries for each time that it was asked, was flat and no gate stood in the way."""
    return model_book.entries / max(model_book.chances, MIN_CHANCES)


def draw(decision_id: str) -> float:
    """In [0, 1), the same for the same decision on every machine."""
    seed = int.from_bytes(hashlib.sha256(decision_id.encode()).digest()[:8])
    return float(np.random.default_rng(seed).random())
