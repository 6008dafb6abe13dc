"""What the venue remembers: one mutable record a thing, each stored as one row of the state file.

Contracts and prices are Decimal, `*_time` and `ts` venue milliseconds, `*_wall` wall milliseconds. A short
position holds negative contracts in either position mode.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from engine.exchange.simulator.world import Deed, World

ZERO = Decimal(0)
LIVE_STATES = frozenset({"live", "partially_filled"})


@dataclass(slots=True)
class Leg:
    """A trigger and the order it sends; `order_px` None = market. `px_type` is last, mark or index."""

    trigger_px: Decimal
    order_px: Decimal | None
    px_type: str


@dataclass(slots=True)
class Attachment:
    """One element of `attachAlgoOrds`: asleep until its parent order ends with something filled.

    By an ordered fault it will fail with the code `doom`, or wake with the leg `only` (tp or sl) alone.
    """

    attach_algo_id: str
    client_id: str
    tp: Leg | None
    sl: Leg | None
    sz: Decimal | None
    algo_id: str = ""
    fail_code: str = ""
    fail_reason: str = ""
    doom: str = ""
    only: str = ""


@dataclass(slots=True)
class Order:
    """By an ordered fault no more than `allowance` contracts trade at first: the rest follows at `rest_wall`, or is
    cancelled for the reason `cut_source`; `shuffle_ms` delays the listing of its first fill. A `silent` order is
    the venue's own doing (liquidation, ADL, delivery): nobody is told of it on the orders channel.
    """

    ord_id: str
    client_id: str
    tag: str
    inst_id: str
    td_mode: str
    side: str
    pos_side: str
    ord_type: str
    sz: Decimal
    px: Decimal | None
    reduce_only: bool
    lever: Decimal
    c_time: int
    u_time: int
    state: str = "live"
    filled: Decimal = ZERO
    fill_value: Decimal = ZERO
    fill_px: Decimal | None = None
    fill_sz: Decimal = ZERO
    fill_time: int = 0
    trade_id: str = ""
    exec_type: str = ""
    fee: Decimal = ZERO
    pnl: Decimal = ZERO
    source: str = ""
    category: str = "normal"
    cancel_source: str = ""
    algo_id: str = ""
    algo_client_id: str = ""
    attachments: list[Attachment] = field(default_factory=list)
    wake_wall: int | None = None
    allowance: Decimal | None = None
    rest_ms: int = 0
    rest_wall: int | None = None
    cut_source: str = ""
    shuffle_ms: int = 0
    fee_ccy: str = "USDT"
    silent: bool = False

    @property
    def key(self) -> str:
        return self.ord_id

    @property
    def live(self) -> bool:
        return self.state in LIVE_STATES

    @property
    def sign(self) -> int:
        return 1 if self.side == "buy" else -1

    @property
    def remaining(self) -> Decimal:
        return self.sz - self.filled

    @property
    def avg_px(self) -> Decimal | None:
        return self.fill_value / self.filled if self.filled else None


@dataclass(slots=True)
class Algo:
    """`legs` in use by type: conditional tp or sl; oco both; trigger `trigger`; move_order_stop the callback.

    `peak` is the best price since activation (None = not active yet), known up to venue time `peak_ms`.
    """

    algo_id: str
    client_id: str
    tag: str
    inst_id: str
    td_mode: str
    side: str
    pos_side: str
    ord_type: str
    sz: Decimal | None
    close_all: bool
    reduce_only: bool
    cxl_on_close: bool
    lever: Decimal
    c_time: int
    u_time: int
    tp: Leg | None = None
    sl: Leg | None = None
    trigger: Leg | None = None
    trigger_above: bool = False
    callback_ratio: Decimal | None = None
    callback_spread: Decimal | None = None
    active_px: Decimal | None = None
    peak: float | None = None
    peak_ms: int = 0
    attachments: list[Attachment] = field(default_factory=list)
    linked_ord_id: str = ""
    state: str = "live"
    actual_side: str = ""
    actual_sz: Decimal = ZERO
    actual_px: Decimal | None = None
    trigger_time: int = 0
    ord_ids: list[str] = field(default_factory=list)
    fail_code: str = ""
    cancel_source: str = ""
    flat_wall: int | None = None

    @property
    def key(self) -> str:
        return self.algo_id

    @property
    def live(self) -> bool:
        return self.state == "live"

    @property
    def sign(self) -> int:
        return 1 if self.side == "buy" else -1


@dataclass(slots=True)
class Position:
    """One life of a position, from flat to flat. `cost` = Σ price × |contracts| of what is open.

    `margin` is the isolated margin in USDT (0 when cross). `outcome` is OKX's type: "" untouched, 1 partly
    closed, 2 closed, 3 liquidated, 4 partly liquidated, 5 partly deleveraged, 6 deleveraged.
    """

    life_id: str
    pos_id: str
    inst_id: str
    mgn_mode: str
    pos_side: str
    direction: str
    lever: Decimal
    units: Decimal
    c_time: int
    u_time: int
    contracts: Decimal = ZERO
    cost: Decimal = ZERO
    margin: Decimal = ZERO
    pnl: Decimal = ZERO
    fee: Decimal = ZERO
    funding: Decimal = ZERO
    penalty: Decimal = ZERO
    opened: Decimal = ZERO
    opened_value: Decimal = ZERO
    closed: Decimal = ZERO
    closed_value: Decimal = ZERO
    open_max: Decimal = ZERO
    trade_id: str = ""
    outcome: str = ""

    @property
    def key(self) -> str:
        return self.life_id

    @property
    def sign(self) -> int:
        return 1 if self.direction == "long" else -1

    @property
    def size(self) -> Decimal:
        return abs(self.contracts)

    @property
    def avg_px(self) -> Decimal:
        return self.cost / self.size

    @property
    def realised(self) -> Decimal:
        return self.pnl + self.fee + self.funding + self.penalty

    def unrealised(self, price: Decimal) -> Decimal:
        """Profit if all were closed at `price`, before fees."""
        return (price * self.size - self.cost) * self.units * self.sign

    def value(self, price: Decimal) -> Decimal:
        """Notional in USDT at `price`."""
        return self.size * self.units * price


@dataclass(slots=True)
class Fill:
    """One trade of an order; listed from wall time `listed_wall` on."""

    trade_id: str
    bill_id: str
    ord_id: str
    client_id: str
    tag: str
    inst_id: str
    side: str
    pos_side: str
    px: Decimal
    sz: Decimal
    exec_type: str
    fee: Decimal
    fee_rate: Decimal
    pnl: Decimal
    sub_type: str
    mark_px: Decimal
    idx_px: Decimal
    ts: int
    listed_wall: int = 0
    fee_ccy: str = "USDT"

    @property
    def key(self) -> str:
        return self.bill_id


@dataclass(slots=True)
class Bill:
    """One line of the cash ledger: `bal` is the cash after it."""

    bill_id: str
    type: str
    sub_type: str
    inst_id: str
    mgn_mode: str
    sz: Decimal
    px: Decimal
    pnl: Decimal
    fee: Decimal
    bal_chg: Decimal
    bal: Decimal
    ord_id: str
    client_id: str
    trade_id: str
    exec_type: str
    tag: str
    mark_px: Decimal
    ts: int

    @property
    def key(self) -> str:
        return self.bill_id


@dataclass(slots=True)
class Account:
    """The one account. `counter` feeds every id; `pos_ids` remembers [id, last close] by side of an instrument.

    `dead_man` maps a tag to the wall time at which its resting orders are cancelled. Totals balance:
    cash = initial + realised + fees + funding.
    """

    initial: Decimal
    cash: Decimal
    pos_mode: str = "net_mode"
    leverage: dict[str, Decimal] = field(default_factory=dict)
    counter: int = 0
    realised: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    penalties: Decimal = ZERO
    pos_ids: dict[str, list[str]] = field(default_factory=dict)
    dead_man: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0

    @property
    def key(self) -> str:
        return "account"


@dataclass(slots=True)
class Entry:
    """An opening order's first fill and when live algos with both legs first covered the position."""

    ord_id: str
    inst_id: str
    pos_id: str
    life_id: str
    client_id: str
    fill_wall: int
    fill_ms: int
    covered_wall: int | None = None
    covered_ms: int | None = None
    closed_wall: int | None = None

    @property
    def key(self) -> str:
        return self.ord_id


@dataclass(slots=True)
class Naked:
    """A span during which a position was larger than its cover; open while `to_wall` is None."""

    naked_id: str
    inst_id: str
    pos_id: str
    life_id: str
    from_wall: int
    from_ms: int
    to_wall: int | None = None
    to_ms: int | None = None

    @property
    def key(self) -> str:
        return self.naked_id


@dataclass(slots=True)
class Instant:
    """Venue time as last stored."""

    now_ms: int

    @property
    def key(self) -> str:
        return "now"


Record = Order | Algo | Position | Fill | Bill | Account | Entry | Naked | World | Deed | Instant
