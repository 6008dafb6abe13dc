"""Every limit that risk obeys, as one frozen value in the units that the formulas use."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from engine.model.ages import AHEAD_S
from engine.risk.sessions import StockEntries

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
NO_ENTRY_BEFORE_EXPIRY_MS = 72 * HOUR_MS


@dataclass(frozen=True, slots=True)
class RiskLimits:
    """The limits of one cycle. `*_frac` are fractions (0.35 = 35 %) of equity unless named, `*_ms` and `*_s`
    are venue time. `liquidation_buffer` is the share of the way from the entry to liquidation that a stop must leave
    free at its far end. Raises AssertionError, naming the field, on a value outside its range.

    `expected_hold_ms` prices funding: 24 h of settlements. It is an estimate, not a bound: a position may be sold on
    a signal from `min_hold_ms` on, while stop and target alone, at about 3 × 7.5 average ATR, would be reached
    after two to three days in a driftless market (mean exit time = stop × target / variance).
    """

    # What a decision must show
    min_signals_aligned: int = 5
    min_timeframes_aligned: int = 2
    min_confidence: float = 0.65
    min_ev_frac: float = 0.005
    min_reward_risk: float = 1.2
    # Size; fractions of equity
    max_position_frac: float = 0.40
    max_gross_frac: float = 1.00
    max_class_frac: float = 0.60
    risk_per_trade_frac: float = 0.01
    # The day and the account
    daily_loss_frac: float = 0.35
    soft_brake_loss_frac: float = 0.03
    soft_brake_factor: float = 0.5
    max_daily_trades: int = 20
    max_open_positions: int = 10
    max_consecutive_losses: int = 5
    min_margin_ratio: float = 1.20
    margin_resume_gap: float = 0.10
    max_ticker_loss_frac: float = 0.10
    max_correlation: float = 0.85
    # Stops; fractions of the entry price
    sl_mult: float = 3.0
    tp_mult: float = 6.0
    min_stop_frac: float = 0.003
    max_stop_frac: float = 0.08
    stop_spreads: float = 3.0
    stop_atr15: float = 0.5
    stop_liquidation_share: float = 0.60
    leverage: float = 1.0
    maintenance_margin_frac: float = 0.02
    liquidation_buffer: float = 0.05
    max_atr_frac: float = 0.25
    min_atr_ticks: float = 3.0
    # Time
    min_hold_ms: int = 180 * MINUTE_MS
    min_bearish_cycles: int = 2
    min_bullish_cycles: int = 2
    cooldown_ms: int = 15 * MINUTE_MS
    no_entry_before_expiry_ms: int = NO_ENTRY_BEFORE_EXPIRY_MS
    max_input_age_s: float = 120.0
    max_input_ahead_s: float = AHEAD_S
    max_clock_offset_ms: int = 10_000
    expected_hold_ms: int = 24 * HOUR_MS
    # Stocks and indexes outside their home session: not at all, by spread and age as below, or as if it were open
    stock_entries: StockEntries = StockEntries.US_SESSION_ONLY
    # Outside an instrument's home session: the widest spread as a fraction of mid, 0 = no entries at all; and the
    # share of max_input_age_s that quote and book may be old
    off_session_spread_frac: float = 0.001
    off_session_age_share: float = 0.5
    # The devil's advocate's band of confidence, both ends included
    advocate_confidence_min: float = 0.65
    advocate_confidence_max: float = 0.78

    def __post_init__(self) -> None:
        for name, (low, high) in RANGES.items():
            value = getattr(self, name)
            assert low <= value <= high, f"{name} must be in [{low:g}, {high:g}], got {value!r}"
        assert self.min_stop_frac <= self.max_stop_frac, "min_stop_frac is above max_stop_frac"

    @property
    def margin_resume_ratio(self) -> float:
        """A margin halt lifts only from here on, so that it does not flap around the limit."""
        return self.min_margin_ratio + self.margin_resume_gap

    @property
    def liquidation_distance_frac(self) -> float:
        """How far the price may fall before liquidation, as a fraction of entry: 1/leverage − maintenance."""
        return 1 / self.leverage - self.maintenance_margin_frac

    def as_mapping(self) -> dict[str, float]:
        """Field names and numbers, for the cockpit and the log."""
        return asdict(self)

    @classmethod
    def from_percentages(
        cls,
        *,
        min_signals_aligned: int,
        min_timeframes_aligned: int,
        min_confidence: float,
        min_ev_pct: float,
        max_position_size_pct: float,
        max_gross_pct: float,
        max_class_pct: float,
        risk_per_trade_pct: float,
        daily_loss_limit_pct: float,
        max_daily_trades: int,
        max_open_positions: int,
        max_consecutive_losses: int,
        max_ticker_loss_pct: float,
        cooldown_minutes: int,
        stock_entries: str,
        off_session_spread_pct: float,
        max_correlation: float,
        min_margin_ratio: float,
        min_reward_risk: float,
        sl_mult: float,
        tp_mult: float,
        min_hold_minutes: int,
        min_bearish_cycles_for_exit: int,
        max_input_age_s: float,
        da_confidence_min: float,
        da_confidence_max: float,
    ) -> RiskLimits:
        """From the keys of config.yaml, `*_pct` in percent as published (35.0 = 35 %). No key has a default here:
        the defaults stand in the settings and in the fields above, held equal by a test."""
        return cls(
            min_signals_aligned=min_signals_aligned,
            min_timeframes_aligned=min_timeframes_aligned,
            min_confidence=min_confidence,
            min_ev_frac=min_ev_pct / 100,
            min_reward_risk=min_reward_risk,
            max_position_frac=max_position_size_pct / 100,
            max_gross_frac=max_gross_pct / 100,
            max_class_frac=max_class_pct / 100,
            risk_per_trade_frac=risk_per_trade_pct / 100,
            daily_loss_frac=daily_loss_limit_pct / 100,
            max_daily_trades=max_daily_trades,
            max_open_positions=max_open_positions,
            max_consecutive_losses=max_consecutive_losses,
            min_margin_ratio=min_margin_ratio,
            max_ticker_loss_frac=max_ticker_loss_pct / 100,
            cooldown_ms=cooldown_minutes * MINUTE_MS,
            stock_entries=StockEntries[stock_entries.upper()],
            off_session_spread_frac=off_session_spread_pct / 100,
            max_correlation=max_correlation,
            sl_mult=sl_mult,
            tp_mult=tp_mult,
            min_hold_ms=min_hold_minutes * MINUTE_MS,
            min_bearish_cycles=min_bearish_cycles_for_exit,
            max_input_age_s=max_input_age_s,
            advocate_confidence_min=da_confidence_min,
            advocate_confidence_max=da_confidence_max,
        )


# NaN fails every comparison, so it is refused here too.
RANGES: dict[str, tuple[float, float]] = {
    "min_signals_aligned": (0, 15),
    "min_timeframes_aligned": (0, 3),
    "min_confidence": (0, 1),
    "min_ev_frac": (0, 0.5),
    "min_reward_risk": (0, 10),
    "max_position_frac": (1e-9, 1),
    "max_gross_frac": (1e-9, 1),
    "max_class_frac": (1e-9, 1),
    "risk_per_trade_frac": (1e-9, 1),
    "daily_loss_frac": (1e-9, 1),
    "soft_brake_loss_frac": (1e-9, 1),
    "soft_brake_factor": (0, 1),
    "max_daily_trades": (1, 1000),
    "max_open_positions": (1, 100),
    "max_consecutive_losses": (1, 100),
    "min_margin_ratio": (1, 100),
    "margin_resume_gap": (0, 10),
    "max_ticker_loss_frac": (1e-9, 1),
    "max_correlation": (0, 1),
    "sl_mult": (1e-9, 20),
    "tp_mult": (1e-9, 40),
    "min_stop_frac": (1e-9, 0.5),
    "max_stop_frac": (1e-9, 0.5),
    "stop_spreads": (0, 100),
    "stop_atr15": (0, 10),
    "stop_liquidation_share": (1e-9, 0.95),
    "leverage": (1, 10),
    "maintenance_margin_frac": (0, 0.09),
    "liquidation_buffer": (0, 0.5),
    "max_atr_frac": (1e-9, 0.25),
    "min_atr_ticks": (0, 50),
    "min_hold_ms": (0, 10080 * MINUTE_MS),
    "min_bearish_cycles": (1, 20),
    "min_bullish_cycles": (2, 20),
    "cooldown_ms": (0, 1440 * MINUTE_MS),
    "no_entry_before_expiry_ms": (0, 30 * 24 * HOUR_MS),
    "max_input_age_s": (1e-9, 7200),
    "max_input_ahead_s": (0, 7200),
    "max_clock_offset_ms": (0, 10_000),
    "expected_hold_ms": (0, 30 * 24 * HOUR_MS),
    "stock_entries": (min(StockEntries), max(StockEntries)),
    "off_session_spread_frac": (0, 0.05),
    "off_session_age_share": (1e-9, 1),
    "advocate_confidence_min": (0, 1),
    "advocate_confidence_max": (0, 1),
}
