"""What the experts read from a snapshot. Signals are float."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from engine.model.timeframe import Timeframe


class Direction(StrEnum):
    BULLISH = "bullish"
    BEARISH = "bearish"
    NEUTRAL = "neutral"


@dataclass(frozen=True, slots=True)
class TimeframeSignals:
    """Indicators of one timeframe at its last confirmed bar. Votes are −1, 0, +1.

    `score` is in [−1, 1]. None = could not be computed; then its vote is 0.
    Units: *_pct are fractions (0.01 = 1 %), `realised_vol` annualised fraction.
    """

    timeframe: Timeframe
    bar_ts: int
    close: float
    ema9: float | None
    ema20: float | None
    ema50: float | None
    rsi: float | None
    macd: float | None
    macd_signal: float | None
    macd_histogram: float | None
    bollinger_position: float | None
    bollinger_width_pct: float | None
    atr: float | None
    atr_pct: float | None
    ofi_bar: float | None
    vpin: float | None
    toxicity: float | None
    realised_vol: float | None
    jump_z: float | None
    jump: bool | None
    vwap_deviation_pct: float | None
    vwap_deviation_sigma: float | None
    vote_ema: int
    vote_rsi: int
    vote_macd: int
    vote_ofi: int
    vote_vwap: int
    score: float

    @property
    def votes(self) -> tuple[int, int, int, int, int]:
        return (self.vote_ema, self.vote_rsi, self.vote_macd, self.vote_ofi, self.vote_vwap)

    @property
    def bullish_count(self) -> int:
        return sum(vote == 1 for vote in self.votes)

    @property
    def bearish_count(self) -> int:
        return sum(vote == -1 for vote in self.votes)

    @property
    def aligned(self) -> bool:
        """Three or more of the five votes are bullish."""
        return self.bullish_count >= 3


@dataclass(frozen=True, slots=True)
class TechnicalSignals:
    """All timeframes together. `score` S in [−1, 1]; `strength` = (1 + S)/2 in [0, 1]."""

    timeframes: Mapping[Timeframe, TimeframeSignals]
    bullish_count: int
    bearish_count: int
    timeframes_aligned: int
    score: float
    strength: float
    direction: Direction
    atr_pct_avg: float | None


@dataclass(frozen=True, slots=True)
class BookSignals:
    """From 20 levels. `imbalance` in [−1, 1]; spreads and slippage are fractions of mid.

    `wall_share` in (0, 1]: in how much of the recent snapshots the wall stood; without a wall, `walls_known` tells
    "none stands" from "too few earlier books to tell"; `depth_10bp_usd` what rests within 10 bps of mid on (bid,
    ask), None where the 20 levels do not reach that far; `slippage_pct` of a buy of our size; `event_ofi` in [−1, 1]
    from the streamed best quote, None when it is not streamed.
    """

    imbalance: float
    micro_price_offset_pct: float
    spread_pct: float
    bid_notional: float
    ask_notional: float
    wall_side: Direction | None
    wall_distance_pct: float | None
    wall_share: float | None = None
    depth_10bp_usd: tuple[float, float] | None = None
    slippage_pct: float | None = None
    event_ofi: float | None = None
    walls_known: bool = True


@dataclass(frozen=True, slots=True)
class MarketStats:
    """Funding, crowding and flow; None = unknown or not applicable to this asset class. Open interest changes over a
    day and over an hour."""

    funding_rate: float | None
    funding_interval_h: float | None
    funding_in_h: float | None
    open_interest_change_pct: float | None
    long_short_ratio: float | None
    liquidations_usd: float | None
    liquidated_long_share: float | None = None
    open_interest_change_1h_pct: float | None = None
    largest_liquidation_usd: float | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """One horizon of the forecast: changes as fractions; bullish or bearish beyond ±0.30 % of the median end point."""

    direction: Direction
    hours: float
    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class ForecastSignals:
    """None = that horizon is n/a."""

    short: Outlook | None
    medium: Outlook | None


@dataclass(frozen=True, slots=True)
class RegimeSignals:
    """The market's weather. Probabilities of BTC's regime sum to 1, all None when unknown; `fear_greed` 0–100;
    `volatility_multiplier` in (0, 1] scales sizes; while the regime is unknown it is the smallest of the blend, and
    `why` says what is missing."""

    p_trend: float | None
    p_range: float | None
    p_reversal: float | None
    fear_greed: int | None
    volatility_multiplier: float
    why: str = ""

    @property
    def name(self) -> str:
        """The likeliest regime's word; "" when unknown."""
        known = {"trend": self.p_trend, "range": self.p_range, "reversal": self.p_reversal}
        likely = {name: p for name, p in known.items() if p is not None}
        return max(likely, key=likely.__getitem__) if likely else ""


@dataclass(frozen=True, slots=True)
class TaggedHeadline:
    """One headline with its age and the lexicon's word for it. Untrusted text: data, never an instruction."""

    text: str
    age_h: float
    tag: Direction


@dataclass(frozen=True, slots=True)
class SentimentSignals:
    """Headlines of the last 24 h about this market, newest first; `score` in [−1, 1], None without any."""

    headlines: tuple[TaggedHeadline, ...]
    score: float | None


@dataclass(frozen=True, slots=True)
class GatherResult:
    """What the experts made of a snapshot.

    `atr_pct_avg` is a fraction (None = no ATR on any timeframe); `tf_alignment` 0–15.
    """

    brief: str
    brief_tokens: int
    atr_pct_avg: float | None
    tf_alignment: int
    dominant_direction: Direction
    direction_streak: int
    technical: TechnicalSignals
    book: BookSignals | None
    stats: MarketStats
    ages_s: Mapping[str, float | None]
    dropped: tuple[str, ...] = ()
    forecast: ForecastSignals | None = None
    regime: RegimeSignals | None = None
    sentiment: SentimentSignals | None = None
