"""What the contract's trading tests do over and over."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from itertools import count
from typing import TypeVar

from engine.exchange.contracts import contracts_for_notional
from engine.exchange.port import Exchange
from engine.model import Bracket, BracketPrices, Instrument, Order, OrderRequest, OrderType, Position, Side
from engine.rounding import round_stop_up_to_tick, round_target_down_to_tick

Found = TypeVar("Found")
_ids = count(1)


def client_id(kind: str = "t") -> str:
    return f"contract{kind}{next(_ids)}"


async def eventually(ask: Callable[[], Awaitable[Found | None]], what: str) -> Found:
    """Asks until there is an answer: orders and attached brackets take effect a few milliseconds later."""
    for _ in range(200):
        found = await ask()
        if found is not None:
            return found
        await asyncio.sleep(0.01)
    raise AssertionError(f"no {what} within 2 s")


async def specs(exchange: Exchange, ticker: str) -> tuple[Instrument, Decimal]:
    """The instrument and its mark price."""
    inst_id = f"{ticker}-USDT-SWAP"
    return (await exchange.instruments())[inst_id], await exchange.mark_price(inst_id)


def prices_around(instrument: Instrument, mark: Decimal, width: str = "0.05") -> BracketPrices:
    distance = mark * Decimal(width)
    return BracketPrices(
        round_stop_up_to_tick(mark - distance, instrument.tick_size),
        round_target_down_to_tick(mark + distance, instrument.tick_size),
    )


async def enter(exchange: Exchange, ticker: str, notional: str = "500", bracket: bool = True) -> tuple[Order, Position]:
    """A market buy, with an attached bracket unless told otherwise, confirmed filled."""
    instrument, mark = await specs(exchange, ticker)
    await exchange.set_leverage(instrument.inst_id, Decimal(1))
    request = OrderRequest(
        inst_id=instrument.inst_id,
        client_id=client_id("e"),
        side=Side.BUY,
        order_type=OrderType.MARKET,
        contracts=contracts_for_notional(instrument, Decimal(notional), mark),
        bracket=prices_around(instrument, mark) if bracket else None,
        bracket_client_id=client_id("b") if bracket else "",
        tag="cynosure",
    )
    await exchange.place_order(request)
    order = await eventually(lambda: exchange.order(request.inst_id, request.client_id), "order")
    position = await eventually(lambda: position_of(exchange, request.inst_id), "position")
    return order, position


async def position_of(exchange: Exchange, inst_id: str) -> Position | None:
    return next((p for p in await exchange.positions() if p.inst_id == inst_id), None)


async def bracket_of(exchange: Exchange, inst_id: str) -> Bracket | None:
    return next((b for b in await exchange.brackets() if b.inst_id == inst_id), None)


async def flat(exchange: Exchange, inst_id: str) -> bool | None:
    """True when the venue lists no position; None otherwise, for `eventually`."""
    return True if await position_of(exchange, inst_id) is None else None
