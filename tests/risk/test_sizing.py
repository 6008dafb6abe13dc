"""Size: Kelly, the caps, the lot. No cap is ever passed and nothing is ever rounded up."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model import AccountView, AssetClass, BracketPrices, Instrument, Sizing
from engine.reasons import Reason
from engine.risk.inputs import OpenExposure
from engine.risk.limits import RiskLimits
from engine.risk.sizing import (
    Bet,
    Factors,
    Refusal,
    cap_base,
    caps,
    clip_share,
    conf_scale,
    exposure,
    kelly_notional,
    size,
    sizing_base,
    soft_brake,
)
from engine.risk.sound import INSTRUMENT, account

D = Decimal
BET = Bet(D(100), BracketPrices(D(98), D(104)), 0.02, 0.04, 0.0, 0.0005, 0.5, 1.0, 0.01)


def contract(value: str, lot: str = "0.01", least: str = "0.01", largest: str = "1000000") -> Instrument:
    return replace(INSTRUMENT, contract_value=D(value), lot_size=D(lot), min_size=D(least), max_market_size=D(largest))


def sized(
    bet: Bet = BET,
    instrument: Instrument = INSTRUMENT,
    view: AccountView | None = None,
    positions: tuple[OpenExposure, ...] = (),
    limits: RiskLimits | None = None,
    factors: Factors | None = None,
) -> tuple[Sizing, Refusal | None]:
    return size(bet, instrument, view or account(), positions, limits or RiskLimits(), factors or Factors())


def test_half_kelly_of_the_base_scaled_by_confidence_and_regime() -> None:
    assert kelly_notional(D(10_000), BET, 1.0) == D(1250)
    assert kelly_notional(D(10_000), replace(BET, confidence=0.0), 1.0) == D(625)
    assert kelly_notional(D(10_000), BET, 0.5) == D(625)
    assert kelly_notional(D(-5), BET, 1.0) == 0


def test_confidence_scales_between_one_half_and_one() -> None:
    assert (conf_scale(0), conf_scale(0.5), conf_scale(1)) == (0.5, 0.75, 1.0)


@pytest.mark.parametrize(("factor", "used"), [(2.0, 1.0), (-1.0, 0.0), (float("nan"), 0.0), (0.6, 0.6)])
def test_a_factor_only_shrinks(factor: float, used: float) -> None:
    assert clip_share(factor) == used


def test_the_sizing_base_leaves_open_profit_out_and_own_margin_in() -> None:
    view = replace(account(), equity=D(10_500), unrealised=D(500), available=D(3_000))
    assert sizing_base(view) == cap_base(view) == D(10_000)


def test_open_losses_lower_the_caps_but_not_the_kelly_base() -> None:
    view = replace(account(), equity=D(9_000), unrealised=D(-1_000))
    assert (sizing_base(view), cap_base(view)) == (D(10_000), D(9_000))


def test_unchanged_inputs_give_an_unchanged_size_while_margin_is_locked() -> None:
    locked = replace(account(), available=D(6_000), margin_ratio=D(3))
    assert sized(view=locked)[0].contracts == sized()[0].contracts


# okx.md §10: (contract value, lot, min, price, notional wanted, contracts, notional after rounding)
VENUE_ROWS = [
    ("0.01", "0.01", "0.01", "77800", "1000", "1.28", "995.84"),
    ("0.1", "0.01", "0.01", "2300", "1000", "4.34", "998.20"),
    ("0.001", "1", "1", "4700", "1000", "212", "996.40"),
    ("1", "0.01", "0.01", "200", "1000", "5", "1000"),
    ("1", "0.01", "0.01", "200", "5", "0.02", "4"),
]


@pytest.mark.parametrize(("value", "lot", "least", "price", "wanted", "contracts", "notional"), VENUE_ROWS)
def test_contracts_are_floored_as_the_venue_counts_them(
    value: str, lot: str, least: str, price: str, wanted: str, contracts: str, notional: str
) -> None:
    bet = replace(BET, price=D(price))
    sizing, refusal = sized(bet, contract(value, lot, least), account(D(wanted) * 8))
    assert (refusal, sizing.notional_raw) == (None, D(wanted))
    assert (sizing.contracts, sizing.notional) == (D(contracts), D(notional))


def test_a_size_under_the_minimum_is_refused_never_rounded_up() -> None:
    sizing, refusal = sized(replace(BET, price=D(77_800)), contract("0.01"), account(D(40)))
    assert sizing.contracts == 0
    assert refusal is not None and refusal.reason is Reason.MIN_SIZE and "7.78 USDT" in refusal.detail


def test_risk_is_recomputed_after_rounding() -> None:
    sizing, _ = sized(replace(BET, cost=0.001), contract("1", lot="5", least="5"))
    assert sizing.contracts == 10
    assert sizing.risk_usdt == D(1000) * D("0.021")


BIG = replace(BET, p_win=0.99)  # half Kelly ≈ 0.49 of equity, so that caps bind


@pytest.mark.parametrize(
    ("name", "positions", "available", "largest", "notional"),
    [
        ("position", (), "10000", "1000000", "4000"),
        ("gross", (("A", AssetClass.METAL, "7000"),), "10000", "1000000", "3000"),
        ("class", (("A", AssetClass.CRYPTO, "4500"),), "10000", "1000000", "1500"),
        ("margin", (), "1001", "1000000", "1000"),
        ("market size", (), "10000", "7", "700"),
    ],
)
def test_each_cap_binds_and_says_so(
    name: str, positions: tuple[tuple[str, AssetClass, str], ...], available: str, largest: str, notional: str
) -> None:
    held = tuple(OpenExposure(t, c, D(n)) for t, c, n in positions)
    view, loose = replace(account(), available=D(available)), RiskLimits(risk_per_trade_frac=1)
    sizing, refusal = sized(BIG, contract("1", largest=largest), view, held, loose)
    assert (refusal, sizing.notional, sizing.capped_by) == (None, D(notional), name)


def test_one_percent_of_equity_at_risk_binds() -> None:
    sizing, _ = sized(replace(BIG, stop=0.08, target=0.16), limits=RiskLimits())
    assert sizing.capped_by == "risk"
    assert sizing.risk_usdt <= D(100)
    assert sizing.notional == D(1250)


@pytest.mark.parametrize(
    ("asset", "notional", "reason"),
    [(AssetClass.METAL, "10000", Reason.GROSS_CAP), (AssetClass.CRYPTO, "6000", Reason.CLASS_CAP)],
)
def test_a_cap_without_room_refuses_by_its_name(asset: AssetClass, notional: str, reason: Reason) -> None:
    _, refusal = sized(positions=(OpenExposure("A", asset, D(notional)),))
    assert refusal is not None and refusal.reason is reason


def test_no_edge_comes_before_size() -> None:
    _, refusal = sized(replace(BET, p_win=0.3))
    assert refusal is not None and refusal.reason is Reason.NO_EDGE


def test_an_account_without_equity_sizes_nothing() -> None:
    sizing, refusal = sized(view=account(D(0)))
    assert sizing.contracts == 0
    assert refusal is not None and refusal.reason is Reason.MIN_SIZE


def test_the_advocate_reduces_after_the_caps() -> None:
    sizing, _ = sized(BIG, factors=Factors(advocate=0.6))
    assert sizing.capped_by == "position"
    assert sizing.notional == D(4000) * D("0.6")


def test_the_soft_brake_halves_the_size_from_three_percent_on() -> None:
    view, limits = account(), RiskLimits()
    assert soft_brake(replace(view, day_pnl=D("-299.99")), limits) == 1.0
    assert soft_brake(replace(view, day_pnl=D(-300)), limits) == 0.5
    assert soft_brake(replace(view, day_baseline=D(0), day_pnl=D(-1)), limits) == 1.0
    assert sized(factors=Factors(brake=0.5))[0].notional == sized()[0].notional / 2


def test_an_unknown_exposure_is_never_taken_for_zero() -> None:
    with pytest.raises(ValueError, match="XAU"):
        exposure((OpenExposure("XAU", AssetClass.METAL, None),))


def test_exposure_is_gross() -> None:
    book = (OpenExposure("A", AssetClass.METAL, D(-5)), OpenExposure("B", AssetClass.CRYPTO, D(7)))
    assert (exposure(book), exposure(book, AssetClass.METAL)) == (D(12), D(5))


PRICES = st.decimals(min_value=D("0.5"), max_value=D(90_000), places=2)
FRACTIONS = st.floats(0.003, 0.08)
MONEY = st.decimals(min_value=0, max_value=D(1_000_000), places=2)


@st.composite
def bets(draw: st.DrawFn) -> Bet:
    price, stop = draw(PRICES), draw(FRACTIONS)
    target = stop * draw(st.floats(1.3, 4))
    bracket = BracketPrices(price * D("0.97"), price * D("1.05"))
    p_win, confidence = draw(st.floats(0.01, 0.99)), draw(st.floats(0, 1))
    return Bet(price, bracket, stop, target, draw(st.floats(0, 0.003)), 0.0005, p_win, confidence, 0.01)


INSTRUMENTS = st.sampled_from([contract("0.01"), contract("0.001", "1", "1"), contract("1"), contract("100", "1", "1")])
POSITIONS = st.lists(
    st.builds(OpenExposure, st.just("A"), st.sampled_from(AssetClass), st.decimals(0, 5000, places=2)), max_size=4
).map(tuple)
FACTORS = st.builds(Factors, st.floats(0, 1), st.sampled_from([1.0, 0.6]), st.sampled_from([1.0, 0.5]))
ACCOUNTS = st.builds(
    lambda equity, upl, available: replace(account(equity), unrealised=upl, available=available),
    MONEY,
    st.decimals(-1000, 1000, places=2),
    MONEY,
)


@settings(max_examples=300)
@given(bets(), INSTRUMENTS, ACCOUNTS, POSITIONS, FACTORS)
def test_no_cap_is_ever_passed(
    bet: Bet, instrument: Instrument, view: AccountView, positions: tuple[OpenExposure, ...], factors: Factors
) -> None:
    limits = RiskLimits()
    sizing, refusal = size(bet, instrument, view, positions, limits, factors)
    assert sizing.contracts >= 0 and sizing.contracts % instrument.lot_size == 0
    assert sizing.notional <= sizing.notional_raw
    for cap in caps(bet, instrument, view, positions, limits):
        assert sizing.notional <= max(D(0), cap.notional), cap.name
    assert float(sizing.risk_usdt) <= float(max(D(0), view.equity)) * limits.risk_per_trade_frac * (1 + 1e-12)
    if refusal is None:
        assert sizing.contracts >= instrument.min_size


@given(bets(), INSTRUMENTS, ACCOUNTS, POSITIONS, FACTORS, st.floats(0, 1))
def test_more_confidence_never_makes_it_smaller(
    bet: Bet,
    instrument: Instrument,
    view: AccountView,
    positions: tuple[OpenExposure, ...],
    factors: Factors,
    other: float,
) -> None:
    low, high = sorted((bet.confidence, other))
    sizes = [
        size(replace(bet, confidence=c), instrument, view, positions, RiskLimits(), factors)[0].contracts
        for c in (low, high)
    ]
    assert sizes[0] <= sizes[1]


@given(bets(), INSTRUMENTS, ACCOUNTS, POSITIONS)
def test_no_factor_ever_makes_it_larger(
    bet: Bet, instrument: Instrument, view: AccountView, positions: tuple[OpenExposure, ...]
) -> None:
    full = size(bet, instrument, view, positions, RiskLimits(), Factors())[0]
    for factors in (Factors(regime=0.3), Factors(advocate=0.6), Factors(brake=0.5)):
        assert size(bet, instrument, view, positions, RiskLimits(), factors)[0].contracts <= full.contracts
