"""The venue's endpoints that this program uses, as data: the SDK's method, the rate limit, who shares it.

Limits are OKX's published ones (2026-07); the budget spends half of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

INSTRUMENT_TYPE = "SWAP"


class Scope(StrEnum):
    """Who shares one limit: everything we do, or each instrument on its own."""

    ACCOUNT = "account"
    INSTRUMENT = "instrument"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """`limit` calls per `window_s` seconds. A `protective` read is one on which a position's cover depends: like a
    bracket it may use the reserve and is not held up by a throttle's pause. `method` names the SDK's method; where
    the SDK has none it is empty and `path` is asked directly."""

    path: str
    method: str
    limit: float
    scope: Scope = Scope.ACCOUNT
    write: bool = False
    window_s: float = 2.0
    protective: bool = False

    @property
    def family(self) -> str:
        """Market, public, rubik, account or trade: what the health line groups by."""
        return self.path.partition("/")[0]


_PER_INSTRUMENT = Scope.INSTRUMENT
EVERY_INSTRUMENT = "ANY"
"""What funding-rate calls all of them."""

# Market data, per IP
TIME = Endpoint("public/time", "get_system_time", 10)
STATUS = Endpoint("system/status", "", 1, window_s=5.0)
INSTRUMENTS = Endpoint("public/instruments", "get_instruments", 20)
TICKERS = Endpoint("market/tickers", "get_tickers", 20)
CANDLES = Endpoint("market/candles", "get_candlesticks", 40, _PER_INSTRUMENT)
BOOKS = Endpoint("market/books", "get_orderbook", 40, _PER_INSTRUMENT)
MARK_PRICE = Endpoint("public/mark-price", "get_mark_price", 10, _PER_INSTRUMENT)
FUNDING_RATE = Endpoint("public/funding-rate", "get_funding_rate", 10, _PER_INSTRUMENT)
OPEN_INTEREST = Endpoint("public/open-interest", "get_open_interest", 20, _PER_INSTRUMENT)
OPEN_INTEREST_HISTORY = Endpoint(
    "rubik/stat/contracts/open-interest-history", "get_open_interest_history", 10, _PER_INSTRUMENT
)
LONG_SHORT_RATIO = Endpoint("rubik/stat/contracts/long-short-account-ratio-contract", "", 5, _PER_INSTRUMENT)

# The account, per user id
CONFIG = Endpoint("account/config", "get_account_config", 5)
BALANCE = Endpoint("account/balance", "get_account_balance", 10)
POSITIONS = Endpoint("account/positions", "get_positions", 10, protective=True)
POSITIONS_HISTORY = Endpoint("account/positions-history", "get_positions_history", 10)
BILLS = Endpoint("account/bills", "get_account_bills", 5, window_s=1.0)
BILLS_ARCHIVE = Endpoint("account/bills-archive", "get_account_bills_archive", 5, window_s=1.0)
TRADE_FEE = Endpoint("account/trade-fee", "get_fee_rates", 5)
LEVERAGE_INFO = Endpoint("account/leverage-info", "get_leverage", 20)
SET_LEVERAGE = Endpoint("account/set-leverage", "set_leverage", 20, write=True)

# Orders and algos, per user id and instrument
ORDER = Endpoint("trade/order", "get_order", 60, _PER_INSTRUMENT, protective=True)
ORDERS_PENDING = Endpoint("trade/orders-pending", "get_order_list", 60, protective=True)
FILLS = Endpoint("trade/fills", "get_fills", 60)
FILLS_HISTORY = Endpoint("trade/fills-history", "get_fills_history", 10)
ALGOS_PENDING = Endpoint("trade/orders-algo-pending", "order_algos_list", 20, protective=True)
ALGOS_HISTORY = Endpoint("trade/orders-algo-history", "order_algos_history", 20)
PLACE_ORDER = Endpoint("trade/order", "place_order", 60, _PER_INSTRUMENT, write=True)
CANCEL_ORDER = Endpoint("trade/cancel-order", "cancel_order", 60, _PER_INSTRUMENT, write=True)
CLOSE_POSITION = Endpoint("trade/close-position", "close_positions", 20, _PER_INSTRUMENT, write=True)
PLACE_ALGO = Endpoint("trade/order-algo", "place_algo_order", 20, _PER_INSTRUMENT, write=True)
AMEND_ALGO = Endpoint("trade/amend-algos", "amend_algo_order", 20, _PER_INSTRUMENT, write=True)
# cancel-algos counts the orders that are named, not the calls: a batch of ten is ten.
CANCEL_ALGOS = Endpoint("trade/cancel-algos", "cancel_algo_order", 20, _PER_INSTRUMENT, write=True)
CANCEL_ALL_AFTER = Endpoint("trade/cancel-all-after", "", 1, write=True, window_s=1.0)
