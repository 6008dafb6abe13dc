"""When other weights or another wording answer, what was measured of the ones before says nothing about them. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping

from engine.clock import utc_day
from engine.model import ClosedTrade, SynthesisSource
from engine.model.worth import Era
from engine.outcome.worth.book import Book
from engine.outcome.worth.position import BAR_MS, Bar
from engine.outcome.worth.turn import Managed, managed
from engine.risk.inputs import DecisionInputs


def begun_by(inputs: DecisionInputs, era: Era) -> Era | None:
    """What this answer begins, numbered as if it were a new era; None while `era` goes on: the same model answered, or
    none did. Weights of which nothing came back, not even text that could not be read, have answered nothing.

    An answer of the very bar at which an era began is counted to it, whoever gave it: with several questions under way
    the old weights may answer a last one after the new ones.
    """
    synthesis, bar_ts = inputs.synthesis, inputs.snapshot.bar_ts
    if synthesis is None or synthesis.source is not SynthesisSource.OLLAMA or not synthesis.model_digest:
        return None
    if synthesis.failure is not None and not synthesis.raw:
        return None
    who = (synthesis.model, synthesis.model_digest, synthesis.prompt_version)
    if era.is_of(*who) or bar_ts <= era.bar_ts:
        return None
    return Era(era.number + 1, *who, bar_ts, utc_day(inputs.decided_at))


def ended(book: Book, last_bars: Mapping[str, int]) -> Managed:
    """A book whose era is over: what is open ends at its last mark, at the end of the bar that was seen last."""
    earned: dict[str, float] = defaultdict(float)
    closed: list[ClosedTrade] = []
    for ticker in tuple(book.positions):
        led = abandoned(book, ticker, last_bars[ticker] + BAR_MS)
        book = led.book
        closed += led.closed
        for day, share in led.earned.items():
            earned[day] += share
    return Managed(book, dict(earned), tuple(closed))


def abandoned(book: Book, ticker: str, at: int) -> Managed:
    """A position whose ticker is looked at no more ends as one whose bars are missing does."""
    far = Bar(at + BAR_MS, *(book.positions[ticker].mark,) * 4)
    return managed(book, ticker, (far,), at - BAR_MS, None)
