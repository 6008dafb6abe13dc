"""The venue's announced pauses: nothing opens from a while before one begins until it is over."""

from __future__ import annotations

from engine.clock import Clock, utc
from engine.exchange.port import MarketData
from engine.execution.blocks import ACCOUNT, Block, Blocks
from engine.model import Maintenance, MaintenanceState
from engine.reasons import Reason

SOURCE = "maintenance"
MINUTE_MS = 60_000


class MaintenanceWatch:
    """`look` asks the venue now and then; `assess` goes by what is known and costs nothing."""

    def __init__(self, exchange: MarketData, blocks: Blocks, clock: Clock, lead_minutes: float) -> None:
        """Entries stop `lead_minutes` of venue time before a window begins."""
        self._exchange = exchange
        self._blocks = blocks
        self._clock = clock
        self._lead_ms = int(lead_minutes * MINUTE_MS)
        self._windows: tuple[Maintenance, ...] = ()

    async def look(self) -> None:
        """Raises ExchangeError; what was known then still counts."""
        self._windows = await self._exchange.maintenances()

    def assess(self) -> str:
        """Why nothing may be opened now; "" when nothing is announced for the near future. Blocks entries itself."""
        now = self._clock.now_ms()
        why = next((_words(w) for w in self._windows if is_near(w, now, self._lead_ms)), "")
        self._blocks.replace(SOURCE, {ACCOUNT: Block(Reason.MAINTENANCE, why)} if why else {})
        return why


def is_near(window: Maintenance, now: int, lead_ms: int) -> bool:
    """From `lead_ms` before it begins until it ends. One that is under way lasts until the venue says otherwise,
    whatever end was announced; one without a beginning may begin at any time."""
    if window.state is not MaintenanceState.SCHEDULED:
        return window.state is MaintenanceState.ONGOING
    begun = window.begins_at is None or now >= window.begins_at - lead_ms
    over = window.ends_at is not None and now >= window.ends_at
    return begun and not over


def _words(window: Maintenance) -> str:
    begins = f"{utc(window.begins_at):%H:%M}" if window.begins_at is not None else "?"
    ends = f"{utc(window.ends_at):%H:%M}" if window.ends_at is not None else "?"
    title = f" ({window.title})" if window.title else ""
    return f"maintenance of the venue {begins} to {ends} UTC, {window.state}{title}"
