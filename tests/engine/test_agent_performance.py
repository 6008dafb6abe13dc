"""All tickers of a cycle are asked with the same prompt, whatever closes in between."""

from __future__ import annotations

from typing import Any

from engine.agent import Agent
from engine.clock import SystemClock
from engine.config import Settings
from engine.risk.limits import RiskLimits
from engine.synthesis.port import Performance
from tests.engine.unasked import Unasked
from tests.risk.cases import sound


class Books:
    """A trade closes, and results become poor."""

    performance: Performance | None = None


def test_results_that_turn_in_the_middle_of_a_cycle_change_the_next_cycle_s_prompt() -> None:
    books: Any = Books()
    nobody: Any = None
    venue: Any = Unasked()
    agent = Agent(
        Settings(),
        RiskLimits(),
        venue,
        SystemClock(),
        nobody,
        nobody,
        books,
        lambda: 0,
        lambda _: None,
        nobody,
    )
    good, poor = Performance(30, 1.0, 0.6), Performance(31, -1.0, 0.3)
    books.performance = good
    first = agent._request(sound(cycle=7))
    books.performance = poor
    assert agent._request(sound(cycle=7)).performance is first.performance is good
    assert agent._request(sound(cycle=8)).performance is poor
