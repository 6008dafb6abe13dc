"""`/api/v5/trade/*` (signed, okx.md §8 and §9): thin doors to the venue's core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.exchange.simulator.envelope import Row
from engine.exchange.simulator.okx_errors import parameter
from engine.exchange.simulator.routes_account import door
from engine.exchange.simulator.routing import Answering, Desk, Params, Route, Routes
from engine.exchange.simulator.venue import Venue

_MOST_ORDERS = 20
_MOST_ALGOS = 10


def batch(ask: Callable[[Venue, list[dict[str, Any]]], list[Row]], most: int) -> Route:
    """A route to one method of the venue that takes 1 … `most` objects."""

    def handle(desk: Desk, params: Any) -> list[Row]:
        items = params if isinstance(params, list) else [params]
        if not 1 <= len(items) <= most or not all(isinstance(item, dict) for item in items):
            raise parameter("body")
        return ask(desk.venue, items)

    return Route(handle, signed=True, answering=Answering.TRADE)


def _orders_archive(venue: Venue, params: dict[str, Any]) -> list[Row]:
    return venue.orders_history(params, archive=True)


def account_rate_limit(desk: Desk, _: Params) -> list[Row]:
    """The basic tier: this venue counts no fill ratio."""
    return [
        {
            "accRateLimit": "1000",
            "fillRatio": "",
            "mainFillRatio": "",
            "nextAccRateLimit": "1000",
            "ts": str(desk.now_ms),
        }
    ]


ROUTES: Routes = {
    ("POST", "/api/v5/trade/order"): door(lambda venue, asked: venue.place_order(asked), Answering.TRADE),
    ("POST", "/api/v5/trade/batch-orders"): batch(lambda venue, asked: venue.place_orders(asked), _MOST_ORDERS),
    ("POST", "/api/v5/trade/cancel-order"): door(lambda venue, asked: venue.cancel_order(asked), Answering.TRADE),
    ("POST", "/api/v5/trade/cancel-batch-orders"): batch(lambda venue, asked: venue.cancel_orders(asked), _MOST_ORDERS),
    ("POST", "/api/v5/trade/amend-order"): door(lambda venue, asked: venue.amend_order(asked), Answering.TRADE),
    ("POST", "/api/v5/trade/amend-batch-orders"): batch(lambda venue, asked: venue.amend_orders(asked), _MOST_ORDERS),
    ("POST", "/api/v5/trade/close-position"): door(lambda venue, asked: venue.close_position(asked), Answering.TRADE),
    ("POST", "/api/v5/trade/cancel-all-after"): door(
        lambda venue, asked: venue.cancel_all_after(asked), Answering.TRADE
    ),
    ("POST", "/api/v5/trade/order-algo"): door(lambda venue, asked: venue.place_algo(asked), Answering.TRADE),
    ("POST", "/api/v5/trade/amend-algos"): door(lambda venue, asked: venue.amend_algo(asked), Answering.TRADE),
    ("POST", "/api/v5/trade/cancel-algos"): batch(lambda venue, asked: venue.cancel_algos(asked), _MOST_ALGOS),
    ("GET", "/api/v5/trade/order"): door(lambda venue, asked: venue.order(asked)),
    ("GET", "/api/v5/trade/orders-pending"): door(lambda venue, asked: venue.orders_pending(asked)),
    ("GET", "/api/v5/trade/orders-history"): door(lambda venue, asked: venue.orders_history(asked)),
    ("GET", "/api/v5/trade/orders-history-archive"): door(_orders_archive),
    ("GET", "/api/v5/trade/fills"): door(lambda venue, asked: venue.fills(asked)),
    ("GET", "/api/v5/trade/fills-history"): door(lambda venue, asked: venue.fills(asked, archive=True)),
    ("GET", "/api/v5/trade/order-algo"): door(lambda venue, asked: venue.algo(asked)),
    ("GET", "/api/v5/trade/orders-algo-pending"): door(lambda venue, asked: venue.algos_pending(asked)),
    ("GET", "/api/v5/trade/orders-algo-history"): door(lambda venue, asked: venue.algos_history(asked)),
    ("GET", "/api/v5/trade/account-rate-limit"): Route(account_rate_limit),
}
