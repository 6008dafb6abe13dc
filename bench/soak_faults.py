"""The faults of a soak: every kind that can befall a request, each a little, together `rate` of all requests.

Left out: what a person must answer (a lost key, a wrong mode) and `duplicate` with `twice: request`, which doubles a
market order at the venue whatever the client does.
"""

from __future__ import annotations

from typing import Any

ANY = "/api/v5/*"

EVERYWHERE: tuple[dict[str, Any], ...] = (
    {"kind": "refuse", "code": "50004"},
    {"kind": "refuse", "code": "50011", "status": 429},
    {"kind": "refuse", "code": "50026", "status": 500},
    {"kind": "refuse", "code": "50102", "status": 401},
    {"kind": "lose_request"},
    {"kind": "lose_reply"},
    {"kind": "late", "delay_ms": 700},
    {"kind": "delay", "delay_ms": 900},
    {"kind": "duplicate"},
    {"kind": "html", "status": 502},
    {"kind": "html", "status": 502, "acted": False},
    {"kind": "garble"},
    {"kind": "missing_fields", "fields": ["code"]},
    {"kind": "missing_fields", "fields": ["data"]},
    {"kind": "missing_fields", "fields": ["sCode"]},
    {"kind": "missing_fields", "fields": ["cTime", "uTime", "ts"], "how": "blank"},
)
OUTAGES: tuple[dict[str, Any], ...] = (
    {"kind": "refuse", "code": "50001", "status": 503},
    {"kind": "refuse", "code": "50013", "status": 503, "data": False},
)
OUTAGES_SHARE = 0.2
"""Three within a minute of the wall stop entries for another minute, which is a day of a soak: few are enough."""
ON_ORDERS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("/api/v5/trade/order", {"kind": "refuse", "code": "51008", "item": True}),
    ("/api/v5/trade/order", {"kind": "refuse", "code": "51400", "item": True, "envelope": "0"}),
    ("/api/v5/trade/order", {"kind": "refuse", "code": "50061", "status": 429}),
    ("/api/v5/trade/order", {"kind": "missing_fields", "fields": ["ordId"], "how": "blank"}),
    ("/api/v5/trade/order-algo", {"kind": "refuse", "code": "51205", "item": True}),
    ("/api/v5/trade/amend-algos", {"kind": "refuse", "code": "51503", "item": True}),
    ("/api/v5/trade/cancel-algos", {"kind": "refuse", "code": "51400", "item": True}),
)
ON_ORDERS_SHARE = 5.0
"""Orders are few among the reads: each of their own faults is this much likelier."""


def sprinkled(rate: float, seed: int) -> dict[str, Any]:
    """A fault file's content. `rate` is the share of all requests that something happens to; 0 = none."""
    assert 0 <= rate <= 0.2, "a share of all requests"
    if not rate:
        return {"seed": seed, "faults": []}
    chance = rate / (len(EVERYWHERE) + len(OUTAGES) * OUTAGES_SHARE)
    everywhere = [{**fault, "when": {"path": ANY, "chance": chance}} for fault in EVERYWHERE]
    everywhere += [{**fault, "when": {"path": ANY, "chance": chance * OUTAGES_SHARE}} for fault in OUTAGES]
    own = min(1.0, chance * ON_ORDERS_SHARE)
    on_orders = [{**fault, "when": {"method": "POST", "path": path, "chance": own}} for path, fault in ON_ORDERS]
    return {"seed": seed, "faults": everywhere + on_orders}
