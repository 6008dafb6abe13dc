"""What the operator and the loss limits have stopped: pauses, the stop on entries, halts. All survive a restart."""

from __future__ import annotations

from dataclasses import dataclass

from engine.clock import Clock, utc_day
from engine.db import Database
from engine.events import HaltChanged, PauseChanged
from engine.execution.gateway import Publish
from engine.model import AccountView, Halt
from engine.reasons import Reason

ENTRIES = "*"
"""The row that stops entries on every ticker."""

CONSECUTIVE_FROM = "consecutive_losses_from"
"""Meta key: losses closed before this venue time no longer count; set when a person resumes."""

MARGIN_HYSTERESIS = 0.10

UNTIL_NEXT_DAY = "on the next UTC day"
UNTIL_RESUMED = "when a person resumes entries"

_ORDER = (Reason.DAILY_LOSS, Reason.CONSECUTIVE_LOSSES, Reason.MARGIN_RATIO)


@dataclass(frozen=True, slots=True)
class HaltLimits:
    """`daily_loss_pct` in percent of the day's baseline; `min_margin_ratio` as a ratio (1.20 = 120 %)."""

    daily_loss_pct: float
    max_consecutive_losses: int
    min_margin_ratio: float


class Controls:
    """Read from memory. What stops is in force before it is written; what releases is written before it is in force."""

    def __init__(self, db: Database, clock: Clock, publish: Publish) -> None:
        self._db = db
        self._clock = clock
        self._publish = publish
        self._pauses: frozenset[str] = frozenset()
        self._halts: dict[Reason, Halt] = {}
        self._unwritten: set[Reason] = set()
        self._by = ""

    async def load(self) -> None:
        """Takes up where the last run ended."""
        self._pauses = frozenset(row["ticker"] for row in await self._db.fetch_all("SELECT ticker FROM pauses"))
        rows = await self._db.fetch_all("SELECT * FROM halts")
        self._halts = {
            Reason(r["reason"]): Halt(Reason(r["reason"]), r["detail"], r["since"], r["lifts"]) for r in rows
        }

    @property
    def paused(self) -> frozenset[str]:
        return self._pauses - {ENTRIES}

    @property
    def entries_stopped(self) -> bool:
        return ENTRIES in self._pauses

    @property
    def halts(self) -> tuple[Halt, ...]:
        """In force now, those of the account in the order of the gates, then the others as they came; a daily halt
        has no force on another UTC day."""
        today = utc_day(self._clock.now_ms())
        others = [halt for reason, halt in self._halts.items() if reason not in _ORDER]
        current = [*(self._halts[reason] for reason in _ORDER if reason in self._halts), *others]
        return tuple(h for h in current if h.reason is not Reason.DAILY_LOSS or utc_day(h.since) == today)

    async def pause(self, ticker: str, by: str) -> None:
        await self._set_pause(ticker, by)

    async def resume(self, ticker: str, by: str) -> None:
        await self._lift_pause(ticker, by)

    async def stop_entries(self, by: str) -> None:
        await self._set_pause(ENTRIES, by)

    async def resume_entries(self, by: str) -> None:
        """Lifts the stop and every halt that waits for a person. The losses so far then no longer count."""
        await self._lift_pause(ENTRIES, by)
        waiting = [reason for reason, halt in self._halts.items() if halt.lifts == UNTIL_RESUMED]
        for reason in waiting:
            if reason is Reason.CONSECUTIVE_LOSSES:
                await self._db.set_meta(CONSECUTIVE_FROM, str(self._clock.now_ms()))
            await self._lift(reason)
        if waiting:
            self._tell_halts()

    def halt_now(self, reason: Reason, detail: str) -> bool:
        """In force at once, until a person resumes entries; `keep_halts` writes it. False when it already was."""
        if reason in self._halts:
            return False
        self._halts[reason] = Halt(reason, detail, self._clock.now_ms(), UNTIL_RESUMED)
        self._unwritten.add(reason)
        self._tell_halts()
        return True

    async def keep_halts(self) -> None:
        """Writes what `halt_now` put in force, so that it survives a restart. Raises sqlite3.Error, and then tries
        again at the next call."""
        for reason in tuple(self._unwritten):
            halt = self._halts.get(reason)
            if halt is not None:
                await self._set(halt)
            self._unwritten.discard(reason)

    async def assess(self, account: AccountView, limits: HaltLimits) -> tuple[Halt, ...]:
        """Brings the halts in line with the account; those in force."""
        before = self.halts
        await self._assess_day(account, limits)
        await self._assess_losses(account, limits)
        await self._assess_margin(account, limits)
        if self.halts != before:
            self._tell_halts()
        return self.halts

    # ---------------------------------------------------------------- one halt each

    async def _assess_day(self, account: AccountView, limits: HaltLimits) -> None:
        known = self._halts.get(Reason.DAILY_LOSS)
        if known is not None and utc_day(known.since) != account.day:
            await self._lift(Reason.DAILY_LOSS)
            known = None
        if known is None and account.day_pnl_pct * 100 <= -limits.daily_loss_pct:
            detail = f"the day's result is {account.day_pnl_pct:.2%}, limit −{limits.daily_loss_pct:g} %"
            await self._set(Halt(Reason.DAILY_LOSS, detail, account.ts, UNTIL_NEXT_DAY))

    async def _assess_losses(self, account: AccountView, limits: HaltLimits) -> None:
        if Reason.CONSECUTIVE_LOSSES in self._halts or account.consecutive_losses < limits.max_consecutive_losses:
            return
        detail = f"{account.consecutive_losses} losses in a row, limit {limits.max_consecutive_losses}"
        await self._set(Halt(Reason.CONSECUTIVE_LOSSES, detail, account.ts, UNTIL_RESUMED))

    async def _assess_margin(self, account: AccountView, limits: HaltLimits) -> None:
        """Halts under the limit; releases 0.10 above it, or when nothing is open. Unknown keeps what is."""
        ratio, release = account.margin_ratio, limits.min_margin_ratio + MARGIN_HYSTERESIS
        halted = Reason.MARGIN_RATIO in self._halts
        if ratio is None:
            if halted and account.open_positions == 0:
                await self._lift(Reason.MARGIN_RATIO)
            return
        if not halted and float(ratio) < limits.min_margin_ratio:
            detail = f"margin ratio {ratio:.2f}, limit {limits.min_margin_ratio:.2f}"
            await self._set(Halt(Reason.MARGIN_RATIO, detail, account.ts, f"when the ratio reaches {release:.2f}"))
        elif halted and float(ratio) >= release:
            await self._lift(Reason.MARGIN_RATIO)

    # ---------------------------------------------------------------- rows

    async def _set(self, halt: Halt) -> None:
        self._halts[halt.reason] = halt
        await self._db.execute(
            "INSERT OR REPLACE INTO halts VALUES (?, ?, ?, ?)",
            (halt.reason.value, halt.detail, halt.since, halt.lifts),
        )

    async def _lift(self, reason: Reason) -> None:
        await self._db.execute("DELETE FROM halts WHERE reason = ?", (reason.value,))
        self._halts.pop(reason, None)

    async def _set_pause(self, ticker: str, by: str) -> None:
        now = self._clock.now_ms()
        self._pauses |= {ticker}
        self._tell_pauses(by)
        await self._db.execute("INSERT OR REPLACE INTO pauses VALUES (?, ?, ?)", (ticker, by, now))

    async def _lift_pause(self, ticker: str, by: str) -> None:
        await self._db.execute("DELETE FROM pauses WHERE ticker = ?", (ticker,))
        self._pauses -= {ticker}
        self._tell_pauses(by)

    def _tell_pauses(self, by: str) -> None:
        self._by = by
        self._publish(PauseChanged(tuple(sorted(self.paused)), self.entries_stopped, by, self._clock.now_ms()))

    def _tell_halts(self) -> None:
        self._publish(HaltChanged(self.halts, self._clock.now_ms()))
