"""The liquidations of one instrument within the last hour, by the minute. Pure; times are venue time in ms."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from engine.model import LiquidationFlow

HOUR_MS = 3_600_000
MINUTE_MS = 60_000


@dataclass(slots=True)
class _Minute:
    index: int
    long_usd: float = 0.0
    short_usd: float = 0.0
    largest_usd: float = 0.0


class LiquidationHour:
    """Bounded: one entry a minute, however many positions die in it."""

    def __init__(self, inst_id: str) -> None:
        self._inst_id = inst_id
        self._minutes: deque[_Minute] = deque()

    def add(self, ts: int, usd: float, long: bool) -> None:
        """One position that was closed; what is older than the hour when it arrives is left out."""
        minute = self._minute(ts // MINUTE_MS)
        if minute is None:
            return
        if long:
            minute.long_usd += usd
        else:
            minute.short_usd += usd
        minute.largest_usd = max(minute.largest_usd, usd)

    def flow(self, now_ms: int, window_ms: int, heard_at: int) -> LiquidationFlow:
        """Of the `window_ms` ≤ 1 h before `now_ms`, to the minute; known as of `heard_at`."""
        first = (now_ms - window_ms) // MINUTE_MS
        inside = [minute for minute in self._minutes if first < minute.index <= now_ms // MINUTE_MS]
        return LiquidationFlow(
            inst_id=self._inst_id,
            long_usd=sum(minute.long_usd for minute in inside),
            short_usd=sum(minute.short_usd for minute in inside),
            largest_usd=max((minute.largest_usd for minute in inside), default=0.0),
            window_ms=window_ms,
            ts=heard_at,
        )

    def _minute(self, index: int) -> _Minute | None:
        """Rows come unordered: the minute may lie among the known ones."""
        newest = self._minutes[-1].index if self._minutes else index - 1
        if index <= newest - HOUR_MS // MINUTE_MS:
            return None
        if index > newest:
            self._minutes.append(_Minute(index))
            while self._minutes[0].index <= index - HOUR_MS // MINUTE_MS:
                self._minutes.popleft()
            return self._minutes[-1]
        return next((minute for minute in self._minutes if minute.index == index), None) or self._inserted(index)

    def _inserted(self, index: int) -> _Minute:
        minute = _Minute(index)
        self._minutes = deque(sorted((*self._minutes, minute), key=lambda one: one.index))
        return minute
