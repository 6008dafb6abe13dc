"""The client's three lines on the real simulator, and everything that they say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from engine.clock import ScaledClock
from engine.exchange.okx.sdk import OkxApi, OkxEndpoint
from engine.exchange.okx.stream.addresses import stream_address
from engine.exchange.okx.stream.channels import PLANS, SocketPlan
from engine.exchange.okx.stream.client import OkxStreams
from engine.exchange.okx.stream.watch import Patience
from engine.exchange.streams import Following, Push, Resumed, StreamState, Topic
from engine.supervisor import Supervisor
from tests.simulator_process import Simulator

BTC = "BTC-USDT-SWAP"
HASTY = Patience(ping_after_s=0.4, pong_within_s=0.4, answer_within_s=2.0)
"""For tests of silence; the real one waits 18 s."""


@dataclass
class Listening:
    """`pushes` in order, `said` as (level, text), `deaths` of tasks."""

    venue: Simulator
    endpoint: OkxEndpoint
    pushes: list[Push] = field(default_factory=list)
    said: list[tuple[str, str]] = field(default_factory=list)
    deaths: list[tuple[str, BaseException]] = field(default_factory=list)
    resyncs: int = 0
    streams: OkxStreams = field(init=False)

    async def until(self, wanted: Callable[[], Any], timeout: float = 8.0) -> None:
        async with asyncio.timeout(timeout):
            while not wanted():
                await asyncio.sleep(0.01)

    async def resumed(self, times: int = 1, topic: Topic = Topic.ORDERS) -> None:
        """Until the line that carries `topic` was subscribed so often."""
        await self.until(lambda: sum(1 for p in self.pushes if isinstance(p, Resumed) and topic in p.topics) >= times)

    def of(self, kind: type[Push]) -> list[Any]:
        return [push for push in self.pushes if isinstance(push, kind)]

    def heard(self, text: str) -> bool:
        return any(text in said for _, said in self.said)

    def state(self, topic: Topic) -> StreamState:
        return next(health.state for health in self.streams.health() if health.topic is topic)

    async def trade(self, client_id: str, contracts: str = "1", side: str = "buy") -> None:
        api = OkxApi(self.endpoint)
        answer = await asyncio.to_thread(
            api.place_order, BTC, "isolated", side, "market", contracts, clOrdId=client_id, reduceOnly=side == "sell"
        )
        assert answer["code"] == "0", answer
        api.close()

    async def resync(self) -> None:
        self.resyncs += 1
        self.endpoint.clock.correct(0)


def endpoint_of(venue: Simulator) -> OkxEndpoint:
    return OkxEndpoint(venue.base_url, venue.flag, venue.key, venue.secret, venue.passphrase)


@asynccontextmanager
async def listening(
    venue: Simulator,
    plans: Sequence[SocketPlan] = PLANS,
    patience: Patience = HASTY,
    books: Sequence[str] = (),
    endpoint: OkxEndpoint | None = None,
    following: Following | None = None,
) -> AsyncIterator[Listening]:
    """Running lines; at the end no task is left and none has died."""
    endpoint = endpoint or endpoint_of(venue)
    address = stream_address(venue.base_url, venue.flag)
    assert address == venue.ws_url
    rig = Listening(venue, endpoint)
    rig.streams = OkxStreams(
        address,
        endpoint,
        ScaledClock(*venue.clock()),
        rig.pushes.append,
        lambda level, text: rig.said.append((level, text)),
        resync=rig.resync,
        books=books,
        plans=plans,
        patience=patience,
        following=following,
    )
    supervisor = Supervisor(lambda name, error: rig.deaths.append((name, error)))
    before = len(asyncio.all_tasks())
    for name, run in rig.streams.lines().items():
        supervisor.keep(f"stream {name}", run)
    try:
        yield rig
    finally:
        assert await supervisor.cancel_all() == ()
        await asyncio.sleep(0)
        assert len(asyncio.all_tasks()) == before, asyncio.all_tasks()
        assert rig.deaths == []
