"""How a fill changes a position. Average-cost accounting, exact to 1e-10 USDT."""

from __future__ import annotations

from decimal import Decimal

from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.records import Order, Position

ZERO = Decimal(0)
CENTS = Decimal("1e-10")
"""Money is booked in steps of this size, so that every sum balances exactly."""

POS_ID_MEMORY_MS = 30 * 86_400_000
"""A position id is used again when the same side reopens within 30 days."""


def money(value: Decimal) -> Decimal:
    return value.quantize(CENTS)


def enlarge(position: Position, contracts: Decimal, price: Decimal) -> None:
    """Opens or adds `contracts` at `price`; isolated margin is set aside from cash."""
    position.contracts += contracts * position.sign
    position.cost += contracts * price
    position.opened += contracts
    position.opened_value += contracts * price
    position.open_max = max(position.open_max, position.size)
    if position.mgn_mode == "isolated":
        position.margin += money(contracts * position.units * price / position.lever)


def reduce(position: Position, contracts: Decimal, price: Decimal) -> Decimal:
    """Closes `contracts` (≤ its size) at `price`; frees its share of the margin. Returns the profit in USDT."""
    share = contracts / position.size
    cost = position.cost if share == 1 else position.cost * share
    profit = money((price * contracts - cost) * position.units * position.sign)
    position.margin -= position.margin if share == 1 else money(position.margin * share)
    position.contracts -= contracts * position.sign
    position.cost -= cost
    position.closed += contracts
    position.closed_value += contracts * price
    position.pnl += profit
    position.outcome = "1" if position.contracts else "2"
    return profit


def new_position(floor: Floor, order: Order) -> Position:
    """A flat position on the side that `order` opens."""
    direction = "long" if order.side == "buy" else "short"
    spec = floor.spec(order.inst_id)
    return Position(
        life_id=floor.next_id(),
        pos_id=_pos_id(floor, f"{order.inst_id}|{order.td_mode}|{order.pos_side}|{direction}"),
        inst_id=order.inst_id,
        mgn_mode=order.td_mode,
        pos_side=order.pos_side,
        direction=direction,
        lever=floor.leverage(order.inst_id, order.td_mode, order.pos_side),
        units=spec.units,
        c_time=floor.now_ms,
        u_time=floor.now_ms,
    )


def _pos_id(floor: Floor, side: str) -> str:
    known = floor.account.pos_ids.get(side)
    if known is None or floor.now_ms - int(known[1]) > POS_ID_MEMORY_MS:
        known = [floor.next_id(), str(floor.now_ms)]
    floor.account.pos_ids[side] = [known[0], str(floor.now_ms)]
    floor.keep(floor.account)
    return known[0]
