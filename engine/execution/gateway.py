"""The only way out for orders. What raises exposure passes the latch, directly before the send; what protects
or reduces always passes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from decimal import Decimal

from engine.clock import Clock
from engine.events import Event, OrderSent
from engine.exchange.port import BracketRequest, Exchange, OrderAck
from engine.execution.latch import EntryLatch
from engine.model import ISOLATED, KillState, OrderRequest, Side

Publish = Callable[[Event], None]


FLATTENED = (KillState.FLATTENING, KillState.FLAT, KillState.FLATTEN_FAILED)


class EntriesLatched(Exception):
    """The kill switch is engaged; the order was not sent."""


async def _unwatched() -> None:
    """Without a dead-man switch nothing has to be done before an entry."""


class OrderGateway:
    """Every order of the engine goes through here; nothing else of it calls the exchange's order methods.

    `before_entry` returns when something watches over an entry that may rest, and raises as the port's writes do.
    """

    def __init__(
        self,
        exchange: Exchange,
        latch: EntryLatch,
        clock: Clock,
        publish: Publish,
        before_entry: Callable[[], Awaitable[None]] = _unwatched,
    ) -> None:
        self._before_entry = before_entry
        self._exchange = exchange
        self._latch = latch
        self._clock = clock
        self._publish = publish

    def check(self) -> None:
        """Raises EntriesLatched."""
        if self._latch.engaged():
            status = self._latch.status()
            raise EntriesLatched(f"the kill switch is {status.state.value}, by {status.by or 'unknown'}")

    def flattened(self) -> bool:
        """Whether the kill switch is closing positions, or has."""
        return self._latch.status().state in FLATTENED

    async def send(self, ticker: str, request: OrderRequest, purpose: str) -> OrderAck:
        """Raises EntriesLatched for anything that may open exposure while the latch is engaged; otherwise as
        the port does."""
        if request.reduce_only:
            before_send = None
        else:
            self.check()
            await self._before_entry()
            # Again on the sending thread: the order may have waited for the budget or behind slow calls.
            before_send = self.check
        try:
            ack = await self._exchange.place_order(request, before_send=before_send)
        except EntriesLatched:
            raise
        except BaseException:
            self._tell(ticker, request.client_id, request.side, request.contracts, purpose)
            raise
        self._tell(ticker, request.client_id, request.side, request.contracts, purpose)
        return ack

    async def place_bracket(self, ticker: str, request: BracketRequest) -> str:
        self._tell(ticker, request.client_id, Side.SELL, request.contracts, "bracket")
        return await self._exchange.place_bracket(request)

    async def amend_bracket(
        self, inst_id: str, algo_id: str, stop: Decimal | None = None, contracts: Decimal | None = None
    ) -> None:
        await self._exchange.amend_bracket(inst_id, algo_id, stop=stop, contracts=contracts)

    async def cancel_brackets(self, inst_id: str, algo_ids: Sequence[str]) -> None:
        await self._exchange.cancel_brackets(inst_id, algo_ids)

    async def cancel_order(self, inst_id: str, client_id: str) -> None:
        await self._exchange.cancel_order(inst_id, client_id)

    async def close_position(
        self, ticker: str, inst_id: str, client_id: str, contracts: Decimal, margin_mode: str = ISOLATED
    ) -> None:
        side = Side.SELL if contracts > 0 else Side.BUY
        self._tell(ticker, client_id, side, abs(contracts), "close")
        await self._exchange.close_position(inst_id, client_id, margin_mode)

    async def set_leverage(self, inst_id: str, leverage: Decimal) -> Decimal:
        return await self._exchange.set_leverage(inst_id, leverage)

    def _tell(self, ticker: str, client_id: str, side: Side, contracts: Decimal, purpose: str) -> None:
        self._publish(OrderSent(ticker, client_id, side.value, contracts, purpose, self._clock.now_ms()))
