"""The kill switch's own way to OKX: synchronous, own connections, short time-outs, no loop and no budget.

Shares the wire code with the adapter (signing, classification) but not one object of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.exchange.errors import ErrorClass, ExchangeError, Rejected
from engine.exchange.okx.endpoints import (
    ALGOS_PENDING,
    CANCEL_ALGOS,
    CANCEL_ORDER,
    CLOSE_POSITION,
    CONFIG,
    INSTRUMENT_TYPE,
    INSTRUMENTS,
    ORDERS_PENDING,
    PLACE_ORDER,
    POSITIONS,
    Endpoint,
)
from engine.exchange.okx.payloads import MARGIN_MODE, close_payload, slice_payload
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.okx.session import OkxSession, Row
from engine.exchange.okx.wire import decimal, flag, malformed, optional_decimal, text
from engine.exchange.port import UNNAMED, OpenExposure, RestingOrder
from engine.rounding import floor_to_step

CONNECT_TIMEOUT_S = 2.0
READ_TIMEOUT_S = 3.0
PAGE = 100
ALGO_TYPES = ("conditional,oco", "trigger", "move_order_stop")
SLICES_PER_CALL = 25
"""Market orders sent for one position before the switch looks again: under the venue's 60 per 2 s."""
GONE = frozenset({ErrorClass.TOO_LATE, ErrorClass.NOT_FOUND, ErrorClass.POSITION_GONE})


class OkxKillVenue:
    """Implements engine.exchange.port.KillVenue. Thread-safe; every call is safe to repeat."""

    def __init__(self, endpoint: OkxEndpoint) -> None:
        own = replace(endpoint, connect_timeout_s=CONNECT_TIMEOUT_S, read_timeout_s=READ_TIMEOUT_S)
        self._session = OkxSession(own)
        self._pos_sides: dict[tuple[str, bool | None], str] = {}

    def warm(self) -> None:
        """Opens (or keeps open) a connection and proves the keys, so that the first kill pays no handshake."""
        self._session.call(CONFIG, {})

    def resting_orders(self) -> tuple[RestingOrder, ...]:
        rows = self._all(ORDERS_PENDING, "ordId", {"instType": INSTRUMENT_TYPE})
        return tuple(_resting(row, "ordId") for row in rows)

    def cancel_order(self, order: RestingOrder) -> None:
        self._write_unless_gone(CANCEL_ORDER, {"instId": order.inst_id, "ordId": order.order_id})

    def exposures(self) -> tuple[OpenExposure, ...]:
        """Each row on its own: one that cannot be read hides no other, and is itself never taken for flat."""
        rows = self._session.call(POSITIONS, {"instType": INSTRUMENT_TYPE})
        found = (self._exposure(row) for row in rows)
        return tuple(exposure for exposure in found if exposure.contracts != 0)

    def close(self, exposure: OpenExposure) -> None:
        pos_side = self._pos_sides.get(_which(exposure), "")
        payload = close_payload(exposure.inst_id, margin_mode=exposure.margin_mode, pos_side=pos_side)
        try:
            self._write_unless_gone(CLOSE_POSITION, payload)
        except Rejected as error:
            if error.error_class is not ErrorClass.SIZE_BIG or exposure.contracts is None:
                raise
            self._close_in_slices(exposure, exposure.contracts, pos_side)

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

    def _close_in_slices(self, exposure: OpenExposure, contracts: Decimal, pos_side: str) -> None:
        """Reduce-only market orders of the largest legal size; what is left over is seen at the next look."""
        largest = self._largest_market_order(exposure.inst_id)
        left = abs(contracts)
        for _ in range(SLICES_PER_CALL):
            size = min(left, largest)
            if size <= 0:
                return
            payload = slice_payload(exposure.inst_id, contracts > 0, size, exposure.margin_mode, pos_side)
            self._write_unless_gone(PLACE_ORDER, payload)
            left -= size

    def _largest_market_order(self, inst_id: str) -> Decimal:
        """Contracts, on the lot grid. Raises Unavailable when the venue does not tell."""
        rows = self._session.call(INSTRUMENTS, {"instType": INSTRUMENT_TYPE, "instId": inst_id})
        row = next((row for row in rows if text(row, "instId") == inst_id), None)
        if row is None:
            raise malformed("public/instruments data", rows, f"a row for {inst_id}")
        largest = floor_to_step(decimal(row, "maxMktSz"), decimal(row, "lotSz"))
        if largest <= 0:
            raise malformed("maxMktSz", largest, "at least one lot")
        return largest

    def _exposure(self, row: Row) -> OpenExposure:
        """Signed contracts; in hedge mode the side is remembered, because a close must name it."""
        pos_side, size = _word(row, "posSide"), _size(row)
        signed = -abs(size) if size is not None and pos_side == "short" else size
        exposure = OpenExposure(_word(row, "instId") or UNNAMED, signed, _word(row, "mgnMode") or MARGIN_MODE)
        if pos_side in {"long", "short"}:
            self._pos_sides[_which(exposure)] = pos_side
        return exposure

    def _all(self, endpoint: Endpoint, cursor: str, params: Mapping[str, Any]) -> list[Row]:
        rows: list[Row] = []
        after = ""
        while True:
            page = self._session.call(endpoint, {**params, "after": after, "limit": str(PAGE)})
            rows += page
            if len(page) < PAGE:
                return rows
            after = next((word for row in reversed(page) if (word := _word(row, cursor))), "")
            if not after:
                raise malformed(cursor, page[-1], "an id to read on from")

    def _write_unless_gone(self, endpoint: Endpoint, params: Mapping[str, Any]) -> None:
        try:
            self._session.call(endpoint, params)
        except ExchangeError as error:
            if error.error_class not in GONE:
                raise


def _resting(row: Row, field: str) -> RestingOrder:
    """A row that cannot be read still rests: its cancel fails, and that is told."""
    reduce_only = isinstance(row, Mapping) and flag(row, "reduceOnly")
    return RestingOrder(_word(row, "instId") or UNNAMED, _word(row, field) or UNNAMED, reduce_only)


def _which(exposure: OpenExposure) -> tuple[str, bool | None]:
    """In hedge mode an instrument may have a long and a short; of an unreadable size the last seen side counts."""
    return exposure.inst_id, None if exposure.contracts is None else exposure.contracts > 0


def _word(row: Row, field: str) -> str:
    return text(row, field) if isinstance(row, Mapping) else ""


def _size(row: Row) -> Decimal | None:
    """Contracts, None when the venue's word for them cannot be read."""
    try:
        return optional_decimal(row, "pos")
    except ExchangeError:
        return None
