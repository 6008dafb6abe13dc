"""A model's BUY of middling confidence meets the devil's advocate before anything is sent."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from engine.model import Advice, DecisionRecord, SynthesisSource
from engine.reasons import Reason
from engine.risk.decide import decide, needs_advocate
from engine.risk.inputs import DecisionInputs


async def challenged(
    inputs: DecisionInputs,
    review: Callable[[DecisionRecord], Awaitable[Advice]],
    anew: Callable[[], DecisionInputs],
) -> DecisionRecord:
    """The decision. Where an advocate has spoken, it is decided once more by `anew()`, the books as they stand then:
    its answer takes seconds, in which a position may open or a halt fall.

    The rules' BUY has no advocate (see devils_advocate): its gate says n/a.
    """
    record = decide(inputs)
    if record.synthesis.source is not SynthesisSource.OLLAMA or not needs_advocate(record, inputs.limits):
        return record
    advice = await review(record)
    record = decide(replace(anew(), advocate_factor=advice.factor))
    why = f" ({advice.verdict}: {advice.reasoning})" if record.reason is Reason.DA_ABORT else ""
    return replace(record, advice=advice, detail=record.detail + why)
