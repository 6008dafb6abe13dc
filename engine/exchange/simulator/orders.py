"""Reading an order and deciding whether the venue takes it (okx.md §8)."""

from __future__ import annotations

from decimal import Decimal

from engine.exchange.simulator.accounts import closable, margin_need, opening_part, wallet
from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.legs import check_attached, read_attachments
from engine.exchange.simulator.okx_errors import parameter, refusal
from engine.exchange.simulator.params import (
    Params,
    ceil_to,
    choice,
    client_id,
    flag,
    floor_to,
    on_grid,
    plain,
    positive,
    tag_of,
    text,
)
from engine.exchange.simulator.records import Order
from engine.exchange.simulator.specs import InstrumentSpec
from engine.exchange.simulator.tiers import max_contracts

ZERO = Decimal(0)
PRICE_BAND = Decimal("0.05")
"""Limit prices stay within this fraction of the mark price."""

MAX_RESTING = 500
MARKET_TYPES = frozenset({"market", "optimal_limit_ioc"})
LIMIT_TYPES = frozenset({"limit", "post_only", "fok", "ioc"})
MODES = frozenset({"isolated", "cross"})
SIDES = frozenset({"buy", "sell"})


def position_side(floor: Floor, params: Params) -> str:
    """`posSide` as the position mode wants it: "net", or long/short in hedge mode. Raises 51000."""
    if floor.account.pos_mode == "net_mode":
        return choice(params, "posSide", frozenset({"net"}), "net")
    return choice(params, "posSide", frozenset({"long", "short"}))


def closes_by_construction(side: str, pos_side: str) -> bool:
    """Hedge mode: selling a long or buying a short can only close."""
    return (side, pos_side) in {("sell", "long"), ("buy", "short")}


def check_size(spec: InstrumentSpec, contracts: Decimal, cap: Decimal, too_large: str) -> None:
    """Minimum, lot and cap. Raises 51020, 51121 or `too_large`."""
    if contracts < spec.min_sz:
        raise refusal("51020")
    if not on_grid(contracts, spec.lot_sz):
        raise refusal("51121", lot=plain(spec.lot_sz))
    if contracts > cap:
        raise refusal(too_large, limit=plain(cap))


def read_order(floor: Floor, params: Params) -> Order:
    """A well-formed order, not yet admitted. Raises OkxError."""
    spec = floor.spec_of(params)
    td_mode = choice(params, "tdMode", MODES)
    side = choice(params, "side", SIDES)
    ord_type = choice(params, "ordType", MARKET_TYPES | LIMIT_TYPES)
    pos_side = position_side(floor, params)
    contracts = positive(params, "sz")
    price = positive(params, "px") if ord_type in LIMIT_TYPES else None
    check_order_size(spec, ord_type, contracts)
    if price is not None and not on_grid(price, spec.tick_sz):
        raise parameter("px")
    name = client_id(params, "clOrdId")
    check_free(floor, name)
    reduce_only = flag(params, "reduceOnly") and pos_side == "net"
    tag = tag_of(params)
    attachments = read_attachments(floor, params, spec)
    return Order(
        ord_id=floor.next_id(),
        client_id=name,
        tag=tag,
        inst_id=spec.inst_id,
        td_mode=td_mode,
        side=side,
        pos_side=pos_side,
        ord_type=ord_type,
        sz=contracts,
        px=price,
        reduce_only=reduce_only or closes_by_construction(side, pos_side),
        lever=floor.leverage(spec.inst_id, td_mode, pos_side),
        c_time=floor.now_ms,
        u_time=floor.now_ms,
        attachments=attachments,
    )


def check_order_size(spec: InstrumentSpec, ord_type: str, contracts: Decimal) -> None:
    if ord_type in MARKET_TYPES:
        check_size(spec, contracts, spec.max_mkt_sz, "51202")
    else:
        check_size(spec, contracts, spec.max_lmt_sz, "51101")


def check_free(floor: Floor, name: str) -> None:
    """A client id is taken only while its order lives: afterwards it is accepted again. Raises 51016."""
    known = floor.by_client.get(name) if name else None
    if known is not None and known.live:
        raise refusal("51016")


def price_band(floor: Floor, spec: InstrumentSpec) -> tuple[Decimal, Decimal]:
    """(highest price to buy at, lowest price to sell at)."""
    mark = floor.mark(spec.inst_id)
    return floor_to(mark * (1 + PRICE_BAND), spec.tick_sz), ceil_to(mark * (1 - PRICE_BAND), spec.tick_sz)


def admit(floor: Floor, order: Order) -> None:
    """What the venue checks before an order may enter: price band, position, tier, margin, attached prices."""
    spec = floor.tradable(order.inst_id, reduces=order.reduce_only)
    check_price(floor, spec, order)
    if order.reduce_only:
        check_reducing(floor, order)
    best = next(iter(floor.levels(order.inst_id, order.side, 1)), None)
    if best is None and order.px is None:
        raise refusal("51109")
    reference = order.px or (best.price if best else floor.last(order.inst_id))
    check_affordable(floor, order, reference)
    for attachment in order.attachments:
        check_attached(order, reference, "tp", attachment.tp)
        check_attached(order, reference, "sl", attachment.sl)
    if len(floor.resting[order.inst_id]) >= MAX_RESTING:
        raise refusal("51174", inst_id=order.inst_id, limit=MAX_RESTING)


def check_price(floor: Floor, spec: InstrumentSpec, order: Order) -> None:
    """Raises 51006, 51203."""
    if order.px is None:
        return
    highest, lowest = price_band(floor, spec)
    if order.px > highest if order.side == "buy" else order.px < lowest:
        raise refusal("51006", buy=plain(highest), sell=plain(lowest))
    if order.sz * spec.units * order.px > spec.max_lmt_amt:
        raise refusal("51203", limit=plain(spec.max_lmt_amt))


def check_reducing(floor: Floor, order: Order) -> None:
    """Raises 51169 (no position), 51170 (same direction), 51112 (more than there is), 51333 (with TP/SL)."""
    position = floor.position(order.inst_id, order.td_mode, order.pos_side)
    if order.attachments:
        raise refusal("51333")
    if position is None:
        raise refusal("51169")
    if position.sign == order.sign:
        raise refusal("51170")
    if order.remaining > position.size:
        raise refusal("51112", available=plain(position.size))


def check_affordable(floor: Floor, order: Order, price: Decimal) -> None:
    """Raises 51004 beyond the tier of the leverage, 51008 beyond the margin."""
    opening = ZERO if order.reduce_only else opening_part(floor, order, order.remaining)
    if not opening:
        return
    spec = floor.spec(order.inst_id)
    position = floor.position(order.inst_id, order.td_mode, order.pos_side)
    kept = position.size if position and not closable(floor, order) else ZERO
    limit = max_contracts(spec, order.lever)
    if kept + opening > limit:
        raise refusal("51004", inst_id=spec.inst_id, limit=plain(limit), lever=plain(order.lever))
    if margin_need(spec, opening, price, order.lever) > wallet(floor).available:
        raise refusal("51008", ccy="USDT")


def find_order(floor: Floor, params: Params) -> Order | None:
    """By ordId, else by clOrdId (the newest that used it). Raises 51003 when neither is given."""
    ord_id, name, inst_id = text(params, "ordId"), text(params, "clOrdId"), text(params, "instId")
    if not ord_id and not name:
        raise refusal("51003")
    if ord_id:
        found = floor.orders.get(ord_id) or floor.archive.find(Order, "ord_id", ord_id)
    else:
        found = floor.by_client.get(name) or floor.archive.find(Order, "client_id", name)
    return found if found is not None and found.inst_id == inst_id else None
