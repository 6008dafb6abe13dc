"""`/api/v5/account/*` (signed, okx.md §7): thin doors to the venue's core."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from engine.exchange.simulator.envelope import Row
from engine.exchange.simulator.okx_errors import parameter
from engine.exchange.simulator.routing import Answering, Desk, Route, Routes
from engine.exchange.simulator.venue import Venue


def door(ask: Callable[[Venue, dict[str, Any]], list[Row]], answering: Answering = Answering.READ) -> Route:
    """A route to one method of the venue that takes an object."""

    def handle(desk: Desk, params: Any) -> list[Row]:
        if not isinstance(params, dict):
            raise parameter("body")
        return ask(desk.venue, params)

    return Route(handle, signed=True, answering=answering)


ROUTES: Routes = {
    ("GET", "/api/v5/account/config"): door(lambda venue, asked: venue.account_config(asked)),
    ("GET", "/api/v5/account/balance"): door(lambda venue, asked: venue.balance(asked)),
    ("GET", "/api/v5/account/positions"): door(lambda venue, asked: venue.positions(asked)),
    ("GET", "/api/v5/account/positions-history"): door(lambda venue, asked: venue.positions_history(asked)),
    ("GET", "/api/v5/account/bills"): door(lambda venue, asked: venue.bills(asked)),
    ("GET", "/api/v5/account/bills-archive"): door(lambda venue, asked: venue.bills(asked, archive=True)),
    ("GET", "/api/v5/account/leverage-info"): door(lambda venue, asked: venue.leverage_info(asked)),
    ("GET", "/api/v5/account/max-size"): door(lambda venue, asked: venue.max_size(asked)),
    ("GET", "/api/v5/account/max-avail-size"): door(lambda venue, asked: venue.max_avail_size(asked)),
    ("GET", "/api/v5/account/trade-fee"): door(lambda venue, asked: venue.trade_fee(asked)),
    ("POST", "/api/v5/account/set-position-mode"): door(lambda venue, asked: venue.set_position_mode(asked)),
    ("POST", "/api/v5/account/set-leverage"): door(lambda venue, asked: venue.set_leverage(asked)),
    ("POST", "/api/v5/account/position/margin-balance"): door(lambda venue, asked: venue.margin_balance(asked)),
}
