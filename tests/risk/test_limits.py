"""Limits: percent keys become fractions, and a value outside its range is refused by name."""

from __future__ import annotations

import inspect
import math
from dataclasses import fields

import pytest

from engine.config import Settings
from engine.limits_from_settings import risk_limits
from engine.risk.limits import RANGES, RiskLimits


def test_the_published_settings_are_the_default_limits() -> None:
    assert risk_limits(Settings()) == RiskLimits()


def test_percent_keys_become_fractions() -> None:
    limits = risk_limits(
        Settings.model_validate(
            {"risk": {"daily_loss_limit_pct": 7.5, "min_ev_pct": 0.25}, "trading": {"min_hold_minutes": 90}}
        )
    )
    assert (limits.daily_loss_frac, limits.min_ev_frac, limits.min_hold_ms) == (0.075, 0.0025, 5_400_000)


def test_the_prudent_profile_reaches_the_limits() -> None:
    limits = risk_limits(Settings.model_validate({"risk": {"profile": "prudent"}}))
    assert (limits.daily_loss_frac, limits.max_position_frac, limits.max_open_positions) == (0.03, 0.10, 5)
    assert limits.risk_per_trade_frac == 0.005


def test_the_only_defaults_are_the_settings_and_the_limits_own() -> None:
    keys = inspect.signature(RiskLimits.from_percentages).parameters.values()
    assert keys and all(key.default is inspect.Parameter.empty for key in keys)


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
