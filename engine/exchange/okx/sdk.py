"""Construction of the python-okx 0.4.4 client: one object with every API, one connection pool, our time-outs.

What the SDK would do by itself (read line by line, 0.4.4): flag "1" unless told, one TLS context and one
pool per API class, httpx's 5 s time-outs, 5 s keep-alive, HTTP/2 (open issues with GOAWAY end a long-lived
connection in the middle of an order), and a loguru sink on stderr that would paint over the cockpit.
"""

from __future__ import annotations

import ssl
import threading
from dataclasses import dataclass, field
from typing import Any

import httpx
from loguru import logger as _sdk_logger
from okx.Account import AccountAPI
from okx.MarketData import MarketAPI
from okx.PublicData import PublicAPI
from okx.Trade import TradeAPI
from okx.TradingData import TradingDataAPI

from engine.exchange.okx.signing import SigningClock

_sdk_logger.remove()

KEEP_ALIVE_S = 20.0
CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class OkxEndpoint:
    """Where and as whom to trade: the only thing that differs between live, paper and the simulator.

    `flag` is "0" for production and "1" for demo trading; `rest_host` includes the scheme. `clock` is shared by every
    client that is made from this endpoint or a copy of it.
    """

    rest_host: str
    flag: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)
    connect_timeout_s: float = 5.0
    read_timeout_s: float = 10.0
    clock: SigningClock = field(default_factory=SigningClock, repr=False, compare=False)

    def __post_init__(self) -> None:
        assert self.flag in {"0", "1"}, f"flag must be '0' (production) or '1' (demo), got {self.flag!r}"
        assert self.rest_host.startswith(("https://", "http://127.0.0.1")), (
            f"rest_host must be https:// (or the simulator's http://127.0.0.1), got {self.rest_host!r}"
        )

        credentials = (self.key, self.secret, self.passphrase)
        assert all(c.isascii() and c.isprintable() for c in credentials), "credentials must be plain ASCII"

    def without_secrets(self, text: str) -> str:
        """`text` with every credential blanked, whoever put it there."""
        for secret in (self.key, self.secret, self.passphrase):
            text = text.replace(secret, "***") if secret else text
        return text


class _Transport(httpx.Client):
    """What the SDK's classes inherit from in place of a bare httpx client: they pass only the host."""

    def __init__(self, base_url: str, **_sdk_choices: Any) -> None:
        loopback = base_url.startswith("http://")
        self.answers = threading.local()
        super().__init__(
            base_url=base_url,
            http2=False,
            limits=httpx.Limits(
                max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS, keepalive_expiry=KEEP_ALIVE_S
            ),
            # The simulator is never behind a proxy; a real venue may be, so the environment counts there.
            trust_env=not loopback,
            # An empty context costs nothing and trusts nobody; loopback speaks plain HTTP.
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if loopback else True,
            event_hooks={"response": [self._remember_status]},
        )

    def post(self, url: Any, *, data: Any = None, **options: Any) -> httpx.Response:
        """The SDK passes its JSON text as `data`, which httpx deprecates; the bytes sent are the same."""
        return super().post(url, content=data, **options)

    def send(self, request: httpx.Request, **options: Any) -> httpx.Response:
        """An answer and its stream hold each other; read to its end it needs none. Without the knot some 40 objects a
        request go at once, where the collector would have to stop everybody to find them: 12,000 a cycle."""
        response = super().send(request, **options)
        if response.is_closed:
            response.stream = httpx.ByteStream(b"")
        return response

    def _remember_status(self, response: httpx.Response) -> None:
        """The SDK throws the HTTP status away; each thread keeps that of its own last answer."""
        self.answers.status = response.status_code


class OkxApi(TradeAPI, PublicAPI, AccountAPI, MarketAPI, TradingDataAPI, _Transport):  # type: ignore[misc]
    """All of the SDK's methods on one client. The SDK's base calls `super().__init__`, which lands in
    `_Transport`. Both PublicAPI and AccountAPI have `get_instruments`: the public one is meant here.

    Thread-safe: the SDK keeps no state between calls and httpx's pool locks itself, so nothing is serialised.
    """

    def __init__(self, endpoint: OkxEndpoint) -> None:
        super().__init__(  # type: ignore[call-arg]
            endpoint.key or "-1",
            endpoint.secret or "-1",
            endpoint.passphrase or "-1",
            flag=endpoint.flag,
            domain=endpoint.rest_host,
            debug=False,
        )
        self.timeout = httpx.Timeout(endpoint.read_timeout_s, connect=endpoint.connect_timeout_s)
        self._signing_clock = endpoint.clock
        self.use_server_time = True  # the SDK then asks `_get_timestamp`, which is ours

    def _get_timestamp(self) -> str:
        """In place of the SDK's, which asks www.okx.com over the network before each request."""
        return self._signing_clock.iso()

    def ask_unsigned(self, path: str) -> Any:
        """The JSON of a public GET without any header of ours but the environment's: the venue judges no time stamp
        and no key. Raises httpx.HTTPError or ValueError."""
        return self.get(f"/api/v5/{path}", headers={"x-simulated-trading": self.flag}).json()

    @property
    def last_status(self) -> int:
        """HTTP status of this thread's last answer; 0 before the first."""
        return getattr(self.answers, "status", 0)
