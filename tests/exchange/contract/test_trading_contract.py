"""What every adapter must do with an account: enter under a bracket, keep it, change it, close, and tell the truth."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from engine.clock import ManualClock
from engine.exchange.errors import AuthFailed, ErrorClass, Rejected, VenueFault
from engine.exchange.okx.exchange import OkxExchange
from engine.exchange.port import BracketRequest, Exchange
from engine.model import BillKind, BracketState, OrderRequest, OrderState, OrderType, Side
from tests.exchange.contract.adapters import endpoint_of
from tests.exchange.contract.trades import (
    bracket_of,
    client_id,
    enter,
    eventually,
    flat,
    position_of,
    prices_around,
    specs,
)
from tests.simulator_process import Simulator

D = Decimal


async def test_the_account_is_a_futures_account_in_net_mode_that_may_trade_and_not_withdraw(exchange: Exchange) -> None:
    config = await exchange.account_config()
    assert config.account_level in {"2", "3"}
    assert config.net_mode
    assert "trade" in config.permissions
    assert "withdraw" not in config.permissions


async def test_balance_and_fees(exchange: Exchange) -> None:
    balance = await exchange.balance()
    assert balance.equity > 9_000
    assert 0 < balance.available <= balance.equity
    for spec in (await exchange.instruments()).values():
        rates = await exchange.fee_rates(spec)
        assert 0 < rates.taker < D("0.002")
        assert rates.maker <= rates.taker


async def test_leverage_reads_back_what_was_set(exchange: Exchange) -> None:
    for leverage in (D(3), D(1)):
        assert await exchange.set_leverage("LTC-USDT-SWAP", leverage) == leverage


async def test_an_unknown_client_id_is_no_order(exchange: Exchange) -> None:
    assert await exchange.order("BTC-USDT-SWAP", "neverSentThisOne") is None


async def test_an_entry_fills_and_its_bracket_covers_it(exchange: Exchange, venue: Simulator) -> None:
    order, position = await enter(exchange, "BTC")
    assert (order.state, order.filled, order.side) == (OrderState.FILLED, order.contracts, Side.BUY)
    assert order.average_price is not None
    assert order.fee < 0
    assert order.tag == "cynosure"
    assert position.contracts == order.filled
    assert position.margin_mode == "isolated"
    assert position.leverage == 1
    bracket = await eventually(lambda: bracket_of(exchange, "BTC-USDT-SWAP"), "bracket")
    assert bracket.covers(position.contracts)
    assert bracket.client_id.startswith("contractb"), "found again by the id that we gave it"
    fills = [f for f in await exchange.fills(venue.now_ms - 60_000) if f.order_id == order.order_id]
    assert sum(f.contracts for f in fills) == order.filled
    assert sum(f.fee for f in fills) == order.fee


async def test_a_close_flattens_and_books_one_outcome(exchange: Exchange, venue: Simulator) -> None:
    _, position = await enter(exchange, "ETH")
    inst_id = position.inst_id
    bracket = await eventually(lambda: bracket_of(exchange, inst_id), "bracket")
    await exchange.close_position(inst_id, client_id("c"))
    await eventually(lambda: flat(exchange, inst_id), "flat position")
    # An attached bracket may outlive its position at the venue: sweeping it is ours, and always allowed.
    await exchange.cancel_brackets(inst_id, [bracket.algo_id])
    assert await bracket_of(exchange, inst_id) is None
    assert [b.state for b in await exchange.bracket_history(inst_id)] == [BracketState.CANCELED]
    closed = [c for c in await exchange.closed_positions(venue.now_ms - 60_000) if c.inst_id == inst_id]
    assert len(closed) == 1
    assert closed[0].contracts == position.contracts
    assert closed[0].realised == closed[0].pnl + closed[0].fee + closed[0].funding
    assert not closed[0].liquidated


async def test_an_oco_of_ours_dies_with_its_position(exchange: Exchange) -> None:
    _, position = await enter(exchange, "BNB", bracket=False)
    instrument, mark = await specs(exchange, "BNB")
    prices = prices_around(instrument, mark)
    await exchange.place_bracket(BracketRequest(position.inst_id, client_id("b"), position.contracts, prices))
    await exchange.close_position(position.inst_id, client_id("c"))

    async def swept() -> bool | None:
        return True if await bracket_of(exchange, position.inst_id) is None else None

    await eventually(swept, "end of the bracket")
    assert [b.state for b in await exchange.bracket_history(position.inst_id)] == [BracketState.CANCELED]


async def test_closing_what_is_flat_says_so(exchange: Exchange) -> None:
    with pytest.raises(Rejected) as caught:
        await exchange.close_position("BCH-USDT-SWAP", client_id("c"))
    assert caught.value.error_class is ErrorClass.POSITION_GONE


async def test_a_reduce_only_exit_closes_and_a_second_one_is_refused(exchange: Exchange) -> None:
    order, position = await enter(exchange, "SOL")
    leave = OrderRequest(
        order.inst_id, client_id("x"), Side.SELL, OrderType.MARKET, position.contracts, reduce_only=True
    )
    await exchange.place_order(leave)
    sold = await eventually(lambda: exchange.order(leave.inst_id, leave.client_id), "exit")
    assert (sold.state, sold.reduce_only, sold.filled) == (OrderState.FILLED, True, position.contracts)
    assert await position_of(exchange, leave.inst_id) is None
    with pytest.raises(Rejected) as caught:
        await exchange.place_order(replace(leave, client_id=client_id("x")))
    assert caught.value.error_class is ErrorClass.POSITION_GONE
    assert await position_of(exchange, leave.inst_id) is None, "a reduce-only order never opens the other side"


async def test_an_oco_is_placed_amended_and_cancelled(exchange: Exchange) -> None:
    _, position = await enter(exchange, "DOGE", bracket=False)
    instrument, mark = await specs(exchange, "DOGE")
    request = BracketRequest(position.inst_id, client_id("b"), position.contracts, prices_around(instrument, mark))
    algo_id = await exchange.place_bracket(request)
    placed = await eventually(lambda: bracket_of(exchange, position.inst_id), "bracket")
    assert (placed.algo_id, placed.client_id) == (algo_id, request.client_id)
    assert placed.covers(position.contracts)
    assert (placed.stop, placed.target) == (request.prices.stop, request.prices.target)

    tighter = prices_around(instrument, mark, "0.02")
    await exchange.amend_bracket(position.inst_id, algo_id, stop=tighter.stop)
    amended = await bracket_of(exchange, position.inst_id)
    assert amended is not None
    assert (amended.stop, amended.target) == (tighter.stop, request.prices.target)
    smaller = position.contracts - instrument.lot_size
    await exchange.amend_bracket(position.inst_id, algo_id, target=tighter.target, contracts=smaller)
    amended = await bracket_of(exchange, position.inst_id)
    assert amended is not None
    assert (amended.stop, amended.target, amended.contracts) == (tighter.stop, tighter.target, smaller)
    assert not amended.covers(position.contracts)

    await exchange.cancel_brackets(position.inst_id, [algo_id])
    assert await bracket_of(exchange, position.inst_id) is None
    await exchange.cancel_brackets(position.inst_id, [algo_id])
    assert [b.algo_id for b in await exchange.bracket_history(position.inst_id)] == [algo_id]
    with pytest.raises(Rejected) as caught:
        await exchange.amend_bracket(position.inst_id, algo_id, stop=tighter.stop)
    assert caught.value.error_class in {ErrorClass.TOO_LATE, ErrorClass.NOT_FOUND}


async def test_a_stop_on_the_wrong_side_is_refused_by_name(exchange: Exchange) -> None:
    _, position = await enter(exchange, "XRP", bracket=False)
    instrument, mark = await specs(exchange, "XRP")
    prices = prices_around(instrument, mark)
    crossed = replace(prices, stop=prices.target - instrument.tick_size)
    with pytest.raises(Rejected) as caught:
        await exchange.place_bracket(BracketRequest(position.inst_id, client_id("b"), position.contracts, crossed))
    assert caught.value.error_class is ErrorClass.ALGO_PRICE_SIDE


async def test_a_resting_order_is_listed_and_cancelled_by_our_own_id_however_often(exchange: Exchange) -> None:
    instrument, mark = await specs(exchange, "SUI")
    price = prices_around(instrument, mark).stop
    resting = OrderRequest(
        instrument.inst_id, client_id("r"), Side.BUY, OrderType.POST_ONLY, instrument.min_size * 10, price=price
    )
    ack = await exchange.place_order(resting)
    assert [o.order_id for o in await exchange.open_orders()] == [ack.order_id]
    with pytest.raises(Rejected) as caught:
        await exchange.place_order(resting)
    assert caught.value.error_class is ErrorClass.DUPLICATE_ID
    for _ in range(2):
        await exchange.cancel_order(resting.inst_id, resting.client_id)
    assert await exchange.open_orders() == ()
    order = await exchange.order(resting.inst_id, resting.client_id)
    assert order is not None
    assert (order.state, order.filled, order.average_price) == (OrderState.CANCELED, 0, None)


@pytest.mark.parametrize(
    ("inst_id", "contracts", "expected"),
    [
        ("BNB-USDT-SWAP", "0.5", {ErrorClass.SIZE_SMALL}),
        ("BTC-USDT-SWAP", "30000", {ErrorClass.MONEY}),
        ("QQQ-USDT-SWAP", "90", {ErrorClass.SIZE_BIG}),
        ("NOPE-USDT-SWAP", "1", {ErrorClass.INSTRUMENT_OFF}),
    ],
)
async def test_a_refused_entry_says_why(
    exchange: Exchange, inst_id: str, contracts: str, expected: set[ErrorClass]
) -> None:
    request = OrderRequest(inst_id, client_id("e"), Side.BUY, OrderType.MARKET, D(contracts))
    with pytest.raises(Rejected) as caught:
        await exchange.place_order(request)
    assert caught.value.error_class in expected
    assert caught.value.code


async def test_entries_on_several_instruments_at_once_do_not_mix(exchange: Exchange) -> None:
    results = await asyncio.gather(*(enter(exchange, ticker, "100") for ticker in ("XAU", "NVDA", "MSFT", "TSLA")))
    assert [p.inst_id.partition("-")[0] for _, p in results] == ["XAU", "NVDA", "MSFT", "TSLA"]
    assert all(position.contracts == order.filled for order, position in results)


async def test_the_ledger_adds_up_to_the_cash(exchange: Exchange, venue: Simulator) -> None:
    await enter(exchange, "AAPL", "200")
    bills = await exchange.bills(venue.now_ms - 86_400_000)
    assert list(bills) == sorted(bills, key=lambda b: b.ts)
    assert {b.kind for b in bills} <= {BillKind.TRADE, BillKind.FUNDING, BillKind.TRANSFER}
    fills = await exchange.fills(venue.now_ms - 86_400_000)
    traded = sum(b.change for b in bills if b.kind is BillKind.TRADE)
    assert traded == sum(f.fee + f.pnl for f in fills)
    assert (await exchange.balance()).cash == bills[-1].balance


async def test_wrong_keys_are_the_operators_to_mend(venue: Simulator) -> None:
    for changes in ({"secret": "wrong"}, {"passphrase": "wrong"}, {"key": "nobody"}):
        stranger = OkxExchange(replace(endpoint_of(venue), **changes), ManualClock(venue.now_ms))
        with pytest.raises(AuthFailed):
            await stranger.balance()
        await stranger.aclose()


async def test_a_stop_that_triggers_ends_flat_with_its_story_told(exchange: Exchange, venue: Simulator) -> None:
    instrument, mark = await specs(exchange, "PLTR")
    _, position = await enter(exchange, "PLTR", "300", bracket=False)
    prices = prices_around(instrument, mark, "0.004")
    algo_id = await exchange.place_bracket(BracketRequest(position.inst_id, client_id("b"), position.contracts, prices))
    before = venue.now_ms
    for _ in range(96):
        venue.advance(3_600_000)
        if await position_of(exchange, position.inst_id) is None:
            break
    assert await position_of(exchange, position.inst_id) is None
    assert [b.state for b in await exchange.bracket_history(position.inst_id)] == [BracketState.TRIGGERED]
    sold = [f for f in await exchange.fills(before) if f.inst_id == position.inst_id and f.side is Side.SELL]
    assert sum(f.contracts for f in sold) == position.contracts
    assert not any(f.liquidation for f in sold)
    assert algo_id not in {b.algo_id for b in await exchange.brackets()}
    closed = [c for c in await exchange.closed_positions(before) if c.inst_id == position.inst_id]
    assert len(closed) == 1
    assert closed[0].exit_price != closed[0].entry_price


@pytest.mark.slow
async def test_a_dead_man_that_is_not_heard_again_loses_resting_orders_of_its_tag_and_nothing_else(
    exchange: Exchange, venue: Simulator
) -> None:
    instrument, mark = await specs(exchange, "AAPL")
    price = prices_around(instrument, mark).stop
    ours, theirs = client_id("r"), client_id("r")
    resting = OrderRequest(instrument.inst_id, ours, Side.BUY, OrderType.LIMIT, D(1), price=price, tag="watched")
    await exchange.place_order(resting)
    await exchange.place_order(replace(resting, client_id=theirs, tag="other"))
    await exchange.dead_man(10, "watched")
    async with asyncio.timeout(15):
        while len(left := await exchange.open_orders()) == 2:
            await asyncio.sleep(0.2)
    assert [order.client_id for order in left] == [theirs]
    await exchange.cancel_order(instrument.inst_id, theirs)


async def test_a_disarmed_dead_man_touches_nothing(exchange: Exchange, venue: Simulator) -> None:
    await exchange.dead_man(10, "watched")
    await exchange.dead_man(0, "watched")
    with pytest.raises(AssertionError):
        await exchange.dead_man(5, "watched")
    assert [row["code"] for row in venue.log() if row["path"].endswith("cancel-all-after")][-2:] == ["0", "0"]


async def test_whoever_listens_hears_of_a_refused_call(exchange: Exchange) -> None:
    heard: list[VenueFault] = []
    exchange.listen(heard.append)
    with pytest.raises(Rejected):
        await exchange.place_order(OrderRequest("NOPE-USDT-SWAP", client_id("e"), Side.BUY, OrderType.MARKET, D(1)))
    assert [(fault.inst_id, fault.write, fault.error.error_class) for fault in heard] == [
        ("NOPE-USDT-SWAP", True, ErrorClass.INSTRUMENT_OFF)
    ]
