"""Defects that cost other bots money, planted on purpose: a suite that lets one pass proves nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from engine.exchange.errors import UnknownOutcome
from engine.exchange.okx.trading import OkxTrading
from engine.execution.cover import Cover
from engine.execution.gateway import OrderGateway
from engine.execution.guard import Guard
from engine.execution.strangers import Strangers
from engine.model import Bracket, OrderRequest

Plant = Callable[[], Any]


@contextmanager
def resent_with_a_new_id() -> Iterator[None]:
    """Incident row 1: a lost answer is taken for a lost order, and the order is sent again as another one."""
    send = OrderGateway.send

    async def again(self: OrderGateway, ticker: str, request: OrderRequest, purpose: str) -> Any:
        try:
            return await send(self, ticker, request, purpose)
        except UnknownOutcome:
            if request.reduce_only:
                raise
            other = replace(request, client_id=request.client_id[:-1], bracket_client_id=request.bracket_client_id[:-1])
            return await send(self, ticker, other, purpose)

    with patch.object(OrderGateway, "send", again):
        yield


@contextmanager
def surplus_is_left() -> Iterator[None]:
    """Two brackets under one position are never made one."""

    async def trim(self: Guard, trade: Any, position: Any, cover: Cover) -> bool:
        return False

    with patch.object(Guard, "_trim", trim):
        yield


@contextmanager
def brackets_are_remembered() -> Iterator[None]:
    """Incident row 13: the list of brackets is believed for five minutes after it was read."""
    brackets = OkxTrading.brackets

    async def stale(self: OkxTrading, inst_id: str | None = None) -> tuple[Bracket, ...]:
        kept: dict[Any, Any] = self.__dict__.setdefault("kept", {})
        at, known = kept.get(inst_id, (-1e9, ()))
        if self._clock.monotonic() - at < 300 and known:
            return known
        found = await brackets(self, inst_id)
        kept[inst_id] = (self._clock.monotonic(), found)
        return found

    with patch.object(OkxTrading, "brackets", stale):
        yield


@contextmanager
def the_latch_is_read_early() -> Iterator[None]:
    """Incident row 36: the latch is looked at before the preparations, and not again before the send."""

    async def send(self: OrderGateway, ticker: str, request: OrderRequest, purpose: str) -> Any:
        return await self._exchange.place_order(request)

    with patch.object(OrderGateway, "send", send):
        yield


@contextmanager
def orphans_are_left() -> Iterator[None]:
    """Incident row 15: what rests on a flat instrument is nobody's business."""

    async def sweep(self: Strangers, seen: Any) -> int:
        return 0

    with patch.object(Strangers, "sweep_orphans", sweep):
        yield


@contextmanager
def size_is_remembered() -> Iterator[None]:
    """Incident row 8: a bracket keeps the size with which it was placed."""

    async def amend(self: OrderGateway, inst_id: str, algo_id: str, stop: Any = None, contracts: Any = None) -> None:
        if contracts is None:
            await self._exchange.amend_bracket(inst_id, algo_id, stop=stop)

    with patch.object(OrderGateway, "amend_bracket", amend):
        yield


MUTANTS: dict[str, Plant] = {
    plant.__name__: plant
    for plant in (
        resent_with_a_new_id,
        surplus_is_left,
        brackets_are_remembered,
        the_latch_is_read_early,
        orphans_are_left,
        size_is_remembered,
    )
}
