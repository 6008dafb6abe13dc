"""What a fault is: its kind, the parameters of that kind, and the condition under which it happens.

A fault is written flat: `{kind, when?, after_s?, …parameters of the kind}`. Each layer keeps the parameters of its
kinds in a module of its own; `catalogue.py` joins them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

Code = Annotated[str, BeforeValidator(str), Field(pattern=r"^\d{1,6}$")]
"""One of OKX's codes; a number in YAML is as good as a string."""

Positive = Annotated[float, Field(gt=0)]
NotNegative = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(gt=0, le=1)]
Count = Annotated[int, Field(ge=1)]
DelayMs = Annotated[int, Field(ge=0, le=600_000)]


class FaultKind(StrEnum):
    """Every fault that this venue can be told of, layer by layer."""

    # The way of a request to the venue and back.
    REFUSE = "refuse"
    LOSE_REQUEST = "lose_request"
    LOSE_REPLY = "lose_reply"
    LATE = "late"
    DELAY = "delay"
    DUPLICATE = "duplicate"
    HTML = "html"
    GARBLE = "garble"
    MISSING_FIELDS = "missing_fields"
    # What becomes of an order.
    PARTIAL_FILL = "partial_fill"
    FILL_THEN_CANCEL = "fill_then_cancel"
    ATTACH_FAILS = "attach_fails"
    ALGO_CHILD_REJECTED = "algo_child_rejected"
    ONE_LEG = "one_leg"
    FILLS_OUT_OF_ORDER = "fills_out_of_order"
    FEE_CCY = "fee_ccy"
    # What the market, the venue or a person does.
    GAP = "gap"
    LIQUIDATE = "liquidate"
    ADL = "adl"
    SUSPEND = "suspend"
    RESUME = "resume"
    RESPEC = "respec"
    FUNDING_INTERVAL = "funding_interval"
    DELIST = "delist"
    MAINTENANCE = "maintenance"
    POS_MODE = "pos_mode"
    LEVERAGE = "leverage"
    MARGIN_MODE = "margin_mode"
    PERMISSION_LOST = "permission_lost"
    CLOCK_SKEW = "clock_skew"
    MANUAL_TRADE = "manual_trade"
    FOREIGN_ORDER = "foreign_order"
    USER_CANCELS_ALGO = "user_cancels_algo"
    USER_CLOSES = "user_closes"
    FREEZE_ALGOS = "freeze_algos"
    # The feeds beside the venue.
    FEED = "feed"
    # The sockets.
    WS_STALL = "ws_stall"
    WS_SILENT = "ws_silent"
    WS_CLOSE = "ws_close"
    WS_NOTICE = "ws_notice"
    WS_GAP = "ws_gap"
    WS_RESET = "ws_reset"
    WS_DUPLICATE = "ws_duplicate"
    WS_REORDER = "ws_reorder"
    PUSH_FIRST = "push_first"
    WS_STORM = "ws_storm"
    WS_REFUSE_LOGIN = "ws_refuse_login"


REQUEST_KINDS = frozenset({
    FaultKind.REFUSE, FaultKind.LOSE_REQUEST, FaultKind.LOSE_REPLY, FaultKind.LATE, FaultKind.DELAY,
    FaultKind.DUPLICATE, FaultKind.HTML, FaultKind.GARBLE, FaultKind.MISSING_FIELDS,
})  # fmt: skip
ORDER_KINDS = frozenset({
    FaultKind.PARTIAL_FILL, FaultKind.FILL_THEN_CANCEL, FaultKind.ATTACH_FAILS, FaultKind.ALGO_CHILD_REJECTED,
    FaultKind.ONE_LEG, FaultKind.FILLS_OUT_OF_ORDER, FaultKind.FEE_CCY,
})  # fmt: skip
ACT_KINDS = frozenset({
    FaultKind.GAP, FaultKind.LIQUIDATE, FaultKind.ADL, FaultKind.SUSPEND, FaultKind.RESUME, FaultKind.RESPEC,
    FaultKind.FUNDING_INTERVAL, FaultKind.DELIST, FaultKind.MAINTENANCE, FaultKind.POS_MODE, FaultKind.LEVERAGE,
    FaultKind.MARGIN_MODE, FaultKind.PERMISSION_LOST, FaultKind.CLOCK_SKEW, FaultKind.MANUAL_TRADE,
    FaultKind.FOREIGN_ORDER, FaultKind.USER_CANCELS_ALGO, FaultKind.USER_CLOSES, FaultKind.FREEZE_ALGOS,
})  # fmt: skip
"""Kinds that happen at a moment (`after_s`), not upon a request."""
FEED_KINDS = frozenset({FaultKind.FEED})
STREAM_KINDS = frozenset(FaultKind) - REQUEST_KINDS - ORDER_KINDS - ACT_KINDS - FEED_KINDS


class Part(BaseModel):
    """A piece of a fault. Unknown keys are mistakes. Its validator is built at the first fault of its kind: the venue
    starts without any."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class Params(Part):
    """The parameters of one kind; a kind without any uses this very class."""


class When(Part):
    """Which requests, pushes or orders match (all that is given must), and which of the matching ones are hit.

    `path` may end in `*`. `body` compares fields of the request, or of one of its items. At most one of `call`
    (1-based), `calls`, `every` and `chance` is given; without any the first `times` matching ones are hit. `times`
    defaults to 1, or to as many as listed by `calls`, or to no limit with `every` and `chance`. `from_s` and
    `until_s` are wall seconds since the fault was armed.
    """

    method: str = ""
    path: str = ""
    inst: str = ""
    channel: str = ""
    body: dict[str, str | int | float | bool] = Field(default_factory=dict)
    call: Count | None = None
    calls: list[Count] | None = None
    every: Count | None = None
    chance: Annotated[float, Field(gt=0, le=1)] | None = None
    times: Count | None = None
    from_s: NotNegative = 0.0
    until_s: Positive | None = None

    @model_validator(mode="after")
    def _one_choice(self) -> When:
        given = [name for name in ("call", "calls", "every", "chance") if getattr(self, name) is not None]
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} exclude each other; give one of call, calls, every, chance")
        return self

    @property
    def most(self) -> int | None:
        """How often it may fire; None = without limit."""
        if self.times is not None:
            return self.times
        if self.calls is not None:
            return len(self.calls)
        return None if self.every is not None or self.chance is not None else 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault as it was ordered. `params` is of the class that the catalogue names for `kind`; `after_s` is in wall
    seconds since it was armed."""

    kind: FaultKind
    params: Params
    when: When
    after_s: float = 0.0


def plain(value: Any) -> str:
    """A value as the wire writes it, so that `true` of a YAML file equals `"true"` and `true` of a request."""
    return str(value).lower() if isinstance(value, bool) else str(value)
