"""The Exchange port over OKX v5 through python-okx: live, paper and the simulator alike."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from engine.clock import Clock
from engine.exchange.errors import VenueFault
from engine.exchange.okx.budget import RateBudget
from engine.exchange.okx.calls import Calls
from engine.exchange.okx.market_data import OkxMarketData
from engine.exchange.okx.sdk import OkxEndpoint
from engine.exchange.okx.session import EndpointHealth, OkxSession
from engine.exchange.okx.trading import OkxTrading


class OkxExchange(OkxMarketData, OkxTrading):
    """Implements engine.exchange.port.Exchange. Lives on one event loop; `aclose()` ends it.

    `clock` gives venue time (which archive holds a row) and the wall's monotonic time. `seed` feeds the
    jitter of back-offs. A refused time stamp is answered by one look at the venue's clock and one more try;
    ClockSkewed says that this did not help either.
    """

    def __init__(self, endpoint: OkxEndpoint, clock: Clock, seed: int = 0) -> None:
        calls = Calls(OkxSession(endpoint), RateBudget(np.random.default_rng(seed), clock.speed))
        OkxMarketData.__init__(self, calls, endpoint.flag)
        OkxTrading.__init__(self, calls, clock)

    def health(self) -> Mapping[str, EndpointHealth]:
        """Per endpoint family (market, public, rubik, account, trade): last answer and its latency."""
        return self._calls.health()

    def listen(self, heard: Callable[[VenueFault], None]) -> None:
        self._calls.heard = heard

    async def aclose(self) -> None:
        self._calls.close()
