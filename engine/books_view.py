"""The books as the decision needs them: read once, then kept in step with every entry and exit."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from decimal import Decimal

from engine.exchange.errors import ExchangeError
from engine.execution.blocks import Block
from engine.execution.desk import TradingDesk
from engine.execution.latch import EntryLatch
from engine.model import AccountView, AssetClass, Halt, Instrument, Position, ProtectedPosition
from engine.outcome.history import performance_of
from engine.reasons import Reason
from engine.risk.calibration import Outcome
from engine.risk.history import outcomes_of, ticker_return_14d
from engine.risk.inputs import Controls, HeldPosition, OpenExposure
from engine.synthesis.doctrine import struggling
from engine.synthesis.port import Performance

HISTORY_TRADES = 5000
PERFORMANCE_TRADES = 500


@dataclass(slots=True)
class BooksView:
    """Account, positions and controls. None = not known yet, or no longer: then entries are blocked.

    `closing` stops entries because the engine is about to end; `observe` looks without acting.
    """

    desk: TradingDesk
    latch: EntryLatch
    instruments: dict[str, Instrument]
    account: AccountView | None = None
    positions: tuple[ProtectedPosition, ...] | None = None
    outcomes: tuple[Outcome, ...] = ()
    performance: Performance | None = None
    ticker_returns: dict[str, float] = field(default_factory=dict)
    last_closes: dict[str, int] = field(default_factory=dict)
    venue_down: str = ""
    ledger_fault: str = ""
    closing: bool = False
    observe: bool = False

    async def guard(self) -> None:
        """One pass of the guard. Positions that it could not read are unknown, not those of the last pass."""
        positions = await (self.desk.look() if self.observe else self.desk.guard_pass())
        if self.desk.unreadable:
            self.positions, self.venue_down = None, self.desk.unreadable
            return
        self.positions = positions
        if self.account is not None:
            self.venue_down = ""

    async def refresh(self) -> None:
        """Positions, account and what closed trades say. A venue that does not answer makes them unknown; a
        database that refuses makes the account unknown, and stops no decision from being told."""
        await self.guard()
        if self.positions is None:
            self.account = None
            return
        try:
            self.account = await self.desk.sync_outcomes()
            await self._read_history(self.account)
            self.venue_down = self.ledger_fault = ""
        except ExchangeError as error:
            self.positions, self.account, self.venue_down = None, None, str(error)
        except sqlite3.Error as error:
            self.account, self.ledger_fault = None, f"the books cannot be read or written: {error}"

    async def _read_history(self, account: AccountView) -> None:
        trades = await self.desk.tracker.history.closed_trades(HISTORY_TRADES)
        self.outcomes = outcomes_of(trades)
        self.performance = performance_of(trades[-PERFORMANCE_TRADES:])
        self.last_closes = {trade.ticker: trade.closed_at for trade in trades}
        self.ticker_returns = {
            instrument.ticker: ticker_return_14d(trades, instrument.ticker, account.ts)
            for instrument in self.instruments.values()
        }

    @property
    def tightened(self) -> bool:
        """The last trades are bad enough to ask for one more signal."""
        return struggling(self.performance)

    def position(self, inst_id: str) -> Position | None:
        found = (p.position for p in self.positions or () if p.position.inst_id == inst_id)
        return next(found, None)

    def held(self, inst_id: str) -> HeldPosition | None:
        position = self.position(inst_id)
        if position is None:
            return None
        return HeldPosition(position.contracts, position.entry_price, position.opened_at)

    def open_exposures(self) -> tuple[OpenExposure, ...] | None:
        if self.positions is None:
            return None
        return tuple(self._exposure(protected.position) for protected in self.positions)

    def _exposure(self, position: Position) -> OpenExposure:
        instrument = self.instruments.get(position.inst_id)
        if instrument is None:
            # A stranger's position, such as a coin-margined swap: it counts by the venue's own notional.
            notional_usd = None if position.notional_usd is None else abs(position.notional_usd)
            return OpenExposure(self.desk.shared.ticker(position.inst_id), AssetClass.CRYPTO, notional_usd)
        price = position.mark_price
        notional: Decimal | None = None if price is None else abs(instrument.notional(position.contracts, price))
        return OpenExposure(instrument.ticker, instrument.asset_class, notional)

    def open_instruments(self) -> dict[str, Instrument]:
        """Instruments with an open position, by ticker; one that this program does not know has no candles."""
        held = [self.instruments.get(p.position.inst_id) for p in self.positions or ()]
        return {instrument.ticker: instrument for instrument in held if instrument is not None}

    def controls(self, instrument: Instrument) -> Controls:
        """What a person, the guard and the reconciler say about this instrument at this moment."""
        controls, block = self.desk.controls, self.desk.blocks.of(instrument.inst_id)
        return Controls(
            kill_engaged=self.latch.engaged(),
            entries_stopped=controls.entries_stopped or self.closing,
            ticker_paused=instrument.ticker in controls.paused,
            halts=controls.halts + _other_halt(block, self.account),
            venue_down=self.venue_down or _detail(block, Reason.VENUE_UNAVAILABLE),
            ledger_mismatch=self.ledger_fault or _detail(block, Reason.LEDGER_MISMATCH),
            unknown_order=_detail(block, Reason.UNKNOWN_ORDER),
            foreign_order=_detail(block, Reason.FOREIGN_ORDER) or _detail(block, Reason.ORPHAN_BRACKET),
        )


GATED = (Reason.VENUE_UNAVAILABLE, Reason.LEDGER_MISMATCH, Reason.UNKNOWN_ORDER, Reason.FOREIGN_ORDER,
         Reason.ORPHAN_BRACKET)  # fmt: skip
"""Blocks that have a gate of their own; any other is told by the gate for halts, under its own reason."""


def _other_halt(block: Block | None, account: AccountView | None) -> tuple[Halt, ...]:
    if block is None or block.reason in GATED:
        return ()
    return (Halt(block.reason, block.detail, 0 if account is None else account.ts, "when the cause is gone"),)


def _detail(block: Block | None, reason: Reason) -> str:
    return block.detail if block is not None and block.reason is reason else ""
