"""What the account is worth and what it may still risk (futures mode, acctLv 2).

Cash holds everything paid in and booked: initial + realised + fees + funding. Isolated margin is cash set
aside for one position; cross positions and resting orders lean on the rest.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.records import Order, Position
from engine.exchange.simulator.specs import InstrumentSpec
from engine.exchange.simulator.tiers import maintenance_rate

ZERO = Decimal(0)
TAKER = Decimal("0.0005")
MAKER = Decimal("0.0002")


@dataclass(frozen=True, slots=True)
class Wallet:
    """USDT at one moment. `frozen` is held by resting orders; `available` may open new risk."""

    cash: Decimal
    equity: Decimal
    isolated_margin: Decimal
    isolated_unrealised: Decimal
    cross_unrealised: Decimal
    cross_imr: Decimal
    cross_mmr: Decimal
    cross_notional: Decimal
    notional: Decimal
    frozen: Decimal
    has_cross: bool

    @property
    def unrealised(self) -> Decimal:
        return self.isolated_unrealised + self.cross_unrealised

    @property
    def isolated_equity(self) -> Decimal:
        return self.isolated_margin + self.isolated_unrealised

    @property
    def cross_equity(self) -> Decimal:
        return self.cash - self.isolated_margin + self.cross_unrealised

    @property
    def free(self) -> Decimal:
        """Below zero when resting orders hold more than there is."""
        return self.cross_equity - self.cross_imr - self.frozen

    @property
    def available(self) -> Decimal:
        return max(ZERO, self.free)

    @property
    def cross_ratio(self) -> Decimal | None:
        """Equity over maintenance margin and closing fee; None without a cross position."""
        need = self.cross_mmr + self.cross_notional * TAKER
        return self.cross_equity / need if self.has_cross and need else None


def wallet(floor: Floor) -> Wallet:
    cash = floor.account.cash
    margin = isolated = cross = imr = mmr = cross_notional = notional = ZERO
    has_cross = False
    for position in floor.positions.values():
        mark = floor.mark(position.inst_id)
        value = position.value(mark)
        notional += value
        if position.mgn_mode == "isolated":
            margin += position.margin
            isolated += position.unrealised(mark)
            continue
        has_cross = True
        cross += position.unrealised(mark)
        imr += value / position.lever
        mmr += value * maintenance_rate(floor.spec(position.inst_id), position.size)
        cross_notional += value
    return Wallet(
        cash=cash,
        equity=cash + isolated + cross,
        isolated_margin=margin,
        isolated_unrealised=isolated,
        cross_unrealised=cross,
        cross_imr=imr,
        cross_mmr=mmr,
        cross_notional=cross_notional,
        notional=notional,
        frozen=frozen_by_orders(floor),
        has_cross=has_cross,
    )


def frozen_by_orders(floor: Floor) -> Decimal:
    """Margin and fees that the opening parts of resting orders hold."""
    return sum(
        (
            margin_need(floor.spec(order.inst_id), opening_part(floor, order, order.remaining), order.px, order.lever)
            for orders in floor.resting.values()
            for order in orders.values()
            if order.px is not None and not order.reduce_only
        ),
        ZERO,
    )


def margin_need(spec: InstrumentSpec, contracts: Decimal, price: Decimal, lever: Decimal) -> Decimal:
    """Margin and taker fee of opening `contracts` at `price`."""
    return contracts * spec.units * price * (1 / lever + TAKER)


def closable(floor: Floor, order: Order) -> Decimal:
    """Contracts of its own position that an order of this side reduces."""
    position = floor.position(order.inst_id, order.td_mode, order.pos_side)
    if position is None or position.sign == order.sign:
        return ZERO
    return position.size


def opening_part(floor: Floor, order: Order, contracts: Decimal) -> Decimal:
    """How much of `contracts` would open or enlarge a position."""
    return max(ZERO, contracts - closable(floor, order))


def margin_ratio(floor: Floor, position: Position, wallet_now: Wallet) -> Decimal | None:
    """(Margin + unrealised) / (maintenance margin + closing fee) at mark; liquidated at 1. Cross: the account's."""
    if position.mgn_mode == "cross":
        return wallet_now.cross_ratio
    mark = floor.mark(position.inst_id)
    rate = maintenance_rate(floor.spec(position.inst_id), position.size) + TAKER
    return (position.margin + position.unrealised(mark)) / (position.value(mark) * rate)


def liquidation_price(floor: Floor, position: Position, wallet_now: Wallet | None = None) -> Decimal | None:
    """The mark price at which the margin ratio falls to 1, others' prices as they are; None when there is none."""
    rate = maintenance_rate(floor.spec(position.inst_id), position.size) + TAKER
    cushion = position.margin
    if position.mgn_mode == "cross":
        now = wallet_now or wallet(floor)
        mark = floor.mark(position.inst_id)
        value = position.value(mark)
        own_mmr = value * (rate - TAKER)
        others = now.cross_mmr - own_mmr + (now.cross_notional - value) * TAKER
        cushion = now.cross_equity - position.unrealised(mark) - others
    per_price = position.size * position.units
    edge = position.cost * position.units - cushion * position.sign
    level = edge / (per_price * (1 - rate * position.sign))
    return level if level > 0 else None
