"""Reads what the venue booked, books it here once, and names how each trade ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from engine.clock import Clock, utc_day
from engine.db import Database
from engine.events import TradeClosed
from engine.exchange.errors import ExchangeError
from engine.exchange.port import Exchange
from engine.execution.gateway import Publish
from engine.execution.ids import is_ours
from engine.execution.journal import Journal
from engine.execution.latch import LatchStatus
from engine.execution.states import Kind
from engine.model import AccountView, Balance, Bracket, BracketState, ClosedTrade, KillState, Position
from engine.outcome.account import FIRST, Baselines, Tally, account_view
from engine.outcome.books import Books
from engine.outcome.forced import ForcedCloses
from engine.outcome.history import TradeHistory
from engine.outcome.trade_fills import TradeFills
from engine.reasons import Reason

FILLS_FROM = "fills_from"
BILLS_FROM = "bills_from"
OVERLAP_MS = 600_000
FIRST_LOOK_MS = 3_600_000
CONSISTENT_TRIES = 4

FLATTENED = (KillState.FLATTENING, KillState.FLAT, KillState.FLATTEN_FAILED)


@dataclass(frozen=True, slots=True)
class SyncReport:
    new_fills: int
    new_bills: int
    closed: tuple[ClosedTrade, ...]

    @property
    def silent(self) -> bool:
        return not self.new_fills and not self.new_bills and not self.closed


class OutcomeTracker:
    """`sync` may be called at any time and any number of times: what is known is not booked again."""

    def __init__(
        self,
        db: Database,
        exchange: Exchange,
        journal: Journal,
        latch_status: Callable[[], LatchStatus],
        clock: Clock,
        publish: Publish,
    ) -> None:
        self._db = db
        self._exchange = exchange
        self._journal = journal
        self._latch_status = latch_status
        self._clock = clock
        self._publish = publish
        self._baselines = Baselines(db)
        self._lock = asyncio.Lock()
        self.books = Books(db)
        self.history = TradeHistory(db, clock)
        self.forced = ForcedCloses(db)

    async def sync(self) -> SyncReport:
        """Raises ExchangeError when the venue cannot be read; what was booked until then stays booked, and a trade
        whose end its fills tell is closed: what the ledger adds to it reaches it closed as well."""
        async with self._lock:
            fills = await self._exchange.fills(await self._cursor(FILLS_FROM))
            new_fills = await self.books.book_fills(fills)
            if fills:
                await self._advance(FILLS_FROM, fills[-1].ts)
            try:
                new_bills = await self._book_bills()
            finally:
                closed = await self._close_ended()
        return SyncReport(new_fills, new_bills, closed)

    async def _book_bills(self) -> int:
        bills = await self._exchange.bills(await self._cursor(BILLS_FROM))
        new_bills = await self.books.book_bills(bills)
        if bills:
            await self._advance(BILLS_FROM, bills[-1].ts)
        return new_bills

    async def account(self) -> AccountView:
        """Balance and ledger of the same moment, beside their baselines. Raises ExchangeError."""
        balance = await self._consistent_balance()
        positions = await self._exchange.positions()
        now = self._clock.now_ms()
        totals = await self.books.totals()
        first = await self._baselines.get_or_set(FIRST, now, balance, totals)
        day = await self._baselines.get_or_set(utc_day(now), now, balance, totals)
        tally = Tally(await self.history.entries_on(now), await self.history.consecutive_losses(), len(positions))
        if balance.margin_ratio is None:
            balance = replace(balance, margin_ratio=lowest_margin_ratio(positions))
        return account_view(balance, totals, day, first, tally, now)

    async def book(self) -> bool:
        """As `sync`; True when anything was new."""
        return not (await self.sync()).silent

    async def quantities(self) -> Mapping[str, TradeFills]:
        """Open trades by instrument id."""
        return await self.books.open_trades()

    async def close_missing(self, inst_id: str) -> ClosedTrade | None:
        """For a trade that is flat at the venue while fills are missing: the venue's own record closes it.

        None when the venue has no such record. Raises ExchangeError.
        """
        trade = (await self.books.open_trades()).get(inst_id)
        if trade is None:
            return None
        rows = await self._exchange.closed_positions(trade.opened_at)
        row = next((r for r in rows if r.inst_id == inst_id and r.closed_at >= trade.opened_at), None)
        if row is None:
            return None
        forced = Reason.DELEVERAGED if row.deleveraged else Reason.LIQUIDATED
        reason = forced if row.liquidated else Reason.CLOSED_ELSEWHERE
        closed = await self.books.close_by_venue(trade, row, reason)
        self._publish(TradeClosed(closed, self._clock.now_ms()))
        return closed

    # ---------------------------------------------------------------- reading

    async def _cursor(self, key: str) -> int:
        """From a little before the last line that was seen: lines of one moment may come in two answers."""
        known = await self._db.meta(key)
        if known is not None:
            return int(known) - OVERLAP_MS
        first = await self._db.fetch_one("SELECT min(created_at) FROM intents")
        start = self._clock.now_ms() - FIRST_LOOK_MS
        if first is not None and first[0] is not None:
            start = min(start, int(first[0]))
        await self._db.set_meta(key, str(start + OVERLAP_MS))
        return start

    async def _advance(self, key: str, ts: int) -> None:
        known = await self._db.meta(key)
        if known is None or int(known) < ts:
            await self._db.set_meta(key, str(ts))

    async def _consistent_balance(self) -> Balance:
        """A balance whose cash did not change while the ledger was read; the last one when it never rests."""
        before = await self._exchange.balance()
        for _ in range(CONSISTENT_TRIES):
            await self.sync()
            after = await self._exchange.balance()
            if after.cash == before.cash:
                return after
            before = after
        return before

    # ---------------------------------------------------------------- naming the end

    async def _close_ended(self) -> tuple[ClosedTrade, ...]:
        """Each is told as soon as it is booked: what stops at the next one must not leave a liquidation untold."""
        closed: list[ClosedTrade] = []
        for trade in (await self.books.open_trades()).values():
            if not trade.ended:
                continue
            try:
                reason = await self._reason(trade)
            except ExchangeError:
                continue
            closed.append(await self.books.close(trade, reason))
            self._publish(TradeClosed(closed[-1], self._clock.now_ms()))
        return tuple(closed)

    async def _reason(self, trade: TradeFills) -> Reason:
        """How it ended, by evidence: liquidation, our own exit, the bracket, the kill switch, or somebody else."""
        if trade.liquidated or trade.deleveraged:
            return Reason.LIQUIDATED if trade.liquidated else Reason.DELEVERAGED
        intent = await self._journal.get(trade.last_sell_client_id) if trade.last_sell_client_id else None
        if intent is not None and intent.kind is Kind.EXIT:
            return intent.reason
        fired = await self._fired_bracket(trade)
        if fired is not None and trade.last_sell_price is not None:
            reason = leg_reason(fired, trade.last_sell_price)
            return await self._trailed(trade, fired) if reason is Reason.STOP_LOSS else reason
        if self._kill_closed(trade):
            return Reason.KILL_FLATTEN
        return Reason.CLOSED_ELSEWHERE

    async def _trailed(self, trade: TradeFills, fired: Bracket) -> Reason:
        """A stop that stood above the one the trade began with had been raised behind the price."""
        entry = await self._journal.entry_of(trade.trade_id)
        first = None if entry is None or entry.prices is None else entry.prices.stop
        raised = first is not None and fired.stop is not None and fired.stop > first
        return Reason.TRAILING_STOP if raised else Reason.STOP_LOSS

    async def _fired_bracket(self, trade: TradeFills) -> Bracket | None:
        """The newest of our brackets on this instrument, since the trade opened, that triggered."""
        history = await self._exchange.bracket_history(trade.inst_id)
        slack = 1000 * max(1, round(self._clock.speed()))
        fired = (
            b for b in history
            if b.state is BracketState.TRIGGERED and is_ours(b.client_id) and b.created_at >= trade.opened_at - slack
        )  # fmt: skip
        return max(fired, key=lambda b: b.created_at, default=None)

    def _kill_closed(self, trade: TradeFills) -> bool:
        """The kill switch closes without a client id: its time, as venue time, tells it apart."""
        status = self._latch_status()
        if status.state not in FLATTENED or status.since is None or trade.last_sell_at is None:
            return False
        ago_ms = (self._clock.wall_ms() - status.since) * max(self._clock.speed(), 0.0)
        slack = 2000 * max(1, round(self._clock.speed()))
        return trade.last_sell_at >= self._clock.now_ms() - ago_ms - slack


def leg_reason(bracket: Bracket, price: Decimal) -> Reason:
    """Which leg fired: as the venue says, else the one that the fill is nearer to (they are ≥ 0.6 % apart)."""
    if bracket.triggered_leg:
        return Reason.TAKE_PROFIT if bracket.triggered_leg == "tp" else Reason.STOP_LOSS
    if bracket.stop is None or bracket.target is None:
        return Reason.STOP_LOSS if bracket.target is None else Reason.TAKE_PROFIT
    return Reason.STOP_LOSS if abs(price - bracket.stop) <= abs(price - bracket.target) else Reason.TAKE_PROFIT


def lowest_margin_ratio(positions: tuple[Position, ...]) -> Decimal | None:
    """In futures mode the venue leaves the account's ratio blank and each isolated position carries its own:
    the one nearest to liquidation counts. None when flat, or when any position's own is blank too."""
    ratios = [position.margin_ratio for position in positions]
    known = [ratio for ratio in ratios if ratio is not None]
    return min(known) if known and len(known) == len(ratios) else None
