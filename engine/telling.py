"""What the engine says about itself: its state, its lines, who answers it, and what nobody waited for."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from engine.clock import Clock
from engine.events import EngineStateChanged, Event, HealthChanged, LogLine
from engine.model import EngineState

if TYPE_CHECKING:
    from engine.venue import Venue
    from engine.works import Works

log = logging.getLogger(__name__)


ACCOUNT = "account"
"""The family of endpoints that the books are read from."""


class Telling:
    """One per engine; `clock` is asked at every word, since the venue's comes only once it is open."""

    def __init__(self, publish: Callable[[Event], None], clock: Callable[[], Clock]) -> None:
        self._publish = publish
        self._clock = clock
        self.state = EngineState.STARTING
        self.counted: Counter[str] = Counter()

    def tell(self, level: str, source: str, text: str, ticker: str = "") -> None:
        self._publish(LogLine(level, source, text, self._clock().now_ms(), ticker))
        log.log({"info": logging.INFO, "warning": logging.WARNING}.get(level, logging.ERROR), "%s: %s", source, text)

    def announce(self, state: EngineState, detail: str) -> None:
        """A state that lasts is said once, unless there is something to say about it."""
        if state is self.state and state is not EngineState.STARTING and not detail:
            return
        self.state = state
        self._publish(EngineStateChanged(state, detail, self._clock().now_ms()))

    async def health(self, works: Works) -> None:
        """Venue, model, forecasts and feeds: who answers, how fast, how long ago."""
        now, down = self._clock().now_ms(), works.books.venue_down
        age, latency = last_contact(works.venue, ACCOUNT if down else "")
        self._publish(HealthChanged("okx", "down" if down else "ok", age, latency, down, now))
        status, detail = await works.synthesizer.describe()
        self._publish(HealthChanged("llm", status, None, None, detail, now))
        for beside in works.surroundings.health():
            self._publish(beside)

    def unhandled(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """The loop's last resort: what nobody waited for is told and counted, not only logged."""
        self.counted["error that nobody handled"] += 1
        text = str(context.get("message", "an error in the event loop"))
        log.error(text, exc_info=context.get("exception"))
        self.tell("error", "engine", text)

    def task_died(self, name: str, error: BaseException) -> None:
        self.counted["task died"] += 1
        log.error("task %s died", name, exc_info=error)
        self.tell("error", "engine", f"task {name} died: {type(error).__name__}: {error}")


def last_contact(venue: Venue, family: str = "") -> tuple[float | None, float | None]:
    """Wall seconds since the venue last answered, or one family of its endpoints did, and that answer's latency in ms;
    None before the first. Public data may go on coming while the account cannot be read."""
    answers = [answer for name, answer in venue.exchange.health().items() if family in ("", name)]
    if not answers:
        return None, None
    newest = max(answers, key=lambda answer: answer.last_ok)
    return venue.clock.monotonic() - newest.last_ok, newest.latency_ms
