"""The daily review: a finished day once, from the books as they are, and "n/a" for what they do not say."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import pytest

from engine.db import Database
from engine.events import DayReviewed, Event, LogLine
from engine.model import Action
from engine.model.review import InformationCoefficient
from engine.outcome.decision_log import DecisionLog
from engine.outcome.history import TradeHistory
from engine.outcome.measuring import Measuring
from engine.outcome.review import Reviewer, day_ms
from engine.outcome.review_text import review_lines
from engine.outcome.signal_log import SignalLog
from engine.outcome.worth.shadows import Shadows
from engine.reasons import Reason
from engine.risk.decide import decide
from engine.synthesis.doctrine import Doctrine
from tests.outcome.shadow_market import model, moment

DAY_MS = 86_400_000
TODAY = "2025-10-09"
"""The day of the shadow market's moments."""
BASELINE = "INSERT INTO baselines VALUES (?, ?, ?, '0', ?, ?, ?, ?)"
TRADE = (
    "INSERT INTO trades (trade_id, ticker, inst_id, entry_client_id, state, contract_units, stop, target, contracts,"
    " pnl, fees, funding, net, notional, reason, opened_at, closed_at)"
    " VALUES (?, ?, 'x', 'c', 'closed', '1', '1', '1', '1', '0', '0', '0', ?, '100', ?, 0, ?)"
)


@dataclass
class HandClock:
    now: int

    def now_ms(self) -> int:
        return self.now

    def speed(self) -> float:
        return 1.0

    def monotonic(self) -> float:
        return 0.0

    def wall_ms(self) -> int:
        return self.now


@dataclass
class Desk:
    db: Database
    clock: HandClock
    told: list[Event]
    measuring: Measuring
    logs: Path

    def reviewer(self) -> Reviewer:
        history = TradeHistory(self.db, self.clock)
        return Reviewer(self.db, self.measuring, history, self.clock, self.logs, self.told.append)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    told: list[Event] = []
    async with await Database.open(tmp_path / "cynosure.db") as db:
        shadows = Shadows(db, Doctrine(), 0.025, lambda _, others: dict.fromkeys(others))
        clock = HandClock(day_ms(TODAY) + DAY_MS + 120_000)
        measuring = Measuring(SignalLog(db), shadows, clock, told.append)
        yield Desk(db, clock, told, measuring, tmp_path / "logs")


async def a_day(desk: Desk) -> None:
    """Two looks at the account a day apart, two trades that day and one before it, four decisions."""
    noon = day_ms(TODAY) + DAY_MS // 2
    await desk.db.execute(BASELINE, ("total", 0, "10000", "0", "0", "0", "0"))
    await desk.db.execute(BASELINE, (TODAY, day_ms(TODAY), "10000", "5", "-1", "0", "0"))
    await desk.db.execute(BASELINE, ("2025-10-10", day_ms(TODAY) + DAY_MS, "10152.5", "60", "-3", "-0.5", "100"))
    await desk.db.execute(TRADE, ("t1", "BTC", "61.20", "TAKE_PROFIT", noon))
    await desk.db.execute(TRADE, ("t2", "XAU", "-8.70", "STOP_LOSS", noon))
    await desk.db.execute(TRADE, ("t0", "SUI", "-99", "STOP_LOSS", day_ms(TODAY) - 1))
    log = DecisionLog(desk.db, desk.logs, lambda problem: None)
    for number, streak in enumerate((3, 1, 1, 1)):
        inputs = moment(number, model(Action.BUY), streak=streak)
        await log.record(decide(inputs))
        await desk.measuring.observe(inputs)


async def test_a_finished_day_in_figures(desk: Desk) -> None:
    await a_day(desk)
    review = await desk.reviewer().due({"guard not done": 2})
    assert review is not None
    assert (review.day, review.equity, review.profit) == (TODAY, Decimal("10152.5"), Decimal("52.5"))
    assert (review.realised, review.fees, review.funding) == (Decimal(55), Decimal(-2), Decimal("-0.5"))
    assert [(t.ticker, t.net, t.reason) for t in review.trades] == [
        ("BTC", Decimal("61.20"), "TAKE_PROFIT"), ("XAU", Decimal("-8.70"), "STOP_LOSS"),
    ]  # fmt: skip
    assert review.decisions == {Reason.STREAK_TOO_SHORT: 3, Reason.ENTERED: 1}
    assert review.answers["by_model"] == 4
    assert review.signals == (), "a handful of bars says nothing about a signal"
    assert review.worth.endswith("(29 more days and 30 more trades needed)")


async def test_a_day_is_reviewed_once_and_told_everywhere(desk: Desk) -> None:
    await a_day(desk)
    assert await desk.reviewer().due({}) is not None
    assert await desk.reviewer().due({}) is None, "also by the next life of the engine"
    (event,) = [event for event in desk.told if isinstance(event, DayReviewed)]
    (line,) = (desk.logs / "reviews.jsonl").read_text().splitlines()
    assert json.loads(line)["profit"] == "52.5"
    text = (desk.logs / "review.txt").read_text()
    assert text.splitlines() == list(event.lines)
    assert text.startswith("review 2025-10-09: P&L +52.50 USDT, 0 entries, 2 trades closed, 1 won; worth ")


async def test_a_midnight_that_found_the_engine_stopped_is_made_good(desk: Desk) -> None:
    await a_day(desk)
    await desk.db.execute("DELETE FROM baselines WHERE day = '2025-10-10'")
    desk.clock.now += 3 * DAY_MS
    await desk.db.execute(BASELINE, ("2025-10-13", desk.clock.now, "9000", "0", "0", "0", "0"))
    review = await desk.reviewer().due({})
    assert review is not None
    assert review.day == TODAY
    assert (review.equity, review.profit) == (None, None), "nobody looked at the day's end"
    assert "P&L n/a USDT" in review_lines(review)[0]


async def test_a_day_that_goes_on_or_was_not_seen_has_no_review(desk: Desk) -> None:
    assert await desk.reviewer().due({}) is None
    await a_day(desk)
    desk.clock.now = day_ms(TODAY) + DAY_MS - 1
    assert await desk.reviewer().due({}) is None


async def test_a_disk_that_refuses_costs_the_file_and_not_the_review(desk: Desk) -> None:
    await a_day(desk)
    desk.logs.mkdir(exist_ok=True)
    (desk.logs / "review.txt").mkdir()
    assert await desk.reviewer().due({}) is not None
    assert any(isinstance(event, LogLine) and "review.txt" in event.text for event in desk.told)


async def test_signals_are_told_strongest_first_with_their_decay(desk: Desk) -> None:
    await a_day(desk)
    review = await desk.reviewer().due({})
    assert review is not None
    shown = (
        InformationCoefficient("weak", "1 h", 0.01, 0.4, 9_000, 700, 0.1),
        InformationCoefficient("strong", "1 h", 0.08, 4.2, 9_000, 700, 0.9),
        InformationCoefficient("strong", "4 h", -0.02, None, 8_000, 170, None),
    )
    lines = [line for line in review_lines(replace(review, signals=shown)) if line.startswith("signal ")]
    assert [line.split()[1] for line in lines] == ["strong", "weak"]
    assert "1 h IC +0.080 t +4.2 ICIR +0.90 n 9000 (700 apart); 4 h IC -0.020 t n/a" in lines[0]
