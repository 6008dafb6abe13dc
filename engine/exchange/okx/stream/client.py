"""OKX's three WebSockets as one account stream: private and business ring for the account, public for the market."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.clock import Clock
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.okx.stream.book_chain import Link
from engine.exchange.okx.stream.channels import PLANS, SocketPlan, book_channel
from engine.exchange.okx.stream.frames import Pushed
from engine.exchange.okx.stream.pace import Backoff, ConnectGate
from engine.exchange.okx.stream.socket import StreamSocket, Surroundings
from engine.exchange.okx.stream.translate import Translator
from engine.exchange.okx.stream.watch import PATIENCE, Patience
from engine.exchange.streams import Hear, Resumed, Tell, Topic, TopicHealth
from engine.model import Book

FRESH_S = 1.0


async def no_resync() -> None:
    """Where the local clock is the venue's."""


class OkxStreams:
    """Implements engine.exchange.streams.AccountStream. Lives on one event loop.

    `address` is that of `addresses.stream_address`. `hear` gets every piece of news in our own terms; it must be
    quick and never raise. `books` are instruments whose order book is followed as well.
    """

    def __init__(
        self,
        address: str,
        endpoint: OkxEndpoint,
        clock: Clock,
        hear: Hear,
        tell: Tell,
        resync: Callable[[], Awaitable[None]] = no_resync,
        books: Sequence[str] = (),
        plans: Sequence[SocketPlan] = PLANS,
        patience: Patience = PATIENCE,
        seed: int = 0,
    ) -> None:
        around = Surroundings(
            address, endpoint, ConnectGate(clock.monotonic), clock.monotonic, clock.speed, tell, resync, patience
        )
        self._hear = hear
        self._translator = Translator()
        self._sockets = {
            plan.name: StreamSocket(
                _with_books(plan, books),
                around,
                Backoff(np.random.default_rng([seed, number])),
                self._on_push,
                self._on_resumed,
            )
            for number, plan in enumerate(plans)
        }

    def lines(self) -> Mapping[str, Callable[[], Coroutine[Any, Any, None]]]:
        return {name: socket.run for name, socket in self._sockets.items()}

    def health(self) -> tuple[TopicHealth, ...]:
        return tuple(health for socket in self._sockets.values() for health in socket.health())

    def connections(self) -> Mapping[str, int]:
        """How often each socket was greeted so far."""
        return {name: socket.connections for name, socket in self._sockets.items()}

    def book(self, inst_id: str, depth: int = 20, fresh_s: float = FRESH_S) -> Book | None:
        """None when it is not followed, has a gap, or was not heard of for `fresh_s` wall seconds."""
        return self._sockets["public"].book(inst_id, depth, fresh_s)

    def links(self) -> Mapping[Link, int]:
        """How often each link of the followed books' chains was seen on the present line."""
        return self._sockets["public"].links()

    def _on_push(self, topic: Topic, pushed: Pushed) -> None:
        for push in self._translator.news(topic, pushed.rows):
            self._hear(push)

    def _on_resumed(self, topics: tuple[Topic, ...]) -> None:
        self._translator.forget_levels()
        self._hear(Resumed(topics))


def _with_books(plan: SocketPlan, books: Sequence[str]) -> SocketPlan:
    if plan.name != "public" or not books:
        return plan
    return replace(plan, channels=(*plan.channels, *(book_channel(inst_id) for inst_id in books)))
