"""What the market, the venue or a person does at a moment: the parameters of each act.

Moments are wall seconds after arming (`after_s`). Windows of the venue itself (`in_s`, `begin_s`, `end_s`) are
venue seconds from then, since clients compare them with the venue's clock. The acts are done in `outside.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from engine.exchange.simulator.faults.spec import Code, FaultKind, NotNegative, Params, Positive, Share

Inst = Annotated[str, Field(pattern=r"^[A-Z0-9]+-USDT-SWAP$")]
Amount = Annotated[Decimal, BeforeValidator(str), Field(gt=0)]
"""Exactly as written, whether a number or text."""
MarginMode = Literal["isolated", "cross"]
Side = Literal["buy", "sell"]


class Gap(Params):
    """Every price of `inst` stands `pct` percent away from where it was, for good; nothing trades in between."""

    inst: Inst
    pct: Annotated[float, Field(gt=-95, lt=500)]


class Forced(Params):
    """The venue closes `share` of the position by itself: liquidation or auto-deleveraging. The orders channel tells
    of it only with `push`."""

    inst: Inst
    share: Share = 1.0
    push: bool = False


class Suspend(Params):
    """Orders meet `code`. 51022: the contract is suspended, nothing trades or triggers. 54092, 54094: nothing opens."""

    inst: Inst
    code: Code = "51022"


class Resume(Params):
    inst: Inst


class Respec(Params):
    """New steps of price and size, and a new smallest size."""

    inst: Inst
    tick: Amount | None = None
    lot: Amount | None = None
    min: Amount | None = None

    @model_validator(mode="after")
    def _something(self) -> Respec:
        if self.tick is None and self.lot is None and self.min is None:
            raise ValueError("give at least one of tick, lot, min")
        return self


class FundingInterval(Params):
    inst: Inst
    hours: Literal[1, 2, 4, 6, 8]


class Delist(Params):
    """The contract expires `in_s` venue seconds from now: announced at once, then settled at the mark price."""

    inst: Inst
    in_s: NotNegative


class Maintenance(Params):
    """Announced in /system/status; while it lasts a `hard` one answers everything with `code`."""

    begin_s: NotNegative = 0.0
    end_s: Positive
    hard: bool = False
    code: Literal["50001", "50013"] = "50001"

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Maintenance:
        if self.end_s <= self.begin_s:
            raise ValueError(f"end_s must be after begin_s, got {self.begin_s:g} … {self.end_s:g}")
        return self


class PosMode(Params):
    mode: Literal["net_mode", "long_short_mode"]


class Leverage(Params):
    inst: Inst
    lever: Amount
    mode: MarginMode = "isolated"


class SwitchMargin(Params):
    """The open position of `inst` changes its margin mode; its algos stay in the old one."""

    inst: Inst
    mode: MarginMode = "cross"


class PermissionLost(Params):
    """The key meets `code`: 50030, 50120 and 50121 whenever it writes, any other one always. For `for_s` wall seconds,
    or for good."""

    code: Code = "50120"
    for_s: Positive | None = None


class ClockSkew(Params):
    """The gateway's clock goes `ms` ahead (behind when negative)."""

    ms: Annotated[int, Field(ge=-86_400_000, le=86_400_000)]


class ManualTrade(Params):
    """A person trades at market: `contracts`, or `share` of what is open."""

    inst: Inst
    side: Side
    contracts: Amount | None = None
    share: Share | None = None
    mode: MarginMode = "isolated"

    @model_validator(mode="after")
    def _one_size(self) -> ManualTrade:
        if (self.contracts is None) == (self.share is None):
            raise ValueError("give one of contracts, share")
        return self


class ForeignOrder(Params):
    """Another bot on this account: an order that rests `pct_away` percent from the market, or a market order."""

    inst: Inst
    side: Side = "buy"
    contracts: Amount
    pct_away: Annotated[float, Field(gt=0, le=4)] = 3.0
    market: bool = False
    client_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9]{1,32}$")] = "otherbot1"
    mode: MarginMode = "isolated"


class UserCancelsAlgo(Params):
    """A person cancels the algos of `inst` in the app; all of them, or the newest only."""

    inst: Inst
    newest: bool = False


class UserCloses(Params):
    """A person closes the position of `inst` in the app."""

    inst: Inst


class FreezeAlgos(Params):
    """No price triggers anything for `for_s` wall seconds; then what was passed fires at once."""

    for_s: Positive


PARAMS: Mapping[FaultKind, type[Params]] = {
    FaultKind.GAP: Gap,
    FaultKind.LIQUIDATE: Forced,
    FaultKind.ADL: Forced,
    FaultKind.SUSPEND: Suspend,
    FaultKind.RESUME: Resume,
    FaultKind.RESPEC: Respec,
    FaultKind.FUNDING_INTERVAL: FundingInterval,
    FaultKind.DELIST: Delist,
    FaultKind.MAINTENANCE: Maintenance,
    FaultKind.POS_MODE: PosMode,
    FaultKind.LEVERAGE: Leverage,
    FaultKind.MARGIN_MODE: SwitchMargin,
    FaultKind.PERMISSION_LOST: PermissionLost,
    FaultKind.CLOCK_SKEW: ClockSkew,
    FaultKind.MANUAL_TRADE: ManualTrade,
    FaultKind.FOREIGN_ORDER: ForeignOrder,
    FaultKind.USER_CANCELS_ALGO: UserCancelsAlgo,
    FaultKind.USER_CLOSES: UserCloses,
    FaultKind.FREEZE_ALGOS: FreezeAlgos,
}
