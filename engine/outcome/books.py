"""Fills and ledger lines, booked once each, and the trades that they make up.

A fill's key is (instrument, trade id, order id), a ledger line's its bill id: booking either again changes
nothing. Sums of the ledger are kept beside it in the same transaction, so that they can never drift apart.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from engine.db import Database, Transaction, Value
from engine.execution.intent import number, text
from engine.execution.states import HOLDING, IntentState
from engine.execution.trade_book import INSERT_TRADE
from engine.model import Bill, BillKind, ClosedPosition, ClosedTrade, Fill, Side
from engine.reasons import Reason

ZERO = Decimal(0)
TOTALS = "ledger_totals"
LIQUIDATION, ADL = 1, 2  # what the column `liquidation` of a fill says; 0 = nobody forced it
FOR_EVER = 1 << 62
OPENING_MS = 1_000  # a trade's opening may stand by our clock, its fills by the venue's
TRADING = (BillKind.TRADE, BillKind.LIQUIDATION, BillKind.ADL)


@dataclass(frozen=True, slots=True)
class Totals:
    """Sums over every booked ledger line, in USDT. Fees are negative when paid; `transfers` moved in (+) or out (−)."""

    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    transfers: Decimal = ZERO

    def plus(self, bill: Bill) -> Totals:
        if bill.kind in TRADING:
            # A liquidation fee carries neither profit nor fee of its own: its change is the charge.
            fee = bill.fee if bill.pnl or bill.fee else bill.change
            return Totals(self.realised + bill.pnl, self.fees + fee, self.funding, self.transfers)
        if bill.kind is BillKind.FUNDING:
            return Totals(self.realised, self.fees, self.funding + bill.change, self.transfers)
        if bill.kind is BillKind.TRANSFER:
            return Totals(self.realised, self.fees, self.funding, self.transfers + bill.change)
        return Totals(self.realised, self.fees + bill.change, self.funding, self.transfers)

    def minus(self, other: Totals) -> Totals:
        return Totals(
            self.realised - other.realised,
            self.fees - other.fees,
            self.funding - other.funding,
            self.transfers - other.transfers,
        )


@dataclass(frozen=True, slots=True)
class TradeFills:
    """An open trade's executions: signed quantity in contracts, money in USDT."""

    trade_id: str
    ticker: str
    inst_id: str
    contract_units: Decimal
    strength: float | None
    opened_at: int
    opened: Decimal
    bought: Decimal
    sold: Decimal
    buy_value: Decimal
    sell_value: Decimal
    pnl: Decimal
    fees: Decimal
    liquidated: bool
    deleveraged: bool
    last_sell_price: Decimal | None
    last_sell_client_id: str
    last_sell_at: int | None

    @property
    def quantity(self) -> Decimal:
        return self.bought - self.sold

    @property
    def ended(self) -> bool:
        """Flat, or turned into a short by one order of a stranger, which is a position of theirs."""
        turned = self.quantity < 0 and self.bought >= self.opened > 0
        return self.bought > 0 and (self.quantity == 0 or turned)


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
            totals = _totals(await tx.fetch_one("SELECT value FROM meta WHERE key = ?", (TOTALS,)))
            for bill in bills:
                if await self._book_bill(tx, bill):
                    totals = totals.plus(bill)
                    new += 1
            if new:
                await tx.execute(
                    "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    (TOTALS, _dump(totals)),
                )
        return new

    async def totals(self) -> Totals:
        return _totals(await self._db.fetch_one("SELECT value FROM meta WHERE key = ?", (TOTALS,)))

    async def open_trades(self) -> Mapping[str, TradeFills]:
        """By instrument id."""
        async with self._db.transaction() as tx:
            rows = await tx.fetch_all("SELECT trade_id FROM trades WHERE state = 'open'")
            found = [await self._fills_of(tx, row["trade_id"]) for row in rows]
        return {trade.inst_id: trade for trade in found}

    async def close(self, trade: TradeFills, reason: Reason) -> ClosedTrade:
        """Closes a trade whose fills net to zero: its result, net of fees and funding."""
        assert trade.ended
        assert trade.last_sell_at is not None
        entry, leave = trade.buy_value / trade.bought, trade.sell_value / trade.sold
        async with self._db.transaction() as tx:
            funding = await self._funding(tx, trade.trade_id)
            closed = ClosedTrade(
                trade_id=trade.trade_id, ticker=trade.ticker, inst_id=trade.inst_id, contracts=trade.bought,
                entry_price=entry, exit_price=leave, pnl=trade.pnl, fees=trade.fees, funding=funding,
                net=trade.pnl + trade.fees + funding, notional=trade.buy_value * trade.contract_units,
                strength=trade.strength, reason=reason, opened_at=trade.opened_at, closed_at=trade.last_sell_at,
            )  # fmt: skip
            await self._write_close(tx, closed)
        return closed

    async def close_by_venue(self, trade: TradeFills, row: ClosedPosition, reason: Reason) -> ClosedTrade:
        """Closes a trade whose fills the venue no longer tells, by the venue's own record of the position."""
        async with self._db.transaction() as tx:
            closed = ClosedTrade(
                trade_id=trade.trade_id, ticker=trade.ticker, inst_id=trade.inst_id, contracts=row.contracts,
                entry_price=row.entry_price, exit_price=row.exit_price, pnl=row.pnl, fees=row.fee,
                funding=row.funding, net=row.pnl + row.fee + row.funding,
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
        return await tx.execute(f"INSERT OR IGNORE INTO fills VALUES ({marks})", values)  # noqa: S608

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
        return not (await self._fills_of(tx, trade["trade_id"], fill.ts)).ended

    async def _book_bill(self, tx: Transaction, bill: Bill) -> int:
        trade_id = await self._funded_trade(tx, bill) if bill.kind is BillKind.FUNDING else None
        values: tuple[Value, ...] = (
            bill.bill_id, bill.inst_id, bill.kind.value, text(bill.change), text(bill.pnl), text(bill.fee),
            text(bill.balance), bill.ts, trade_id,
        )  # fmt: skip
        new = await tx.execute("INSERT OR IGNORE INTO bills VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values)
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
        """A funding line that came late still reaches its closed trade."""
        row = await tx.fetch_one("SELECT * FROM trades WHERE trade_id = ? AND state = 'closed'", (trade_id,))
        if row is None:
            return
        funding = await self._funding(tx, trade_id)
        net = Decimal(row["pnl"]) + Decimal(row["fees"]) + funding
        await tx.execute(
            "UPDATE trades SET funding = ?, net = ? WHERE trade_id = ?", (text(funding), text(net), trade_id)
        )

    async def _funding(self, tx: Transaction, trade_id: str) -> Decimal:
        rows = await tx.fetch_all("SELECT change FROM bills WHERE booked_to = ? AND kind = 'funding'", (trade_id,))
        return sum((Decimal(row["change"]) for row in rows), ZERO)

    async def _fills_of(self, tx: Transaction, trade_id: str, until: int = FOR_EVER) -> TradeFills:
        trade = await tx.fetch_one("SELECT * FROM trades WHERE trade_id = ?", (trade_id,))
        assert trade is not None
        rows = await tx.fetch_all(
            "SELECT * FROM fills WHERE booked_to = ? AND ts <= ? ORDER BY ts, rowid", (trade_id, until)
        )
        buys = [row for row in rows if row["side"] == Side.BUY.value]
        sells = [row for row in rows if row["side"] == Side.SELL.value]
        last = sells[-1] if sells else None
        bought, sold = _sum(buys, "contracts"), _sum(sells, "contracts")
        # What a last sell closed beyond the trade is not of it, and neither is its share of the fee.
        beyond = ZERO
        if last is not None and sold > bought >= Decimal(trade["contracts"]) > 0:
            beyond = Decimal(last["fee"]) * min(Decimal(1), (sold - bought) / Decimal(last["contracts"]))
        return TradeFills(
            trade_id=trade_id,
            ticker=trade["ticker"],
            inst_id=trade["inst_id"],
            contract_units=Decimal(trade["contract_units"]),
            strength=trade["strength"],
            opened_at=trade["opened_at"],
            opened=Decimal(trade["contracts"]),
            bought=bought,
            sold=sold,
            buy_value=sum((Decimal(r["contracts"]) * Decimal(r["price"]) for r in buys), ZERO),
            sell_value=sum((Decimal(r["contracts"]) * Decimal(r["price"]) for r in sells), ZERO),
            pnl=_sum(rows, "pnl"),
            fees=_sum(rows, "fee") - beyond,
            liquidated=any(r["liquidation"] == LIQUIDATION for r in sells),
            deleveraged=any(r["liquidation"] == ADL for r in sells),
            last_sell_price=number(last["price"]) if last else None,
            last_sell_client_id=last["client_id"] if last else "",
            last_sell_at=last["ts"] if last else None,
        )

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


def _sum(rows: Iterable[sqlite3.Row], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), ZERO)


def _forced(fill: Fill) -> int:
    if fill.deleveraged:
        return ADL
    return LIQUIDATION if fill.liquidation else 0


def _rank(bill_id: str) -> tuple[int, str]:
    """Venue ids are numbers that grow; as text they would sort wrongly."""
    return (int(bill_id), "") if bill_id.isdigit() else (0, bill_id)


def _totals(row: sqlite3.Row | None) -> Totals:
    if row is None:
        return Totals()
    return Totals(**{key: Decimal(value) for key, value in json.loads(str(row["value"])).items()})


def _dump(totals: Totals) -> str:
    return json.dumps(
        {
            "realised": text(totals.realised),
            "fees": text(totals.fees),
            "funding": text(totals.funding),
            "transfers": text(totals.transfers),
        },
        allow_nan=False,
    )
