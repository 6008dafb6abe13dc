"""Sums over the ledger, and how they are kept as one line of text."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import dataclass
from decimal import Decimal

from engine.execution.intent import text
from engine.model import Bill, BillKind

ZERO = Decimal(0)
TOTALS = "ledger_totals"
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


def totals_of(row: sqlite3.Row | None) -> Totals:
    if row is None:
        return Totals()
    return Totals(**{key: Decimal(value) for key, value in json.loads(str(row["value"])).items()})


def dumped(totals: Totals) -> str:
    return json.dumps(
        {
            "realised": text(totals.realised),
            "fees": text(totals.fees),
            "funding": text(totals.funding),
            "transfers": text(totals.transfers),
        },
        allow_nan=False,
    )
