"""An answer takes seconds: what changes meanwhile counts, also for one that was asked for late."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engine.agent import Agent, Prepared, StageTimer, skipped
from engine.clock import ManualClock
from engine.config import Settings
from engine.events import Event, StageChanged, Synthesized
from engine.model import Action, BookSignals, GateResult, Synthesis, SynthesisSource, Verdict
from engine.reasons import Reason
from engine.risk.decide import decide
from engine.risk.inputs import Controls, DecisionInputs, HeldPosition
from engine.risk.limits import RiskLimits
from engine.synthesis.port import SynthesisRequest
from tests.engine.unasked import Unasked
from tests.risk.cases import sound

BOUGHT = Synthesis(SynthesisSource.OLLAMA, Action.BUY, 15, 3, "because", None)
PAUSED = GateResult("ticker_paused", Verdict.BLOCK, None, None, None, Reason.TICKER_PAUSED, "paused")


class Books:
    """Those of `sound` inputs, with controls that a person may change."""

    def __init__(self, sound_inputs: DecisionInputs) -> None:
        self.account, self.outcomes = sound_inputs.account, sound_inputs.outcomes
        self.ticker_returns = {sound_inputs.ticker: sound_inputs.ticker_return_14d}
        self.performance, self.tightened, self.last_closes = None, False, dict[str, int]()
        self.now = Controls()
        self.position: HeldPosition | None = None

    def controls(self, _: object) -> Controls:
        return self.now

    def held(self, _: str) -> HeldPosition | None:
        return self.position

    def open_exposures(self) -> tuple[()]:
        return ()

    def open_instruments(self) -> dict[str, Any]:
        return {}


class Slow:
    """A model that buys; while it thinks, `meanwhile` happens."""

    def __init__(self, meanwhile: Any) -> None:
        self.meanwhile, self.asked = meanwhile, 0

    async def synthesize(self, _: SynthesisRequest) -> Synthesis:
        self.asked += 1
        self.meanwhile()
        return BOUGHT


def booked() -> DecisionInputs:
    """With an order book, from which an agent reads the slippage."""
    inputs = sound()
    book = BookSignals(0.1, 0.0, 0.0001, 1e6, 1e6, None, None, slippage_pct=inputs.slippage_pct)
    return replace(inputs, gathered=replace(inputs.gathered, book=book))


def agent_on(inputs: DecisionInputs, counsel: Any, books: Any, clock: ManualClock, heard: list[Event]) -> Agent:
    nobody: Any = None
    venue: Any = Unasked()
    agent = Agent(Settings(), RiskLimits(), venue, clock, nobody, counsel, books, lambda: 0, heard.append, nobody)
    assert inputs.fees is not None
    agent._fees[inputs.instrument.fee_group or inputs.instrument.inst_id] = inputs.fees
    return agent


def stopped(books: Books) -> None:
    books.now = Controls(entries_stopped=True)


def opened(books: Books) -> None:
    books.position = HeldPosition(Decimal(1), Decimal(100), 0)


@pytest.mark.parametrize(
    ("meanwhile", "reason"),
    [(stopped, Reason.ENTRIES_PAUSED), (opened, Reason.ALREADY_IN_POSITION), (lambda _: None, Reason.ENTERED)],
    ids=["a person stops entries", "a position opens", "nothing"],
)
async def test_what_happens_while_it_thinks_counts_for_an_answer_that_was_asked_for_late(
    meanwhile: Callable[[Books], None], reason: Reason
) -> None:
    inputs, heard = booked(), list[Event]()
    books, clock = Books(inputs), ManualClock(inputs.decided_at)

    def thinking() -> None:
        clock.advance(5_000)
        meanwhile(books)

    counsel, timer = Slow(thinking), StageTimer(clock)
    agent = agent_on(inputs, counsel, books, clock, heard)
    prepared = Prepared(7, "d1", inputs.snapshot, inputs.gathered, skipped(PAUSED), timer)
    answered = await agent._answered(prepared)
    assert (counsel.asked, answered.synthesis) == (1, BOUGHT)
    assert answered.decided_at == inputs.decided_at + 5_000
    assert decide(answered).reason is reason
    assert [e.synthesis for e in heard if isinstance(e, Synthesized)] == [BOUGHT]
    assert [e.stage.value for e in heard if isinstance(e, StageChanged)] == ["synthesis", "risk"]
    assert timer.stages_ms["synthesis"] == 5_000


async def test_what_is_still_forced_is_not_asked_for() -> None:
    inputs, heard = booked(), list[Event]()
    books, clock = Books(inputs), ManualClock(inputs.decided_at)
    books.now = Controls(ticker_paused=True)
    counsel = Slow(lambda: None)
    agent = agent_on(inputs, counsel, books, clock, heard)
    prepared = Prepared(7, "d1", inputs.snapshot, inputs.gathered, skipped(PAUSED), StageTimer(clock))
    answered = await agent._answered(prepared)
    assert (counsel.asked, heard) == (0, [])
    assert decide(answered).reason is Reason.TICKER_PAUSED
