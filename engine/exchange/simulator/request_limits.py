"""The venue's rate limits: one token bucket per endpoint, and per instrument where the venue counts so (okx.md §4).

They count in venue time, or in wall time where that runs faster; a frozen venue counts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.exchange.simulator.okx_errors import OkxError

TOTAL_ORDERS = 1000.0
"""New and amended orders of one sub-account in 2 s; beyond it the venue answers 50061."""


@dataclass(frozen=True, slots=True)
class Limit:
    """`requests` (or orders, on endpoints that take several) in `window_s`."""

    requests: float
    per_instrument: bool = False
    window_s: float = 2.0
    opens: bool = False


def _account(*names: str, requests: float, window_s: float = 2.0) -> dict[str, Limit]:
    return {name: Limit(requests, window_s=window_s) for name in names}


def _instrument(*names: str, requests: float, opens: bool = False) -> dict[str, Limit]:
    return {name: Limit(requests, per_instrument=True, opens=opens) for name in names}


LIMITS: Mapping[str, Limit] = {
    **_instrument("POST trade/order", "POST trade/amend-order", requests=60, opens=True),
    **_instrument("POST trade/cancel-order", "GET trade/order", requests=60),
    **_instrument("POST trade/batch-orders", "POST trade/amend-batch-orders", requests=300, opens=True),
    **_instrument("POST trade/cancel-batch-orders", requests=300),
    **_instrument("POST trade/order-algo", "POST trade/amend-algos", "POST trade/cancel-algos", requests=20),
    **_instrument("POST trade/close-position", requests=20),
    **_account("GET trade/orders-pending", "GET trade/fills", requests=60),
    **_account("GET trade/orders-history", requests=40),
    **_account("GET trade/orders-history-archive", requests=20),
    **_account("GET trade/orders-algo-pending", "GET trade/orders-algo-history", "GET trade/order-algo", requests=20),
    **_account("GET trade/fills-history", requests=10),
    **_account("GET trade/account-rate-limit", requests=1, window_s=1),
    **_account("POST trade/cancel-all-after", requests=1, window_s=1),
    **_account("GET account/balance", "GET account/positions", "GET account/positions-history", requests=10),
    **_account("GET account/config", "POST account/set-position-mode", "GET account/trade-fee", requests=5),
    **_account("POST account/set-leverage", "GET account/leverage-info", "GET account/instruments", requests=20),
    **_account("GET account/max-size", "GET account/max-avail-size", requests=20),
    **_account("GET account/bills", "GET account/bills-archive", requests=5, window_s=1),
    **_account("GET public/time", requests=10),
    **_account("GET public/instruments", "GET market/tickers", requests=20),
    **_instrument("GET market/ticker", "GET public/price-limit", "GET public/open-interest", requests=20),
    **_instrument("GET market/books", "GET market/candles", requests=40),
    **_instrument("GET market/trades", requests=100),
    **_instrument("GET market/history-candles", "GET market/history-trades", requests=20),
    **_instrument("GET public/mark-price", "GET public/funding-rate", "GET public/position-tiers", requests=10),
    **_instrument("GET public/funding-rate-history", requests=10),
    **_instrument("GET rubik/stat/contracts/open-interest-history", requests=10),
    **_instrument("GET rubik/stat/contracts/long-short-account-ratio-contract", requests=5),
    **_account("GET system/status", requests=1, window_s=5),
}
_PREFIX = "/api/v5/"
# The dead man's switch is counted by tag, everything else that is told apart by instrument.
_KEYS = ("instId", "instFamily", "tag")


@dataclass(slots=True)
class Bucket:
    tokens: float
    at_s: float

    def take(self, cost: float, limit: float, window_s: float, now_s: float) -> bool:
        self.tokens = min(limit, self.tokens + (now_s - self.at_s) * limit / window_s)
        self.at_s = now_s
        if self.tokens < min(cost, limit):
            return False
        self.tokens -= cost
        return True


class RequestLimits:
    """`now_s` is the time in which the limits count, in seconds; None while nothing counts."""

    def __init__(self, now_s: Callable[[], float | None]) -> None:
        self._now_s = now_s
        self._buckets: dict[tuple[str, str], Bucket] = {}

    def count(self, method: str, path: str, params: Any) -> None:
        """Raises OkxError 50011, or 50061 for the sum of all orders, when the request is one too many."""
        name = f"{method} {path.removeprefix(_PREFIX)}"
        limit = LIMITS.get(name)
        now_s = self._now_s()
        if limit is None or now_s is None:
            return
        items = params if isinstance(params, list) else [params]
        cost = float(max(1, len(items)))
        if not self._take((name, _key(limit, name, items)), cost, limit.requests, limit.window_s, now_s):
            raise OkxError("50011", "Too Many Requests")
        if limit.opens and not self._take(("orders", ""), cost, TOTAL_ORDERS, 2.0, now_s):
            raise OkxError("50061", "The total number of new and amend order requests exceeds the limit.")

    def _take(self, key: tuple[str, str], cost: float, limit: float, window_s: float, now_s: float) -> bool:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = self._buckets[key] = Bucket(limit, now_s)
        return bucket.take(cost, limit, window_s, now_s)


def _key(limit: Limit, name: str, items: list[Any]) -> str:
    """Whose bucket it is; a batch counts on its first instrument."""
    first = items[0] if items and isinstance(items[0], Mapping) else {}
    if not limit.per_instrument and not name.endswith("cancel-all-after"):
        return ""
    return "|".join(str(first.get(key, "")) for key in _KEYS if key != "tag" or not limit.per_instrument)
