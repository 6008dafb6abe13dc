"""Cash, recomputed: the chain of bills, each fill's fee and profit, each position's sums, the account's totals."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from bench.audit.findings import Finding, Kind
from bench.audit.lives import FUNDING, ZERO, Lives, usdt_fee
from bench.audit.state import Row, State

DUST = Decimal("0.000001")
"""USDT. Money is kept in steps of 1e-10; what a division rounds off stays far below this, a cent far above."""


def cent_findings(state: State, lives: Lives) -> Iterator[Finding]:
    yield from _chain(state)
    yield from _fills(state, lives)
    yield from _totals(state)
    yield from _positions(state, lives)


def _cent(inst_id: str, what: str, told: Decimal, found: Decimal) -> Iterator[Finding]:
    if abs(told - found) > DUST:
        yield Finding(Kind.CENT, inst_id, f"{what} {told:f}, recomputed {found:f} (off by {told - found:f})")


def _chain(state: State) -> Iterator[Finding]:
    """Each bill's balance is the one before it and its own change."""
    account = state.account
    balance: Decimal = account["initial"]
    for bill in state.of("Bill"):
        name = f"bill {bill['bill_id']}:"
        yield from _cent(bill["inst_id"], f"{name} balance", bill["bal"], balance + bill["bal_chg"])
        if bill["type"] in ("2", "5", FUNDING):
            yield from _cent(bill["inst_id"], f"{name} change", bill["bal_chg"], bill["pnl"] + bill["fee"])
        balance = bill["bal"]
    yield from _cent("", "cash", account["cash"], balance)


def _fills(state: State, lives: Lives) -> Iterator[Finding]:
    """Each fill has its bill, its fee its rate, its profit its average cost; each order is the sum of its fills."""
    bills = state.rows.get("Bill", {})
    units = {row["inst_id"]: row["units"] for row in state.of("Position")}
    by_order: dict[str, Decimal] = {}
    fills = state.rows.get("Fill", {})
    for fill in state.of("Fill"):
        inst_id, name = fill["inst_id"], f"fill {fill['trade_id']}:"
        by_order[fill["ord_id"]] = by_order.get(fill["ord_id"], ZERO) + fill["sz"]
        bill = bills.get(fill["bill_id"])
        if bill is None:
            yield Finding(Kind.CENT, inst_id, f"{name} no bill {fill['bill_id']}", None, fill["ts"])
        else:
            yield from _cent(inst_id, f"{name} its bill's fee", bill["fee"], usdt_fee(fill))
            yield from _cent(inst_id, f"{name} its bill's profit", bill["pnl"], fill["pnl"])
        if fill.get("fee_ccy", "USDT") == "USDT":
            fee = fill["sz"] * units.get(inst_id, Decimal(1)) * fill["px"] * fill["fee_rate"]
            yield from _cent(inst_id, f"{name} fee", fill["fee"], fee)
        yield from _cent(inst_id, f"{name} profit", fill["pnl"], lives.after[fill["bill_id"]].profit)
    for bill in state.of("Bill"):
        if bill["trade_id"] and bill["bill_id"] not in fills:
            yield Finding(Kind.CENT, bill["inst_id"], f"bill {bill['bill_id']} tells of a trade that no fill has")
    for order in state.of("Order"):
        told, found = order["filled"], by_order.get(order["ord_id"], ZERO)
        yield from _cent(order["inst_id"], f"order {order['ord_id']}: contracts filled", told, found)


def _totals(state: State) -> Iterator[Finding]:
    """realised, fees and funding are the sums of their lines, and cash is what was paid in and all of them."""
    account, bills = state.account, state.of("Bill")
    funding = [bill for bill in bills if bill["type"] == FUNDING]
    trading = [bill for bill in bills if bill["type"] in ("2", "5")]
    other = [bill for bill in bills if bill["type"] not in ("2", "5", FUNDING)]
    yield from _cent("", "realised", account["realised"], _sum(trading, "pnl") + _sum(other, "pnl"))
    yield from _cent("", "fees", account["fees"], _sum(trading, "fee") + _sum(other, "fee"))
    yield from _cent("", "funding", account["funding"], _sum(funding, "bal_chg"))
    yield from _cent("", "cash", account["cash"], account["initial"] + _sum(bills, "bal_chg"))


def _positions(state: State, lives: Lives) -> Iterator[Finding]:
    """The venue's record of each life against the life rebuilt from its fills."""
    told: dict[tuple[str, str, str], list[Row]] = {}
    for row in state.of("Position"):
        told.setdefault((row["inst_id"], row["mgn_mode"], row["pos_side"]), []).append(row)
    for book in told.keys() | {life.book for life in lives.all}:
        rows, rebuilt = told.get(book, []), [life for life in lives.all if life.book == book]
        if len(rows) != len(rebuilt):
            what = f"{len(rows)} positions on record, {len(rebuilt)} by the fills"
            yield Finding(Kind.CENT, book[0], what)
            continue
        for row, life in zip(rows, rebuilt, strict=True):
            name = f"position {row['life_id']}:"
            yield from _cent(book[0], f"{name} contracts", row["contracts"], life.contracts)
            yield from _cent(book[0], f"{name} profit", row["pnl"], life.pnl)
            yield from _cent(book[0], f"{name} fees", row["fee"], life.fees)
            yield from _cent(book[0], f"{name} funding", row["funding"], life.funding)
            yield from _cent(book[0], f"{name} liquidation fee", row["penalty"], life.penalty)


def _sum(rows: list[Row], name: str) -> Decimal:
    return sum((row[name] for row in rows), ZERO)
