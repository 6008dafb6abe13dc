"""The network between python-okx and the simulator's routes, without a socket: latency, loss, echoes and delay.

The SDK builds, signs and parses as ever; only its `get` and `post` end here. What the line does to a call is decided
when the call comes: first by what a story ordered for calls of that kind, else it arrives and is answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
from numpy.random import Generator

from engine.exchange.simulator import envelope
from engine.exchange.simulator.gateway import ROUTES
from engine.exchange.simulator.okx_errors import OkxError
from engine.exchange.simulator.routing import Answering
from tests.properties.virtual_time import VirtualLoop

TIMEOUT_S = 5.0


class Fate(StrEnum):
    """LOST: never heard. ACTED: acted upon, the answer lost. LATE: given up by us, acted upon `seconds` later. SLOW:
    acted upon, answered `seconds` later. TWICE: delivered twice. HTML: acted upon, answered by a web page. DOWN: 50001,
    never heard. THROTTLED: 50011. REFUSED: 51000-like refusal, never heard."""

    LOST = "lost"
    ACTED = "acted"
    LATE = "late"
    SLOW = "slow"
    TWICE = "twice"
    HTML = "html"
    DOWN = "down"
    THROTTLED = "throttled"
    REFUSED = "refused"


@dataclass(slots=True)
class Order:
    """For the next `times` calls of `path` by `method`; "" stands for every one."""

    fate: Fate
    method: str
    path: str
    times: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the SDK does with a response: `json()`."""

    status: int
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """`desk` is what the simulator's handlers want; `pulse` brings the venue to the present."""

    def __init__(self, loop: VirtualLoop, desk: Any, pulse: Callable[[], None], rng: Generator) -> None:
        self._loop = loop
        self._desk = desk
        self._pulse = pulse
        self._rng = rng
        self._orders: list[Order] = []
        self.dark_until = 0.0
        self.spoiled: list[tuple[float, float]] = []
        """When calls were spoiled, and until when that was felt."""
        self.waits = 0.0
        self.requests = 0
        self.departed = 0.0
        self.on_act: Callable[[str, Any, float], None] = lambda path, params, departed: None

    def order(self, order: Order) -> None:
        self._orders.append(order)

    def calm(self) -> None:
        self._orders.clear()
        self.dark_until = 0.0

    def latency(self) -> float:
        return 0.005 + 0.05 * float(self._rng.random())

    # ------------------------------------------------------------ one call

    def call(self, method: str, target: str, body: str) -> Answer:
        """Runs at the moment when the call reaches the venue; `waits` is how long the caller then waits for it."""
        self.requests += 1
        self.waits = 0.0
        path, params = _read(method, target, body)
        if self._loop.time() < self.dark_until:
            self.waits = 0.2
            raise httpx.ConnectError("dark")
        order = self._taken(method, path)
        if order is not None:
            felt = max(order.seconds, TIMEOUT_S)
            self.spoiled.append((self._loop.time(), self._loop.time() + felt))
        match order.fate if order is not None else None:
            case None:
                return self._act(method, path, params)
            case Fate.LOST:
                self.waits = TIMEOUT_S
                raise httpx.ReadTimeout("lost")
            case Fate.ACTED:
                self.waits = TIMEOUT_S
                self._act(method, path, params)
                raise httpx.ReadTimeout("lost answer")
            case Fate.LATE:
                assert order is not None
                self.waits = TIMEOUT_S
                self._loop.call_later(order.seconds, self._act, method, path, params, self.departed)
                raise httpx.ReadTimeout("late")
            case Fate.SLOW:
                assert order is not None
                self.waits = order.seconds
                return self._act(method, path, params)
            case Fate.TWICE:
                first = self._act(method, path, params)
                self._act(method, path, params)
                return first
            case Fate.HTML:
                self._act(method, path, params)
                return Answer(502, b"<html>Bad gateway</html>")
            case Fate.DOWN:
                return Answer(503, envelope.gateway_fault("50001", "Service temporarily unavailable"))
            case Fate.THROTTLED:
                return Answer(429, envelope.gateway_fault("50011", "Too Many Requests"))
            case Fate.REFUSED:
                return Answer(*envelope.fault("51000", "Parameter error"))
        raise AssertionError(order)

    def _taken(self, method: str, path: str) -> Order | None:
        order = next((one for one in self._orders if one.path in ("", path) and one.method in ("", method)), None)
        if order is not None:
            order.times -= 1
            if order.times <= 0:
                self._orders.remove(order)
        return order

    def _act(self, method: str, path: str, params: Any, departed: float | None = None) -> Answer:
        """The venue hears it now; it left at `departed`."""
        self._pulse()
        if method == "POST":
            self.on_act(path, params, self.departed if departed is None else departed)
        route = ROUTES[(method, path)]
        try:
            rows = route.handle(self._desk, params)
        except OkxError as error:
            return Answer(*envelope.fault(error.code, error.msg))
        if route.answering is Answering.TRADE:
            return Answer(200, envelope.trade_answer(rows, 0, 0)[1])
        return Answer(200, envelope.answer(rows))


def _read(method: str, target: str, body: str) -> tuple[str, Any]:
    parts = urlsplit(target)
    if method == "GET":
        return parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))
    return parts.path, json.loads(body, parse_float=str, parse_int=str)


class Line:
    """One engine's connection: its calls go out one latency after they are handed over, and the answer is another
    away. A line that was `cut` hears nothing more; what it has sent still arrives."""

    def __init__(self, loop: VirtualLoop, wire: Wire) -> None:
        self._loop = loop
        self._wire = wire
        self._cut = False
        self._open: set[Future[Any]] = set()

    def cut(self) -> None:
        self._cut = True

    def hang_up(self) -> None:
        """Whoever of a dead engine still waits for an answer need not wait for ever."""
        self._cut = True
        for future in list(self._open):
            if not future.done():
                future.set_exception(httpx.ReadTimeout("dead"))
        self._open.clear()

    def attach(self, api: Any) -> None:
        """`api` is the SDK's client; its answers' status is remembered as its own hook does."""

        def ask(method: str, target: str, body: str) -> Answer:
            answer = self._wire.call(method, target, body)
            api.answers.status = answer.status
            return answer

        api.get = lambda target, headers=None, **_: ask("GET", target, "")
        api.post = lambda target, data="", headers=None, **_: ask("POST", target, data)

    # ------------------------------------------------------------ an executor, as Calls uses it

    def submit(self, send: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """What checks directly before the send runs now; the rest when the call reaches the venue."""
        future: Future[Any] = Future()
        self._open.add(future)
        future.add_done_callback(self._open.discard)
        if self._cut:
            return future
        checks, rest = _split(arguments)
        try:
            for check in checks:
                check()
        except Exception as error:  # noqa: BLE001 - it belongs to the caller, as a thread's would
            self._loop.call_soon(self._tell, future, None, error)
            return future
        future.set_running_or_notify_cancel()
        self._loop.call_later(self._wire.latency(), self._deliver, future, send, rest, self._loop.time())
        return future

    def _deliver(
        self, future: Future[Any], send: Callable[..., Any], arguments: tuple[Any, ...], departed: float
    ) -> None:
        self._wire.waits, self._wire.departed = 0.0, departed
        rows, error = None, None
        try:
            rows = send(*arguments)
        except Exception as problem:  # noqa: BLE001 - it belongs to the caller
            error = problem
        self._loop.call_later(self._wire.latency() + self._wire.waits, self._tell, future, rows, error)

    def _tell(self, future: Future[Any], rows: Any, error: Exception | None) -> None:
        if self._cut or future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(rows)

    def shutdown(self, wait: bool = True, cancel_futures: bool = False) -> None:
        self.cut()


def _split(arguments: tuple[Any, ...]) -> tuple[list[Callable[[], None]], tuple[Any, ...]]:
    """(what must run before the send, the arguments without it)."""
    checks = [argument for argument in arguments if callable(argument)]
    return checks, tuple(None if callable(argument) else argument for argument in arguments)
