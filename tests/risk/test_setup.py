"""The trade that would be made, from the snapshot to the size; what is missing is named."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model import FeeRates, Funding
from engine.reasons import Reason
from engine.risk.calibration import Outcome, confidence_of
from engine.risk.edge import break_even
from engine.risk.inputs import DecisionInputs
from engine.risk.limits import RiskLimits
from engine.risk.setup import assess, entry_price, spread_of
from tests.risk.cases import (
    exposure,
    sound,
    with_account,
    with_atr,
    with_instrument,
    with_limits,
    with_positions,
    with_quote,
    with_snapshot,
    with_technical,
)

D = Decimal


def test_entry_is_the_ask_that_a_buy_pays() -> None:
    assert entry_price(sound().snapshot) == D(100)
    assert entry_price(with_quote(ask=None).snapshot) == D("99.99")
    assert entry_price(with_snapshot(quote=None).snapshot) is None
    assert entry_price(with_quote(ask=D(0)).snapshot) is None


@pytest.mark.parametrize(
    "quote", [{"bid": None}, {"ask": None}, {"bid": D(0)}, {"bid": D("100.01")}, {"ask": D("NaN")}, {"ask": D("Inf")}]
)
def test_an_empty_crossed_or_worthless_quote_has_no_spread(quote: dict[str, Any]) -> None:
    assert spread_of(with_quote(**quote).snapshot) is None


def test_the_bracket_is_the_published_formula_on_the_tick() -> None:
    setup = assess(with_limits(sl_mult=2.0, tp_mult=4.0))
    assert setup.bet is not None
    assert setup.bet.bracket.stop == D("96.77")  # 100 × (1 − 0.018 × 2 × 0.9) = 96.76, up to the tick
    assert setup.bet.stop == pytest.approx(0.0323)


def test_cost_is_fees_spread_slippage_and_three_settlements() -> None:
    setup = assess(sound())
    assert setup.bet is not None
    assert setup.bet.cost == pytest.approx(2 * 0.0005 + 0.01 / 99.995 + 0.0002 + 3 * 0.0001)


def test_cold_value_is_the_priors_ten_points_of_the_whole_range() -> None:
    """EV = 0.10·(2s − 1)·(sl + tp), because p is break-even plus that."""
    bet = assess(sound()).bet
    assert bet is not None
    assert bet.ev == pytest.approx(0.08 * (bet.stop + bet.target))


def test_p_win_is_measured_against_the_final_brackets_break_even() -> None:
    setup = assess(sound())
    assert setup.bet is not None
    needed = break_even(setup.bet.stop, setup.bet.target, setup.bet.cost)
    assert setup.win.p_win == pytest.approx(needed + 0.08)
    assert setup.confidence == 0.9


def test_history_moves_p_win_and_confidence() -> None:
    won = assess(sound(outcomes=(Outcome(0.9, True),) * 30))
    lost = assess(sound(outcomes=(Outcome(0.9, False),) * 30))
    assert won.win.p_win > assess(sound()).win.p_win > lost.win.p_win
    assert won.win.trades == 30
    assert lost.bet is not None
    needed = break_even(lost.bet.stop, lost.bet.target, lost.bet.cost)
    assert lost.confidence == pytest.approx(confidence_of(0.9, lost.win, needed))


MISSING: list[tuple[DecisionInputs, Reason]] = [
    (with_snapshot(quote=None), Reason.DATA_MISSING),
    (with_quote(bid=None), Reason.DATA_MISSING),
    (with_snapshot(mark_price=None), Reason.DATA_MISSING),
    (with_snapshot(mark_price=D(0)), Reason.DATA_MISSING),
    (with_snapshot(funding=None), Reason.DATA_MISSING),
    (with_snapshot(funding=Funding("X", float("nan"), 1, 1, 1)), Reason.DATA_MISSING),
    (sound(fees=None), Reason.DATA_MISSING),
    (sound(fees=FeeRates(D("NaN"), D(0))), Reason.DATA_MISSING),
    (sound(slippage_pct=None), Reason.DATA_MISSING),
    (sound(slippage_pct=float("inf")), Reason.DATA_MISSING),
    (sound(account=None), Reason.DATA_MISSING),
    (sound(open_positions=None), Reason.DATA_MISSING),
    (with_positions(exposure(notional=None)), Reason.DATA_MISSING),
    (with_atr(None), Reason.ATR_ZERO),
    (with_atr(0.0), Reason.ATR_ZERO),
    (with_atr(float("nan")), Reason.ATR_ZERO),
    (with_technical(timeframes={}), Reason.ATR_ZERO),
    (with_atr(0.26), Reason.STOP_INVALID),
    (with_atr(0.018, scale=25), Reason.STOP_INVALID),  # half of a 20 % ATR15m is beyond 8 %
    (with_snapshot(mark_price=D(95)), Reason.STOP_INVALID),  # the mark is already under the stop
    (with_limits(min_reward_risk=5), Reason.STOP_INVALID),
    (with_instrument(tick_size=D(50)), Reason.STOP_INVALID),
]


@pytest.mark.parametrize(("inputs", "reason"), MISSING)
def test_what_is_missing_or_invalid_refuses_by_its_reason(inputs: DecisionInputs, reason: Reason) -> None:
    setup = assess(inputs)
    assert setup.refusal is not None and setup.refusal.reason is reason
    assert setup.refusal.detail


def test_without_a_bracket_confidence_is_still_the_strength() -> None:
    setup = assess(with_snapshot(quote=None))
    assert (setup.confidence, setup.sizing, setup.bet) == (0.9, None, None)


def test_a_strength_that_is_no_number_counts_as_none() -> None:
    assert assess(with_technical(strength=float("nan"))).strength == 0.0


def test_a_stop_that_liquidation_would_come_before_is_refused_by_that_word() -> None:
    setup = assess(with_limits(leverage=10, stop_liquidation_share=0.95, liquidation_buffer=0.5))
    assert setup.refusal is not None and setup.refusal.reason is Reason.STOP_INVALID
    assert "too near to liquidation at 92" in setup.refusal.detail


def test_reward_under_the_limit_still_shows_its_size() -> None:
    setup = assess(with_limits(min_reward_risk=5))
    assert setup.sizing is not None and setup.bet is not None


def test_the_soft_brake_reaches_the_size() -> None:
    halved = assess(with_account(day_pnl=D(-300))).sizing
    assert halved is not None and halved.brake_factor == 0.5


def test_an_advocates_abort_leaves_the_size_to_be_shown() -> None:
    assert assess(sound(advocate_factor=0.0)).sizing == assess(sound()).sizing
    reduced = assess(sound(advocate_factor=0.6)).sizing
    assert reduced is not None and reduced.advocate_factor == 0.6


@settings(max_examples=200)
@given(
    st.decimals(min_value=D("0.5"), max_value=D(90_000), places=2),
    st.floats(0.0005, 0.2),
    st.floats(0.1, 2.0),
    st.floats(0.3, 1.0),
    st.sampled_from([D("0.0001"), D("0.01"), D("0.1")]),
)
def test_a_tradable_bracket_encloses_the_entry_on_the_tick(
    price: Decimal, atr: float, scale: float, strength: float, tick: Decimal
) -> None:
    inputs = with_atr(atr, scale)
    technical = replace(inputs.gathered.technical, strength=strength)
    quote = inputs.snapshot.quote
    assert quote is not None
    inputs = replace(
        inputs,
        gathered=replace(inputs.gathered, technical=technical),
        snapshot=replace(
            inputs.snapshot,
            quote=replace(quote, bid=price - tick, ask=price),
            mark_price=price,
            instrument=replace(inputs.instrument, tick_size=tick),
        ),
    )
    setup = assess(inputs)
    if setup.refusal is None:
        assert setup.bet is not None
        bracket = setup.bet.bracket
        assert bracket.stop < price < bracket.target
        assert bracket.stop % tick == 0 and bracket.target % tick == 0
        assert setup.bet.stop <= RiskLimits().max_stop_frac
        assert setup.bet.odds >= RiskLimits().min_reward_risk
