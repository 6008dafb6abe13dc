"""What every adapter's market data must be, asked of the real client over a real connection."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import numpy as np
import pytest

from engine.config import DEFAULT_WATCHLIST
from engine.exchange.errors import ExchangeError, Unavailable
from engine.exchange.port import Exchange
from engine.model import AssetClass, InstrumentState, MaintenanceState, Timeframe
from engine.rounding import on_grid
from tests.simulator_process import Simulator

BTC = "BTC-USDT-SWAP"


async def test_server_time_is_venue_time(exchange: Exchange, venue: Simulator) -> None:
    assert await exchange.server_time_ms() == venue.now_ms


async def test_the_clock_is_measured_against_the_one_that_judges_signatures(
    exchange: Exchange, venue: Simulator
) -> None:
    assert abs(await exchange.sync_clock()) < 500
    venue.act("clock_skew", ms=755_000)
    await asyncio.sleep(0.2)
    try:
        assert abs(await exchange.sync_clock() - 755_000) < 500
        assert await exchange.balance(), "and what is signed from then on is signed by it"
        assert await exchange.server_time_ms() == venue.now_ms, "the market's own time is another matter"
    finally:
        venue.clear_faults()
    assert abs(await exchange.sync_clock()) < 500


async def test_a_refused_time_stamp_mends_itself(exchange: Exchange, venue: Simulator) -> None:
    venue.act("clock_skew", ms=-3_600_000)
    await asyncio.sleep(0.2)
    try:
        assert await exchange.account_config()
    finally:
        venue.clear_faults()
        await exchange.sync_clock()


async def test_announced_maintenance_is_told_in_the_venues_time(exchange: Exchange, venue: Simulator) -> None:
    assert await exchange.maintenances() == ()
    venue.act("maintenance", begin_s=600, end_s=900)
    await asyncio.sleep(0.2)
    try:
        [window] = await exchange.maintenances()
        assert window.state is MaintenanceState.SCHEDULED
        assert (window.begins_at, window.ends_at) == (venue.now_ms + 600_000, venue.now_ms + 900_000)
    finally:
        venue.clear_faults()


@pytest.mark.parametrize(
    ("ticker", "contract_value", "lot", "tick", "max_market", "asset_class"),
    [
        ("BTC", "0.01", "0.01", "0.1", "34000", AssetClass.CRYPTO),
        ("XRP", "100", "0.01", "0.001", "12000", AssetClass.CRYPTO),
        ("SUI", "1", "1", "0.0001", "290000", AssetClass.CRYPTO),
        ("XAU", "0.001", "1", "0.1", "310000", AssetClass.METAL),
        ("QQQ", "1", "0.01", "0.01", "89", AssetClass.INDEX),
        ("NVDA", "1", "0.01", "0.01", "360", AssetClass.STOCK),
    ],
)
async def test_instruments_carry_the_venues_own_specs(
    exchange: Exchange,
    ticker: str,
    contract_value: str,
    lot: str,
    tick: str,
    max_market: str,
    asset_class: AssetClass,
) -> None:
    spec = (await exchange.instruments())[f"{ticker}-USDT-SWAP"]
    numbers = (spec.contract_value, spec.lot_size, spec.min_size, spec.tick_size, spec.max_market_size)
    assert numbers == tuple(Decimal(x) for x in (contract_value, lot, lot, tick, max_market))
    assert (spec.ticker, spec.asset_class, spec.state) == (ticker, asset_class, InstrumentState.LIVE)


async def test_one_call_quotes_the_whole_watchlist(exchange: Exchange) -> None:
    instruments, quotes = await exchange.instruments(), await exchange.quotes()
    for ticker in DEFAULT_WATCHLIST:
        quote, spec = quotes[f"{ticker}-USDT-SWAP"], instruments[f"{ticker}-USDT-SWAP"]
        assert quote.bid is not None
        assert quote.ask is not None
        assert 0 < quote.bid < quote.ask
        assert on_grid(quote.bid, spec.tick_size)
        assert on_grid(quote.last, spec.tick_size)


@pytest.mark.parametrize("timeframe", list(Timeframe))
@pytest.mark.parametrize("limit", [1, 299, 300, 301, 1000])
async def test_candles_are_confirmed_evenly_spaced_and_as_many_as_asked(
    exchange: Exchange, venue: Simulator, timeframe: Timeframe, limit: int
) -> None:
    candles = await exchange.candles(BTC, timeframe, limit)
    now = venue.now_ms
    expected_last = now // timeframe.ms * timeframe.ms - timeframe.ms
    assert candles.ts[-1] == expected_last, "the newest closed bar, never the forming one"
    history = (expected_last - candles.ts[0]) // timeframe.ms + 1
    assert len(candles) == history
    assert len(candles) == limit or limit == 1000
    assert (np.diff(candles.ts) == timeframe.ms).all()
    assert (candles.low <= np.minimum(candles.open, candles.close)).all()
    assert (candles.high >= np.maximum(candles.open, candles.close)).all()
    assert (candles.volume >= 0).all()


async def test_a_shorter_request_is_the_end_of_a_longer_one(exchange: Exchange) -> None:
    long, short = await asyncio.gather(
        exchange.candles("XAU-USDT-SWAP", Timeframe.M15, 700), exchange.candles("XAU-USDT-SWAP", Timeframe.M15, 50)
    )
    assert long.close[-50:].tolist() == short.close.tolist()
    assert long.ts[-50:].tolist() == short.ts.tolist()


async def test_the_book_is_sorted_and_straddles_the_mid(exchange: Exchange) -> None:
    book = await exchange.book(BTC, 20)
    bids, asks = [level.price for level in book.bids], [level.price for level in book.asks]
    assert (len(bids), len(asks)) == (20, 20)
    assert bids == sorted(bids, reverse=True)
    assert asks == sorted(asks)
    assert bids[0] < asks[0]
    assert all(level.contracts > 0 for level in book.bids + book.asks)


async def test_mark_price_is_near_the_quote(exchange: Exchange) -> None:
    mark, quotes = await exchange.mark_price(BTC), await exchange.quotes()
    assert abs(mark - quotes[BTC].last) < quotes[BTC].last * Decimal("0.02")


async def test_the_whole_market_is_told_by_one_call_each(exchange: Exchange) -> None:
    marks, quotes = await exchange.mark_prices(), await exchange.quotes()
    fundings, interests = await exchange.fundings(), await exchange.open_interests()
    for inst_id in await exchange.instruments():
        assert abs(marks.of(inst_id) - quotes[inst_id].last) < quotes[inst_id].last * Decimal("0.05")
        assert fundings.of(inst_id).inst_id == interests.of(inst_id).inst_id == inst_id


async def test_what_a_list_does_not_hold_is_told_of_that_instrument_alone(exchange: Exchange) -> None:
    for listing in (await exchange.mark_prices(), await exchange.fundings(), await exchange.open_interests()):
        with pytest.raises(Unavailable, match="NOPE-USDT-SWAP"):
            listing.of("NOPE-USDT-SWAP")
        listing.of(BTC)


async def test_funding_settles_within_one_interval_from_now(exchange: Exchange, venue: Simulator) -> None:
    funding = (await exchange.fundings()).of(BTC)
    assert funding.interval_ms in {h * 3_600_000 for h in (1, 2, 4, 6, 8)}
    assert 0 < funding.settles_at - venue.now_ms <= funding.interval_ms
    assert abs(funding.rate) < 0.02


async def test_open_interest_knows_its_own_past(exchange: Exchange) -> None:
    now = (await exchange.open_interests()).of(BTC)
    assert (now.usd_1h_ago, now.usd_24h_ago) == (None, None)
    interest = await exchange.with_past(now)
    assert interest.contracts > 0
    assert interest.usd is not None
    assert interest.usd_24h_ago is not None
    assert interest.usd_1h_ago is not None
    assert 0.5 < interest.usd / interest.usd_1h_ago < 2
    assert 0.2 < interest.usd / interest.usd_24h_ago < 5


async def test_a_ratio_exists_for_crypto_and_is_unknown_for_metals_and_stocks(exchange: Exchange) -> None:
    ratio = await exchange.long_short_ratio(BTC)
    assert ratio is not None
    assert 0.05 < ratio.ratio < 20
    assert await exchange.long_short_ratio("XAU-USDT-SWAP") is None
    assert await exchange.long_short_ratio("NVDA-USDT-SWAP") is None


async def test_an_instrument_that_does_not_exist_is_an_error_of_the_port(exchange: Exchange) -> None:
    for asking in (
        exchange.candles("NOPE-USDT-SWAP", Timeframe.H1, 5),
        exchange.book("NOPE-USDT-SWAP"),
        exchange.mark_price("NOPE-USDT-SWAP"),
    ):
        with pytest.raises(ExchangeError) as caught:
            await asking
        assert type(caught.value) is Unavailable


async def test_seventeen_tickers_are_read_at_once(exchange: Exchange) -> None:
    inst_ids = [f"{ticker}-USDT-SWAP" for ticker in DEFAULT_WATCHLIST]
    reads = [exchange.candles(i, timeframe, 300) for i in inst_ids for timeframe in Timeframe]
    books = [exchange.book(i) for i in inst_ids]
    started = asyncio.get_running_loop().time()
    candles = await asyncio.gather(*reads)
    await asyncio.gather(*books, *(exchange.mark_price(i) for i in inst_ids))
    assert all(len(c) == 300 for c in candles)
    assert asyncio.get_running_loop().time() - started < 20
