"""Notional becomes contracts, never more than was asked for."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.exchange.contracts import clip_to_market_size, contracts_for_notional, market_order_slices
from engine.model import AssetClass, Instrument, InstrumentState

D = Decimal
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


def test_a_notional_just_under_a_lot_is_not_rounded_up_to_it() -> None:
    assert contracts_for_notional(NVDA, D("0." + "9" * 40), D(1)) == D("0.99")


def test_a_large_close_is_sliced_at_the_market_order_cap() -> None:
    assert clip_to_market_size(QQQ, D("153.847")) == D("89")
    assert market_order_slices(QQQ, D("153.847")) == (D("89"), D("64.84"))
    assert market_order_slices(QQQ, D("0.009")) == ()
