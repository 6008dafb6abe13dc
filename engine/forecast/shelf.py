"""What was asked and what was answered, by instrument and horizon. No I/O; the time is handed in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.experts.forecaster import (
    HORIZONS,
    MEDIUM,
    SHORT,
    Horizon,
    Series,
    SeriesRefused,
    band_of,
    is_current,
    newest_closed,
    usable_series,
)
from engine.model import Candles, FloatArray, Forecast, ForecastBand, Timeframe


@dataclass(frozen=True, slots=True)
class Held:
    """One answer: a band, or why there is none. `made_at` is venue time in ms."""

    band: ForecastBand | None
    why: str
    made_at: int


class Shelf:
    """The newest series asked of each instrument, until answered; the newest answer to each, until replaced."""

    def __init__(self, context: int) -> None:
        self._context = context
        self._asked_of: dict[tuple[str, Horizon], int] = {}
        self._pending: dict[Horizon, dict[str, Series]] = {horizon: {} for horizon in HORIZONS}
        self._held: dict[tuple[str, Horizon], Held] = {}

    @property
    def waiting(self) -> int:
        """Series that nobody has answered yet."""
        return sum(map(len, self._pending.values()))

    def ask(self, windows: Mapping[str, Mapping[Timeframe, Candles]], now_ms: int) -> bool:
        """Takes up what has a new closed bar; True when that is anything. A series that cannot be used is answered
        here, by the name of its refusal."""
        new = [
            self._ask(inst_id, horizon, candles, now_ms)
            for inst_id, frames in windows.items()
            for horizon in HORIZONS
            if (candles := frames.get(horizon.timeframe)) is not None
        ]
        return any(new)

    def batch(self, horizon: Horizon, now_ms: int) -> dict[str, Series]:
        """Everything to forecast over one horizon now; what has waited until it is stale is dropped."""
        oldest = now_ms - 3 * horizon.timeframe.ms
        waiting = self._pending[horizon]
        for inst_id in [name for name, series in waiting.items() if series.made_from <= oldest]:
            del waiting[inst_id]
        return dict(waiting)

    def answer(self, horizon: Horizon, asked: Mapping[str, Series], quantiles: FloatArray, now_ms: int) -> None:
        """`quantiles` (n, 10) in the order of `asked`. A series asked again meanwhile stays pending."""
        for (inst_id, series), row in zip(asked.items(), quantiles, strict=True):
            try:
                held = Held(band_of(horizon, series.made_from, row.tolist()), "", now_ms)
            except SeriesRefused as error:
                held = Held(None, str(error), now_ms)
            self._held[inst_id, horizon] = held
            if self._pending[horizon].get(inst_id) is series:
                del self._pending[horizon][inst_id]

    def latest(self, inst_id: str, now_ms: int, why_not: str) -> Forecast | None:
        """What is known and not stale; None when this instrument was never answered. `why_not` says in a few words
        why an answer may be missing altogether."""
        held = {horizon: self._held.get((inst_id, horizon)) for horizon in HORIZONS}
        answers = [answer for answer in held.values() if answer is not None]
        if not answers:
            return None
        bands = {horizon: _current(answer, now_ms) for horizon, answer in held.items()}
        missing = [f"{h.name}: {_why(held[h], why_not)}" for h in HORIZONS if bands[h] is None]
        known_until = [band.made_from + band.timeframe.ms for band in bands.values() if band is not None]
        ts = min(known_until) if known_until else max(answer.made_at for answer in answers)
        return Forecast(bands[SHORT], bands[MEDIUM], ts, "; ".join(missing))

    def newest(self, now_ms: int) -> tuple[int | None, int]:
        """(when the newest band was made, how many instruments have a current one); None without any."""
        made = [held.made_at for held in self._held.values() if held.band is not None]
        current = {key[0] for key, held in self._held.items() if _current(held, now_ms) is not None}
        return max(made, default=None), len(current)

    def _ask(self, inst_id: str, horizon: Horizon, candles: Candles, now_ms: int) -> bool:
        bar = newest_closed(candles, horizon.timeframe, now_ms)
        if bar is None or bar == self._asked_of.get((inst_id, horizon)):
            return False
        self._asked_of[inst_id, horizon] = bar
        try:
            self._pending[horizon][inst_id] = usable_series(candles, horizon.timeframe, now_ms, self._context)
        except SeriesRefused as error:
            self._pending[horizon].pop(inst_id, None)
            self._held[inst_id, horizon] = Held(None, str(error), now_ms)
            return False
        return True


def _current(held: Held | None, now_ms: int) -> ForecastBand | None:
    return held.band if held is not None and held.band is not None and is_current(held.band, now_ms) else None


def _why(held: Held | None, why_not: str) -> str:
    if held is None:
        return f"none yet ({why_not})"
    return held.why or f"stale ({why_not})"
