"""How many closed 15m bars in a row have pointed the same way."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model import Direction, Timeframe

MAX_GAP_BARS = 2

SIGN = {Direction.BULLISH: 1, Direction.BEARISH: -1, Direction.NEUTRAL: 0}


@dataclass(frozen=True, slots=True)
class Streak:
    """`value` > 0: bullish bars in a row, < 0: bearish, 0: neutral; `bar_ts` is the last bar counted."""

    value: int
    bar_ts: int


def advance(previous: Streak | None, direction: Direction, bar_ts: int) -> Streak:
    """The streak after the bar that opened at `bar_ts` (ms).

    Each bar counts once: the same bar again, or an older one, changes nothing. Neutral is 0; a turn, a
    first bar, or a gap of more than two bars starts over at ±1.
    """
    if previous is not None and bar_ts <= previous.bar_ts:
        return previous
    sign = SIGN[direction]
    if previous is None or not _continues(previous, sign, bar_ts):
        return Streak(sign, bar_ts)
    return Streak(previous.value + sign, bar_ts)


def _continues(previous: Streak, sign: int, bar_ts: int) -> bool:
    recent = bar_ts - previous.bar_ts <= MAX_GAP_BARS * Timeframe.M15.ms
    return recent and sign * previous.value > 0
