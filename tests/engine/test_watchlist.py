"""Names resolve against what the venue lists; nothing unknown is traded, nothing unknown crashes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from engine.model import AssetClass, Instrument, InstrumentState
from engine.watchlist import by_strength, resolve


def listed(ticker: str, state: InstrumentState = InstrumentState.LIVE) -> Instrument:
    one = Decimal(1)
    return Instrument(f"{ticker}-USDT-SWAP", ticker, AssetClass.STOCK, one, one, one, one, one, one, one, state)


VENUE = {i.inst_id: i for i in (listed("NVDA"), listed("BTC"), listed("QQQ", InstrumentState.SUSPEND))}


def test_a_bare_name_means_the_usdt_swap_in_any_case() -> None:
    assert [i.ticker for i in resolve(["nvda", "BTC-USDT-SWAP"], VENUE).instruments] == ["NVDA", "BTC"]


def test_an_unlisted_or_suspended_one_is_skipped_by_name() -> None:
    skipped = resolve(["NVDA", "GONE", "QQQ"], VENUE).skipped
    assert "not listed" in skipped["GONE"]
    assert "suspend" in skipped["QQQ"]


def test_a_name_given_twice_is_traded_once() -> None:
    assert len(resolve(["BTC", "BTC-USDT-SWAP"], VENUE).instruments) == 1


def test_the_strongest_come_first_and_the_unknown_last_in_their_own_order() -> None:
    four = [replace(listed("A"), ticker=name) for name in ("A", "B", "C", "D")]
    ranked = by_strength(four, {"A": None, "B": 10.0, "C": 90.0})
    assert [i.ticker for i in ranked] == ["C", "B", "A", "D"]
