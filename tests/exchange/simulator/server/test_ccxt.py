"""Another independent client, ccxt, understands the venue as OKX's demo."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.simulator_process import Simulator

if TYPE_CHECKING:  # a second of reading that only who runs these tests pays
    import ccxt

SYMBOL = "BTC/USDT:USDT"


@pytest.fixture(scope="module")
def okx(venue: Simulator) -> ccxt.okx:
    import ccxt

    exchange = ccxt.okx({"apiKey": venue.key, "secret": venue.secret, "password": venue.passphrase})
    exchange.set_sandbox_mode(True)
    exchange.urls["api"]["rest"] = venue.base_url
    exchange.session.trust_env = False
    exchange.enableRateLimit = False
    exchange.load_markets()
    return exchange


def test_markets_have_the_right_contract(okx: ccxt.okx) -> None:
    market = okx.market(SYMBOL)
    assert (market["swap"], market["linear"], market["contractSize"], market["active"]) == (True, True, 0.01, True)
    assert market["precision"] == {"amount": 0.01, "price": 0.1}
    assert len(okx.symbols) >= 17


def test_market_data(okx: ccxt.okx) -> None:
    ticker = okx.fetch_ticker(SYMBOL)
    assert ticker["bid"] < ticker["ask"]
    assert SYMBOL in okx.fetch_tickers(params={"type": "swap"})
    candles = okx.fetch_ohlcv(SYMBOL, "15m", limit=100)
    assert len(candles) == 100
    assert all(low <= min(open_, close) <= max(open_, close) <= high for _, open_, high, low, close, _ in candles)
    since = candles[10][0]
    assert okx.fetch_ohlcv(SYMBOL, "15m", since=since, limit=5)[0][0] == since
    book = okx.fetch_order_book(SYMBOL, limit=20)
    assert len(book["bids"]) == 20
    assert okx.fetch_trades(SYMBOL, limit=30)
    assert okx.fetch_time() > 0
    assert okx.fetch_status()["status"] == "ok"
    assert okx.fetch_mark_price(SYMBOL)["markPrice"] > 0


def test_funding_and_open_interest(okx: ccxt.okx) -> None:
    rate = okx.fetch_funding_rate(SYMBOL)
    assert rate["fundingTimestamp"] < rate["nextFundingTimestamp"]
    assert len(okx.fetch_funding_rate_history(SYMBOL, limit=10)) == 10
    assert okx.fetch_open_interest(SYMBOL)["openInterestAmount"] > 0
    assert okx.fetch_open_interest_history(SYMBOL, "1h", limit=10)


def test_account_and_orders(okx: ccxt.okx) -> None:
    assert okx.fetch_balance()["USDT"]["total"] > 0
    assert okx.set_leverage(1, SYMBOL, {"mgnMode": "isolated"})["code"] == "0"
    entry = okx.create_order(SYMBOL, "market", "buy", 1, params={"tdMode": "isolated"})
    assert okx.fetch_order(entry["id"], SYMBOL)["status"] == "closed"
    position = okx.fetch_position(SYMBOL)
    assert (position["contracts"], position["side"], position["marginMode"]) == (1, "long", "isolated")
    assert [row["symbol"] for row in okx.fetch_positions()] == [SYMBOL]
    assert okx.fetch_my_trades(SYMBOL)

    low = okx.fetch_ticker(SYMBOL)["last"] * 0.98
    resting = okx.create_order(SYMBOL, "limit", "buy", 1, low, params={"tdMode": "isolated"})
    assert [row["id"] for row in okx.fetch_open_orders(SYMBOL)] == [resting["id"]]
    okx.cancel_order(resting["id"], SYMBOL)
    assert okx.fetch_open_orders(SYMBOL) == []
    assert okx.fetch_canceled_orders(SYMBOL)

    okx.create_order(SYMBOL, "market", "sell", 1, params={"tdMode": "isolated", "reduceOnly": True})
    assert okx.fetch_positions([SYMBOL]) == []
    assert okx.fetch_ledger("USDT", params={"type": "swap"})


def test_errors_are_classified(okx: ccxt.okx) -> None:
    import ccxt

    with pytest.raises(ccxt.OrderNotFound):
        okx.fetch_order("1", SYMBOL)
    with pytest.raises(ccxt.InvalidOrder):
        okx.create_order(SYMBOL, "limit", "buy", 0.01, 1, params={"tdMode": "isolated", "sz": "0.001"})
    secret, okx.secret = okx.secret, "wrong"
    try:
        with pytest.raises(ccxt.AuthenticationError):
            okx.fetch_balance()
    finally:
        okx.secret = secret
