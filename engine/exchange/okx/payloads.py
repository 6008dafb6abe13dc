"""What goes into a write, as data. Pure; golden-tested over mode × open/close × side.

Rules (OKX v5; incident rows 15, 17, 19, 25, 32): margin is always isolated; only what closes or covers a position
that somebody has moved to another margin mode names that mode. In net mode posSide is left
out and everything that closes is reduce-only; in hedge mode posSide says which position is meant and
reduceOnly would be ignored, so it is left out. A closing order never carries an attached bracket.
A bracket executes at market on both legs. The stop triggers on the mark price, so that a wick in the last
price cannot take it; the target triggers on the last price, because a touch that really traded is the
profit that was asked for, and because recorded candles (the backtest's evidence) are last prices.
`expTime` would protect against late duplicates, but the SDK cannot send headers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from engine.exchange.port import BracketRequest
from engine.model import ISOLATED, BracketPrices, OrderRequest, OrderType, Side
from engine.rounding import plain

Payload = dict[str, Any]

MARGIN_MODE = ISOLATED
AT_MARKET = "-1"
STOP_TRIGGER = "mark"
TARGET_TRIGGER = "last"
CANCELS_PER_CALL = 10
CLIENT_ID_LENGTH = 32
TAG_LENGTH = 16
DEAD_MAN_SHORTEST_S, DEAD_MAN_LONGEST_S = 10, 120


def order_payload(request: OrderRequest, net_mode: bool = True) -> Payload:
    """place_order's arguments. Raises AssertionError on a request that OKX would misread."""
    _check_order(request)
    payload: Payload = {
        "instId": request.inst_id,
        "tdMode": request.margin_mode,
        "side": request.side.value,
        "ordType": request.order_type.value,
        "sz": plain(request.contracts),
        "clOrdId": request.client_id,
    }
    payload |= {"tag": request.tag} if request.tag else {}
    payload |= {"px": plain(request.price)} if request.price is not None else {}
    payload |= _position_keys(request.side, request.reduce_only, net_mode)
    if request.bracket is not None:
        payload["attachAlgoOrds"] = [_attached(request.bracket, request.bracket_client_id)]
    return payload


def bracket_payload(request: BracketRequest, net_mode: bool = True) -> Payload:
    """place_algo_order's arguments for an OCO that closes a long and dies with it."""
    _check_id("client_id", request.client_id)
    assert request.contracts > 0, f"a bracket covers > 0 contracts, got {request.contracts}"
    return {
        "instId": request.inst_id,
        "tdMode": request.margin_mode,
        "side": Side.SELL.value,
        "ordType": "oco",
        "sz": plain(request.contracts),
        "algoClOrdId": request.client_id,
        **_legs(request.prices),
        **_position_keys(Side.SELL, True, net_mode),
        **({"cxlOnClosePos": True} if net_mode else {}),  # OKX demands reduceOnly beside it
    }


def amend_bracket_payload(
    inst_id: str, algo_id: str, stop: Decimal | None, target: Decimal | None, contracts: Decimal | None
) -> Payload:
    """amend_algo_order's arguments: only what changes is said; both legs stay market orders."""
    assert (stop, target, contracts) != (None, None, None), "an amendment must change something"
    payload: Payload = {"instId": inst_id, "algoId": algo_id}
    if stop is not None:
        payload |= {"newSlTriggerPx": plain(stop), "newSlOrdPx": AT_MARKET, "newSlTriggerPxType": STOP_TRIGGER}
    if target is not None:
        payload |= {"newTpTriggerPx": plain(target), "newTpOrdPx": AT_MARKET, "newTpTriggerPxType": TARGET_TRIGGER}
    if contracts is not None:
        assert contracts > 0, f"a bracket covers > 0 contracts, got {contracts}"
        payload["newSz"] = plain(contracts)
    return payload


def cancel_bracket_payloads(inst_id: str, algo_ids: Sequence[str]) -> Iterator[list[Payload]]:
    """cancel-algos takes a bare list of at most ten."""
    remaining = iter(algo_ids)
    while batch := list(islice(remaining, CANCELS_PER_CALL)):
        yield [{"instId": inst_id, "algoId": algo_id} for algo_id in batch]


def close_payload(inst_id: str, client_id: str = "", margin_mode: str = MARGIN_MODE, pos_side: str = "") -> Payload:
    """close_positions' arguments; autoCxl, so that resting closing orders cannot make it fail (51115)."""
    payload: Payload = {"instId": inst_id, "mgnMode": margin_mode, "autoCxl": True}
    if client_id:
        _check_id("client_id", client_id)
        payload["clOrdId"] = client_id
    return payload | ({"posSide": pos_side} if pos_side else {})


def slice_payload(inst_id: str, long: bool, contracts: Decimal, margin_mode: str, pos_side: str = "") -> Payload:
    """place_order's arguments for a part of a position that is too large for close_positions."""
    payload: Payload = {
        "instId": inst_id,
        "tdMode": margin_mode,
        "side": (Side.SELL if long else Side.BUY).value,
        "ordType": OrderType.MARKET.value,
        "sz": plain(contracts),
    }
    return payload | ({"posSide": pos_side} if pos_side else {"reduceOnly": True})


def leverage_payload(inst_id: str, leverage: Decimal, net_mode: bool = True) -> Payload:
    assert leverage > 0, f"leverage must be > 0, got {leverage}"
    payload: Payload = {"instId": inst_id, "lever": plain(leverage), "mgnMode": MARGIN_MODE}
    return payload if net_mode else payload | {"posSide": "long"}


def dead_man_payload(seconds: int, tag: str) -> Payload:
    """cancel-all-after's body: seconds in 10..120, 0 disarms. Only orders that carry the tag are cancelled."""
    assert seconds == 0 or DEAD_MAN_SHORTEST_S <= seconds <= DEAD_MAN_LONGEST_S, f"10 to 120 s or 0, got {seconds}"
    assert tag and tag.isascii() and tag.isalnum() and len(tag) <= TAG_LENGTH, f"an unfit tag: {tag!r}"
    return {"timeOut": str(seconds), "tag": tag}


def _attached(prices: BracketPrices, client_id: str) -> Payload:
    """TP and SL in one element become one OCO; its algoClOrdId is what finds it again."""
    _check_id("bracket_client_id", client_id)
    return {"attachAlgoClOrdId": client_id, **_legs(prices)}


def _legs(prices: BracketPrices) -> Payload:
    return {
        "tpTriggerPx": plain(prices.target),
        "tpOrdPx": AT_MARKET,
        "tpTriggerPxType": TARGET_TRIGGER,
        "slTriggerPx": plain(prices.stop),
        "slOrdPx": AT_MARKET,
        "slTriggerPxType": STOP_TRIGGER,
    }


def _position_keys(side: Side, closes: bool, net_mode: bool) -> Payload:
    if net_mode:
        return {"reduceOnly": True} if closes else {}
    long = (side is Side.BUY) is not closes
    return {"posSide": "long" if long else "short"}


def _check_order(request: OrderRequest) -> None:
    _check_id("client_id", request.client_id)
    assert request.contracts > 0, f"an order is for > 0 contracts, got {request.contracts}"
    assert len(request.tag) <= TAG_LENGTH, f"tag is at most {TAG_LENGTH} characters, got {request.tag!r}"
    assert not (request.reduce_only and request.bracket), "a closing order carries no bracket (51333)"
    market = request.order_type is OrderType.MARKET
    assert request.reduce_only or request.margin_mode == MARGIN_MODE, "nothing opens but in isolated margin"
    assert market == (request.price is None), "market orders have no price, all others need one"


def _check_id(name: str, value: str) -> None:
    valid = value.isascii() and value.isalnum() and len(value) <= CLIENT_ID_LENGTH
    assert valid, f"{name} must be 1 to {CLIENT_ID_LENGTH} letters and digits, got {value!r}"
