"""What is known of an instrument or its market beside the venue's tables: forecasts, feeds, streamed flow."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.timeframe import Timeframe


@dataclass(frozen=True, slots=True)
class ForecastBand:
    """Where the close is expected `steps` bars of `timeframe` after `made_from`, as changes against that bar's close.

    Fractions (0.01 = 1 %): the median end point and the 10 % and 90 % quantiles. `made_from` is the open time (ms)
    of the last confirmed bar that the model saw.
    """

    timeframe: Timeframe
    steps: int
    median: float
    low: float
    high: float
    made_from: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """Short term (1H closes, 4 steps) and medium term (4H closes, 6 steps); a part that is not there is None and
    `why` says in one line what is missing. `ts` is when the older part's last bar closed, ms of venue time: a forecast
    is as old as what it was made from."""

    short: ForecastBand | None
    medium: ForecastBand | None
    ts: int
    why: str = ""


@dataclass(frozen=True, slots=True)
class FearGreed:
    """The index of one day, 0 (fear) to 100 (greed); `ts` is the day it was published for, ms UTC."""

    value: int
    ts: int


@dataclass(frozen=True, slots=True)
class Headline:
    """Untrusted text, already cleaned: one line, printable, bounded in length."""

    text: str
    published_at: int


@dataclass(frozen=True, slots=True)
class Headlines:
    """Newest first, without repetitions. `ts`: when at least one feed was read last, ms UTC."""

    items: tuple[Headline, ...]
    ts: int


@dataclass(frozen=True, slots=True)
class LiquidationFlow:
    """What the venue force-closed on one instrument within the last `window_ms`, in USDT at the bankruptcy price."""

    inst_id: str
    long_usd: float
    short_usd: float
    largest_usd: float
    window_ms: int
    ts: int


@dataclass(frozen=True, slots=True)
class QuoteFlow:
    """Order flow imbalance of the streamed best quote within the last `window_ms`: Σ e_n over Σ of the absolute
    terms, in [−1, 1] (Cont, Kukanov, Stoikov 2014); `events` changes of the best quote went into it."""

    inst_id: str
    imbalance: float
    events: int
    window_ms: int
    ts: int
