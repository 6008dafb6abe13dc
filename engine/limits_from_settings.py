"""RiskLimits from config.yaml's keys; the only place where percent keys become fractions."""

from __future__ import annotations

from engine.config import Settings
from engine.risk.limits import RiskLimits


def risk_limits(settings: Settings) -> RiskLimits:
    risk, trading, llm = settings.risk, settings.trading, settings.llm
    keys = risk.model_dump(exclude={"profile", "acknowledge_high_daily_loss", "acknowledge_unproven"})
    return RiskLimits.from_percentages(
        **keys,
        min_hold_minutes=trading.min_hold_minutes,
        min_bearish_cycles_for_exit=trading.min_bearish_cycles_for_exit,
        max_input_age_s=trading.max_input_age_s,
        da_confidence_min=llm.da_confidence_min,
        da_confidence_max=llm.da_confidence_max,
    )
