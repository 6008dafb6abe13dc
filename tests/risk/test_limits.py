"""Limits: percent keys become fractions, and a value outside its range is refused by name."""

from __future__ import annotations

import math
from dataclasses import fields

import pytest

from engine.config import Settings
from engine.risk.limits import RANGES, RiskLimits

NOT_LIMITS = {"profile", "acknowledge_high_daily_loss", "acknowledge_unproven"}


def from_settings(settings: Settings) -> RiskLimits:
    return RiskLimits.from_percentages(
        **settings.risk.model_dump(exclude=NOT_LIMITS),
        **settings.trading.model_dump(include={"min_hold_minutes", "min_bearish_cycles_for_exit", "max_input_age_s"}),
        **settings.llm.model_dump(include={"da_confidence_min", "da_confidence_max"}),
    )


def test_the_published_settings_are_the_default_limits() -> None:
    assert from_settings(Settings()) == RiskLimits() == RiskLimits.from_percentages()


def test_percent_keys_become_fractions() -> None:
    limits = RiskLimits.from_percentages(daily_loss_limit_pct=35.0, min_ev_pct=0.5, min_hold_minutes=180)
    assert (limits.daily_loss_frac, limits.min_ev_frac, limits.min_hold_ms) == (0.35, 0.005, 10_800_000)


def test_the_prudent_profile_reaches_the_limits() -> None:
    limits = from_settings(Settings.model_validate({"risk": {"profile": "prudent"}}))
    assert (limits.daily_loss_frac, limits.max_position_frac, limits.max_open_positions) == (0.03, 0.10, 5)
    assert limits.risk_per_trade_frac == 0.005


def test_every_limit_has_a_range() -> None:
    assert {field.name for field in fields(RiskLimits)} == set(RANGES)


@pytest.mark.parametrize("name", sorted(RANGES))
@pytest.mark.parametrize("beyond", ["below", "above", "nan"])
def test_a_value_outside_its_range_is_refused_by_name(name: str, beyond: str) -> None:
    low, high = RANGES[name]
    value = {"below": low - 1, "above": high + 1, "nan": math.nan}[beyond]
    with pytest.raises(AssertionError, match=name):
        RiskLimits(**{name: value})


def test_a_stop_range_that_is_inside_out_is_refused() -> None:
    with pytest.raises(AssertionError, match="min_stop_frac"):
        RiskLimits(min_stop_frac=0.1, max_stop_frac=0.05)


def test_a_margin_halt_lifts_a_tenth_above_the_limit() -> None:
    assert RiskLimits().margin_resume_ratio == pytest.approx(1.30)


def test_liquidation_is_almost_the_whole_price_away_at_1x() -> None:
    assert RiskLimits().liquidation_distance_frac == pytest.approx(0.98)


def test_limits_are_listed_for_the_cockpit() -> None:
    assert RiskLimits().as_mapping()["max_correlation"] == 0.85
