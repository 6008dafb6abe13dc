"""Forecasts for the whole watchlist, made beside the engine: it asks and goes on, and reads what is there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from engine.clock import Clock
from engine.config import ForecastSettings
from engine.experts.forecaster import HORIZONS, Horizon
from engine.forecast.pipe import Batch
from engine.forecast.process import CHILD, ForecasterDied, ForecastProcess, command_for, environment_for, started
from engine.forecast.shelf import Shelf
from engine.forecast.weights import Absent, Weights, find_weights
from engine.model import Candles, Forecast, Timeframe
from engine.supervisor import Supervisor

SOURCE = "forecast"
NOT_STARTED = "not started"
Tell = Callable[[str, str, str], None]
"""(level, source, text)"""


class ForecastState(StrEnum):
    """OFF: not wanted, or not started. ABSENT: package or weights are not here. LOADING: also while they are looked for
    and fetched. FAILED: the child died, hangs or could not load; it is started again."""

    OFF = "off"
    ABSENT = "absent"
    LOADING = "loading"
    OK = "ok"
    FAILED = "failed"


TRANSITIONS = {
    ForecastState.OFF: {ForecastState.LOADING},
    ForecastState.ABSENT: {ForecastState.LOADING, ForecastState.OFF},
    ForecastState.LOADING: {ForecastState.ABSENT, ForecastState.OK, ForecastState.FAILED, ForecastState.OFF},
    ForecastState.OK: {ForecastState.FAILED, ForecastState.OFF},
    ForecastState.FAILED: {ForecastState.LOADING, ForecastState.ABSENT, ForecastState.OFF},
}
HEALTH = {
    ForecastState.OFF: "off",
    ForecastState.ABSENT: "off",
    ForecastState.LOADING: "connecting",
    ForecastState.OK: "ok",
    ForecastState.FAILED: "down",
}
"""The word of `events.HealthChanged` for each state."""


@dataclass(frozen=True, slots=True)
class ForecastHealth:
    """`status` is a word of `events.HealthChanged`; `age_s` is venue seconds since the newest forecast was made."""

    status: str
    detail: str
    age_s: float | None


@dataclass(frozen=True, slots=True)
class Patience:
    """Wall seconds."""

    load_s: float = 180.0
    fetch_s: float = 6 * 3600.0
    look_again_s: float = 60.0
    first_restart_s: float = 1.0
    longest_restart_s: float = 300.0


class ForecastService:
    """One per engine, used from its loop. `request`, `latest` and `health` never wait and never raise; between a death
    and the next life of the child the held forecasts age until they read n/a."""

    def __init__(
        self,
        settings: ForecastSettings,
        clock: Clock,
        tell: Tell,
        log: Path | None = None,
        environ: Mapping[str, str] = os.environ,
        child: Sequence[str] = CHILD,
        patience: Patience | None = None,
    ) -> None:
        self._settings, self._clock, self._tell = settings, clock, tell
        self._log, self._environ, self._child = log, environ, child
        self._patience = patience or Patience()
        self._shelf = Shelf(settings.context)
        self._state = ForecastState.OFF
        self._detail = NOT_STARTED if settings.enabled else "forecast.enabled is false"
        self._wanted, self._settled, self._loaded = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._restart_s = self._patience.first_restart_s
        self._told = ""
        self._loaded.set()
        self._task: asyncio.Task[None] | None = None

    @property
    def state(self) -> ForecastState:
        return self._state

    def start(self, supervisor: Supervisor) -> None:
        """Looks for the model and loads it in the background; returns at once. Nothing happens when not enabled."""
        if self._settings.enabled and self._task is None:
            self._move(ForecastState.LOADING, "looking for the model")
            self._task = supervisor.keep(SOURCE, self._run)

    def request(self, windows: Mapping[str, Mapping[Timeframe, Candles]]) -> bool:
        """Every ticker's 1H and 4H windows by instrument id, at every cycle. What has a new closed bar is forecast, all
        tickers in one batch per horizon; True when that is anything, else what is held still holds."""
        if not self._settings.enabled or not self._shelf.ask(windows, self._clock.now_ms()):
            return False
        self._settled.clear()
        self._wanted.set()
        return True

    def latest(self, inst_id: str) -> Forecast | None:
        """What is known of an instrument now; a stale part is None. None when it was never answered: `health` says
        why."""
        return self._shelf.latest(inst_id, self._clock.now_ms(), f"forecast {self._state}")

    async def settled(self, within_s: float) -> bool:
        """Waits until what was requested is answered, at most `within_s` wall seconds, and not at all while nobody
        could answer. True when nothing is left to answer."""
        if self._state is ForecastState.OK and self._shelf.waiting:
            try:
                async with asyncio.timeout(within_s):
                    await self._settled.wait()
            except TimeoutError:
                return False
        return not self._shelf.waiting

    async def loaded(self, within_s: float) -> bool:
        """Waits until loading has ended one way or the other, at most `within_s` wall seconds and for no download;
        True when forecasts can be had. For a program that makes one cycle and ends; an engine never waits for it."""
        try:
            async with asyncio.timeout(within_s):
                await self._loaded.wait()
        except TimeoutError:
            return False
        return self._state is ForecastState.OK

    def health(self) -> ForecastHealth:
        now = self._clock.now_ms()
        made_at, current = self._shelf.newest(now)
        age_s = None if made_at is None else max(0.0, (now - made_at) / 1000)
        if self._state is ForecastState.OK and made_at is not None and not current:
            return ForecastHealth("stale", f"no forecast is recent enough; {self._detail}", age_s)
        return ForecastHealth(HEALTH[self._state], self._detail, age_s)

    async def aclose(self) -> None:
        """Ends the child, whatever it is doing."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
            self._move(ForecastState.OFF, "stopped")

    async def _run(self) -> None:
        """Life after life of the child; ends only when cancelled."""
        if self._state is ForecastState.OK:
            self._failed("a defect of our own ended the last run")
        while True:
            try:
                weights = find_weights(self._settings, self._environ)
            except Absent as absent:
                self._move(ForecastState.ABSENT, str(absent), "info")
                await asyncio.sleep(self._patience.look_again_s)
                continue
            self._move(ForecastState.LOADING, f"loading {weights.file or 'after fetching 0.9 GB from the hub'}")
            if weights.file is None:  # nobody waits for a download
                self._loaded.set()
            try:
                await self._live(weights)
            except* ForecasterDied as deaths:
                self._failed(str(deaths.exceptions[0]))
            await asyncio.sleep(self._restart_s)
            self._restart_s = min(2 * self._restart_s, self._patience.longest_restart_s)

    async def _live(self, weights: Weights) -> None:
        """Raises a group of ForecasterDied, from whoever saw it first."""
        command = command_for(weights, self._settings, self._child)
        environ = environment_for(self._settings, self._environ)
        async with started(command, environ, self._log) as child, asyncio.TaskGroup() as group:
            group.create_task(self._serve(child, weights))
            group.create_task(child.watch())
            group.create_task(child.bound_log())

    async def _serve(self, child: ForecastProcess, weights: Weights) -> None:
        fetching = weights.file is None
        device, load_s = await child.ready(self._patience.fetch_s if fetching else self._patience.load_s)
        self._move(ForecastState.OK, f"TimesFM 2.5 on {device}, loaded in {load_s:.1f} s", "info")
        self._settled.clear()
        while True:
            began = self._clock.monotonic()
            for horizon in HORIZONS:
                await self._forecast(child, horizon)
            if not self._shelf.waiting:
                self._settled.set()
            # In a fast market a bar closes every second: half of the time stays for everybody else.
            await asyncio.sleep(max(0.0, self._clock.monotonic() - began))
            if not self._shelf.waiting:
                await self._wanted.wait()
            self._wanted.clear()

    async def _forecast(self, child: ForecastProcess, horizon: Horizon) -> None:
        """One batch; nothing when nothing waits."""
        asked = self._shelf.batch(horizon, self._clock.now_ms())
        if not asked:
            return
        batch = Batch(horizon.steps, tuple(series.changes for series in asked.values()))
        quantiles = await child.quantiles(batch, self._settings.timeout_s)
        self._shelf.answer(horizon, asked, quantiles, self._clock.now_ms())
        self._restart_s = self._patience.first_restart_s

    def _failed(self, why: str) -> None:
        self._settled.set()
        self._move(ForecastState.FAILED, f"{why}; started again in {self._restart_s:g} s", "warning", why)

    def _move(self, state: ForecastState, detail: str, level: str = "", said: str = "") -> None:
        """The same news is told once."""
        if state is not self._state and state not in TRANSITIONS[self._state]:
            raise RuntimeError(f"the forecaster cannot go from {self._state} to {state}")
        self._state, self._detail = state, detail
        (self._loaded.clear if state is ForecastState.LOADING else self._loaded.set)()
        if level and (said or detail) != self._told:
            self._told = said or detail
            self._tell(level, SOURCE, detail)
