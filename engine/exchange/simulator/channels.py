"""Which channel lives on which socket, and what feeds it (okx.md §13)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from engine.exchange.simulator.book_feed import BooksFeed
from engine.exchange.simulator.channel_feeds import (
    Arg,
    CandleFeed,
    ChangesFeed,
    Feed,
    LiquidationsFeed,
    SnapshotFeed,
    TradesFeed,
)
from engine.exchange.simulator.envelope import Row
from engine.exchange.simulator.routes_market import book_row, ticker_row
from engine.exchange.simulator.routes_public import (
    funding_row,
    instruments,
    mark_price_row,
    open_interest_row,
    price_limit,
    system_status,
)
from engine.exchange.simulator.routing import Desk

PUBLIC, PRIVATE, BUSINESS = "public", "private", "business"
SOCKETS = {f"/ws/v5/{name}": name for name in (PUBLIC, PRIVATE, BUSINESS)}

ACCOUNT_CHANNELS = {
    "orders": PRIVATE,
    "positions": PRIVATE,
    "account": PRIVATE,
    "balance_and_position": PRIVATE,
    "orders-algo": BUSINESS,
    "algo-advance": BUSINESS,
}
"""Channels that need a login, and their socket."""

_PUBLIC_CHANNELS = frozenset(
    {
        "tickers",
        "trades",
        "books",
        "books5",
        "bbo-tbt",
        "mark-price",
        "funding-rate",
        "open-interest",
        "price-limit",
        "liquidation-orders",
        "instruments",
        "status",
    }
)
_NEVER = float("inf")


def socket_of(channel: str) -> str | None:
    """The socket a channel lives on; None for a channel that this venue does not have."""
    if channel in ACCOUNT_CHANNELS:
        return ACCOUNT_CHANNELS[channel]
    if channel in _PUBLIC_CHANNELS:
        return PUBLIC
    return BUSINESS if channel == "trades-all" or "candle" in channel else None


def open_feed(desk: Desk, arg: Arg) -> Feed | None:
    """The feed of a public or business subscription; None when there is no such channel or instrument."""
    channel = arg.get("channel", "")
    match channel:
        case "liquidation-orders":
            return LiquidationsFeed(desk, arg) if arg.get("instType") in {"SWAP", "ANY"} else None
        case "instruments":
            return _instruments_feed(desk, arg) if arg.get("instType") == "SWAP" else None
        case "status":
            return ChangesFeed(arg, lambda: system_status(desk, {}), ("title", "begin"))
    return _instrument_feed(desk, arg, channel) if arg.get("instId") in desk.market.specs else None


def _instruments_feed(desk: Desk, arg: Arg) -> Feed:
    return ChangesFeed(arg, lambda: instruments(desk, {"instType": "SWAP"}), ("instId",), gone={"state": "expired"})


def _instrument_feed(desk: Desk, arg: Arg, channel: str) -> Feed | None:
    if channel in {"trades", "trades-all"}:
        return TradesFeed(desk, arg)
    if channel == "books":
        return BooksFeed(desk, arg)
    return _candle_feed(desk, arg) if "candle" in channel else _snapshot_feed(desk, arg, channel)


def _candle_feed(desk: Desk, arg: Arg) -> Feed | None:
    prefix, _, bar = arg["channel"].rpartition("candle")
    readers: dict[str, Callable[..., Sequence[Sequence[str]]]]
    readers = {"": desk.market.candles, "mark-price-": desk.market.mark_candles, "index-": desk.market.index_candles}
    if prefix not in readers:
        return None
    feed = CandleFeed(desk, arg, readers[prefix], bar)
    try:
        feed.greet()
    except KeyError:
        return None
    return feed


def _snapshot_feed(desk: Desk, arg: Arg, channel: str) -> Feed | None:
    inst_id = arg["instId"]
    # channel: how a row is built, the shortest wall time between pushes, after how long it is repeated unchanged
    builders: dict[str, tuple[Callable[[], Row], float, float]] = {
        "tickers": (lambda: ticker_row(desk, inst_id), 0.1, _NEVER),
        "mark-price": (lambda: mark_price_row(desk, inst_id), 0.2, 10.0),
        "funding-rate": (lambda: funding_row(desk, inst_id), 30.0, 90.0),
        "open-interest": (lambda: open_interest_row(desk, inst_id), 3.0, _NEVER),
        "price-limit": (lambda: price_limit(desk, {"instId": inst_id})[0], 0.2, _NEVER),
        "books5": (lambda: {**book_row(desk, inst_id, 5), "instId": inst_id, "checksum": 0}, 0.1, _NEVER),
        "bbo-tbt": (lambda: book_row(desk, inst_id, 1), 0.05, _NEVER),
    }
    if channel not in builders:
        return None
    build, period, repeat = builders[channel]
    return SnapshotFeed(arg, build, period, repeat)
