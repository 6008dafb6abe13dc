"""Reading an algo order and deciding whether the venue takes it (okx.md §9)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.legs import check_side, fires_above, read_attachments, read_leg
from engine.exchange.simulator.okx_errors import parameter, refusal
from engine.exchange.simulator.orders import MODES, SIDES, check_size, closes_by_construction, position_side
from engine.exchange.simulator.params import Params, choice, client_id, flag, number, positive, tag_of, text
from engine.exchange.simulator.records import Algo, Leg
from engine.exchange.simulator.specs import InstrumentSpec

TYPES = frozenset({"conditional", "oco", "trigger", "move_order_stop"})
SOURCES = {"conditional": "7", "oco": "7", "trigger": "6", "move_order_stop": "25"}
"""`source` of the order that an algo sends."""

_CAPS = {
    "conditional": (100, "51261"),
    "oco": (100, "51261"),
    "trigger": (500, "51299"),
    "move_order_stop": (50, "51260"),
}
CALLBACK_RANGE = (Decimal("0.001"), Decimal(1))


@dataclass(frozen=True, slots=True)
class Level:
    """A price that an algo waits for: `kind` tp, sl or trigger; fires at or beyond it, upward when `above`."""

    kind: str
    leg: Leg
    above: bool

    def crossed(self, price: float) -> bool:
        level = float(self.leg.trigger_px)
        return price >= level if self.above else price <= level


def levels(algo: Algo) -> list[Level]:
    """What a live algo waits for, the stop first: if both were crossed at once, the loss is taken."""
    found = [Level(kind, leg, fires_above(kind, algo.side)) for kind, leg in (("sl", algo.sl), ("tp", algo.tp)) if leg]
    if algo.trigger is not None:
        found.append(Level("trigger", algo.trigger, algo.trigger_above))
    return found


def read_algo(floor: Floor, params: Params) -> Algo:
    """A well-formed algo order that the venue accepts. Raises OkxError."""
    spec = floor.spec_of(params)
    ord_type = choice(params, "ordType", TYPES)
    side = choice(params, "side", SIDES)
    pos_side = position_side(floor, params)
    td_mode = choice(params, "tdMode", MODES)
    name = client_id(params, "algoClOrdId")
    known = floor.algo_by_client.get(name) if name else None
    if known is not None and known.live:
        raise refusal("51065")
    algo = Algo(
        algo_id=floor.next_id(),
        client_id=name,
        tag=tag_of(params),
        inst_id=spec.inst_id,
        td_mode=td_mode,
        side=side,
        pos_side=pos_side,
        ord_type=ord_type,
        sz=number(params, "sz"),
        close_all=bool(text(params, "closeFraction")),
        reduce_only=(flag(params, "reduceOnly") and pos_side == "net") or closes_by_construction(side, pos_side),
        cxl_on_close=flag(params, "cxlOnClosePos"),
        lever=floor.leverage(spec.inst_id, td_mode, pos_side),
        c_time=floor.now_ms,
        u_time=floor.now_ms,
    )
    floor.tradable(spec.inst_id, reduces=algo.reduce_only)
    _READERS[ord_type](floor, algo, params, spec)
    _check_size(floor, algo, params, spec)
    _check_caps(floor, algo)
    return algo


# ---------------------------------------------------------------- by type


def _read_stops(floor: Floor, algo: Algo, params: Params, spec: InstrumentSpec) -> None:
    """conditional: one leg (of two only the stop is taken); oco: both."""
    algo.tp, algo.sl = read_leg(params, spec, "tp"), read_leg(params, spec, "sl")
    if algo.ord_type == "oco":
        if algo.tp is None or algo.sl is None:
            raise parameter("tpTriggerPx" if algo.tp is None else "slTriggerPx")
    elif algo.sl is not None:
        algo.tp = None
    elif algo.tp is None:
        raise parameter("slTriggerPx")
    check_legs(floor, algo)


def check_legs(floor: Floor, algo: Algo) -> None:
    """Raises 51277… when a trigger price is already behind the market."""
    check_side(floor, algo.inst_id, algo.side, "tp", algo.tp)
    check_side(floor, algo.inst_id, algo.side, "sl", algo.sl)


def _read_trigger(floor: Floor, algo: Algo, params: Params, spec: InstrumentSpec) -> None:
    algo.trigger = read_leg(params, spec, "", "orderPx")
    if algo.trigger is None:
        raise parameter("triggerPx")
    price = floor.price(algo.inst_id, algo.trigger.px_type)
    if algo.trigger.trigger_px == price:
        raise refusal("51250")
    algo.trigger_above = algo.trigger.trigger_px > price
    algo.attachments = read_attachments(floor, params, spec)


def _read_trailing(floor: Floor, algo: Algo, params: Params, spec: InstrumentSpec) -> None:
    algo.callback_ratio, algo.callback_spread = number(params, "callbackRatio"), number(params, "callbackSpread")
    if (algo.callback_ratio is None) == (algo.callback_spread is None):
        raise parameter("callbackRatio")
    low, high = CALLBACK_RANGE
    if algo.callback_ratio is not None and not low <= algo.callback_ratio <= high:
        raise refusal("51257")
    if algo.callback_spread is not None and algo.callback_spread < spec.tick_sz:
        raise parameter("callbackSpread")
    last = floor.last(algo.inst_id)
    algo.peak_ms = floor.now_ms
    if not text(params, "activePx"):
        algo.peak = float(last)
        return
    algo.active_px = positive(params, "activePx")
    if algo.side == "sell" and algo.active_px <= last:
        raise refusal("51258")
    if algo.side == "buy" and algo.active_px >= last:
        raise refusal("51259")


_READERS = {
    "conditional": _read_stops,
    "oco": _read_stops,
    "trigger": _read_trigger,
    "move_order_stop": _read_trailing,
}


# ---------------------------------------------------------------- common checks


def _check_size(floor: Floor, algo: Algo, params: Params, spec: InstrumentSpec) -> None:
    """sz xor closeFraction; what is linked to a position needs one. Raises 51000, 51020, 51121, 51202, 51023…"""
    if (algo.sz is None) == (not algo.close_all):
        raise parameter("sz")
    if algo.sz is not None:
        if algo.sz <= 0:
            raise parameter("sz")
        check_size(spec, algo.sz, spec.max_mkt_sz, "51202")
    if algo.cxl_on_close and not algo.reduce_only:
        raise parameter("cxlOnClosePos")
    if algo.close_all:
        _check_close_all(floor, algo, params)
    linked = algo.close_all or algo.cxl_on_close
    if linked and floor.position(algo.inst_id, algo.td_mode, algo.pos_side) is None:
        raise refusal("51023")


def _check_close_all(floor: Floor, algo: Algo, params: Params) -> None:
    if algo.ord_type not in {"conditional", "oco"} or any(
        leg and leg.order_px is not None for leg in (algo.tp, algo.sl)
    ):
        raise refusal("51330")
    if number(params, "closeFraction") != 1:
        raise refusal("51332")
    if not algo.reduce_only:
        raise refusal("51328")
    for other in floor.armed[algo.inst_id].values():
        if other.close_all and (other.td_mode, other.pos_side) == (algo.td_mode, algo.pos_side):
            raise refusal("51088")


def _check_caps(floor: Floor, algo: Algo) -> None:
    limit, code = _CAPS[algo.ord_type]
    same = [other for other in floor.armed[algo.inst_id].values() if _CAPS[other.ord_type] == (limit, code)]
    if len(same) >= limit:
        raise refusal(code, limit=limit)


def find_algo(floor: Floor, params: Params) -> Algo | None:
    """By algoId, else by algoClOrdId (the newest that used it). Raises 50015 when neither is given."""
    algo_id, name = text(params, "algoId"), text(params, "algoClOrdId")
    if not algo_id and not name:
        raise refusal("50015", name="algoId", other="algoClOrdId")
    if algo_id:
        return floor.algos.get(algo_id) or floor.archive.find(Algo, "algo_id", algo_id)
    return floor.algo_by_client.get(name) or floor.archive.find(Algo, "client_id", name)
