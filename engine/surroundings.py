"""What the engine knows beside the venue's tables: forecasts, feeds, streamed flow. Each part may be missing, each
ages by itself, and none of them is ever waited for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from engine.clock import Clock
from engine.events import HealthChanged
from engine.exchange.streams import MarketFlows, NoFlows
from engine.feeds.board import FEAR_GREED, NEWS, FeedBoard
from engine.forecast.service import SOURCE as FORECAST
from engine.forecast.service import ForecastHealth, ForecastService
from engine.market_flow import with_flows
from engine.model import Candles, MarketSnapshot, Timeframe
from engine.supervisor import Supervisor

READ_WITHIN_S = 5.0
BESIDE = (FORECAST, FEAR_GREED, NEWS)
"""What only a running engine listens to."""


class Surroundings:
    """One per engine. `flows` are those of the moment: they come once the streams are open."""

    def __init__(
        self, clock: Clock, forecasts: ForecastService, feeds: FeedBoard, flows: Callable[[], MarketFlows] = NoFlows
    ) -> None:
        self._clock = clock
        self._flows = flows
        self._forecasts = forecasts
        self._feeds = feeds
        self._patience_s = 0.0

    async def load(self) -> None:
        """What the last run had read. Never raises."""
        await self._feeds.load()

    def start(self, supervisor: Supervisor) -> None:
        """Begins to listen and to load, in the background."""
        self._feeds.start(supervisor)
        self._forecasts.start(supervisor)

    async def read_once(self) -> None:
        """For a run without jobs: what is due is read, and nothing is waited for longer than a few seconds."""
        await self._feeds.refresh(READ_WITHIN_S)

    async def load_forecasts(self, supervisor: Supervisor, within_s: float) -> None:
        """For a run that ends after its cycles: the model is loaded if it is here, and from now on every cycle waits
        for its forecasts; neither for longer than `within_s` wall seconds. Where there is none, nothing waits."""
        self._forecasts.start(supervisor)
        self._patience_s = within_s
        await self._forecasts.loaded(within_s)

    async def forecasts_asked(self) -> None:
        """Waits for what was asked, in a run that waits at all."""
        if self._patience_s > 0:
            await self._forecasts.settled(self._patience_s)

    def ask_forecasts(self, windows: Mapping[str, Mapping[Timeframe, Candles]]) -> None:
        """Every ticker's 1H and 4H windows by instrument id; answers come when they come."""
        self._forecasts.request(windows)

    def around(self, snapshot: MarketSnapshot) -> MarketSnapshot:
        """The snapshot with what is known beside it now."""
        return replace(
            with_flows(snapshot, self._flows()),
            forecast=self._forecasts.latest(snapshot.instrument.inst_id),
            fear_greed=self._feeds.fear_greed(),
            headlines=self._feeds.headlines(),
        )

    def forecast_health(self) -> ForecastHealth:
        """Whether there are forecasts, and if not, why."""
        return self._forecasts.health()

    def health(self) -> Iterator[HealthChanged]:
        """One word for each source beside the venue."""
        now, forecast = self._clock.now_ms(), self._forecasts.health()
        yield HealthChanged(FORECAST, forecast.status, forecast.age_s, None, forecast.detail, now)
        for feed in self._feeds.health():
            yield HealthChanged(feed.name, feed.status, feed.age_s, None, feed.detail, now)

    async def aclose(self) -> None:
        await self._forecasts.aclose()
        await self._feeds.aclose()
