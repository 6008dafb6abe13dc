"""Funding: at an instrument's settlement every open position pays or receives value at mark × rate."""

from __future__ import annotations

from decimal import Decimal

from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.ledger import book_funding
from engine.exchange.simulator.positions import money


class FundingSchedule:
    """Knows each instrument's next settlement, so that a quiet advance need not ask the market again."""

    def __init__(self, floor: Floor) -> None:
        self._floor = floor
        self._next: dict[str, int] = {}

    def next_ms(self, inst_id: str) -> int:
        """The first settlement after now, venue ms."""
        due = self._next.get(inst_id, 0)
        if due <= self._floor.now_ms:
            view = self._floor.market.funding(inst_id, self._floor.now_ms)
            due = view.funding_time if view.funding_time > self._floor.now_ms else view.next_funding_time
            self._next[inst_id] = due
        return due

    def forget(self, inst_id: str) -> None:
        """Its schedule has changed."""
        self._next.pop(inst_id, None)

    def due(self, inst_id: str) -> bool:
        """Whether now is the settlement that `next_ms` last announced."""
        return self._next.get(inst_id) == self._floor.now_ms


def settle(floor: Floor, inst_id: str) -> bool:
    """Charges the positions of an instrument whose settlement is now. Longs pay a positive rate.

    Isolated: out of, or into, the position's margin. Returns whether anything was booked.
    """
    rate = Decimal(repr(floor.market.funding_settled(inst_id, floor.now_ms)))
    mark = floor.mark(inst_id)
    booked = False
    for position in floor.positions_of(inst_id):
        amount = money(-position.value(mark) * rate * position.sign)
        if not amount:
            continue
        book_funding(floor, position, amount)
        position.funding += amount
        position.u_time = floor.now_ms
        if position.mgn_mode == "isolated":
            position.margin += amount
        floor.keep(position)
        floor.touched.add(inst_id)
        booked = True
    return booked
