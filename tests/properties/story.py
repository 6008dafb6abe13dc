"""What may happen, as data: a story is a seed and a list of steps, printed as it is and played again from that.

Each step acts and then lets `pause` seconds pass; engine's work is started, not waited for, so that whatever comes
next meets it at any of its awaits.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.properties.wire import Fate

INSTRUMENTS = ("BTC-USDT-SWAP", "ETH-USDT-SWAP", "SOL-USDT-SWAP")
CALLS = {
    "order": ("POST", "/api/v5/trade/order"),
    "ask": ("GET", "/api/v5/trade/order"),
    "algo": ("POST", "/api/v5/trade/order-algo"),
    "amend": ("POST", "/api/v5/trade/amend-algos"),
    "cancel": ("POST", "/api/v5/trade/cancel-algos"),
    "close": ("POST", "/api/v5/trade/close-position"),
    "brackets": ("GET", "/api/v5/trade/orders-algo-pending"),
    "history": ("GET", "/api/v5/trade/orders-algo-history"),
    "resting": ("GET", "/api/v5/trade/orders-pending"),
    "positions": ("GET", "/api/v5/account/positions"),
    "fills": ("GET", "/api/v5/trade/fills"),
    "bills": ("GET", "/api/v5/account/bills"),
    "leverage": ("POST", "/api/v5/account/set-leverage"),
    "mark": ("GET", "/api/v5/public/mark-price"),
    "any": ("", ""),
}
"""The kinds of calls that a disturbance may name."""


@dataclass(frozen=True, slots=True)
class Enter:
    """Opens a long of `lots` × 0.1 % of equity; `again` repeats the decision before it."""

    which: int
    lots: int
    pause: float
    again: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """The engine's own exit, where its books hold a trade."""

    which: int
    pause: float


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a trade is closed by the engine; `share` in (0, 1]."""

    which: int
    share: float
    pause: float


@dataclass(frozen=True, slots=True)
class Guard:
    pause: float


@dataclass(frozen=True, slots=True)
class Reconcile:
    pause: float


@dataclass(frozen=True, slots=True)
class Crash:
    """kill -9 now, the next life `down` seconds later."""

    down: float
    pause: float


@dataclass(frozen=True, slots=True)
class Move:
    """The last price jumps by `pct`; the mark follows only `share` of the way."""

    which: int
    pct: float
    share: float
    pause: float


@dataclass(frozen=True, slots=True)
class Hand:
    """A person on the venue's own screen: buy, reduce, close, uncover (cancels a bracket), limit, reverse."""

    which: int
    deed: str
    pause: float


@dataclass(frozen=True, slots=True)
class Disturb:
    """The next `times` calls of a kind of CALLS meet `fate`."""

    fate: Fate
    call: str
    times: int
    seconds: float
    pause: float


@dataclass(frozen=True, slots=True)
class Dark:
    """Nothing gets through for `seconds`."""

    seconds: float
    pause: float


@dataclass(frozen=True, slots=True)
class NoDisk:
    """The engine's database refuses for `seconds`."""

    seconds: float
    pause: float


@dataclass(frozen=True, slots=True)
class Thin:
    """The book holds so few contracts that a market order is filled in part and its rest cancelled."""

    lots: int
    pause: float


@dataclass(frozen=True, slots=True)
class FailAttached:
    """The next attached bracket is not created."""

    pause: float


@dataclass(frozen=True, slots=True)
class Kill:
    flatten: bool
    pause: float


@dataclass(frozen=True, slots=True)
class Wait:
    pause: float


Step = (
    Enter
    | Leave
    | Part
    | Guard
    | Reconcile
    | Crash
    | Move
    | Hand
    | Disturb
    | Dark
    | NoDisk
    | Thin
    | FailAttached
    | Kill
    | Wait
)

QUIET_STEPS = Enter | Leave | Part | Guard | Reconcile | Move | Wait
"""What no venue, network, disk or person does to anybody."""


@dataclass(frozen=True)
class Story:
    seed: int
    steps: tuple[Step, ...]
