"""What was done to the venue from outside: to its prices, its contracts, its hours, its key. Kept like any record."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal


@dataclass(slots=True)
class Terms:
    """Contract terms of an instrument from venue time `since` on."""

    since: int
    tick_sz: Decimal
    lot_sz: Decimal
    min_sz: Decimal


@dataclass(slots=True)
class Maintenance:
    """A window of venue time; `code` is what requests meet meanwhile ("" = it is only announced)."""

    title: str
    begin: int
    end: int
    code: str


@dataclass(slots=True)
class World:
    """What was done to market and venue from outside. All of it outlives the process.

    By instrument: `shifts` [since, factor on every price from then on], `terms`, `intervals` [since, hours between
    fundings], `closed` (the code that its orders meet), `expiries` (venue time of its delisting). `permission` is
    the code that the key meets until wall time `permission_until` (0 = for good); `skew_ms` is how far the
    gateway's clock is ahead; triggers are deaf until wall time `deaf_until`.
    """

    shifts: dict[str, list[list[float]]] = field(default_factory=dict)
    terms: dict[str, list[Terms]] = field(default_factory=dict)
    intervals: dict[str, list[list[int]]] = field(default_factory=dict)
    closed: dict[str, str] = field(default_factory=dict)
    expiries: dict[str, int] = field(default_factory=dict)
    maintenances: list[Maintenance] = field(default_factory=list)
    permission: str = ""
    permission_until: int = 0
    skew_ms: int = 0
    deaf_until: int = 0

    @property
    def key(self) -> str:
        return "world"


@dataclass(slots=True)
class Deed:
    """Something that was done to market, venue or account from outside: kept for whoever reads the story later."""

    deed_id: str
    kind: str
    inst_id: str
    detail: str
    wall: int
    ts: int

    @property
    def key(self) -> str:
        return self.deed_id
