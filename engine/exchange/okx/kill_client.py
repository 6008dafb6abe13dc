"""The kill switch's own way to OKX: synchronous, own connections, short time-outs, no loop and no budget.

Shares the wire code with the adapter (signing, classification) but not one object of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from engine.exchange.errors import ErrorClass, ExchangeError
from engine.exchange.okx.endpoints import (
    ALGOS_PENDING,
    CANCEL_ALGOS,
    CANCEL_ORDER,
    CLOSE_POSITION,
    CONFIG,
    INSTRUMENT_TYPE,
    ORDERS_PENDING,
    POSITIONS,
    Endpoint,
)
from engine.exchange.okx.payloads import close_payload
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.okx.session import OkxSession, Row
from engine.exchange.okx.wire import ZERO, flag, optional_decimal, required_text, text
from engine.exchange.port import OpenExposure, RestingOrder

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 3.0
PAGE = 100
ALGO_TYPES = ("conditional,oco", "trigger", "move_order_stop")
GONE = frozenset({ErrorClass.TOO_LATE, ErrorClass.NOT_FOUND, ErrorClass.POSITION_GONE})


class OkxKillVenue:
    """Implements engine.exchange.port.KillVenue. Thread-safe; every call is safe to repeat."""

    def __init__(self, endpoint: OkxEndpoint) -> None:
        own = replace(endpoint, connect_timeout_s=CONNECT_TIMEOUT_S, read_timeout_s=READ_TIMEOUT_S)
        self._session = OkxSession(own)
        self._pos_sides: dict[tuple[str, bool], str] = {}

    def warm(self) -> None:
        """Opens (or keeps open) a connection and proves the keys, so that the first kill pays no handshake."""
        self._session.call(CONFIG, {})

    def resting_orders(self) -> tuple[RestingOrder, ...]:
        rows = self._all(ORDERS_PENDING, "ordId", {"instType": INSTRUMENT_TYPE})
        return tuple(_resting(row, "ordId") for row in rows)

    def cancel_order(self, order: RestingOrder) -> None:
        self._write_unless_gone(CANCEL_ORDER, {"instId": order.inst_id, "ordId": order.order_id})

    def exposures(self) -> tuple[OpenExposure, ...]:
        rows = self._session.call(POSITIONS, {"instType": INSTRUMENT_TYPE})
        found = [self._exposure(row) for row in rows if (optional_decimal(row, "pos") or ZERO) != 0]
        return tuple(found)

    def close(self, exposure: OpenExposure) -> None:
        pos_side = self._pos_sides.get((exposure.inst_id, exposure.contracts > 0), "")
        payload = close_payload(exposure.inst_id, margin_mode=exposure.margin_mode, pos_side=pos_side)
        self._write_unless_gone(CLOSE_POSITION, payload)

    def resting_algos(self) -> tuple[RestingOrder, ...]:
        rows = [
            row
            for kind in ALGO_TYPES
            for row in self._all(ALGOS_PENDING, "algoId", {"ordType": kind, "instType": INSTRUMENT_TYPE})
        ]
        return tuple(_resting(row, "algoId") for row in rows)

    def cancel_algo(self, algo: RestingOrder) -> None:
        item = {"instId": algo.inst_id, "algoId": algo.order_id}
        self._write_unless_gone(CANCEL_ALGOS, {"orders_data": [item]})

    def close_connections(self) -> None:
        self._session.close()

    def _exposure(self, row: Row) -> OpenExposure:
        """Signed contracts; in hedge mode the side is remembered, because a close must name it."""
        pos_side = text(row, "posSide")
        size = optional_decimal(row, "pos") or ZERO
        signed = -abs(size) if pos_side == "short" else size
        exposure = OpenExposure(required_text(row, "instId"), signed, required_text(row, "mgnMode"))
        if pos_side in {"long", "short"}:
            self._pos_sides[exposure.inst_id, signed > 0] = pos_side
        return exposure

    def _all(self, endpoint: Endpoint, cursor: str, params: Mapping[str, Any]) -> list[Row]:
        rows: list[Row] = []
        after = ""
        while True:
            page = self._session.call(endpoint, {**params, "after": after, "limit": str(PAGE)})
            rows += page
            if len(page) < PAGE:
                return rows
            after = required_text(page[-1], cursor)

    def _write_unless_gone(self, endpoint: Endpoint, params: Mapping[str, Any]) -> None:
        try:
            self._session.call(endpoint, params)
        except ExchangeError as error:
            if error.error_class not in GONE:
                raise


def _resting(row: Row, field: str) -> RestingOrder:
    return RestingOrder(required_text(row, "instId"), required_text(row, field), flag(row, "reduceOnly"))
