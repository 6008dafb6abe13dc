"""The account half of the Exchange port over OKX."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from engine.clock import Clock
from engine.exchange.errors import ErrorClass, ExchangeError, Unavailable, UnknownOutcome
from engine.exchange.okx import account_rows, paging, payloads
from engine.exchange.okx.calls import Calls, Rows
from engine.exchange.okx.endpoints import (
    ALGOS_HISTORY,
    ALGOS_PENDING,
    AMEND_ALGO,
    BALANCE,
    BILLS,
    BILLS_ARCHIVE,
    CANCEL_ALGOS,
    CANCEL_ALL_AFTER,
    CANCEL_ORDER,
    CLOSE_POSITION,
    CONFIG,
    FILLS,
    FILLS_HISTORY,
    INSTRUMENT_TYPE,
    LEVERAGE_INFO,
    ORDER,
    ORDERS_PENDING,
    PLACE_ALGO,
    PLACE_ORDER,
    POSITIONS,
    POSITIONS_HISTORY,
    SET_LEVERAGE,
    TRADE_FEE,
    Endpoint,
)
from engine.exchange.okx.market_data import one
from engine.exchange.okx.wire import order_id
from engine.exchange.port import BracketRequest, OrderAck
from engine.model import (
    ISOLATED,
    AccountConfig,
    Balance,
    Bill,
    Bracket,
    ClosedPosition,
    FeeRates,
    Fill,
    Instrument,
    Order,
    OrderRequest,
    Position,
)

SETTLE = "USDT"
HOUR_MS = 3_600_000
FILLS_KEPT_MS = 71 * HOUR_MS
"""trade/fills holds three days, account/bills seven: an hour less, so that the border loses nothing."""
BILLS_KEPT_MS = 167 * HOUR_MS
FEES_FRESH_S = 3600.0

PENDING_ALGO_TYPES = ("conditional,oco", "trigger", "move_order_stop")
ENDED_ALGO_TYPES = ("oco", "conditional")
ENDED_ALGO_STATES = ("effective", "canceled", "order_failed")
GONE = frozenset({ErrorClass.TOO_LATE, ErrorClass.NOT_FOUND})


class OkxTrading:
    """The account, in net or hedge mode. Reads raise Unavailable; writes raise Rejected or UnknownOutcome;
    both may raise AuthFailed and ClockSkewed."""

    def __init__(self, calls: Calls, clock: Clock) -> None:
        self._calls = calls
        self._clock = clock
        self._net_mode = True
        self._fee_lock = asyncio.Lock()
        self._fee_schedule: tuple[float, Any] | None = None

    # ------------------------------------------------------------ the account

    async def account_config(self) -> AccountConfig:
        """Also decides how later orders say which position they mean: ask once before trading."""
        config = account_rows.account_config(one(await self._calls.read(CONFIG), CONFIG))
        self._net_mode = config.net_mode
        return config

    async def balance(self) -> Balance:
        return account_rows.balance(one(await self._calls.read(BALANCE, ccy=SETTLE), BALANCE))

    async def positions(self) -> tuple[Position, ...]:
        rows = await self._calls.read(POSITIONS, instType=INSTRUMENT_TYPE)
        parsed = (account_rows.position(row) for row in rows)
        return tuple(position for position in parsed if position is not None)

    async def fee_rates(self, instrument: Instrument) -> FeeRates:
        """From the account's schedule of all fee groups, asked at most once an hour."""
        async with self._fee_lock:
            now = self._clock.monotonic()
            if self._fee_schedule is None or now - self._fee_schedule[0] > FEES_FRESH_S:
                self._fee_schedule = (now, one(await self._calls.read(TRADE_FEE, instType=INSTRUMENT_TYPE), TRADE_FEE))
            return account_rows.fee_rates(self._fee_schedule[1], instrument.fee_group)

    async def set_leverage(self, inst_id: str, leverage: Decimal) -> Decimal:
        payload = payloads.leverage_payload(inst_id, leverage, self._net_mode)
        await self._calls.write(SET_LEVERAGE, payload, inst_id, urgent=False)
        rows = await self._calls.read(LEVERAGE_INFO, instId=inst_id, mgnMode=payloads.MARGIN_MODE)
        return account_rows.leverage(rows)

    # ------------------------------------------------------------ orders

    async def place_order(self, request: OrderRequest, before_send: Callable[[], None] | None = None) -> OrderAck:
        payload = payloads.order_payload(request, self._net_mode)
        urgent = request.reduce_only
        rows = await self._calls.write(PLACE_ORDER, payload, request.inst_id, urgent, before_send)
        return OrderAck(accepted_id(rows, "ordId", PLACE_ORDER), request.client_id)

    async def order(self, inst_id: str, client_id: str) -> Order | None:
        try:
            rows = await self._calls.read(ORDER, instId=inst_id, clOrdId=client_id)
        except Unavailable as error:
            if error.error_class is ErrorClass.NOT_FOUND:
                return None
            raise
        return account_rows.order(rows[0]) if rows else None

    async def open_orders(self) -> tuple[Order, ...]:
        rows = await paging.by_id(self._calls, ORDERS_PENDING, "ordId", instType=INSTRUMENT_TYPE)
        return tuple(account_rows.order(row) for row in rows)

    async def cancel_order(self, inst_id: str, client_id: str) -> None:
        payload = {"instId": inst_id, "clOrdId": client_id}
        refuse_unless_gone(await self._calls.write_each(CANCEL_ORDER, payload, inst_id), CANCEL_ORDER, self._calls)

    async def close_position(self, inst_id: str, client_id: str, margin_mode: str = ISOLATED) -> None:
        pos_side = "" if self._net_mode else "long"
        payload = payloads.close_payload(inst_id, client_id, margin_mode, pos_side)
        await self._calls.write(CLOSE_POSITION, payload, inst_id, urgent=True)

    async def dead_man(self, seconds: int, tag: str) -> None:
        payload = payloads.dead_man_payload(seconds, tag)
        await self._calls.write(CANCEL_ALL_AFTER, payload, "", urgent=True)

    # ------------------------------------------------------------ brackets

    async def place_bracket(self, request: BracketRequest) -> str:
        payload = payloads.bracket_payload(request, self._net_mode)
        rows = await self._calls.write(PLACE_ALGO, payload, request.inst_id, urgent=True)
        return accepted_id(rows, "algoId", PLACE_ALGO)

    async def brackets(self, inst_id: str | None = None) -> tuple[Bracket, ...]:
        kinds = PENDING_ALGO_TYPES if inst_id is None else PENDING_ALGO_TYPES[:1]
        only = {} if inst_id is None else {"instId": inst_id}
        lists = await asyncio.gather(
            *(
                paging.by_id(self._calls, ALGOS_PENDING, "algoId", ordType=kind, instType=INSTRUMENT_TYPE, **only)
                for kind in kinds
            )
        )
        return tuple(account_rows.bracket(row) for rows in lists for row in rows)

    async def bracket_history(self, inst_id: str) -> tuple[Bracket, ...]:
        """The newest hundred of each kind and end: triggered, cancelled, failed."""
        lists = await asyncio.gather(
            *(
                self._calls.read(
                    ALGOS_HISTORY, ordType=kind, state=state, instType=INSTRUMENT_TYPE, instId=inst_id, limit="100"
                )
                for kind in ENDED_ALGO_TYPES
                for state in ENDED_ALGO_STATES
            )
        )
        ended = [account_rows.bracket(row) for rows in lists for row in rows]
        return tuple(sorted(ended, key=lambda b: (b.created_at, b.algo_id), reverse=True))

    async def amend_bracket(
        self,
        inst_id: str,
        algo_id: str,
        stop: Decimal | None = None,
        target: Decimal | None = None,
        contracts: Decimal | None = None,
    ) -> None:
        payload = payloads.amend_bracket_payload(inst_id, algo_id, stop, target, contracts)
        await self._calls.write(AMEND_ALGO, payload, inst_id, urgent=True)

    async def cancel_brackets(self, inst_id: str, algo_ids: Sequence[str]) -> None:
        """Asks for every one of them before it raises for the first that is neither cancelled nor gone."""
        items: Rows = []
        for batch in payloads.cancel_bracket_payloads(inst_id, algo_ids):
            items += await self._calls.write_each(CANCEL_ALGOS, {"orders_data": batch}, inst_id, cost=len(batch))
        refuse_unless_gone(items, CANCEL_ALGOS, self._calls)

    # ------------------------------------------------------------ the ledger

    async def fills(self, since_ms: int) -> tuple[Fill, ...]:
        endpoints = [FILLS] if self._clock.now_ms() - since_ms < FILLS_KEPT_MS else [FILLS_HISTORY, FILLS]
        rows = await self._ledger(endpoints, since_ms, instType=INSTRUMENT_TYPE)
        by_key = {(f.inst_id, f.trade_id, f.order_id): f for f in map(account_rows.fill, rows)}
        return tuple(sorted(by_key.values(), key=lambda f: (f.ts, _rank(f.bill_id))))

    async def bills(self, since_ms: int) -> tuple[Bill, ...]:
        """Every line that moved USDT, whatever it is said to belong to: a deposit has no instrument type, and one
        that is left out would count as profit."""
        endpoints = [BILLS] if self._clock.now_ms() - since_ms < BILLS_KEPT_MS else [BILLS_ARCHIVE, BILLS]
        rows = await self._ledger(endpoints, since_ms, ccy=SETTLE)
        by_id = {b.bill_id: b for b in map(account_rows.bill, rows)}
        return tuple(sorted(by_id.values(), key=lambda b: (b.ts, _rank(b.bill_id))))

    async def closed_positions(self, since_ms: int) -> tuple[ClosedPosition, ...]:
        rows = await paging.by_update_time(self._calls, POSITIONS_HISTORY, since_ms, instType=INSTRUMENT_TYPE)
        closed = [c for c in map(account_rows.closed_position, rows) if c is not None]
        return tuple(sorted(closed, key=lambda c: (c.closed_at, c.position_id)))

    async def _ledger(self, endpoints: Sequence[Endpoint], since_ms: int, **only: str) -> Rows:
        rows: Rows = []
        for endpoint in endpoints:
            rows += await paging.by_id_since(self._calls, endpoint, "billId", since_ms, **only)
        return rows


def accepted_id(rows: Rows, field: str, endpoint: Endpoint) -> str:
    """The id of an accepted write; an acceptance without one leaves the outcome open."""
    found = order_id(rows[0], field)
    if not found:
        raise UnknownOutcome(f"{endpoint.path}: accepted without {field}", "", ErrorClass.UNKNOWN_STATE)
    return found


def refuse_unless_gone(items: Rows, endpoint: Endpoint, calls: Calls) -> None:
    """Raises the first refusal that does not mean "already gone"."""
    for item in items:
        error: ExchangeError | None = calls.item_error(endpoint, item)
        if error is not None and error.error_class not in GONE:
            raise error


def _rank(ledger_id: str) -> tuple[int, str]:
    """Ids are numbers that grow; compare them as such."""
    return (len(ledger_id), ledger_id)
