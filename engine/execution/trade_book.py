"""Open trades and the terms under which they were opened: what the guard restores when the venue lost it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.db import Database
from engine.execution.ids import DIGEST_LENGTH, Role, bracket_id, client_id_of
from engine.execution.intent import Intent, text
from engine.model import BracketPrices

_UNJOURNALLED_ATTEMPTS = 600
"""Bracket ids from here on are given out while the database refuses, so that none is used twice."""


INSERT_TRADE = (
    "INSERT INTO trades (trade_id, ticker, inst_id, entry_client_id, state, contract_units, strength,"
    " trail_pct, stop, target, contracts, pnl, fees, funding, net, notional, opened_at)"
    " VALUES (?, ?, ?, ?, 'open', ?, ?, ?, ?, ?, ?, '0', '0', '0', '0', '0', ?)"
)


@dataclass(frozen=True, slots=True)
class OpenTrade:
    """A trade that holds a position. `prices` are its current terms: the stop only ever rises.

    `contract_units` is the base asset per contract; `trail_pct` a fraction.
    """

    trade_id: str
    ticker: str
    inst_id: str
    entry_client_id: str
    contract_units: Decimal
    prices: BracketPrices
    strength: float | None
    trail_pct: float | None
    opened_at: int


class TradeBook:
    """The `trades` table, as far as open trades go. One open trade an instrument."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._unjournalled = _UNJOURNALLED_ATTEMPTS

    async def open(self, intent: Intent, opened_at: int) -> OpenTrade:
        """Books a filled entry; a second call for the same decision changes nothing."""
        trade = trade_of(intent, opened_at)
        async with self._db.transaction() as tx:
            known = await tx.fetch_one("SELECT 1 FROM trades WHERE trade_id = ?", (trade.trade_id,))
            if known is None:
                await tx.execute(
                    INSERT_TRADE,
                    (trade.trade_id, trade.ticker, trade.inst_id, trade.entry_client_id, text(trade.contract_units),
                     trade.strength, trade.trail_pct, text(trade.prices.stop), text(trade.prices.target),
                     text(intent.filled), opened_at),
                )  # fmt: skip
        return trade

    async def claim(self, trade: OpenTrade, contracts: Decimal, price: Decimal, now_ms: int) -> None:
        """Books a position that a person opened, with one opening fill made of the venue's own facts (incident rows 6
        and 22): what was traded before is older than the claim and not of it."""
        async with self._db.transaction() as tx:
            await tx.execute(
                INSERT_TRADE,
                (trade.trade_id, trade.ticker, trade.inst_id, trade.entry_client_id, text(trade.contract_units),
                 trade.strength, trade.trail_pct, text(trade.prices.stop), text(trade.prices.target), text(contracts),
                 now_ms),
            )  # fmt: skip
            await tx.execute(
                "INSERT INTO fills VALUES (?, ?, ?, ?, '', 'buy', ?, ?, '0', '0', 0, ?, ?)",
                (trade.inst_id, trade.trade_id, trade.trade_id, trade.entry_client_id, text(price), text(contracts),
                 now_ms, trade.trade_id),
            )  # fmt: skip

    async def drop_claim(self, trade_id: str) -> None:
        """As if it had never been claimed."""
        async with self._db.transaction() as tx:
            await tx.execute("DELETE FROM fills WHERE booked_to = ? AND order_id = ?", (trade_id, trade_id))
            await tx.execute("DELETE FROM trades WHERE trade_id = ?", (trade_id,))

    async def open_trades(self) -> Mapping[str, OpenTrade]:
        """By instrument id."""
        rows = await self._db.fetch_all("SELECT * FROM trades WHERE state = 'open' ORDER BY opened_at")
        return {row["inst_id"]: _trade(row) for row in rows}

    async def ended(self, bracket_ids: Iterable[str]) -> frozenset[str]:
        """Those brackets whose trade is closed."""
        found: set[str] = set()
        for bracket in bracket_ids:
            entry = client_id_of(Role.ENTRY, bracket[-DIGEST_LENGTH:])
            row = await self._db.fetch_one(
                "SELECT 1 FROM trades WHERE entry_client_id = ? AND state = 'closed'", (entry,)
            )
            found |= {bracket} if row is not None else set()
        return frozenset(found)

    async def last_close(self, inst_id: str) -> int | None:
        """Venue ms of the latest close on the instrument, however it came about; None = never."""
        row = await self._db.fetch_one("SELECT max(closed_at) FROM trades WHERE inst_id = ?", (inst_id,))
        return None if row is None or row[0] is None else int(row[0])

    async def raise_stop(self, trade_id: str, stop: Decimal) -> None:
        """Remembers a verified, higher stop; a lower one is ignored."""
        async with self._db.transaction() as tx:
            row = await tx.fetch_one("SELECT stop FROM trades WHERE trade_id = ?", (trade_id,))
            if row is not None and Decimal(row["stop"]) < stop:
                await tx.execute("UPDATE trades SET stop = ? WHERE trade_id = ?", (text(stop), trade_id))

    async def next_bracket_id(self, trade_id: str) -> str:
        """A fresh client id for a bracket, committed before it is used; given out even when the disk refuses."""
        try:
            async with self._db.transaction() as tx:
                await tx.execute(
                    "UPDATE trades SET bracket_attempts = bracket_attempts + 1 WHERE trade_id = ?", (trade_id,)
                )
                row = await tx.fetch_one("SELECT bracket_attempts FROM trades WHERE trade_id = ?", (trade_id,))
        except sqlite3.Error:
            row = None
        if row is not None:
            return bracket_id(trade_id, int(row[0]))
        self._unjournalled += 1
        return bracket_id(trade_id, self._unjournalled)


def trade_of(intent: Intent, opened_at: int) -> OpenTrade:
    """The trade that a filled entry opens; its id is the decision's."""
    assert intent.prices is not None, "an entry always has its stop and target"
    return OpenTrade(
        trade_id=intent.decision_id,
        ticker=intent.ticker,
        inst_id=intent.inst_id,
        entry_client_id=intent.client_id,
        contract_units=intent.contract_units,
        prices=intent.prices,
        strength=intent.strength,
        trail_pct=intent.trail_pct,
        opened_at=opened_at,
    )


def _trade(row: sqlite3.Row) -> OpenTrade:
    return OpenTrade(
        trade_id=row["trade_id"],
        ticker=row["ticker"],
        inst_id=row["inst_id"],
        entry_client_id=row["entry_client_id"],
        contract_units=Decimal(row["contract_units"]),
        prices=BracketPrices(Decimal(row["stop"]), Decimal(row["target"])),
        strength=row["strength"],
        trail_pct=row["trail_pct"],
        opened_at=row["opened_at"],
    )
