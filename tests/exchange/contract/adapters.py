"""Every Exchange adapter by name: a factory from a running venue to the adapter. One line puts one under contract."""

from __future__ import annotations

from collections.abc import Callable

from engine.clock import ScaledClock
from engine.exchange.okx.exchange import OkxExchange
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.port import Exchange
from tests.simulator_process import Simulator


def endpoint_of(venue: Simulator) -> OkxEndpoint:
    return OkxEndpoint(venue.base_url, venue.flag, venue.key, venue.secret, venue.passphrase)


def okx(venue: Simulator) -> Exchange:
    return OkxExchange(endpoint_of(venue), ScaledClock(*venue.clock()))


ADAPTERS: dict[str, Callable[[Simulator], Exchange]] = {"okx": okx}
