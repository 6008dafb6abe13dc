"""Take-profit and stop-loss legs: how they are read, which side of which price they belong on."""

from __future__ import annotations

from decimal import Decimal

from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.okx_errors import parameter, refusal
from engine.exchange.simulator.params import Params, choice, client_id, number, on_grid, positive
from engine.exchange.simulator.records import Attachment, Leg, Order
from engine.exchange.simulator.specs import InstrumentSpec

PX_TYPES = frozenset({"last", "mark", "index"})
MARKET_PX = Decimal(-1)

# (price type, kind of leg, side of the closing order): the refusal when the trigger price is on the wrong side
_WRONG_SIDE = {
    ("last", "tp", "buy"): "51277",
    ("last", "sl", "buy"): "51278",
    ("last", "tp", "sell"): "51279",
    ("last", "sl", "sell"): "51280",
    ("mark", "tp", "buy"): "51300",
    ("mark", "sl", "buy"): "51302",
    ("mark", "tp", "sell"): "51303",
    ("mark", "sl", "sell"): "51304",
    ("index", "tp", "buy"): "51305",
    ("index", "sl", "buy"): "51306",
    ("index", "tp", "sell"): "51307",
    ("index", "sl", "sell"): "51308",
}
# (kind, side of the entry, entry has a price): the same for TP/SL attached to an entry
_WRONG_SIDE_ATTACHED = {
    ("tp", "buy", True): "51046",
    ("sl", "buy", True): "51047",
    ("tp", "sell", True): "51048",
    ("sl", "sell", True): "51049",
    ("tp", "buy", False): "51050",
    ("sl", "buy", False): "51051",
    ("tp", "sell", False): "51052",
    ("sl", "sell", False): "51053",
}


def fires_above(kind: str, side: str) -> bool:
    """Whether a leg of a closing order of `side` waits above the market: a sell's target, a buy's stop."""
    return (kind == "tp") == (side == "sell")


def read_leg(params: Params, spec: InstrumentSpec, prefix: str, order_px: str | None = None) -> Leg | None:
    """The leg under `<prefix>TriggerPx`, `<prefix>OrdPx` (−1 = market), `<prefix>TriggerPxType`. Raises 51000."""
    trigger_name = f"{prefix}TriggerPx" if prefix else "triggerPx"
    price_name = order_px or f"{prefix}OrdPx"
    if number(params, trigger_name) is None:
        if number(params, price_name) is not None:
            raise parameter(trigger_name)
        return None
    trigger_px = positive(params, trigger_name)
    limit = number(params, price_name)
    if limit is None or (limit != MARKET_PX and limit <= 0):
        raise parameter(price_name)
    for name, price in ((trigger_name, trigger_px), (price_name, limit)):
        if not on_grid(price, spec.tick_sz) and price != MARKET_PX:
            raise parameter(name)
    px_type = choice(params, f"{trigger_name}Type", PX_TYPES, "last")
    return Leg(trigger_px, None if limit == MARKET_PX else limit, px_type)


def check_side(floor: Floor, inst_id: str, side: str, kind: str, leg: Leg | None) -> None:
    """The trigger lies ahead of the price it is compared with. Raises 51277… by price type."""
    if leg is None:
        return
    price = floor.price(inst_id, leg.px_type)
    ahead = leg.trigger_px > price if fires_above(kind, side) else leg.trigger_px < price
    if not ahead:
        raise refusal(_WRONG_SIDE[(leg.px_type, kind, side)])


def check_attached(order: Order, reference: Decimal, kind: str, leg: Leg | None) -> None:
    """The trigger lies on the right side of the entry's price. Raises 51046–51053."""
    if leg is None:
        return
    closing_side = "sell" if order.side == "buy" else "buy"
    ahead = leg.trigger_px > reference if fires_above(kind, closing_side) else leg.trigger_px < reference
    if not ahead:
        raise refusal(_WRONG_SIDE_ATTACHED[(kind, order.side, order.px is not None)])


def read_attachments(floor: Floor, params: Params, spec: InstrumentSpec) -> list[Attachment]:
    """The elements of `attachAlgoOrds`. Raises 51000, 51068."""
    elements = params.get("attachAlgoOrds") or []
    if not isinstance(elements, list):
        raise parameter("attachAlgoOrds")
    return [_attachment(floor, element, spec) for element in elements]


def _attachment(floor: Floor, params: object, spec: InstrumentSpec) -> Attachment:
    if not isinstance(params, dict):
        raise parameter("attachAlgoOrds")
    name = client_id(params, "attachAlgoClOrdId")
    known = floor.algo_by_client.get(name) if name else None
    if known is not None and known.live:
        raise refusal("51068", name="attachAlgoClOrdId")
    tp, sl = read_leg(params, spec, "tp"), read_leg(params, spec, "sl")
    if tp is None and sl is None:
        raise parameter("attachAlgoOrds")
    return Attachment(floor.next_id(), name, tp, sl, number(params, "sz"))
