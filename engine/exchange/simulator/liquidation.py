"""Liquidation: when margin no longer covers maintenance, the venue takes the position (okx.md §7).

The position closes at the mark price, never worse than the price at which its margin is used up; what is left
of an isolated margin goes to the insurance fund as the liquidation fee. A cross position pays its maintenance
margin as the fee.
"""

from __future__ import annotations

from decimal import Decimal

from engine.exchange.simulator.accounts import TAKER, liquidation_price, margin_ratio, wallet
from engine.exchange.simulator.executions import Executions
from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.ledger import book_penalty
from engine.exchange.simulator.order_desk import closing_order
from engine.exchange.simulator.params import ceil_to, floor_to
from engine.exchange.simulator.positions import money
from engine.exchange.simulator.records import Order, Position
from engine.exchange.simulator.tiers import maintenance_rate

ZERO = Decimal(0)


def due(floor: Floor, position: Position) -> bool:
    """Whether the margin ratio stands at 1 or below."""
    ratio = margin_ratio(floor, position, wallet(floor))
    return ratio is not None and ratio <= 1


def level(floor: Floor, position: Position) -> float | None:
    """The mark price that brings it about, others unchanged."""
    price = liquidation_price(floor, position)
    return None if price is None else float(price)


def liquidate(
    floor: Floor, executions: Executions, position: Position, contracts: Decimal | None = None, *, push: bool = False
) -> None:
    """Takes the position, or that much of it: its orders cancelled, closed, the fee booked, cash never below zero by
    it. The orders channel is told of it only with `push`."""
    size = position.size if contracts is None else contracts
    whole = size == position.size
    for order in list(floor.resting[position.inst_id].values()):
        executions.cancel(order, "2")
    backing = position.margin if position.mgn_mode == "isolated" else wallet(floor).cross_equity
    price = _taking_price(floor, position, backing)
    maintenance = _maintenance(floor, position)
    cash, margin = floor.account.cash, position.margin
    order = _taking_order(floor, position, size, "full_liquidation" if whole else "partial_liquidation", push)
    executions.cause = "liquidation"
    executions.trade(order, price, size, "T")
    if whole:
        left = backing + floor.account.cash - cash
        if position.mgn_mode == "cross":
            left = min(maintenance, wallet(floor).cross_equity)
        _charge(floor, position, max(ZERO, left))
    else:
        freed = margin - position.margin + floor.account.cash - cash
        _charge(floor, position, min(maintenance * size / (size + position.size), max(ZERO, freed)))
    position.outcome = "3" if whole else "4"
    floor.keep(position)


def deleverage(
    floor: Floor, executions: Executions, position: Position, contracts: Decimal, *, push: bool = False
) -> None:
    """Auto-deleveraging: that much of the position is closed at mark against somebody who went bankrupt."""
    whole = contracts == position.size
    order = _taking_order(floor, position, contracts, "adl", push)
    executions.cause = "adl"
    executions.trade(order, floor.mark(position.inst_id), contracts, "T")
    position.outcome = "6" if whole else "5"
    floor.keep(position)


def deliver(floor: Floor, executions: Executions, position: Position) -> None:
    """The contract has expired: what is open is settled at mark."""
    order = _taking_order(floor, position, position.size, "delivery", push=False)
    executions.cause = "delivered"
    executions.trade(order, floor.mark(position.inst_id), position.size, "T")


def _taking_order(floor: Floor, position: Position, contracts: Decimal, category: str, push: bool) -> Order:
    order = closing_order(floor, position, contracts)
    order.category = category
    order.silent = not push
    return order


def _maintenance(floor: Floor, position: Position) -> Decimal:
    value = position.value(floor.mark(position.inst_id))
    return value * maintenance_rate(floor.spec(position.inst_id), position.size)


def _charge(floor: Floor, position: Position, amount: Decimal) -> None:
    """The liquidation fee."""
    penalty = -money(amount)
    if penalty:
        book_penalty(floor, position, penalty)
        position.penalty += penalty


def _taking_price(floor: Floor, position: Position, backing: Decimal) -> Decimal:
    """The mark price, or the bankruptcy price where that is better for the account, on the tick grid."""
    spec, mark = floor.spec(position.inst_id), floor.mark(position.inst_id)
    amount = position.size * position.units
    if position.mgn_mode == "cross":
        backing -= position.unrealised(mark)
    edge = position.cost * position.units - backing * position.sign
    bankrupt = edge / (amount * (1 - TAKER * position.sign))
    if position.sign > 0:
        return max(mark, ceil_to(bankrupt, spec.tick_sz))
    return min(mark, floor_to(bankrupt, spec.tick_sz))
