"""The adapter against a venue that misbehaves: one order at most, every outcome named, the loop never blocked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest

from engine.clock import ManualClock, SystemClock
from engine.exchange.errors import ErrorClass, Rejected, Unavailable, UnknownOutcome
from engine.exchange.okx.exchange import OkxExchange
from engine.exchange.port import BracketRequest
from engine.model import BillKind, BracketPrices, OrderRequest, OrderType, Side, Timeframe
from tests.exchange.okx.scripted_venue import HTML, Drop, ScriptedVenue, item, ok, refused
from tests.exchange.okx.test_account_rows import ALGO, FILL, HISTORY, ORDER
from tests.exchange.okx.test_market_rows import BAR, INSTRUMENT, T0, TICKER, bar

BTC = "BTC-USDT-SWAP"
D = Decimal
ENTRY = OrderRequest(BTC, "c1", Side.BUY, OrderType.MARKET, D(1))
OCO = BracketRequest(BTC, "b1", D(1), BracketPrices(D(90), D(110)))


@pytest.fixture
async def exchange(venue: ScriptedVenue) -> AsyncIterator[OkxExchange]:
    adapter = OkxExchange(venue.endpoint(read_timeout_s=0.4), ManualClock(T0))
    yield adapter
    await adapter.aclose()


async def requests(venue: ScriptedVenue, count: int) -> None:
    """Returns when the venue has read that many requests."""
    for _ in range(400):
        if len(venue.seen) >= count:
            return
        await asyncio.sleep(0.005)
    raise AssertionError(f"the venue saw {len(venue.seen)} of {count} requests")


async def test_a_lost_answer_to_an_entry_is_unknown_and_the_order_is_found_by_its_client_id(
    exchange: OkxExchange, venue: ScriptedVenue
) -> None:
    venue.on("trade/order", Drop(), ok(ORDER))
    with pytest.raises(UnknownOutcome):
        await exchange.place_order(ENTRY)
    found = await exchange.order(BTC, "c1")
    assert found is not None
    assert found.order_id == "900"
    assert [seen.method for seen in venue.seen] == ["POST", "GET"]
    assert venue.seen[1].target == f"/api/v5/trade/order?instId={BTC}&clOrdId=c1"


@pytest.mark.parametrize("step", [refused("51603", "Order does not exist"), ok()], ids=["51603", "empty"])
async def test_an_order_that_the_venue_does_not_know_is_none(
    exchange: OkxExchange, venue: ScriptedVenue, step: object
) -> None:
    venue.on("trade/order", step)  # type: ignore[arg-type]
    assert await exchange.order(BTC, "c1") is None


async def test_an_order_query_that_fails_is_not_an_answer(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    venue.on("trade/order", HTML)
    with pytest.raises(Unavailable):
        await exchange.order(BTC, "c1")


async def test_an_acceptance_without_an_id_is_unknown(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    venue.on("trade/order", ok({"sCode": "0", "ordId": "", "clOrdId": "c1"}))
    venue.on("trade/order-algo", ok({"sCode": "0", "algoId": "0"}))
    with pytest.raises(UnknownOutcome, match="ordId"):
        await exchange.place_order(ENTRY)
    with pytest.raises(UnknownOutcome, match="algoId"):
        await exchange.place_bracket(OCO)


@pytest.mark.parametrize("code", ["51400", "51410", "51503", "51603"])
async def test_cancelling_what_is_gone_is_done(exchange: OkxExchange, venue: ScriptedVenue, code: str) -> None:
    venue.on("trade/cancel-order", item(code))
    venue.on("trade/cancel-algos", item(code))
    await exchange.cancel_order(BTC, "c1")
    await exchange.cancel_brackets(BTC, ["1"])


async def test_a_cancel_that_timed_out_at_the_venue_is_unknown(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    venue.on("trade/cancel-order", item("51412"))
    with pytest.raises(UnknownOutcome):
        await exchange.cancel_order(BTC, "c1")


async def test_all_brackets_are_asked_for_before_one_refusal_is_raised(
    exchange: OkxExchange, venue: ScriptedVenue
) -> None:
    mixed = ok({"algoId": "1", "sCode": "51000", "sMsg": "bad"}, {"algoId": "2", "sCode": "51400", "sMsg": ""})
    venue.on("trade/cancel-algos", mixed, ok({"algoId": "11", "sCode": "0"}))
    with pytest.raises(Rejected) as caught:
        await exchange.cancel_brackets(BTC, [str(n) for n in range(11)])
    assert caught.value.error_class is ErrorClass.OUR_BUG
    assert [len(seen.json) for seen in venue.seen] == [10, 1]


async def test_closing_a_flat_position_says_that_it_is_gone(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    venue.on("trade/close-position", refused("51023", "Position doesn't exist"))
    with pytest.raises(Rejected) as caught:
        await exchange.close_position(BTC, "c2")
    assert caught.value.error_class is ErrorClass.POSITION_GONE


async def test_a_cancelled_write_waits_until_nothing_of_it_is_in_flight(
    exchange: OkxExchange, venue: ScriptedVenue
) -> None:
    venue.on("trade/order", ok({"sCode": "0", "ordId": "1"}, delay_s=0.2))
    sending = asyncio.ensure_future(exchange.place_order(ENTRY))
    await requests(venue, 1)
    started = asyncio.get_running_loop().time()
    sending.cancel()
    with pytest.raises(asyncio.CancelledError):
        await sending
    assert asyncio.get_running_loop().time() - started > 0.1
    assert len(venue.seen) == 1


async def test_a_write_that_is_cancelled_while_it_queues_is_never_sent(
    exchange: OkxExchange, venue: ScriptedVenue
) -> None:
    venue.on("trade/order", ok({"sCode": "0", "ordId": "1"}, delay_s=0.2))
    busy = [asyncio.ensure_future(exchange.place_order(ENTRY)) for _ in range(4)]
    await requests(venue, 4)
    queued = asyncio.ensure_future(exchange.place_order(ENTRY))
    await asyncio.sleep(0.02)
    queued.cancel()
    with pytest.raises(asyncio.CancelledError):
        await queued
    await asyncio.gather(*busy)
    assert len(venue.seen) == 4


async def test_slow_candles_never_hold_up_a_close(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    venue.on("market/candles", ok(delay_s=0.3))
    venue.on("trade/close-position", ok({"instId": BTC}))
    reads = [asyncio.ensure_future(exchange.candles(f"{n}-USDT-SWAP", Timeframe.M15, 5)) for n in range(17)]
    await asyncio.sleep(0.05)
    started = asyncio.get_running_loop().time()
    await exchange.close_position(BTC, "c2")
    assert asyncio.get_running_loop().time() - started < 0.15
    for read in reads:
        read.cancel()
    await asyncio.gather(*reads, return_exceptions=True)


async def test_candles_page_back_until_the_limit(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    bars = [bar(n, confirm="0" if n == 700 else "1") for n in range(700, -1, -1)]
    venue.on("market/candles", ok(*bars[:300]), ok(*bars[300:600]), ok(*bars[600:]))
    candles = await exchange.candles(BTC, Timeframe.M15, 650)
    assert len(candles) == 650
    assert candles.ts[-1] == T0 + 699 * BAR
    assert [seen.target.rpartition("?")[2] for seen in venue.seen] == [
        f"instId={BTC}&bar=15m&limit=300",
        f"instId={BTC}&after={T0 + 401 * BAR}&bar=15m&limit=300",
        f"instId={BTC}&after={T0 + 101 * BAR}&bar=15m&limit=52",
    ]


async def test_fills_page_back_by_bill_id_and_repeats_count_once(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    def row(n: int) -> dict[str, str]:
        return {**FILL, "tradeId": str(n), "billId": str(n), "ts": str(T0 - 1000 + n)}

    page = [row(n) for n in range(250, 150, -1)]
    venue.on("trade/fills", ok(*page), ok(*page[-1:], *[row(n) for n in range(150, 51, -1)]), ok(row(51), row(50)))
    fills = await exchange.fills(T0 - 1000 + 51)
    assert [fill.bill_id for fill in fills] == [str(n) for n in range(51, 251)]
    assert "after=151" in venue.seen[1].target
    assert {seen.path for seen in venue.seen} == {"/api/v5/trade/fills"}


async def test_older_ledgers_come_from_the_archives_as_well(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    await exchange.fills(T0 - 4 * 86_400_000)
    await exchange.bills(T0 - 8 * 86_400_000)
    await exchange.bills(T0 - 86_400_000)
    assert [seen.path.removeprefix("/api/v5/") for seen in venue.seen] == [
        "trade/fills-history", "trade/fills", "account/bills-archive", "account/bills", "account/bills",
    ]  # fmt: skip


async def test_the_ledger_holds_deposits_too_which_have_no_instrument_type(
    exchange: OkxExchange, venue: ScriptedVenue
) -> None:
    line = {"ccy": "USDT", "instId": "", "bal": "0", "pnl": "", "fee": "", "ts": str(T0 - 1)}
    deposit = {**line, "instType": "", "type": "1", "billId": "3", "balChg": "5000"}
    spot = {**line, "instType": "SPOT", "instId": "BTC-USDT", "type": "2", "billId": "2", "balChg": "-700"}
    rebate = {**line, "instType": "", "type": "14", "billId": "1", "balChg": "-0.1"}
    venue.on("account/bills", ok(deposit, spot, rebate))
    bills = await exchange.bills(T0 - 1000)
    assert "instType" not in venue.seen[0].target
    assert "ccy=USDT" in venue.seen[0].target
    assert [(b.kind, b.change) for b in bills] == [
        (BillKind.OTHER, D("-0.1")), (BillKind.TRANSFER, D(-700)), (BillKind.TRANSFER, D(5000)),
    ]  # fmt: skip


async def test_closed_positions_that_share_a_millisecond_survive_a_page_border(
    exchange: OkxExchange, venue: ScriptedVenue
) -> None:
    def row(n: int) -> dict[str, str]:
        return {**HISTORY, "posId": str(n), "uTime": str(T0 + n // 10)}

    first = [row(n) for n in range(105, 5, -1)]
    venue.on("account/positions-history", ok(*first), ok(*[row(n) for n in range(9, -1, -1)]))
    closed = await exchange.closed_positions(T0)
    assert len({c.position_id for c in closed}) == len(closed) == 106
    assert f"after={T0 + 1}" in venue.seen[1].target


async def test_brackets_are_all_kinds_of_algos(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    venue.on("trade/orders-algo-pending", ok(ALGO), ok({**ALGO, "algoId": "78", "ordType": "trigger"}), ok())
    assert {bracket.algo_id for bracket in await exchange.brackets()} == {"77", "78"}
    kinds = {seen.target.partition("ordType=")[2].partition("&")[0] for seen in venue.seen}
    assert kinds == {"conditional,oco", "trigger", "move_order_stop"}


async def test_an_instrument_that_cannot_be_read_is_left_out_and_the_rest_counts(
    exchange: OkxExchange, venue: ScriptedVenue
) -> None:
    venue.on("public/instruments", ok(INSTRUMENT, {**INSTRUMENT, "instId": "BAD-USDT-SWAP", "lotSz": "x"}))
    venue.on(
        "market/tickers", ok(TICKER, {**TICKER, "instId": "NEW-USDT-SWAP", "last": ""}, {"instId": "ODD", "last": "?"})
    )
    assert set(await exchange.instruments()) == {"NVDA-USDT-SWAP"}
    assert set(await exchange.quotes()) == {BTC}


async def test_a_row_that_is_none_and_one_that_lies_spoil_nobody_elses(
    exchange: OkxExchange, venue: ScriptedVenue
) -> None:
    good = {"instId": BTC, "markPx": "100.5", "ts": "1"}
    venue.on("public/mark-price", ok(None, "?", {**good, "instId": "BAD-USDT-SWAP", "markPx": "NaN"}, good))
    marks = await exchange.mark_prices()
    assert marks.of(BTC) == Decimal("100.5")
    with pytest.raises(Unavailable, match="markPx"):
        marks.of("BAD-USDT-SWAP")
    venue.on("public/funding-rate", ok())
    with pytest.raises(Unavailable, match="list of funding rates"):
        (await exchange.fundings()).of(BTC)


async def test_rubik_without_rows_is_unknown_and_not_neutral(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    ratio = "rubik/stat/contracts/long-short-account-ratio-contract"
    assert await exchange.long_short_ratio("XAU-USDT-SWAP") is None
    venue.on(ratio, refused("51001", "Instrument ID doesn't exist", 400))
    assert await exchange.long_short_ratio("XAU-USDT-SWAP") is None
    venue.on(ratio, HTML)
    with pytest.raises(Unavailable):
        await exchange.long_short_ratio(BTC)


async def test_hedge_mode_is_derived_from_the_account_and_changes_the_payloads(
    exchange: OkxExchange, venue: ScriptedVenue
) -> None:
    venue.on("account/config", ok({"acctLv": "2", "posMode": "long_short_mode", "perm": "trade", "ip": ""}))
    venue.on("trade/order", ok({"sCode": "0", "ordId": "1"}))
    assert not (await exchange.account_config()).net_mode
    await exchange.place_order(ENTRY)
    assert venue.seen[-1].json["posSide"] == "long"


async def test_leverage_is_what_the_venue_reads_back(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    venue.on("account/set-leverage", ok({"lever": "1", "mgnMode": "isolated"}))
    venue.on("account/leverage-info", ok({"lever": "3.0", "mgnMode": "isolated", "posSide": "net"}))
    assert await exchange.set_leverage(BTC, D(1)) == 3


async def test_the_fee_schedule_is_asked_once_for_all_instruments(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    venue.on("account/trade-fee", ok({"taker": "-0.0005", "maker": "-0.0002"}))
    venue.on("public/instruments", ok(INSTRUMENT))
    instrument = (await exchange.instruments())["NVDA-USDT-SWAP"]
    rates = await asyncio.gather(*(exchange.fee_rates(instrument) for _ in range(17)))
    assert {rate.taker for rate in rates} == {D("0.0005")}
    assert sum(seen.path.endswith("trade-fee") for seen in venue.seen) == 1


async def test_after_aclose_every_call_says_that_the_connection_is_closed(exchange: OkxExchange) -> None:
    await exchange.aclose()
    with pytest.raises(Unavailable, match="closed"):
        await exchange.balance()
    with pytest.raises(Rejected, match="closed"):
        await exchange.place_order(ENTRY)


async def test_after_a_throttled_read_the_same_read_rests_while_protection_goes_through(
    exchange: OkxExchange, venue: ScriptedVenue
) -> None:
    brisk = OkxExchange(venue.endpoint(), SystemClock())
    throttled = refused("50011", "Too Many Requests", 429)
    venue.on("account/balance", throttled)
    venue.on("account/positions", throttled, ok())
    venue.on("trade/close-position", ok({"instId": BTC}))
    for read in (brisk.balance, brisk.positions):
        with pytest.raises(Unavailable) as caught:
            await read()
        assert caught.value.error_class is ErrorClass.THROTTLE
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(brisk.balance(), 0.1)
    assert await asyncio.wait_for(brisk.positions(), 0.3) == ()
    await asyncio.wait_for(brisk.close_position(BTC, "c2"), 0.3)
    assert set(brisk.health()) == {"account", "trade"}
    await brisk.aclose()


async def test_an_answer_without_the_row_it_must_have_is_unavailable(exchange: OkxExchange) -> None:
    with pytest.raises(Unavailable, match="public/mark-price data"):
        await exchange.mark_price(BTC)
