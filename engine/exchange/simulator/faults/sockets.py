"""Faults of the sockets: their parameters, and what they do to a message on its way to a listener.

`ws_gap`, `ws_reset`, `ws_duplicate` and `ws_reorder` wait for pushes (`when: {channel, inst}`), `ws_storm` for
connections (accepted and dropped at once; here `channel` names the socket), `ws_refuse_login` for logins,
`push_first` for requests; the others happen at their moment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Literal

from pydantic import Field

from engine.exchange.simulator.faults.plan import FaultPlan
from engine.exchange.simulator.faults.spec import Code, DelayMs, Fault, FaultKind, Params, Positive

Socket = Literal["", "public", "private", "business"]
CloseCode = Annotated[int, Field(ge=1000, le=4999)]


class OnSocket(Params):
    """All sockets, or those of one kind."""

    socket: Socket = ""

    def concerns(self, kind: str) -> bool:
        return self.socket in {"", kind}


class Stall(OnSocket):
    """Pings are answered, operations too, but nothing is pushed (`when: {channel}`: on that channel only)."""

    for_s: Positive


class Silent(OnSocket):
    """Not a word, not even a pong; the connection stays."""

    for_s: Positive


class Close(OnSocket):
    """Ended by the venue, with a close code or, `abrupt`, without."""

    code: CloseCode = 4004
    abrupt: bool = False


class Notice(OnSocket):
    """64008 now, the close (4004) `after_ms` later."""

    after_ms: DelayMs = 1_000


class RefuseLogin(Params):
    code: Code = "60009"


class PushFirst(Params):
    """The answer to a request comes `delay_ms` after what it caused was pushed."""

    delay_ms: DelayMs = 100


PARAMS: Mapping[FaultKind, type[Params]] = {
    FaultKind.WS_STALL: Stall,
    FaultKind.WS_SILENT: Silent,
    FaultKind.WS_CLOSE: Close,
    FaultKind.WS_NOTICE: Notice,
    FaultKind.WS_GAP: Params,
    FaultKind.WS_RESET: Params,
    FaultKind.WS_DUPLICATE: Params,
    FaultKind.WS_REORDER: Params,
    FaultKind.PUSH_FIRST: PushFirst,
    FaultKind.WS_STORM: Params,
    FaultKind.WS_REFUSE_LOGIN: RefuseLogin,
}

TIMED = frozenset({FaultKind.WS_STALL, FaultKind.WS_SILENT, FaultKind.WS_CLOSE, FaultKind.WS_NOTICE})
ON_BOOKS = frozenset({FaultKind.WS_GAP, FaultKind.WS_RESET})
ON_PUSHES = frozenset({FaultKind.WS_DUPLICATE, FaultKind.WS_REORDER})


class SocketFaults:
    """What the sockets suffer at this moment. `clock` is monotonic seconds, `wall` wall milliseconds."""

    def __init__(self, plan: FaultPlan, clock: Callable[[], float], wall: Callable[[], int]) -> None:
        self._plan = plan
        self._clock = clock
        self._wall = wall
        self._lasting: list[tuple[float, Fault]] = []

    def due(self) -> list[Fault]:
        """Closes and notices whose moment has come; what lasts begins here."""
        if not self._plan.armed:
            return []
        faults = self._plan.due(self._wall(), TIMED)
        now = self._clock()
        self._lasting = [(until, fault) for until, fault in self._lasting if until > now]
        for fault in faults:
            if isinstance(fault.params, Stall | Silent):
                self._lasting.append((now + fault.params.for_s, fault))
        return [fault for fault in faults if isinstance(fault.params, Close | Notice)]

    def mutes(self, kind: str, channel: str = "") -> bool:
        """Whether a message must not go out. `channel` "" = an answer or a pong, which only silence swallows."""
        if not self._plan.armed:  # cleared: what lasts ends
            self._lasting.clear()
        return any(until > self._clock() and _swallows(fault, kind, channel) for until, fault in self._lasting)

    def drops_connection(self, kind: str) -> bool:
        """Counts a connection; whether this one is dropped at once."""
        return self._plan.take(frozenset({FaultKind.WS_STORM}), channel=kind) is not None

    def refuses_login(self) -> str:
        """Counts a login; the code to refuse it with, or ""."""
        fault = self._plan.take(frozenset({FaultKind.WS_REFUSE_LOGIN}))
        return fault.params.code if fault is not None and isinstance(fault.params, RefuseLogin) else ""

    def on_book(self, inst_id: str) -> FaultKind | None:
        """Counts an update of a book: WS_GAP loses it, WS_RESET sets the sequence back after it."""
        fault = self._plan.take(ON_BOOKS, channel="books", inst=inst_id)
        return None if fault is None else fault.kind

    def on_push(self, channel: str, inst_id: str) -> FaultKind | None:
        """Counts a push: WS_DUPLICATE sends it twice, WS_REORDER after the next one."""
        fault = self._plan.take(ON_PUSHES, channel=channel, inst=inst_id)
        return None if fault is None else fault.kind


def _swallows(fault: Fault, kind: str, channel: str) -> bool:
    match fault.params:
        case Silent() as silent:
            return silent.concerns(kind)
        case Stall() as stall:
            return bool(channel) and stall.concerns(kind) and fault.when.channel in {"", channel}
    return False
