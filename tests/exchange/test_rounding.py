"""Lot and tick arithmetic never rounds toward more risk or more size."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exchange.contracts import clip_to_market_size, contracts_for_notional, market_order_slices
from engine.exchange.rounding import (
    ceil_to_step,
    floor_to_lot,
    floor_to_step,
    on_grid,
    plain,
    round_buy_limit_to_tick,
    round_sell_limit_to_tick,
    round_stop_down_to_tick,
    round_stop_up_to_tick,
    round_target_down_to_tick,
    round_target_up_to_tick,
)
from engine.model import AssetClass, Instrument, InstrumentState

D = Decimal
STEPS = st.sampled_from([D("1"), D("0.1"), D("0.01"), D("0.00001"), D("5"), D("0.25")])
VALUES = st.decimals(min_value=0, max_value=10_000_000, places=9, allow_nan=False, allow_infinity=False)


def spec(ct_val: str, lot: str, tick: str, max_market: str) -> Instrument:
    return Instrument(
        "X-USDT-SWAP", "X", AssetClass.CRYPTO, D(ct_val), D(1), D(lot), D(lot), D(tick), D(max_market), D(10),
        InstrumentState.LIVE,
    )  # fmt: skip


BTC = spec("0.01", "0.01", "0.1", "34000")
ETH = spec("0.1", "0.01", "0.01", "67000")
XAU = spec("0.001", "1", "0.1", "310000")
NVDA = spec("1", "0.01", "0.01", "360")
QQQ = spec("1", "0.01", "0.01", "89")


@given(VALUES, STEPS)
def test_floor_and_ceil_bracket_the_value_by_less_than_a_step(value: Decimal, step: Decimal) -> None:
    low, high = floor_to_step(value, step), ceil_to_step(value, step)
    assert low <= value <= high
    assert value - low < step
    assert high - value < step
    assert on_grid(low, step)
    assert on_grid(high, step)


def test_a_long_stop_rounds_up_and_its_target_down() -> None:
    assert round_stop_up_to_tick(D("99.91"), D("0.1")) == D("100.0")
    assert round_target_down_to_tick(D("110.19"), D("0.1")) == D("110.1")


def test_a_short_stop_rounds_down_and_its_target_up() -> None:
    assert round_stop_down_to_tick(D("100.19"), D("0.1")) == D("100.1")
    assert round_target_up_to_tick(D("90.11"), D("0.1")) == D("90.2")


def test_limits_round_to_the_better_price() -> None:
    assert round_buy_limit_to_tick(D("1.239"), D("0.01")) == D("1.23")
    assert round_sell_limit_to_tick(D("1.231"), D("0.01")) == D("1.24")


def test_a_size_under_the_minimum_becomes_zero_and_is_never_rounded_up() -> None:
    assert floor_to_lot(D("0.9999"), D("1"), D("1")) == 0
    assert floor_to_lot(D("0.0064"), D("0.01"), D("0.01")) == 0


@pytest.mark.parametrize(
    ("instrument", "price", "notional", "contracts", "real"),
    [
        (BTC, "77800", "1000", "1.28", "995.84"),
        (BTC, "77800", "5", "0", "0"),
        (ETH, "2300", "1000", "4.34", "998.20"),
        (XAU, "4700", "1000", "212", "996.40"),
        (NVDA, "200", "1000", "5.00", "1000"),
        (NVDA, "200", "5", "0.02", "4.00"),
    ],
)
def test_the_published_sizing_table(
    instrument: Instrument, price: str, notional: str, contracts: str, real: str
) -> None:
    sized = contracts_for_notional(instrument, D(notional), D(price))
    assert sized == D(contracts)
    assert instrument.notional(sized, D(price)) == D(real)


@given(VALUES, st.sampled_from([BTC, ETH, XAU, NVDA, QQQ]), st.decimals(min_value="0.01", max_value=100_000, places=2))
def test_sized_notional_never_exceeds_what_was_asked_and_misses_it_by_less_than_a_lot(
    notional: Decimal, instrument: Instrument, price: Decimal
) -> None:
    contracts = contracts_for_notional(instrument, notional, price)
    real = instrument.notional(contracts, price)
    assert real <= notional
    assert contracts == 0 or notional - real < instrument.notional(instrument.lot_size, price) * D("1.0000001")


def test_a_large_close_is_sliced_at_the_market_order_cap() -> None:
    assert clip_to_market_size(QQQ, D("153.847")) == D("89")
    assert market_order_slices(QQQ, D("153.847")) == (D("89"), D("64.84"))
    assert market_order_slices(QQQ, D("0.009")) == ()


@pytest.mark.parametrize(("value", "text"), [("1E-5", "0.00001"), ("1.50", "1.5"), ("1E+3", "1000"), ("100", "100")])
def test_numbers_go_out_without_exponent_or_trailing_zeros(value: str, text: str) -> None:
    assert plain(D(value)) == text
