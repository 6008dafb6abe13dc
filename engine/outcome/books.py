"""Fills and ledger lines, booked once each, and the trades that they make up.

A fill's key is (instrument, trade id, order id), a ledger line's its bill id: booking either again changes
nothing. Sums of the ledger are kept beside it in the same transaction, so that they can never drift apart.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from decimal import Decimal

from engine.db import Database, Transaction, Value
from engine.execution.intent import text
from engine.execution.states import HOLDING, IntentState
from engine.execution.trade_book import INSERT_TRADE
from engine.model import Bill, BillKind, ClosedPosition, ClosedTrade, Fill, Side
from engine.outcome.charges import charged, claim_charges
from engine.outcome.totals import TOTALS, Totals, dumped, totals_of
from engine.outcome.trade_fills import ADL, LIQUIDATION, ZERO, TradeFills, fills_of
from engine.reasons import Reason

OPENING_MS = 1_000  # a trade's opening may stand by our clock, its fills by the venue's


class Books:
    """Tables fills, bills and trades. Each public method is one transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def book_fills(self, fills: Iterable[Fill]) -> int:
        """The number that was new."""
        new = 0
        async with self._db.transaction() as tx:
            for fill in sorted(fills, key=lambda f: (f.ts, _rank(f.bill_id))):
                new += await self._book_fill(tx, fill)
        return new

    async def book_bills(self, bills: Iterable[Bill]) -> int:
        """The number that was new."""
        new = 0
        async with self._db.transaction() as tx:
            totals = totals_of(await tx.fetch_one("SELECT value FROM meta WHERE key = ?", (TOTALS,)))
            for bill in bills:
                if await self._book_bill(tx, bill):
                    totals = totals.plus(bill)
                    new += 1
            if new:
                await tx.execute(
                    "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    (TOTALS, dumped(totals)),
                )
        return new

    async def totals(self) -> Totals:
        return totals_of(await self._db.fetch_one("SELECT value FROM meta WHERE key = ?", (TOTALS,)))

    async def open_trades(self) -> Mapping[str, TradeFills]:
        """By instrument id."""
        async with self._db.transaction() as tx:
            rows = await tx.fetch_all("SELECT trade_id FROM trades WHERE state = 'open'")
            found = [await fills_of(tx, row["trade_id"]) for row in rows]
        return {trade.inst_id: trade for trade in found}

    async def close(self, trade: TradeFills, reason: Reason) -> ClosedTrade:
        """Closes a trade whose fills net to zero: its result, net of fees, liquidation fees and funding."""
        assert trade.ended
        assert trade.last_sell_at is not None
        entry, leave = trade.buy_value / trade.bought, trade.sell_value / trade.sold
        async with self._db.transaction() as tx:
            funding = await self._funding(tx, trade.trade_id)
            await claim_charges(tx, trade.inst_id)
            fees = trade.fees + await charged(tx, trade.trade_id)
            closed = ClosedTrade(
                trade_id=trade.trade_id, ticker=trade.ticker, inst_id=trade.inst_id, contracts=trade.bought,
                entry_price=entry, exit_price=leave, pnl=trade.pnl, fees=fees, funding=funding,
                net=trade.pnl + fees + funding, notional=trade.buy_value * trade.contract_units,
                strength=trade.strength, reason=reason, opened_at=trade.opened_at, closed_at=trade.last_sell_at,
            )  # fmt: skip
            await self._write_close(tx, closed)
        return closed

    async def close_by_venue(self, trade: TradeFills, row: ClosedPosition, reason: Reason) -> ClosedTrade:
        """Closes a trade whose fills the venue no longer tells, by the venue's own record of the position."""
        # What was realised holds the liquidation fee, which is in no other column of it.
        fees = row.realised - row.pnl - row.funding if row.liquidated else row.fee
        async with self._db.transaction() as tx:
            closed = ClosedTrade(
                trade_id=trade.trade_id, ticker=trade.ticker, inst_id=trade.inst_id, contracts=row.contracts,
                entry_price=row.entry_price, exit_price=row.exit_price, pnl=row.pnl, fees=fees,
                funding=row.funding, net=row.pnl + fees + row.funding,
                notional=row.contracts * trade.contract_units * row.entry_price, strength=trade.strength,
                reason=reason, opened_at=trade.opened_at, closed_at=row.closed_at,
            )  # fmt: skip
            await self._write_close(tx, closed)
        return closed

    # ---------------------------------------------------------------- one row each

    async def _book_fill(self, tx: Transaction, fill: Fill) -> int:
        trade_id = await self._trade_for(tx, fill)
        values: tuple[Value, ...] = (
            fill.inst_id, fill.trade_id, fill.order_id, fill.client_id, fill.bill_id, fill.side.value,
            text(fill.price), text(fill.contracts), text(fill.fee), text(fill.pnl), _forced(fill), fill.ts,
            trade_id,
        )  # fmt: skip
        marks = ", ".join("?" * len(values))
        new = await tx.execute(f"INSERT OR IGNORE INTO fills VALUES ({marks})", values)  # noqa: S608
        if new and trade_id is not None and fill.client_id:
            await self._bound(tx, fill, trade_id)
        return new

    async def _bound(self, tx: Transaction, fill: Fill, trade_id: str) -> None:
        """With its entry's fill a trade's beginning is known. What a person traded directly before it is of it as far
        as it is the same position, which the venue closes as one; what was flat again by then is theirs."""
        rows = await tx.fetch_all(
            "SELECT f.rowid AS id, f.* FROM fills f JOIN trades t ON t.trade_id = ? AND t.entry_client_id = ?"
            " WHERE f.inst_id = ? AND f.client_id <> ? AND f.ts >= ? AND f.ts <= ?"
            " AND (f.booked_to IS NULL OR f.booked_to = t.trade_id)",
            (trade_id, fill.client_id, fill.inst_id, fill.client_id, fill.ts - OPENING_MS, fill.ts),
        )
        if await tx.fetch_one(
            "SELECT 1 FROM fills WHERE client_id = ? AND NOT (trade_id = ? AND order_id = ?)",
            (fill.client_id, fill.trade_id, fill.order_id),
        ):
            return  # it began with an earlier one
        mine = (fill.ts, _rank(fill.bill_id))
        before = sorted((row["ts"], _rank(row["bill_id"]), row["id"], row) for row in rows)
        held, same = ZERO, list[int]()
        for ts, rank, row_id, row in before:
            if (ts, rank) > mine:
                continue
            held += Decimal(row["contracts"]) * (1 if row["side"] == Side.BUY.value else -1)
            same = [*same, row_id] if held > 0 else []
            await tx.execute("UPDATE fills SET booked_to = NULL WHERE rowid = ?", (row_id,))
        for row_id in same:
            await tx.execute("UPDATE fills SET booked_to = ? WHERE rowid = ?", (trade_id, row_id))

    async def _trade_for(self, tx: Transaction, fill: Fill) -> str | None:
        """The trade that a fill belongs to: the one open on its instrument, opened now if it is our entry's."""
        row = await tx.fetch_one("SELECT * FROM trades WHERE inst_id = ? AND state = 'open'", (fill.inst_id,))
        if row is not None:
            return str(row["trade_id"]) if await self._is_of(tx, fill, row) else None
        if not fill.client_id or fill.side is not Side.BUY:
            return None
        intent = await tx.fetch_one(
            "SELECT * FROM intents WHERE client_id = ? AND kind = 'entry'"
            " AND decision_id NOT IN (SELECT trade_id FROM trades)",
            (fill.client_id,),
        )
        if intent is None:
            return None
        await tx.execute(
            INSERT_TRADE,
            (intent["decision_id"], intent["ticker"], fill.inst_id, fill.client_id, intent["contract_units"],
             intent["strength"], intent["trail_pct"], intent["stop"], intent["target"], text(fill.contracts), fill.ts),
        )  # fmt: skip
        return str(intent["decision_id"])

    async def _is_of(self, tx: Transaction, fill: Fill, trade: sqlite3.Row) -> bool:
        """What was traded before it opened or after it was flat, by hand perhaps, is somebody else's, although it may
        be read in the same answer."""
        if fill.client_id == trade["entry_client_id"]:
            return True
        if fill.ts < trade["opened_at"] - OPENING_MS:
            return False
        return not (await fills_of(tx, trade["trade_id"], fill.ts)).ended

    async def _book_bill(self, tx: Transaction, bill: Bill) -> int:
        trade_id = await self._funded_trade(tx, bill) if bill.kind is BillKind.FUNDING else None
        values: tuple[Value, ...] = (
            bill.bill_id, bill.inst_id, bill.kind.value, text(bill.change), text(bill.pnl), text(bill.fee),
            text(bill.balance), bill.ts, trade_id,
        )  # fmt: skip
        new = await tx.execute("INSERT OR IGNORE INTO bills VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
        if new and bill.kind is BillKind.LIQUIDATION:
            trade_id = await claim_charges(tx, bill.inst_id)
        if new and trade_id is not None:
            await self._refund(tx, trade_id)
        return new

    async def _funded_trade(self, tx: Transaction, bill: Bill) -> str | None:
        """The trade that was open at the settlement: the position at that second decides."""
        row = await tx.fetch_one(
            "SELECT trade_id FROM trades WHERE inst_id = ? AND opened_at <= ?"
            " AND (closed_at IS NULL OR closed_at >= ?) ORDER BY opened_at DESC",
            (bill.inst_id, bill.ts, bill.ts),
        )
        return None if row is None else str(row["trade_id"])

    async def _refund(self, tx: Transaction, trade_id: str) -> None:
        """A line that came late still reaches its closed trade."""
        row = await tx.fetch_one("SELECT * FROM trades WHERE trade_id = ? AND state = 'closed'", (trade_id,))
        if row is None:
            return
        funding, fills = await self._funding(tx, trade_id), await fills_of(tx, trade_id)
        # Closed by the venue's own record, its fills missing: that record's fees hold what it charged.
        fees = fills.fees + await charged(tx, trade_id) if fills.ended else Decimal(row["fees"])
        await tx.execute(
            "UPDATE trades SET fees = ?, funding = ?, net = ? WHERE trade_id = ?",
            (text(fees), text(funding), text(Decimal(row["pnl"]) + fees + funding), trade_id),
        )

    async def _funding(self, tx: Transaction, trade_id: str) -> Decimal:
        rows = await tx.fetch_all("SELECT change FROM bills WHERE booked_to = ? AND kind = 'funding'", (trade_id,))
        return sum((Decimal(row["change"]) for row in rows), ZERO)

    async def _write_close(self, tx: Transaction, trade: ClosedTrade) -> None:
        """The trade's row, and its entry's state, together."""
        await tx.execute(
            "UPDATE trades SET state = 'closed', contracts = ?, entry_price = ?, exit_price = ?, pnl = ?, fees = ?,"
            " funding = ?, net = ?, notional = ?, reason = ?, closed_at = ? WHERE trade_id = ?",
            (text(trade.contracts), text(trade.entry_price), text(trade.exit_price), text(trade.pnl), text(trade.fees),
             text(trade.funding), text(trade.net), text(trade.notional), trade.reason.value, trade.closed_at,
             trade.trade_id),
        )  # fmt: skip
        marks = ", ".join("?" * len(HOLDING))
        await tx.execute(
            f"UPDATE intents SET state = ?, detail = ?, updated_at = ? WHERE decision_id = ? AND kind = 'entry'"  # noqa: S608
            f" AND state IN ({marks})",
            (IntentState.CLOSED.value, trade.reason.value, trade.closed_at, trade.trade_id, *sorted(HOLDING)),
        )


def _forced(fill: Fill) -> int:
    if fill.deleveraged:
        return ADL
    return LIQUIDATION if fill.liquidation else 0


def _rank(bill_id: str) -> tuple[int, str]:
    """Venue ids are numbers that grow; as text they would sort wrongly."""
    return (int(bill_id), "") if bill_id.isdigit() else (0, bill_id)
