"""The trading floor: everything the desks share. Records with their indexes, prices of the moment, ids, news."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar

from engine.exchange.simulator.altered import AlteredMarket
from engine.exchange.simulator.archive import Archive, outdated
from engine.exchange.simulator.market import BookRow, Market
from engine.exchange.simulator.okx_errors import refusal, worded
from engine.exchange.simulator.params import Params, Row, text
from engine.exchange.simulator.records import (
    Account,
    Algo,
    Bill,
    Entry,
    Fill,
    Instant,
    Naked,
    Order,
    Position,
    Record,
)
from engine.exchange.simulator.specs import InstrumentSpec
from engine.exchange.simulator.store import StateStore
from engine.exchange.simulator.world import Deed, World

FIRST_ID = 2_000_000_000_000_000_000
"""Ids are numeric strings of constant length, strictly increasing, counted from here."""

ATTACH_DELAY_MS = (5, 60)
"""Wall milliseconds between a parent order's end and the life of its attached TP/SL."""

DEFAULT_LEVERAGE = Decimal(3)

TIDY_EVERY_MS = 3_600_000

OPENING_ONLY = frozenset({"54092", "54094"})
"""These codes stop nobody from getting out."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PrivateEvent:
    """One push of a private WebSocket channel."""

    channel: str
    inst_id: str
    row: Row


def opposite(side: str) -> str:
    return "sell" if side == "buy" else "buy"


class Floor:
    """State and market of one venue. `wall_ms` reads the wall; all else runs in venue time `now_ms`."""

    def __init__(
        self, market: Market, equity: Decimal, wall_ms: Callable[[], int], store: StateStore, seed: int
    ) -> None:
        self.market = AlteredMarket(market)
        self.wall_ms = wall_ms
        self.seed = seed
        self.now_ms = market.start_ms
        self.account = Account(initial=equity, cash=equity)
        self.world = World()
        self.orders: dict[str, Order] = {}
        self.algos: dict[str, Algo] = {}
        self.lives: dict[str, Position] = {}
        self.fills: dict[str, Fill] = {}
        self.bills: dict[str, Bill] = {}
        self.entries: dict[str, Entry] = {}
        self.nakeds: dict[str, Naked] = {}
        self.positions: dict[tuple[str, str, str], Position] = {}
        self.resting: defaultdict[str, dict[str, Order]] = defaultdict(dict)
        self.armed: defaultdict[str, dict[str, Algo]] = defaultdict(dict)
        self.asleep: dict[str, Order] = {}
        self.paced: dict[str, Order] = {}
        self.by_client: dict[str, Order] = {}
        self.algo_by_client: dict[str, Algo] = {}
        self.news: list[PrivateEvent] = []
        self.touched: set[str] = set()
        self._changed: dict[tuple[type[Record], str], Record] = {}
        self._marks: dict[str, Decimal] = {}
        self._marks_at = -1
        self._store = store
        self.archive = Archive(store)
        self._tidied_ms = 0
        for instant in store.all_of(Instant):
            self._adopt(instant)
        for record in store.records():
            if outdated(record, self.now_ms):
                self.archive.gone(record)
            else:
                self._adopt(record)

    # ------------------------------------------------------------ records

    def keep(self, record: Record) -> None:
        """The record is new or has changed: indexed now, stored with the next `flush`."""
        place = (type(record), record.key)
        self._changed.pop(place, None)
        self._changed[place] = record
        self._adopt(record)

    def flush(self) -> None:
        """Stores every change and the venue's time in one transaction."""
        self._store.save([*self._changed.values(), Instant(self.now_ms)], self.wall_ms(), self.now_ms)
        self._changed.clear()
        if self.now_ms - self._tidied_ms >= TIDY_EVERY_MS:
            self._tidied_ms = self.now_ms
            self._tidy()

    def _tidy(self) -> None:
        """What has been over for long leaves memory; the file has it."""
        drawers: list[dict[str, Any]] = [
            self.orders, self.algos, self.fills, self.bills, self.entries, self.nakeds, self.lives,
        ]  # fmt: skip
        for drawer in drawers:
            for key in [key for key, record in drawer.items() if outdated(record, self.now_ms)]:
                self.archive.gone(drawer.pop(key))
        self.by_client = {name: order for name, order in self.by_client.items() if order.ord_id in self.orders}
        self.algo_by_client = {name: algo for name, algo in self.algo_by_client.items() if algo.algo_id in self.algos}

    def close(self) -> None:
        self.flush()
        self._store.close()

    def _adopt(self, record: Record) -> None:
        match record:
            case Order():
                self._index_order(record)
            case Algo():
                self._index_algo(record)
            case Position():
                self._index_position(record)
            case Fill():
                self.fills[record.key] = record
            case Bill():
                self.bills[record.key] = record
            case Entry():
                self.entries[record.key] = record
            case Naked():
                self.nakeds[record.key] = record
            case Account():
                self.account = record
            case World():
                self.world = record
                self.market.show(record)
                self._marks_at = -1
            case Instant():
                self.now_ms = record.now_ms

    def _index_order(self, order: Order) -> None:
        self.orders[order.ord_id] = order
        if order.client_id:
            newest = self.by_client.get(order.client_id)
            if newest is None or newest.ord_id <= order.ord_id:
                self.by_client[order.client_id] = order
        _file(self.resting[order.inst_id], order.ord_id, order, order.live)
        _file(self.asleep, order.ord_id, order, order.wake_wall is not None)
        _file(self.paced, order.ord_id, order, order.live and order.rest_wall is not None)

    def _index_algo(self, algo: Algo) -> None:
        self.algos[algo.algo_id] = algo
        if algo.client_id:
            newest = self.algo_by_client.get(algo.client_id)
            if newest is None or newest.algo_id <= algo.algo_id:
                self.algo_by_client[algo.client_id] = algo
        _file(self.armed[algo.inst_id], algo.algo_id, algo, algo.live)

    def _index_position(self, position: Position) -> None:
        self.lives[position.life_id] = position
        key = (position.inst_id, position.mgn_mode, position.pos_side)
        if position.contracts:
            self.positions[key] = position
        elif self.positions.get(key) is position:
            del self.positions[key]

    # ------------------------------------------------------------ ids and look-ups

    def next_id(self) -> str:
        self.account.counter += 1
        self._changed[(Account, self.account.key)] = self.account
        return str(FIRST_ID + self.account.counter)

    def attach_delay_ms(self, ord_id: str) -> int:
        """Seeded by the order, so that a restarted venue would wait as long."""
        low, high = ATTACH_DELAY_MS
        return low + zlib.crc32(f"{self.seed}:{ord_id}".encode()) % (high - low + 1)

    def spec(self, inst_id: str) -> InstrumentSpec:
        """Raises 51001."""
        found = self.market.specs.get(inst_id)
        if found is None:
            raise refusal("51001")
        return found

    def tradable(self, inst_id: str, *, reduces: bool) -> InstrumentSpec:
        """The instrument, if an order for it may be taken now. Raises 51001, 51027 once it has expired, 51022 while
        it is suspended, and what else closes it (54092, 54094: for opening only)."""
        spec = self.spec(inst_id)
        if spec.exp_time is not None and spec.exp_time <= self.now_ms:
            raise refusal("51027")
        code = self.world.closed.get(inst_id, "")
        if code and not (reduces and code in OPENING_ONLY):
            raise worded(code)
        return spec

    def note(self, kind: str, inst_id: str, detail: str) -> None:
        """Keeps what was done from outside."""
        self.keep(Deed(self.next_id(), kind, inst_id, detail, self.wall_ms(), self.now_ms))

    def spec_of(self, params: Params) -> InstrumentSpec:
        """The instrument that `instId` names. Raises 50014, 51001."""
        inst_id = text(params, "instId")
        if not inst_id:
            raise refusal("50014", name="instId")
        return self.spec(inst_id)

    def position(self, inst_id: str, mgn_mode: str, pos_side: str) -> Position | None:
        return self.positions.get((inst_id, mgn_mode, pos_side))

    def positions_of(self, inst_id: str) -> list[Position]:
        return [position for (owner, _, _), position in self.positions.items() if owner == inst_id]

    def leverage(self, inst_id: str, mgn_mode: str, pos_side: str) -> Decimal:
        """As set, else 3 (or the instrument's maximum, when that is lower)."""
        side = pos_side if mgn_mode == "isolated" else "net"
        chosen = self.account.leverage.get(f"{inst_id}|{mgn_mode}|{side}")
        return chosen or min(DEFAULT_LEVERAGE, self.spec(inst_id).max_lever)

    # ------------------------------------------------------------ prices of the moment

    def mark(self, inst_id: str) -> Decimal:
        if self._marks_at != self.now_ms:
            self._marks.clear()
            self._marks_at = self.now_ms
        if inst_id not in self._marks:
            self._marks[inst_id] = self.market.mark_price(inst_id, self.now_ms)
        return self._marks[inst_id]

    def last(self, inst_id: str) -> Decimal:
        return self.market.last_price(inst_id, self.now_ms)

    def index(self, inst_id: str) -> Decimal:
        return self.market.index_price(inst_id, self.now_ms)

    def price(self, inst_id: str, px_type: str) -> Decimal:
        """By trigger price type: last, mark or index."""
        return {"last": self.last, "mark": self.mark, "index": self.index}[px_type](inst_id)

    def levels(self, inst_id: str, side: str, depth: int) -> list[BookRow]:
        """What an order of `side` would take, best first."""
        bids, asks = self.market.book(inst_id, self.now_ms, depth)
        return asks if side == "buy" else bids

    def tell(self, channel: str, inst_id: str, row: Row) -> None:
        self.news.append(PrivateEvent(channel, inst_id, row))


def _file(drawer: dict[str, _T], key: str, record: _T, belongs: bool) -> None:
    if belongs:
        drawer[key] = record
    else:
        drawer.pop(key, None)
