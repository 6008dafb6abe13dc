"""Opens the venue that a mode trades on: only hosts, keys and flag differ."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from engine.clock import Clock, ScaledClock, SystemClock
from engine.config import Settings
from engine.exchange.errors import ExchangeError
from engine.exchange.okx.exchange import OkxExchange
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.simulator.embedded import EmbeddedVenue
from engine.exchange.streams import AccountStream, Following, Hear, MarketFlows, NoFlows, Tell
from engine.home import Home
from engine.known_venue import remember
from engine.mode import Mode
from engine.model import Instrument

log = logging.getLogger(__name__)

SINGLE_QUOTES_UP_TO = 10.0
"""Venue seconds per wall second. In a faster market a second and more lies between two pushes of a best quote: those
are snapshots, whose flow says nothing, and asking for them would cost the simulated market its time."""


@dataclass(slots=True)
class Venue:
    """An open venue: the port, its time, and for the demo the embedded exchange behind it. `flows` is what its streams
    know of the followed markets: nothing before there are any."""

    name: str
    exchange: OkxExchange
    clock: Clock
    endpoint: OkxEndpoint
    embedded: EmbeddedVenue | None
    offset_ms: int | None = None
    flows: MarketFlows = field(default_factory=NoFlows)

    async def sync_clock(self) -> int:
        """Measures the venue's clock against ours and returns the offset in ms (venue − local). A simulated market's
        own time is followed besides. Raises ExchangeError when the venue does not answer.
        """
        if self.embedded is not None and isinstance(self.clock, ScaledClock):
            venue_ms, speed = await asyncio.to_thread(self.embedded.clock)
            self.clock.set_anchor(venue_ms, speed)
        self.offset_ms = await self.exchange.sync_clock()
        if isinstance(self.clock, SystemClock):
            self.clock.set_offset(self.offset_ms)
        return self.offset_ms

    async def revive(self, equity: float) -> bool:
        """Starts a simulated market that has died again, where it stood. False when there is nothing to revive.

        Raises VenueStartError.
        """
        if self.embedded is None:
            return False
        return await asyncio.to_thread(self.embedded.revive, self.clock.speed(), equity)

    async def set_speed(self, speed: float) -> None:
        """Raises ExchangeError outside a simulated market."""
        if self.embedded is None:
            raise ExchangeError("only a simulated market has a speed")
        await asyncio.to_thread(self.embedded.set_speed, speed)
        await self.sync_clock()

    async def advance_to(self, venue_ms: int) -> None:
        """Moves a frozen simulated market forward."""
        if self.embedded is None:
            raise ExchangeError("only a simulated market can be moved forward")
        await asyncio.to_thread(self.embedded.advance, to_ms=venue_ms)
        await self.sync_clock()

    def streams(self, hear: Hear, tell: Tell, resync: Callable[[], Awaitable[None]]) -> AccountStream | None:
        """The venue's pushes, not yet running; None for a host whose sockets are not known."""
        from engine.exchange.okx.stream.addresses import stream_address  # noqa: PLC0415 - not needed to guard
        from engine.exchange.okx.stream.client import OkxStreams  # noqa: PLC0415

        address = stream_address(self.endpoint.rest_host, self.endpoint.flag)
        if address is None:
            return None
        streams = OkxStreams(address, self.endpoint, self.clock, hear, tell, resync, following=Following())
        self.flows = streams.flows
        return streams

    def following(self, instruments: Sequence[Instrument]) -> Following:
        """How these markets are listened to here. The embedded market's books are read by REST alone: to write 400
        levels ten times a second for each instrument would take it half a core."""
        quotes = self.embedded is None or 0 < self.clock.speed() <= SINGLE_QUOTES_UP_TO
        return Following(tuple(instruments), quotes=quotes, books=self.embedded is None)

    async def close(self, stop_embedded: bool) -> None:
        await self.exchange.aclose()
        if self.embedded is not None and stop_embedded:
            await asyncio.to_thread(self.embedded.stop)


def open_venue(settings: Settings, home: Home, speed: float | None = None) -> Venue:
    """Blocking: in demo mode it starts (or finds) the embedded exchange first.

    Raises VenueStartError or ExchangeError, each with one clear line.
    """
    mode = settings.goals.mode
    remember(home, mode, settings.apis.okx.host)
    if mode is Mode.DEMO:
        return _open_embedded(settings, home, settings.demo.speed if speed is None else speed)
    clock, endpoint = SystemClock(), okx_endpoint(settings)
    name = f"OKX{'' if mode.profile.real_money else ' demo trading'} ({endpoint.rest_host.removeprefix('https://')})"
    return Venue(name, OkxExchange(endpoint, clock), clock, endpoint, None)


def _open_embedded(settings: Settings, home: Home, speed: float) -> Venue:
    embedded, endpoint = start_embedded(settings, home, speed)
    clock = ScaledClock(*embedded.clock())
    replay = settings.demo.replay
    source = f"replay of {replay}" if replay else f"simulated market, seed {settings.demo.seed}"
    return Venue(source, OkxExchange(endpoint, clock), clock, endpoint, embedded)


def start_embedded(settings: Settings, home: Home, speed: float) -> tuple[EmbeddedVenue, OkxEndpoint]:
    """The embedded exchange of this home, started or found running, and how to trade on it."""
    demo = settings.demo
    embedded = EmbeddedVenue.start(
        home.root, seed=demo.seed, speed=speed, replay=demo.replay or None, equity=demo.equity_usdt
    )
    if embedded.adopted:
        embedded.set_speed(speed)
    return embedded, embedded_endpoint(settings, embedded)


def embedded_endpoint(settings: Settings, embedded: EmbeddedVenue) -> OkxEndpoint:
    """How to trade on a simulated market that runs."""
    keys = (embedded.key, embedded.secret, embedded.passphrase)
    return _endpoint(settings, embedded.base_url, keys)


def okx_endpoint(settings: Settings) -> OkxEndpoint:
    """OKX itself, for paper and live."""
    okx = settings.apis.okx
    keys = (okx.api_key.get_secret_value(), okx.secret_key.get_secret_value(), okx.passphrase.get_secret_value())
    return _endpoint(settings, okx.host or settings.goals.mode.profile.rest_host, keys)


def _endpoint(settings: Settings, host: str, keys: tuple[str, str, str]) -> OkxEndpoint:
    okx = settings.apis.okx
    return OkxEndpoint(
        rest_host=host,
        flag=settings.goals.mode.profile.flag,
        key=keys[0],
        secret=keys[1],
        passphrase=keys[2],
        connect_timeout_s=okx.connect_timeout_s,
        read_timeout_s=okx.read_timeout_s,
    )
