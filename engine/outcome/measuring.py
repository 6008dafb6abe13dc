"""What is measured behind each decision: the signals' rows and the model's shadow books. It changes no decision."""

from __future__ import annotations

import logging
import sqlite3
from collections import Counter, deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from engine.clock import Clock
from engine.events import Event, LogLine, WorthMeasured
from engine.outcome.signal_log import SignalLog
from engine.outcome.worth.shadows import Shadows

if TYPE_CHECKING:
    from engine.risk.inputs import DecisionInputs

log = logging.getLogger(__name__)


class Measuring:
    """`note` hears every concluded decision and `tell`, after a cycle, measures what was noted and publishes it: an
    order never waits for a measurement, however slow the disk is."""

    def __init__(self, signals: SignalLog, shadows: Shadows, clock: Clock, publish: Callable[[Event], None]) -> None:
        self.signals = signals
        self.shadows = shadows
        self.missed: Counter[str] = Counter()
        self._clock = clock
        self._publish = publish
        self._noted: deque[DecisionInputs] = deque()

    def note(self, inputs: DecisionInputs) -> None:
        """Keeps it for later. Immediate, and never raises."""
        self._noted.append(inputs)

    async def observe(self, inputs: DecisionInputs) -> None:
        """Never raises: the decision stands and its order is sent, so that a defect here must not be told as theirs.
        What could not be measured is said, and is missing from the figures of every policy alike."""
        try:
            await self.signals.put(inputs.snapshot, inputs.gathered)
            await self.shadows.observe(inputs)
        except sqlite3.Error as error:
            self._miss(inputs.ticker, f"the database refused: {error}")
        except Exception as error:
            log.exception("measuring %s", inputs.ticker)
            self._miss(inputs.ticker, f"{type(error).__name__}: {error}")

    async def tell(self) -> None:
        """After a cycle, and once at the start, when it only reads."""
        after_a_cycle = bool(self._noted)
        await self.finish()
        try:
            now = self._clock.now_ms()
            if after_a_cycle:
                await self.shadows.tidy(now)
            self._publish(WorthMeasured(await self.shadows.measured(now), now))
        except (sqlite3.Error, ValueError) as error:
            self._miss("", f"what was measured cannot be read or tidied: {error}")

    async def finish(self) -> None:
        """Measures what was noted; a decision stays noted until it is."""
        while self._noted:
            await self.observe(self._noted[0])
            self._noted.popleft()

    def give_up(self) -> None:
        """At the end of the engine's life: what is still not measured is said."""
        for inputs in self._noted:
            self._miss(inputs.ticker, "the engine stopped before it was")
        self._noted.clear()

    def _miss(self, ticker: str, why: str) -> None:
        self.missed[ticker] += 1
        self._publish(LogLine("warning", "worth", f"not measured: {why}", self._clock.now_ms(), ticker))
