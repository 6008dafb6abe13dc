"""From the event loop to the venue and back: the rate budget, then a thread, then rows or an error.

Market reads and the account have separate threads, so that a stop never queues behind candles.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from engine.exchange.errors import ErrorClass, ExchangeError, Rejected, Unavailable, VenueFault
from engine.exchange.okx.budget import RateBudget
from engine.exchange.okx.endpoints import EVERY_INSTRUMENT, TIME, Endpoint
from engine.exchange.okx.session import BeforeSend, EndpointHealth, OkxSession, Row

MARKET_THREADS = 8
ACCOUNT_THREADS = 4
ACCOUNT_FAMILIES = frozenset({"account", "trade"})

Computed = TypeVar("Computed")
Rows = list[Row]
Send = Callable[[Endpoint, Mapping[str, Any], BeforeSend | None], Rows]

Question = tuple[Endpoint, frozenset[tuple[str, Any]]]

RESTS_AFTER = frozenset({ErrorClass.THROTTLE, ErrorClass.TRANSIENT, ErrorClass.UNCLASSIFIED})
"""What the venue says when asking again at once would not help, and what nobody knows."""


class Calls:
    """Asynchronous calls over one session. Safe to cancel: see `write`."""

    def __init__(self, session: OkxSession, budget: RateBudget) -> None:
        self._session = session
        self._budget = budget
        self._market_threads = begun(MARKET_THREADS, "okx-market")
        self._account_threads = begun(ACCOUNT_THREADS, "okx-account")
        self._computing = begun(1, "okx-computing")
        self._queued: dict[Question, asyncio.Future[Rows]] = {}
        self.heard: Callable[[VenueFault], None] = lambda _: None

    def health(self) -> Mapping[str, EndpointHealth]:
        return self._session.health()

    async def measure_clock(self) -> int:
        """Venue − local in ms; signs by it from now on. Raises Unavailable."""
        await self._budget.acquire(TIME, "", urgent=True)
        try:
            return await asyncio.wrap_future(self._market_threads.submit(self._session.measure_clock))
        except RuntimeError:  # shut down
            raise Unavailable(f"{TIME.path}: the connection is closed", "", ErrorClass.TRANSIENT) from None

    async def read(self, endpoint: Endpoint, **params: Any) -> Rows:
        """The rows of a GET. Cancelling abandons the answer.

        Those who ask the same while the question still waits for the budget share one answer: ten positions that
        are being closed ask for one list, and it is asked for after the last of them wanted it.
        """
        question = (endpoint, frozenset(params.items()))
        while (shared := self._queued.get(question)) is not None:
            try:
                return list(await asyncio.shield(shared))
            except asyncio.CancelledError:
                task = asyncio.current_task()
                if not shared.cancelled() or (task is not None and task.cancelling()):
                    raise
            # Whoever asked for all of us was cancelled: the next one asks.
        return await self._ask(endpoint, params, question)

    async def write(
        self,
        endpoint: Endpoint,
        params: Mapping[str, Any],
        inst_id: str,
        urgent: bool,
        before_send: BeforeSend | None = None,
    ) -> Rows:
        """The accepted items of a POST. Cancelled while queued it is never sent; cancelled while in flight
        it waits for the venue's answer first, so that nothing of it is still on its way afterwards.

        `before_send` runs on the sending thread, after every wait for budget and threads; what it raises
        is raised here, and nothing is sent.
        """
        return await self._write(self._session.call, endpoint, params, inst_id, urgent, before_send)

    async def write_each(self, endpoint: Endpoint, params: Mapping[str, Any], inst_id: str, cost: float = 1.0) -> Rows:
        """As `write`, urgent, but items that the venue refused come back too: ask `item_error` about each."""
        return await self._write(self._session.items, endpoint, params, inst_id, urgent=True, cost=cost)

    async def beside(self, work: Callable[..., Computed], *args: Any) -> Computed:
        """What is made of answers to market reads, one after another on a thread of its own: Python computes on one
        thread at a time anyway, and each more that wants to keeps the loop waiting longer. Raises what `work` raises,
        Unavailable once closed."""
        try:
            made = self._computing.submit(work, *args)
        except RuntimeError:  # shut down
            raise Unavailable("the connection is closed", "", ErrorClass.TRANSIENT) from None
        return await asyncio.wrap_future(made)

    def item_error(self, endpoint: Endpoint, row: Row) -> ExchangeError | None:
        return self._session.item_error(endpoint, row)

    def close(self) -> None:
        """Ends the connections; what is queued is dropped, what is in flight fails on its own."""
        for threads in (self._market_threads, self._account_threads, self._computing):
            threads.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    async def _ask(self, endpoint: Endpoint, params: Mapping[str, Any], question: Question) -> Rows:
        """Asks, and answers those who joined while it waited for the budget."""
        shared = self._queued[question] = asyncio.get_running_loop().create_future()
        asked_of = params.get("instId", "")
        inst_id = "" if asked_of == EVERY_INSTRUMENT else asked_of
        try:
            try:
                await self._budget.acquire(endpoint, inst_id, urgent=endpoint.protective)
            finally:
                del self._queued[question]
            rows = await asyncio.wrap_future(self._submit(self._session.call, endpoint, params, None))
        except ExchangeError as error:
            shared.set_exception(self._noted(error, endpoint, inst_id))
            _retrieve(shared)
            raise
        except BaseException:
            shared.cancel()
            raise
        shared.set_result(rows)
        return rows

    async def _write(
        self,
        send: Send,
        endpoint: Endpoint,
        params: Mapping[str, Any],
        inst_id: str,
        urgent: bool,
        before_send: BeforeSend | None = None,
        cost: float = 1.0,
    ) -> Rows:
        await self._budget.acquire(endpoint, inst_id, urgent, cost)
        future = self._submit(send, endpoint, params, before_send)
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

    def _submit(
        self, send: Send, endpoint: Endpoint, params: Mapping[str, Any], before_send: BeforeSend | None
    ) -> Future[Rows]:
        threads = self._account_threads if endpoint.family in ACCOUNT_FAMILIES else self._market_threads
        try:
            return threads.submit(send, endpoint, params, before_send)
        except RuntimeError:  # shut down
            refusal = Rejected if endpoint.write else Unavailable
            raise refusal(f"{endpoint.path}: the connection is closed", "", ErrorClass.TRANSIENT) from None

    def _noted(self, error: ExchangeError, endpoint: Endpoint, inst_id: str) -> ExchangeError:
        """Ordinary calls of this bucket rest after what would only be repeated; whoever listens hears of it."""
        if error.code and error.error_class in RESTS_AFTER:
            self._budget.pause(endpoint, inst_id)
        self.heard(VenueFault(error, inst_id, endpoint.write))
        return error


def begun(threads: int, name: str) -> ThreadPoolExecutor:
    """With all its threads running. By itself it would start each when it is first needed, and whoever asks waits for
    that: on a loop whose threads are busy 5 to 25 ms each time."""
    pool, all_there = ThreadPoolExecutor(threads, name), threading.Barrier(threads + 1)
    try:
        for _ in range(threads):
            pool.submit(all_there.wait)
    except BaseException:  # no thread to be had: those that wait would keep the process from ending
        all_there.abort()
        raise
    all_there.wait()
    return pool


def _retrieve(answer: asyncio.Future[Rows]) -> None:
    """An abandoned answer's exception is known; asyncio need not complain about it."""
    if not answer.cancelled():
        answer.exception()
