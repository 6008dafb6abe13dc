"""Positions rebuilt from fills alone: from flat to flat is one life. Average cost, no look at the venue's own sums."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from decimal import Decimal

from bench.audit.state import Row, State

ZERO = Decimal(0)
FUNDING = "8"
PENALTY = "109"
TAG, PREFIX = "cynosure", "cyn"

Book = tuple[str, str, str]
"""Instrument, margin mode, position side."""


@dataclass(slots=True)
class Life:
    """`contracts` are signed; `entries` are our orders that opened or enlarged it; money in USDT, fees negative.
    `origin` is the book that it opened in: a margin mode switched by hand moves it to another."""

    book: Book
    sign: int
    opened_ms: int
    units: Decimal
    contracts: Decimal = ZERO
    cost: Decimal = ZERO
    pnl: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    penalty: Decimal = ZERO
    entries: list[str] = field(default_factory=list)
    fills: list[Row] = field(default_factory=list)
    origin: Book = field(init=False)

    def __post_init__(self) -> None:
        self.origin = self.book

    @property
    def inst_id(self) -> str:
        return self.book[0]

    @property
    def ours(self) -> bool:
        return bool(self.entries)

    @property
    def net(self) -> Decimal:
        return self.pnl + self.fees + self.penalty + self.funding


@dataclass(frozen=True, slots=True)
class After:
    """What a fill left: the life it ended in, its signed contracts, and the profit that it must have booked."""

    life: Life
    contracts: Decimal
    profit: Decimal


@dataclass(slots=True)
class Lives:
    """`all` in order of opening, `open` by book, `after` by the fill's bill id."""

    all: list[Life] = field(default_factory=list)
    open: dict[Book, Life] = field(default_factory=dict)
    after: dict[str, After] = field(default_factory=dict)
    last: dict[str, Life] = field(default_factory=dict)


def is_ours(row: Row) -> bool:
    """An order or an algo that the engine under audit has placed, by its tag or the form of its client id."""
    return bool(row["tag"] == TAG or row["client_id"].startswith(PREFIX))


def usdt_fee(fill: Row) -> Decimal:
    """What the fill took from the cash; a fee in another coin takes nothing from it."""
    fee: Decimal = fill["fee"]
    return fee if fill.get("fee_ccy", "USDT") == "USDT" else ZERO


def rebuild(state: State) -> Lives:
    """Ledger lines in order of their ids, which fills and funding share."""
    lives = Lives()
    units = {row["inst_id"]: row["units"] for row in state.of("Position")}
    orders = state.rows.get("Order", {})
    fills = {row["bill_id"]: row for row in state.of("Fill")}
    bills = {row["bill_id"]: row for row in state.of("Bill")}
    switches = {row["deed_id"]: row for row in state.of("Deed") if switched_mode(row)}
    for bill_id in sorted(fills.keys() | bills.keys() | switches.keys()):
        if bill_id in switches:
            _switch(lives, switches[bill_id])
        elif bill_id in fills:
            fill = fills[bill_id]
            _fill(lives, fill, orders.get(fill["ord_id"]), units.get(fill["inst_id"], Decimal(1)))
        elif bills[bill_id]["type"] == FUNDING:
            _fund(lives, bills[bill_id])
        elif bills[bill_id]["sub_type"] == PENALTY and bills[bill_id]["inst_id"] in lives.last:
            lives.last[bills[bill_id]["inst_id"]].penalty += bills[bill_id]["fee"]
    return lives


def switched_mode(deed: Row) -> str:
    """The margin mode that this deed put the positions of its instrument into, "" when it did something else."""
    if deed["kind"] != "margin_mode" or "refused" in deed["detail"]:
        return ""
    mode: str = json.loads(deed["detail"])["mode"]
    return mode


def _switch(lives: Lives, deed: Row) -> None:
    for book in [book for book in lives.open if book[0] == deed["inst_id"]]:
        life = lives.open.pop(book)
        life.book = (book[0], switched_mode(deed), book[2])
        lives.open[life.book] = life


def _fill(lives: Lives, fill: Row, order: Row | None, units: Decimal) -> None:
    mode = order["td_mode"] if order is not None else "isolated"
    book: Book = (fill["inst_id"], mode, fill["pos_side"])
    sign = 1 if fill["side"] == "buy" else -1
    left: Decimal = fill["sz"]
    profit = ZERO
    life = lives.open.get(book)
    if life is not None and life.sign != sign:
        closing = min(left, abs(life.contracts))
        profit = _close(life, closing, fill["px"])
        _pay(life, fill, closing)
        left -= closing
        if not life.contracts:
            del lives.open[book]
    if left:
        life = lives.open.get(book)
        if life is None:
            life = lives.open[book] = Life(book, sign, fill["ts"], units)
            lives.all.append(life)
        life.contracts += left * sign
        life.cost += left * fill["px"]
        _pay(life, fill, left)
        if order is not None and is_ours(order) and fill["ord_id"] not in life.entries:
            life.entries.append(fill["ord_id"])
    assert life is not None
    lives.last[fill["inst_id"]] = life
    lives.after[fill["bill_id"]] = After(life, life.contracts, profit)


def _close(life: Life, contracts: Decimal, price: Decimal) -> Decimal:
    size = abs(life.contracts)
    cost = life.cost if contracts == size else life.cost * contracts / size
    profit = (price * contracts - cost) * life.units * life.sign
    life.contracts -= contracts * life.sign
    life.cost -= cost
    life.pnl += profit
    return profit


def _pay(life: Life, fill: Row, contracts: Decimal) -> None:
    """A fill that turns a position round pays for two lives, by contracts."""
    life.fees += usdt_fee(fill) * contracts / fill["sz"]
    life.fills.append(fill)


def _fund(lives: Lives, bill: Row) -> None:
    held = [life for life in lives.open.values() if life.book[:2] == (bill["inst_id"], bill["mgn_mode"])]
    chosen = [life for life in held if abs(life.contracts) == bill["sz"]] or held
    if chosen:
        chosen[0].funding += bill["bal_chg"]
