"""One ticker's bar for one policy: its position led over what the market did, then the one decision function. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from engine.clock import utc_day
from engine.model import Action, ClosedTrade, DecisionRecord, Funding, SynthesisSource
from engine.model.worth import Policy
from engine.outcome.worth.book import Book, opened
from engine.outcome.worth.position import BAR_MS, Bar, ShadowPosition, Step, close, on_bar
from engine.reasons import Reason
from engine.risk.decide import decide, forced_hold
from engine.risk.inputs import DecisionInputs
from engine.risk.setup import costs_of, spread_of


@dataclass(frozen=True, slots=True)
class Managed:
    """A book after some bars: what each UTC day earned, as a fraction of equity, and the trades that closed."""

    book: Book
    earned: Mapping[str, float]
    closed: tuple[ClosedTrade, ...]


def managed(book: Book, ticker: str, bars: tuple[Bar, ...], seen_ts: int, funding: Funding | None) -> Managed:
    """Leads the ticker's position over `bars`, which follow the bar that opened at `seen_ts`.

    Where bars are missing, what happened is unknown: the position ends at its last mark, for every policy alike.
    """
    earned: dict[str, float] = defaultdict(float)
    closed: list[ClosedTrade] = []
    expected = seen_ts + BAR_MS
    for bar in bars:
        position = book.positions.get(ticker)
        if position is None:
            break
        contiguous = bar.ts == expected
        step = on_bar(position, bar, funding) if contiguous else unseen(position, expected)
        book, share = book.holding(ticker, step.position).earning(step.earned)
        earned[utc_day(bar.ts if contiguous else expected - BAR_MS)] += share
        if step.closed is not None:
            book = book.closing(step.closed)
            closed.append(step.closed)
        expected = bar.ts + BAR_MS
    return Managed(book, dict(earned), tuple(closed))


def unseen(position: ShadowPosition, at: int) -> Step:
    """The end of a position whose bars from `at` on nobody has seen: at its last mark, with the costs of leaving."""
    return close(position, position.mark, at, Reason.CLOSED_ELSEWHERE)


def decided(book: Book, inputs: DecisionInputs, trail: float) -> tuple[Book, DecisionRecord]:
    """`inputs` are `book.inputs_of`. The very function that the engine decides by; what it says is noted, not sent."""
    record = decide(inputs)
    position = book.positions.get(inputs.ticker)
    if record.action is Action.SELL and position is not None:
        return book.holding(inputs.ticker, replace(position, leaving=True)), record
    if book.policy is Policy.MODEL:
        book = replace(book, chances=book.chances + _open(inputs))
    return (_entered(book, inputs, record, trail), record) if record.action is Action.BUY else (book, record)


def _open(inputs: DecisionInputs) -> bool:
    """It was flat, it was asked, and a BUY would have passed every gate."""
    asked = inputs.synthesis is not None and inputs.synthesis.source is not SynthesisSource.SKIPPED
    return asked and inputs.held is None and forced_hold(inputs) is None


def _entered(book: Book, inputs: DecisionInputs, record: DecisionRecord, trail: float) -> Book:
    snapshot = inputs.snapshot
    costs = costs_of(
        inputs.fees, spread_of(snapshot), inputs.slippage_pct, snapshot.funding, snapshot.taken_at,
        inputs.limits.expected_hold_ms,
    )  # fmt: skip
    assert record.sizing is not None and record.price is not None and costs is not None, "a BUY without its setup"
    position = opened(record.decision_id, inputs.instrument, record.sizing, record.price, costs, trail, record.strength)
    entered = replace(book, entries=book.entries + 1, entries_today=book.entries_today + 1)
    return entered.holding(inputs.ticker, position)
