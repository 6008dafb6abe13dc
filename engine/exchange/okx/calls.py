"""From the event loop to the venue and back: the rate budget, then a thread, then rows or an error.

Market reads and the account have separate threads, so that a stop never queues behind candles.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from engine.exchange.errors import ErrorClass, ExchangeError, Rejected, Unavailable
from engine.exchange.okx.budget import RateBudget
from engine.exchange.okx.endpoints import Endpoint
from engine.exchange.okx.session import EndpointHealth, OkxSession, Row

MARKET_THREADS = 8
ACCOUNT_THREADS = 4
ACCOUNT_FAMILIES = frozenset({"account", "trade"})

Rows = list[Row]
Send = Callable[[Endpoint, Mapping[str, Any]], Rows]


class Calls:
    """Asynchronous calls over one session. Safe to cancel: see `write`."""

    def __init__(self, session: OkxSession, budget: RateBudget) -> None:
        self._session = session
        self._budget = budget
        self._market_threads = ThreadPoolExecutor(MARKET_THREADS, "okx-market")
        self._account_threads = ThreadPoolExecutor(ACCOUNT_THREADS, "okx-account")

    def health(self) -> Mapping[str, EndpointHealth]:
        return self._session.health()

    async def read(self, endpoint: Endpoint, **params: Any) -> Rows:
        """The rows of a GET. Cancelling abandons the answer."""
        await self._budget.acquire(endpoint, params.get("instId", ""), urgent=endpoint.protective)
        try:
            return await asyncio.wrap_future(self._submit(self._session.call, endpoint, params))
        except ExchangeError as error:
            raise self._noted(error, endpoint, params.get("instId", "")) from None

    async def write(
        self,
        endpoint: Endpoint,
        params: Mapping[str, Any],
        inst_id: str,
        urgent: bool,
        before_send: Callable[[], None] | None = None,
    ) -> Rows:
        """The accepted items of a POST. Cancelled while queued it is never sent; cancelled while in flight
        it waits for the venue's answer first, so that nothing of it is still on its way afterwards.

        `before_send` runs on the sending thread, after every wait for budget and threads; what it raises
        is raised here, and nothing is sent.
        """

        def send(endpoint: Endpoint, params: Mapping[str, Any]) -> Rows:
            if before_send is not None:
                before_send()
            return self._session.call(endpoint, params)

        return await self._write(send, endpoint, params, inst_id, urgent=urgent)

    async def write_each(self, endpoint: Endpoint, params: Mapping[str, Any], inst_id: str) -> Rows:
        """As `write`, urgent, but items that the venue refused come back too: ask `item_error` about each."""
        return await self._write(self._session.items, endpoint, params, inst_id, urgent=True)

    def item_error(self, endpoint: Endpoint, row: Row) -> ExchangeError | None:
        return self._session.item_error(endpoint, row)

    def close(self) -> None:
        """Ends the connections; what is queued is dropped, what is in flight fails on its own."""
        for threads in (self._market_threads, self._account_threads):
            threads.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    async def _write(
        self, send: Send, endpoint: Endpoint, params: Mapping[str, Any], inst_id: str, *, urgent: bool
    ) -> Rows:
        await self._budget.acquire(endpoint, inst_id, urgent)
        future = self._submit(send, endpoint, params)
        try:
            return await self._uninterrupted(future)
        except ExchangeError as error:
            raise self._noted(error, endpoint, inst_id) from None

    async def _uninterrupted(self, future: Future[Rows]) -> Rows:
        answer = asyncio.wrap_future(future)
        answer.add_done_callback(_retrieve)
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            if not future.cancel():
                await asyncio.wait({answer})
            raise

    def _submit(self, send: Send, endpoint: Endpoint, params: Mapping[str, Any]) -> Future[Rows]:
        threads = self._account_threads if endpoint.family in ACCOUNT_FAMILIES else self._market_threads
        try:
            return threads.submit(send, endpoint, params)
        except RuntimeError:  # shut down
            refusal = Rejected if endpoint.write else Unavailable
            raise refusal(f"{endpoint.path}: the connection is closed", "", ErrorClass.TRANSIENT) from None

    def _noted(self, error: ExchangeError, endpoint: Endpoint, inst_id: str) -> ExchangeError:
        if error.error_class is ErrorClass.THROTTLE:
            self._budget.pause(endpoint, inst_id)
        return error


def _retrieve(answer: asyncio.Future[Rows]) -> None:
    """An abandoned answer's exception is known; asyncio need not complain about it."""
    if not answer.cancelled():
        answer.exception()
