"""The venue's own book of cover: when was a position larger than what live stops protected?

Level, not edge: after every change of an instrument its position is compared with its cover. Cover counts only
live reduce-only algos on the closing side, and both legs: the smaller of what stop-losses and take-profits
close (a whole-position algo closes everything). A dormant attachment covers nothing.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.params import Row
from engine.exchange.simulator.records import Algo, Entry, Naked, Order, Position

ZERO = Decimal(0)
ORPHAN_AFTER_MS = 2_000
"""Wall milliseconds that a sweep after a close may take before a left-over algo counts as an orphan."""


def cover(floor: Floor, position: Position) -> Decimal:
    """Contracts protected by both a stop and a target, up to the position's size."""
    stops = targets = ZERO
    for algo in floor.armed[position.inst_id].values():
        if not _protects(algo, position):
            continue
        size = position.size if algo.close_all else algo.sz or ZERO
        stops += size if algo.sl else ZERO
        targets += size if algo.tp else ZERO
    return min(stops, targets, position.size)


def _protects(algo: Algo, position: Position) -> bool:
    same = algo.td_mode == position.mgn_mode and algo.pos_side == position.pos_side
    return same and algo.reduce_only and algo.sign == -position.sign


class Protection:
    """Keeps entries and naked spans of one venue; `observe` brings them up to date."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._open_naked = {naked.life_id: naked for naked in floor.nakeds.values() if naked.to_wall is None}
        self._open_entries = {
            entry.ord_id: entry
            for entry in floor.entries.values()
            if entry.covered_wall is None and entry.closed_wall is None
        }
        self._entered = {entry.client_id for entry in floor.entries.values()}

    def opened(self, order: Order, position: Position) -> None:
        """An order has opened or enlarged `position`; only its first such fill makes an entry."""
        if order.ord_id in self._floor.entries:
            return
        if order.client_id and order.client_id in self._entered:
            self._floor.account.duplicates += 1
            self._floor.keep(self._floor.account)
        self._entered.add(order.client_id)
        entry = Entry(
            ord_id=order.ord_id,
            inst_id=order.inst_id,
            pos_id=position.pos_id,
            life_id=position.life_id,
            client_id=order.client_id,
            fill_wall=self._floor.wall_ms(),
            fill_ms=self._floor.now_ms,
        )
        self._open_entries[entry.ord_id] = entry
        self._floor.keep(entry)

    def observe(self, inst_ids: set[str]) -> None:
        """Compares positions and cover of these instruments as they stand now."""
        wall = self._floor.wall_ms()
        for inst_id in inst_ids:
            naked = {
                position.life_id: position
                for position in self._floor.positions_of(inst_id)
                if position.size > cover(self._floor, position)
            }
            self._update_spans(inst_id, naked, wall)
            self._update_entries(inst_id, naked, wall)
            self._update_orphans(inst_id, wall)

    def _update_spans(self, inst_id: str, naked: dict[str, Position], wall: int) -> None:
        now = self._floor.now_ms
        for life_id, span in list(self._open_naked.items()):
            if span.inst_id == inst_id and life_id not in naked:
                span.to_wall, span.to_ms = wall, now
                del self._open_naked[life_id]
                self._floor.keep(span)
        for life_id, position in naked.items():
            if life_id not in self._open_naked:
                span = Naked(self._floor.next_id(), inst_id, position.pos_id, life_id, wall, now)
                self._open_naked[life_id] = span
                self._floor.keep(span)

    def _update_entries(self, inst_id: str, naked: dict[str, Position], wall: int) -> None:
        for entry in list(self._open_entries.values()):
            if entry.inst_id != inst_id or entry.life_id in naked:
                continue
            if self._floor.lives[entry.life_id].contracts:
                entry.covered_wall, entry.covered_ms = wall, self._floor.now_ms
            else:
                entry.closed_wall = wall
            del self._open_entries[entry.ord_id]
            self._floor.keep(entry)

    def _update_orphans(self, inst_id: str, wall: int) -> None:
        """Notes since when each reduce-only algo has nothing to reduce."""
        for algo in self._floor.armed[inst_id].values():
            position = self._floor.position(inst_id, algo.td_mode, algo.pos_side)
            flat_wall = (algo.flat_wall or wall) if algo.reduce_only and position is None else None
            if flat_wall != algo.flat_wall:
                algo.flat_wall = flat_wall
                self._floor.keep(algo)

    def orphans(self) -> list[Algo]:
        wall = self._floor.wall_ms()
        return [
            algo
            for algos in self._floor.armed.values()
            for algo in algos.values()
            if algo.flat_wall is not None and wall - algo.flat_wall > ORPHAN_AFTER_MS
        ]

    def report(self) -> dict[str, Any]:
        """The protection part of GET /sim/ledger; times in ms, durations in wall seconds."""
        wall = self._floor.wall_ms()
        return {
            "entries": [_entry_row(entry, wall) for entry in self._floor.archive.whole(Entry, self._floor.entries)],
            "naked": [_naked_row(span, wall) for span in self._floor.archive.whole(Naked, self._floor.nakeds)],
            "duplicates": self._floor.account.duplicates,
            "orphans": len(self.orphans()),
        }


def _entry_row(entry: Entry, wall: int) -> Row:
    until = entry.covered_wall or entry.closed_wall or wall
    return {
        "instId": entry.inst_id,
        "posId": entry.pos_id,
        "ordId": entry.ord_id,
        "clOrdId": entry.client_id,
        "fill_wall_ms": entry.fill_wall,
        "fill_venue_ms": entry.fill_ms,
        "covered_wall_ms": entry.covered_wall,
        "covered_venue_ms": entry.covered_ms,
        "closed_wall_ms": entry.closed_wall,
        "unprotected_s": (until - entry.fill_wall) / 1000,
    }


def _naked_row(span: Naked, wall: int) -> Row:
    until = wall if span.to_wall is None else span.to_wall
    return {
        "instId": span.inst_id,
        "posId": span.pos_id,
        "from_wall_ms": span.from_wall,
        "to_wall_ms": span.to_wall,
        "from_venue_ms": span.from_ms,
        "to_venue_ms": span.to_ms,
        "seconds": (until - span.from_wall) / 1000,
    }
