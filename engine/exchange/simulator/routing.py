"""What a route is, and how its parameters are read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from engine.exchange.simulator.auth import Credentials
from engine.exchange.simulator.faults.plan import FaultPlan
from engine.exchange.simulator.market import Market
from engine.exchange.simulator.okx_errors import parameter, refusal
from engine.exchange.simulator.request_limits import RequestLimits
from engine.exchange.simulator.request_log import RequestLog
from engine.exchange.simulator.timekeeper import Timekeeper
from engine.exchange.simulator.venue import Venue

Params = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything a handler may use."""

    market: Market
    venue: Venue
    timekeeper: Timekeeper
    log: RequestLog
    credentials: Credentials
    faults: FaultPlan = field(default_factory=FaultPlan)
    limits: RequestLimits | None = None

    @property
    def now_ms(self) -> int:
        return self.venue.now_ms


class Answering(Enum):
    """How rows become an envelope."""

    READ = "read"
    TRADE = "trade"


@dataclass(frozen=True, slots=True)
class Route:
    """`handle` takes the query of a GET or the JSON body of a POST (an object, or a list of objects)."""

    handle: Callable[[Desk, Any], list[Any]]
    signed: bool = True
    answering: Answering = Answering.READ


Routes = Mapping[tuple[str, str], Route]


def required(params: Params, name: str) -> str:
    """A parameter that must be there. Raises OkxError 50014."""
    value = params.get(name)
    if value in (None, ""):
        raise refusal("50014", name=name)
    return str(value)


def whole(params: Params, name: str) -> int | None:
    """A non-negative integer parameter; None when it is absent. Raises OkxError 51000."""
    value = params.get(name)
    if value in (None, ""):
        return None
    if not str(value).isdecimal():
        raise parameter(name)
    return int(str(value))


def limit(params: Params, default: int, maximum: int) -> int:
    """`limit`, at most `maximum`. Raises OkxError 51000 for 0 and for what is no number."""
    value = whole(params, "limit")
    if value == 0:
        raise parameter("limit")
    return default if value is None else min(value, maximum)


def swap_only(params: Params) -> bool:
    """Whether `instType` (required) asks for swaps; this venue lists nothing else. Raises OkxError 50014, 51000."""
    inst_type = required(params, "instType").upper()
    if inst_type not in {"SPOT", "MARGIN", "SWAP", "FUTURES", "OPTION", "EVENTS"}:
        raise parameter("instType")
    return inst_type == "SWAP"


def listed(desk: Desk, params: Params, name: str = "instId") -> str:
    """A required instrument id that this venue lists. Raises OkxError 50014, 51001."""
    inst_id = required(params, name)
    if inst_id not in desk.market.specs:
        raise refusal("51001")
    return inst_id


def chosen(desk: Desk, params: Params) -> list[str]:
    """The instruments that optional `instId`, `instFamily` or `uly` select; all of them when none is given."""
    if params.get("instId"):
        return [listed(desk, params)]
    family = params.get("instFamily") or params.get("uly")
    return [inst_id for inst_id in desk.market.specs if not family or inst_id == f"{family}-SWAP"]
