"""What is to be done, before it is done: the row that survives a crash at any moment."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from decimal import Decimal

from engine.execution.states import IntentState, Kind
from engine.model import BracketPrices
from engine.reasons import Reason


@dataclass(frozen=True, slots=True)
class Intent:
    """One order that we mean to send, and how far it got.

    `contract_units` is the base asset per contract; `trail_pct` a fraction, frozen with the trade;
    `sent_wall_ms` is the last wall time at which it may have left; times are venue ms.
    """

    client_id: str
    kind: Kind
    decision_id: str
    attempt: int
    ticker: str
    inst_id: str
    contracts: Decimal
    reason: Reason
    created_at: int
    contract_units: Decimal = Decimal(1)
    price: Decimal | None = None
    prices: BracketPrices | None = None
    strength: float | None = None
    trail_pct: float | None = None
    state: IntentState = IntentState.INTENDED
    order_id: str = ""
    filled: Decimal = Decimal(0)
    average_price: Decimal | None = None
    unprotected_ms: float | None = None
    detail: str = ""
    updated_at: int = 0
    sent_wall_ms: int | None = None


def text(value: Decimal | None) -> str | None:
    """An exact Decimal for a TEXT column."""
    return None if value is None else format(value, "f")


def number(value: object) -> Decimal | None:
    return None if value is None else Decimal(str(value))


def intent_of(row: sqlite3.Row) -> Intent:
    stop, target = number(row["stop"]), number(row["target"])
    return Intent(
        client_id=row["client_id"],
        kind=Kind(row["kind"]),
        decision_id=row["decision_id"],
        attempt=row["attempt"],
        ticker=row["ticker"],
        inst_id=row["inst_id"],
        contracts=Decimal(row["contracts"]),
        reason=Reason(row["reason"]),
        created_at=row["created_at"],
        contract_units=Decimal(row["contract_units"]),
        price=number(row["price"]),
        prices=None if stop is None or target is None else BracketPrices(stop, target),
        strength=row["strength"],
        trail_pct=row["trail_pct"],
        state=IntentState(row["state"]),
        order_id=row["order_id"],
        filled=Decimal(row["filled"]),
        average_price=number(row["average_price"]),
        unprotected_ms=row["unprotected_ms"],
        detail=row["detail"],
        updated_at=row["updated_at"],
        sent_wall_ms=row["sent_wall_ms"],
    )
