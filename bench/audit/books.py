"""The home's books, as rows of its database, against what the venue did: nothing missing, nothing invented."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from bench.audit.findings import Finding, Kind
from bench.audit.lives import ZERO, Life, Lives, usdt_fee
from bench.audit.money import DUST
from bench.audit.state import Row, State

DATABASE = Path("storage") / "cynosure.db"
OPEN_ENDED = ("intended", "sent", "unknown", "accepted")
QUERIES = (
    "SELECT * FROM fills",
    "SELECT * FROM bills",
    "SELECT * FROM trades",
    "SELECT * FROM intents",
)


def book_findings(tables: list[list[Row]], state: State, lives: Lives) -> Iterator[Finding]:
    """`tables` are the rows of QUERIES."""
    fills, bills, trades, intents = tables
    since = min((row["created_at"] for row in intents), default=None)
    yield from _fills(state, lives, fills, since)
    yield from _bills(state, bills, since)
    yield from _trades(state, lives, trades)
    yield from _intents(intents)


def _fills(state: State, lives: Lives, booked: list[Row], since: int | None) -> Iterator[Finding]:
    """Every fill since the first intent must be in the books, with the same money, once."""
    books: dict[tuple[str, str], list[Row]] = {}
    for row in booked:
        books.setdefault((row["inst_id"], row["trade_id"]), []).append(row)
    for fill in state.of("Fill"):
        rows = books.pop((fill["inst_id"], fill["trade_id"]), [])
        name = f"fill {fill['trade_id']} ({fill['side']} {fill['sz']:f} at {fill['px']:f})"
        must = lives.after[fill["bill_id"]].life.ours or (since is not None and fill["ts"] >= since)
        if not rows and must:
            yield Finding(Kind.UNLOGGED, fill["inst_id"], f"{name} is not in the books", None, fill["ts"])
        if len(rows) > 1:
            yield Finding(Kind.INVENTED, fill["inst_id"], f"{name} is in the books {len(rows)} times")
        for row in rows[:1]:
            truth = {"price": fill["px"], "contracts": fill["sz"], "fee": usdt_fee(fill), "pnl": fill["pnl"]}
            for column, told in truth.items():
                if abs(Decimal(row[column]) - told) > DUST:
                    what = f"{name}: {column} {row[column]} in the books, {told:f} at the venue"
                    yield Finding(Kind.CENT, fill["inst_id"], what)
    for (inst_id, trade_id), _ in books.items():
        yield Finding(Kind.INVENTED, inst_id, f"fill {trade_id} of the books is not the venue's")


def _bills(state: State, booked: list[Row], since: int | None) -> Iterator[Finding]:
    books = {row["bill_id"]: row for row in booked}
    for bill in state.of("Bill"):
        row = books.pop(bill["bill_id"], None)
        name = f"bill {bill['bill_id']} ({bill['bal_chg']:f} USDT)"
        if row is None and since is not None and bill["ts"] >= since:
            yield Finding(Kind.UNLOGGED, bill["inst_id"], f"{name} is not in the books", None, bill["ts"])
        elif row is not None and abs(Decimal(row["change"]) - bill["bal_chg"]) > DUST:
            yield Finding(Kind.CENT, bill["inst_id"], f"{name} is {row['change']} in the books")
    for bill_id, row in books.items():
        yield Finding(Kind.INVENTED, row["inst_id"], f"bill {bill_id} of the books is not the venue's")


def _trades(state: State, lives: Lives, trades: list[Row]) -> Iterator[Finding]:
    """Each life that an entry of ours opened is one trade, open or closed as it is, with its net result."""
    orders = state.rows.get("Order", {})
    by_entry = {row["entry_client_id"]: row for row in trades}
    for life in lives.all:
        if not life.ours:
            continue
        client_id = orders[life.entries[0]]["client_id"]
        trade = by_entry.pop(client_id, None)
        if trade is None:
            what = f"the position of entry {client_id} is no trade in the books"
            yield Finding(Kind.MISMATCH, life.inst_id, what, None, life.opened_ms)
            continue
        yield from _trade(trade, life)
    for client_id, trade in by_entry.items():
        what = f"trade {trade['trade_id']} ({client_id}) has no position at the venue"
        yield Finding(Kind.INVENTED, trade["inst_id"], what)


def _trade(trade: Row, life: Life) -> Iterator[Finding]:
    is_open = trade["state"] == "open"
    if is_open != bool(life.contracts):
        what = (
            f"trade {trade['trade_id']} is {trade['state']} in the books, the venue holds {life.contracts:f} contracts"
        )
        yield Finding(Kind.MISMATCH, life.inst_id, what)
    elif not is_open:
        told = Decimal(trade["net"])
        if abs(told - life.net) > DUST:
            what = f"trade {trade['trade_id']}: net {told:f} in the books, {life.net:f} by its fills and funding"
            yield Finding(Kind.CENT, life.inst_id, what)
        if trade["contracts"] is None or Decimal(trade["contracts"]) <= ZERO:
            yield Finding(Kind.CENT, life.inst_id, f"trade {trade['trade_id']} has no contracts")


def _intents(intents: list[Row]) -> Iterator[Finding]:
    for row in intents:
        if row["state"] in OPEN_ENDED:
            what = f"{row['kind']} {row['client_id']} is still {row['state']}: {row['detail']}"
            yield Finding(Kind.UNSETTLED, row["inst_id"], what, None, row["created_at"])
