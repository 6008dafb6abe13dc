"""OKX's WebSockets as one account stream: private and business ring for the account, public for the market; a fourth
line follows single markets."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from engine.clock import Clock
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.okx.stream.book_chain import Link
from engine.exchange.okx.stream.channels import PLANS, SocketPlan, book_channel, flow_plan
from engine.exchange.okx.stream.flows import FlowBoard
from engine.exchange.okx.stream.frames import Pushed
from engine.exchange.okx.stream.load import SHARE, Sieve
from engine.exchange.okx.stream.pace import Backoff, ConnectGate
from engine.exchange.okx.stream.socket import SocketShare, StreamSocket
from engine.exchange.okx.stream.translate import Translator
from engine.exchange.okx.stream.watch import PATIENCE, Patience
from engine.exchange.streams import WORST_FIRST, Following, Hear, Resumed, Tell, Topic, TopicHealth
from engine.model import Book

FRESH_S = 1.0


async def no_resync() -> None:
    """Where the local clock is the venue's."""


class OkxStreams:
    """Implements engine.exchange.streams.AccountStream. Lives on one event loop.

    `address` is that of `addresses.stream_address`. `hear` gets every piece of news in our own terms; it must be
    quick and never raise. `books` are instruments whose order book the public line follows as well. With `following`
    there is a flow line, whose pushes never reach `hear`: they are put together in `flows`, within `flow_share` of the
    loop's time.
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
        following: Following | None = None,
        flow_share: float = SHARE,
    ) -> None:
        around = SocketShare(
            address, endpoint, ConnectGate(clock.monotonic), clock.monotonic, clock.speed, tell, resync, patience
        )
        self._hear = hear
        self._tell = tell
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
        self._flow: StreamSocket | None = None
        self.flows = FlowBoard(clock, self._followed_book, lambda: self._flow is not None and self._flow.is_up)
        self._sieve = Sieve(clock.monotonic, time.thread_time, self.flows.skipped, self._tell_of_flow, flow_share)
        if following is not None:
            self._flow = StreamSocket(
                flow_plan(following),
                around,
                Backoff(np.random.default_rng([seed, len(plans)])),
                self.flows.heard,
                self.flows.resumed,
                self._sieve,
            )
            self.flows.follow(following)

    def follow(self, following: Following) -> None:
        """Without a flow line nothing is followed."""
        if self._flow is not None:
            self.flows.follow(following)
            self._flow.replan(flow_plan(following))

    def lines(self) -> Mapping[str, Callable[[], Coroutine[Any, Any, None]]]:
        flow = {} if self._flow is None else {self._flow.plan.name: self._flow.run}
        return {name: socket.run for name, socket in self._sockets.items()} | flow

    def health(self) -> tuple[TopicHealth, ...]:
        """One a channel; of the followed markets, one a topic."""
        return (*(health for socket in self._sockets.values() for health in socket.health()), *self._flow_health())

    def _flow_health(self) -> list[TopicHealth]:
        by_topic: dict[Topic, list[TopicHealth]] = {}
        for health in self._flow.health() if self._flow is not None else ():
            if health.topic is not Topic.PULSE:  # of the line, whose state every topic has
                by_topic.setdefault(health.topic, []).append(health)
        return [_together(topic, all_, self._sieve.note) for topic, all_ in by_topic.items()]

    def connections(self) -> Mapping[str, int]:
        """How often each socket was greeted so far."""
        flow = {} if self._flow is None else {self._flow.plan.name: self._flow.connections}
        return {name: socket.connections for name, socket in self._sockets.items()} | flow

    def book(self, inst_id: str, depth: int = 20, fresh_s: float = FRESH_S) -> Book | None:
        """None when it is not followed, has a gap, or was not heard of for `fresh_s` wall seconds."""
        return self._sockets["public"].book(inst_id, depth, fresh_s)

    def links(self) -> Mapping[Link, int]:
        """How often each link of the followed books' chains was seen on the present line."""
        return self._sockets["public"].links()

    def _tell_of_flow(self, level: str, text: str) -> None:
        self._tell(level, f"flow stream: {text}")

    def _followed_book(self, inst_id: str, depth: int, fresh_s: float) -> Book | None:
        return None if self._flow is None else self._flow.book(inst_id, depth, fresh_s)

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


def _together(topic: Topic, channels: Sequence[TopicHealth], sampled: str) -> TopicHealth:
    """The worst state of the topic's channels, the age of the one heard last, each detail once."""
    worst = min((health.state for health in channels), key=WORST_FIRST.index)
    ages = [health.age_s for health in channels if health.age_s is not None]
    details = dict.fromkeys(health.detail for health in channels if health.detail)
    if topic is Topic.QUOTES and sampled:
        details[sampled] = None
    return TopicHealth(topic, worst, min(ages, default=None), "; ".join(details))
