"""What the engine looks at beside prices and positions: the venue's clock, its announced pauses, the account's set-up.

Each finding stops entries by a block of its own; none of them touches exits, brackets or the guard.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from engine.account_watch import AccountWatch
from engine.clock_watch import ClockWatch
from engine.config import Settings
from engine.exchange.errors import ExchangeError
from engine.execution.blocks import ACCOUNT, Block, Blocks
from engine.execution.desk import TradingDesk
from engine.execution.stops import Look
from engine.maintenance import MaintenanceWatch
from engine.reasons import Reason
from engine.works import Works

CLOCK_SOURCE = "clock"
WARN_MS = 2_000
BLOCK_MS = 10_000

Tell = Callable[[str, str, str], None]
"""Level, source and text."""
Read = Callable[[], Awaitable[None]]

REDUCING = (
    Reason.MAINTENANCE,
    Reason.KEY_REFUSED,
    Reason.ACCOUNT_HALTED,
    Reason.ACCOUNT_CHANGED,
    Reason.ENTRIES_PAUSED,
)
"""With these in force the engine only reduces, and says so in its state."""


class VenueWatch:
    """Used from the engine's loop."""

    def __init__(
        self,
        desk: TradingDesk,
        maintenance: MaintenanceWatch,
        account: AccountWatch,
        clock: ClockWatch,
        sync_clock: Read,
        refresh_specs: Read,
        tell: Tell,
    ) -> None:
        self._desk = desk
        self._maintenance = maintenance
        self._account = account
        self._clock = clock
        self._again: dict[Look, Read] = {
            Look.ACCOUNT: account.look,
            Look.SPECS: refresh_specs,
            Look.CLOCK: sync_clock,
        }
        self._tell = tell

    async def start(self) -> None:
        """The first look at everything; what cannot be read yet is told, and looked at again later."""
        for name, look in (("status", self.status), ("account", self.account)):
            try:
                await look()
            except ExchangeError as error:
                self._tell("warning", name, f"not read yet: {error}")

    async def status(self) -> None:
        """Raises ExchangeError."""
        try:
            await self._maintenance.look()
        finally:
            self._maintenance.assess()

    async def account(self) -> None:
        """Raises ExchangeError."""
        await self._account.look()

    async def follow_up(self) -> None:
        """Reads again what the venue's refusals, or a clock that was set, made doubtful. Raises ExchangeError of the
        first that fails."""
        self._maintenance.assess()
        looks = self._desk.stops.take_looks()
        if self._clock.doubtful():
            looks |= {Look.CLOCK}
        for look in sorted(looks):
            await self._again[look]()

    def reducing(self) -> str:
        """Why the engine only reduces; "" when it may trade."""
        halts = [(halt.reason, halt.detail) for halt in self._desk.controls.halts]
        blocks = [(block.reason, block.detail) for block in self._desk.blocks.on(ACCOUNT)]
        return next((f"{reason}: {detail}" for reason, detail in halts + blocks if reason in REDUCING), "")

    def clock_measured(self, offset_ms: int) -> None:
        judge_clock(self._desk.blocks, offset_ms, self._tell)
        self._clock.judged(offset_ms)


def watch_over(works: Works, settings: Settings, sync_clock: Read, refresh_specs: Read, tell: Tell) -> VenueWatch:
    """The watch of an engine that has opened its parts; the clock as it was measured while they were opened."""
    exchange, blocks = works.venue.exchange, works.desk.blocks
    maintenance = MaintenanceWatch(exchange, blocks, works.venue.clock, settings.trading.maintenance_lead_minutes)
    account = AccountWatch(exchange, blocks, settings.goals.mode, tell)
    clock = ClockWatch(works.venue.clock, works.venue.endpoint.clock, works.venue.offset_ms)
    if works.venue.offset_ms is not None:
        judge_clock(blocks, works.venue.offset_ms, tell)
    return VenueWatch(works.desk, maintenance, account, clock, sync_clock, refresh_specs, tell)


def judge_clock(blocks: Blocks, offset_ms: int, tell: Tell) -> None:
    """More than 2 s apart is told, more than 10 s stops entries until a later measurement finds them closer."""
    side = "behind" if offset_ms > 0 else "ahead of"
    apart = f"this machine's clock is {abs(offset_ms) / 1000:.1f} s {side} the venue's"
    found = {ACCOUNT: Block(Reason.CLOCK_SKEW, f"{apart}, limit {BLOCK_MS / 1000:.0f} s; set it")}
    blocks.replace(CLOCK_SOURCE, found if abs(offset_ms) > BLOCK_MS else {})
    if abs(offset_ms) > WARN_MS:
        tell("error" if abs(offset_ms) > BLOCK_MS else "warning", "clock", f"{apart}; set it (time synchronisation)")
