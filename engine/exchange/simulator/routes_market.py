"""`/api/v5/market/*`: tickers, candles, books, trades, index (okx.md §6). Newest first everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from engine.exchange.simulator.envelope import Row, text
from engine.exchange.simulator.market import BookRow, CandleRow, Market, PriceRow, Trade
from engine.exchange.simulator.okx_errors import parameter
from engine.exchange.simulator.routing import (
    Desk,
    Params,
    Route,
    Routes,
    chosen,
    limit,
    listed,
    required,
    swap_only,
    whole,
)

RECENT_BARS = 1440
"""`market/candles` reaches back this many bars; older ones are in `market/history-candles`."""

_FULL_DEPTH = 400
_TRADES_SCANNED_MS = 6 * 3_600_000
_DAY_MS = 86_400_000


class Reader(Protocol):
    """One of the market's three candle readers."""

    def __call__(
        self, inst_id: str, bar: str, *, before_ms: int | None, after_ms: int | None, limit: int, now_ms: int
    ) -> Sequence[CandleRow | PriceRow]: ...


def ticker_row(desk: Desk, inst_id: str) -> Row:
    values = desk.market.ticker(inst_id, desk.now_ms)
    row: Row = {"instType": "SWAP", "instId": inst_id}
    row |= {name: text(value) for name, value in values.items()}  # type: ignore[arg-type]
    row["ts"] = str(desk.now_ms)
    return row


def ticker(desk: Desk, params: Params) -> list[Row]:
    return [ticker_row(desk, listed(desk, params))]


def tickers(desk: Desk, params: Params) -> list[Row]:
    return [ticker_row(desk, inst_id) for inst_id in chosen(desk, params)] if swap_only(params) else []


def index_ticker_row(desk: Desk, inst_id: str) -> Row:
    """`inst_id` is the swap's; its index is named without `-SWAP`."""
    day = desk.market.index_candles(
        inst_id, "1H", before_ms=desk.now_ms - _DAY_MS, after_ms=None, limit=24, now_ms=desk.now_ms
    )
    values = desk.market.ticker(inst_id, desk.now_ms)
    return {
        "instId": desk.market.specs[inst_id].uly,
        "idxPx": text(desk.market.index_price(inst_id, desk.now_ms)),
        "open24h": day[-1][1] if day else "",
        "high24h": max((row[2] for row in day), key=float, default=""),
        "low24h": min((row[3] for row in day), key=float, default=""),
        "sodUtc0": text(values["sodUtc0"]),
        "sodUtc8": text(values["sodUtc8"]),
        "ts": str(desk.now_ms),
    }


def index_tickers(desk: Desk, params: Params) -> list[Row]:
    if params.get("instId"):
        return [index_ticker_row(desk, _indexed(desk, params))]
    if required(params, "quoteCcy") != "USDT":
        return []
    return [index_ticker_row(desk, inst_id) for inst_id in desk.market.specs]


def _indexed(desk: Desk, params: Params) -> str:
    inst_id = required(params, "instId").removesuffix("-SWAP") + "-SWAP"
    return listed(desk, {"instId": inst_id})


def candle_rows(read: Reader, desk: Desk, inst_id: str, params: Params, most: int) -> Sequence[CandleRow | PriceRow]:
    """One page. Raises OkxError 51000 for a bar that OKX does not know."""
    before, after, count = whole(params, "before"), whole(params, "after"), limit(params, 100, most)
    bar = str(params.get("bar") or "1m")
    try:
        return read(inst_id, bar, before_ms=before, after_ms=after, limit=count, now_ms=desk.now_ms)
    except KeyError:
        raise parameter("bar") from None


def candles(desk: Desk, params: Params) -> list[CandleRow | PriceRow]:
    inst_id = listed(desk, params)
    rows = candle_rows(desk.market.candles, desk, inst_id, params, 300)
    oldest = _oldest_recent(desk, inst_id, str(params.get("bar") or "1m"), rows)
    return [row for row in rows if int(row[0]) >= oldest]


def _oldest_recent(desk: Desk, inst_id: str, bar: str, rows: Sequence[CandleRow | PriceRow]) -> int:
    if len(rows) < 2:
        return 0
    length = int(rows[0][0]) - int(rows[1][0])
    newest = desk.market.candles(inst_id, bar, limit=1, now_ms=desk.now_ms)
    return int(newest[0][0]) - (RECENT_BARS - 1) * length


def history_candles(desk: Desk, params: Params) -> list[CandleRow | PriceRow]:
    return list(candle_rows(desk.market.candles, desk, listed(desk, params), params, 300))


def mark_price_candles(desk: Desk, params: Params) -> list[CandleRow | PriceRow]:
    return list(candle_rows(desk.market.mark_candles, desk, listed(desk, params), params, 100))


def index_candles(desk: Desk, params: Params) -> list[CandleRow | PriceRow]:
    return list(candle_rows(desk.market.index_candles, desk, _indexed(desk, params), params, 100))


def level_rows(levels: Sequence[BookRow]) -> list[list[str]]:
    """`[price, contracts, "0" (deprecated), orders]`."""
    return [[text(level.price), text(level.contracts), "0", str(level.orders)] for level in levels]


def book_row(desk: Desk, inst_id: str, depth: int) -> Row:
    bids, asks = desk.market.book(inst_id, desk.now_ms, depth)
    return {"asks": level_rows(asks), "bids": level_rows(bids), "ts": str(desk.now_ms), "seqId": desk.now_ms}


def books(desk: Desk, params: Params) -> list[Row]:
    """`sz` levels a side: 1 by default, at most 400."""
    return [book_row(desk, listed(desk, params), _depth(params, _FULL_DEPTH))]


def books_full(desk: Desk, params: Params) -> list[Row]:
    """Asked for up to 5000; this venue's book is 400 deep."""
    row = book_row(desk, listed(desk, params), min(_depth(params, 5000), _FULL_DEPTH))
    for side in ("asks", "bids"):
        row[side] = [[price, contracts, orders] for price, contracts, _, orders in row[side]]
    return [row]


def _depth(params: Params, most: int) -> int:
    depth = whole(params, "sz")
    if depth is not None and not 1 <= depth <= most:
        raise parameter("sz")
    return 1 if depth is None else depth


def trade_row(inst_id: str, trade: Trade) -> Row:
    return {
        "instId": inst_id,
        "tradeId": trade.trade_id,
        "px": text(trade.price),
        "sz": text(trade.contracts),
        "side": trade.side,
        "source": "0",
        "ts": str(trade.ts),
    }


def trades(desk: Desk, params: Params) -> list[Row]:
    inst_id = listed(desk, params)
    latest = desk.market.trades(inst_id, desk.now_ms, limit(params, 100, 500))
    return [trade_row(inst_id, trade) for trade in latest]


def history_trades(desk: Desk, params: Params) -> list[Row]:
    """Pages by trade id (`type` 1, the default) or by time (`type` 2, only `after`)."""
    inst_id = listed(desk, params)
    count = limit(params, 100, 100)
    after, before = whole(params, "after"), whole(params, "before")
    if params.get("type") == "2":
        latest = desk.market.trades(inst_id, desk.now_ms if after is None else min(after - 1, desk.now_ms), count)
        return [trade_row(inst_id, trade) for trade in latest]
    page = _trades_by_id(desk.market, inst_id, desk.now_ms, _wanted(after, before), count)
    return [trade_row(inst_id, trade) for trade in page]


def _wanted(after: int | None, before: int | None) -> Callable[[Trade], bool]:
    def inside(trade: Trade) -> bool:
        number = int(trade.trade_id)
        return (after is None or number < after) and (before is None or number > before)

    return inside


def _trades_by_id(
    market: Market, inst_id: str, now_ms: int, inside: Callable[[Trade], bool], count: int
) -> list[Trade]:
    found: list[Trade] = []
    step = 300_000
    for end in range(now_ms, now_ms - _TRADES_SCANNED_MS, -step):
        found += [trade for trade in reversed(market.trades_between(inst_id, end - step, end)) if inside(trade)]
        if len(found) >= count:
            break
    return found[:count]


ROUTES: Routes = {
    ("GET", "/api/v5/market/ticker"): Route(ticker, signed=False),
    ("GET", "/api/v5/market/tickers"): Route(tickers, signed=False),
    ("GET", "/api/v5/market/index-tickers"): Route(index_tickers, signed=False),
    ("GET", "/api/v5/market/candles"): Route(candles, signed=False),
    ("GET", "/api/v5/market/history-candles"): Route(history_candles, signed=False),
    ("GET", "/api/v5/market/mark-price-candles"): Route(mark_price_candles, signed=False),
    ("GET", "/api/v5/market/index-candles"): Route(index_candles, signed=False),
    ("GET", "/api/v5/market/books"): Route(books, signed=False),
    ("GET", "/api/v5/market/books-full"): Route(books_full, signed=False),
    ("GET", "/api/v5/market/trades"): Route(trades, signed=False),
    ("GET", "/api/v5/market/history-trades"): Route(history_trades, signed=False),
}
