"""Market rows as OKX sends them become our types; what cannot be read is named, never guessed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from engine.exchange.errors import ExchangeError, Unavailable
from engine.exchange.okx import market_rows
from engine.model import AssetClass, BookLevel, InstrumentState, LongShortRatio, Timeframe

D = Decimal
BAR = Timeframe.M15.ms
T0 = 1_777_248_000_000

INSTRUMENT = {
    "instId": "NVDA-USDT-SWAP", "uly": "NVDA-USDT", "ctVal": "1", "ctMult": "1", "ctValCcy": "NVDA", "ctType": "linear",
    "settleCcy": "USDT", "tickSz": "0.01", "lotSz": "0.01", "minSz": "0.01", "maxMktSz": "360", "maxMktAmt": "",
    "lever": "10", "state": "live", "ruleType": "normal", "instCategory": "3", "groupId": "6",
    "listTime": "1", "expTime": "", "instIdCode": 123, "futureSettlement": False, "upcChg": [],
    "somethingNew": {"a": 1},
}  # fmt: skip
TICKER = {
    "instId": "BTC-USDT-SWAP", "last": "77800.1", "lastSz": "1", "askPx": "77800.2", "askSz": "3", "bidPx": "77800.1",
    "bidSz": "2", "open24h": "77000", "high24h": "1", "low24h": "1", "vol24h": "100", "volCcy24h": "1.5", "ts": str(T0),
}  # fmt: skip
FUNDING = {
    "instId": "BTC-USDT-SWAP", "fundingRate": "-0.0000812", "fundingTime": str(T0),
    "nextFundingTime": str(T0 + 28_800_000), "nextFundingRate": "", "settState": "settled",
    "method": "current_period", "ts": str(T0 - 5),
}  # fmt: skip


def bar(index: int, close: str = "2", confirm: str = "1") -> list[str]:
    return [str(T0 + index * BAR), "1", "3", "0.5", close, "100", "1.25", "2.5", confirm]


def test_an_instrument_row() -> None:
    assert market_rows.is_ours(INSTRUMENT)
    parsed = market_rows.instrument(INSTRUMENT)
    assert (parsed.ticker, parsed.asset_class, parsed.state) == ("NVDA", AssetClass.STOCK, InstrumentState.LIVE)
    assert (parsed.contract_value, parsed.lot_size, parsed.max_market_size) == (D(1), D("0.01"), D(360))
    assert (parsed.max_leverage, parsed.fee_group) == (D(10), "6")


@pytest.mark.parametrize(
    "changes", [{"ctVal": ""}, {"ctType": "inverse"}, {"settleCcy": "USDC"}, {"tickSz": "", "lever": ""}]
)
def test_blank_preopen_rows_and_other_margins_are_not_ours(changes: dict[str, str]) -> None:
    assert not market_rows.is_ours({**INSTRUMENT, **changes})


@pytest.mark.parametrize(
    ("state", "rule", "expected"),
    [
        ("live", "normal", InstrumentState.LIVE),
        ("live", "", InstrumentState.LIVE),
        ("live", "pre_market", InstrumentState.PREOPEN),
        ("live", "rebase_contract", InstrumentState.REBASE),
        ("live", "xperp", InstrumentState.SUSPEND),
        ("suspend", "normal", InstrumentState.SUSPEND),
        ("post_only", "normal", InstrumentState.POST_ONLY),
        ("a_new_state", "normal", InstrumentState.SUSPEND),
    ],
)
def test_only_live_instruments_under_the_normal_rule_show_as_live(
    state: str, rule: str, expected: InstrumentState
) -> None:
    assert market_rows.instrument_state(state, rule) is expected


@pytest.mark.parametrize(
    ("ticker", "category", "expected"),
    [
        ("XAU", "4", AssetClass.METAL),
        ("XAG", "1", AssetClass.METAL),
        ("QQQ", "3", AssetClass.INDEX),
        ("TSLA", "3", AssetClass.STOCK),
        ("XRP", "3", AssetClass.CRYPTO),
        ("WIF", "1", AssetClass.CRYPTO),
        ("NEW", "", AssetClass.CRYPTO),
    ],
)
def test_asset_class_survives_mis_tags(ticker: str, category: str, expected: AssetClass) -> None:
    assert market_rows.asset_class(ticker, category) is expected


def test_an_empty_side_of_a_quote_is_unknown_and_not_zero() -> None:
    parsed = market_rows.quote({**TICKER, "askPx": ""})
    assert (parsed.bid, parsed.ask, parsed.mid) == (D("77800.1"), None, None)
    assert (parsed.last, parsed.volume_24h_base, parsed.ts) == (D("77800.1"), D("1.5"), T0)


def test_forming_bars_are_dropped_and_the_rest_is_oldest_first() -> None:
    parsed = market_rows.candles([bar(3, "9", "0"), bar(2), bar(1), bar(0)], Timeframe.M15, 10)
    assert parsed.ts.tolist() == [T0, T0 + BAR, T0 + 2 * BAR]
    assert parsed.volume.tolist() == [1.25] * 3, "base units, not contracts"
    assert (parsed.open[0], parsed.high[0], parsed.low[0], parsed.close[0]) == (1, 3, 0.5, 2)


def test_repeated_rows_of_overlapping_pages_count_once_and_the_limit_holds() -> None:
    parsed = market_rows.candles([bar(2), bar(1), bar(1), bar(0)], Timeframe.M15, 2)
    assert parsed.ts.tolist() == [T0 + BAR, T0 + 2 * BAR]


def test_only_the_unbroken_run_up_to_the_newest_bar_is_returned() -> None:
    parsed = market_rows.candles([bar(7), bar(6), bar(4), bar(3), bar(0)], Timeframe.M15, 10)
    assert parsed.ts.tolist() == [T0 + 6 * BAR, T0 + 7 * BAR]


def test_no_bars_are_no_bars() -> None:
    parsed = market_rows.candles([bar(0, confirm="0")], Timeframe.M15, 10)
    assert len(parsed) == 0
    assert parsed.close.shape == (0,)


def test_a_book() -> None:
    row = {"asks": [["101", "3", "0", "2"]], "bids": [["100", "1.5", "0", "1"], ["99", "2", "0", "1"]], "ts": str(T0)}
    parsed = market_rows.book(row, "BTC-USDT-SWAP", 1)
    assert parsed.bids == (BookLevel(D(100), D("1.5")),)
    assert parsed.asks == (BookLevel(D(101), D(3)),)


def test_the_funding_interval_is_the_distance_of_settlements() -> None:
    parsed = market_rows.funding(FUNDING)
    assert (parsed.rate, parsed.settles_at, parsed.interval_ms) == (-0.0000812, T0, 28_800_000)
    with pytest.raises(Unavailable, match="nextFundingTime"):
        market_rows.funding({**FUNDING, "nextFundingTime": str(T0)})


def test_open_interest_takes_the_points_nearest_an_hour_and_a_day_ago() -> None:
    row = {"instId": "BTC-USDT-SWAP", "oi": "5000", "oiCcy": "50", "oiUsd": "4000000", "ts": str(T0)}
    now = market_rows.open_interest(row)
    assert (now.contracts, now.usd, now.usd_1h_ago, now.usd_24h_ago) == (5000, 4_000_000, None, None)
    points = [[str(T0 - 300_000 - n * 900_000), "1", "1", str(1000 + n)] for n in range(100)]
    found = market_rows.with_past(now, points)
    assert (found.usd_1h_ago, found.usd_24h_ago) == (1004, 1096)
    young = market_rows.with_past(now, points[:80])
    assert (young.usd_1h_ago, young.usd_24h_ago) == (1004, None)
    assert market_rows.with_past(now, points[6:]).usd_1h_ago is None
    assert market_rows.with_past(now, []).usd_24h_ago is None
    assert market_rows.open_interest({**row, "oiUsd": ""}).usd is None


def test_a_ratio_row() -> None:
    assert market_rows.long_short_ratio([str(T0), "1.25"], "X") == LongShortRatio("X", 1.25, T0)


@pytest.mark.parametrize(
    ("parse", "row", "named"),
    [
        (market_rows.quote, {**TICKER, "last": "abc"}, "last = 'abc'"),
        (market_rows.quote, {**TICKER, "last": "NaN"}, "last = 'NaN'"),
        (market_rows.quote, {**TICKER, "ts": "-1"}, "ts = '-1'"),
        (market_rows.quote, {**TICKER, "ts": None}, "ts = ''"),
        (market_rows.quote, ["not", "an", "object"], "row = "),
        (market_rows.quote, {**TICKER, "bidPx": "1e"}, "bidPx = '1e'"),
        (market_rows.instrument, {**INSTRUMENT, "lotSz": "0"}, "lotSz = "),
        (market_rows.instrument, {**INSTRUMENT, "instId": ""}, "instId = ''"),
        (market_rows.funding, {**FUNDING, "fundingRate": ""}, "fundingRate = ''"),
        (market_rows.mark_price, {"markPx": ""}, "markPx = ''"),
        (lambda row: market_rows.candles([row], Timeframe.M15, 5), ["1", "2"], "confirm = "),
        (
            lambda row: market_rows.candles([row], Timeframe.M15, 5),
            [*bar(0)[:4], "x", *bar(0)[5:]],
            "candle close = 'x'",
        ),
        (lambda row: market_rows.book(row, "X", 5), {"asks": [["1"]], "bids": [], "ts": "1"}, "book size = "),
    ],
)
def test_a_malformed_row_names_its_field_and_value(parse: Any, row: Any, named: str) -> None:
    with pytest.raises(ExchangeError) as caught:
        parse(row)
    assert named in str(caught.value)
