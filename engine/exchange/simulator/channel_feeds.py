"""What the public WebSocket channels send, and when (okx.md §13).

A feed is shared by all its subscribers: a message is built and encoded once. Rates are wall rates: in a market that
runs 120 times faster a channel pushes no more often, it only moves further between two pushes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from engine.exchange.simulator.envelope import Row, dump
from engine.exchange.simulator.market import Liquidation
from engine.exchange.simulator.routes_market import trade_row
from engine.exchange.simulator.routing import Desk

Arg = Mapping[str, str]

_TRADES_REACH_MS = 600_000
_LIQUIDATIONS_REACH_MS = 4 * 3_600_000
"""After a jump of the clock this much of the past is pushed; the rest was missed, as on a reconnect."""


class Feed(Protocol):
    """One channel of one instrument. `period_s` is the shortest wall time between two pushes."""

    period_s: float

    def greet(self) -> list[str]:
        """What a new subscriber receives at once."""
        ...

    def push(self, wall_s: float) -> list[str]:
        """What has changed since the last call; [] when nothing has."""
        ...


def message(arg: Arg, data: Sequence[Any], **more: Any) -> str:
    return dump({"arg": arg, **more, "data": data}).decode()


class SnapshotFeed:
    """Sends the whole row when it differs from the last one, and every `repeat_s` anyway."""

    def __init__(self, arg: Arg, build: Callable[[], Row], period_s: float, repeat_s: float = float("inf")) -> None:
        self.period_s = period_s
        self._arg = arg
        self._build = build
        self._repeat_s = repeat_s
        self._last: Row = {}
        self._sent_at = float("-inf")

    def greet(self) -> list[str]:
        return [message(self._arg, [self._build()])]

    def push(self, wall_s: float) -> list[str]:
        row = self._build()
        unchanged = {**row, "ts": "", "seqId": 0} == self._last
        if unchanged and wall_s - self._sent_at < self._repeat_s:
            return []
        self._last = {**row, "ts": "", "seqId": 0}
        self._sent_at = wall_s
        return [message(self._arg, [row])]


class TradesFeed:
    """Trades since the last push, oldest first, one message."""

    period_s = 0.1

    def __init__(self, desk: Desk, arg: Arg) -> None:
        self._desk = desk
        self._arg = arg
        self._until = desk.now_ms

    def greet(self) -> list[str]:
        return []

    def push(self, wall_s: float) -> list[str]:
        del wall_s
        now = self._desk.now_ms
        since, self._until = max(self._until, now - _TRADES_REACH_MS), now
        if since >= now:
            return []
        inst_id = self._arg["instId"]
        rows = [trade_row(inst_id, trade) for trade in self._desk.market.trades_between(inst_id, since, now)]
        return [message(self._arg, rows)] if rows else []


class LiquidationsFeed:
    """Liquidations of the whole market since the last push; a hint, not the full total."""

    period_s = 1.0

    def __init__(self, desk: Desk, arg: Arg) -> None:
        self._desk = desk
        self._arg = arg
        self._until = desk.now_ms

    def greet(self) -> list[str]:
        return []

    def push(self, wall_s: float) -> list[str]:
        del wall_s
        now = self._desk.now_ms
        since, self._until = max(self._until, now - _LIQUIDATIONS_REACH_MS), now
        if since >= now:
            return []
        return [message(self._arg, [self._row(item)]) for item in self._desk.market.liquidations(since, now)]

    def _row(self, item: Liquidation) -> Row:
        detail = {
            "side": item.side,
            "posSide": item.pos_side,
            "bkPx": str(item.price),
            "sz": str(item.contracts),
            "bkLoss": "0",
            "ccy": "",
            "ts": str(item.ts),
        }
        family = item.inst_id.removesuffix("-SWAP")
        return {"instType": "SWAP", "instId": item.inst_id, "instFamily": family, "uly": family, "details": [detail]}


class CandleFeed:
    """The running bar when it moved; a bar that ended is sent once with confirm "1" before the next one begins."""

    period_s = 0.5

    def __init__(self, desk: Desk, arg: Arg, read: Callable[..., Sequence[Sequence[str]]], bar: str) -> None:
        self._desk = desk
        self._arg = arg
        self._read = read
        self._bar = bar
        self._last: Sequence[str] = ()

    def greet(self) -> list[str]:
        return [message(self._arg, [row]) for row in self._rows(None)]

    def push(self, wall_s: float) -> list[str]:
        del wall_s
        rows = self._rows(int(self._last[0]) - 1 if self._last else None)
        fresh = [row for row in reversed(rows) if tuple(row) != tuple(self._last)]
        if fresh:
            self._last = fresh[-1]
        return [message(self._arg, [row]) for row in fresh]

    def _rows(self, before: int | None) -> Sequence[Sequence[str]]:
        count = 1 if before is None else 100
        return self._read(
            self._arg["instId"], self._bar, before_ms=before, after_ms=None, limit=count, now_ms=self._desk.now_ms
        )


class ChangesFeed:
    """All rows once, then those that changed; one that went is told a last time as `gone`. Rows are told apart by
    `key`."""

    period_s = 1.0

    def __init__(
        self, arg: Arg, read: Callable[[], Sequence[Row]], key: Sequence[str], gone: Row | None = None
    ) -> None:
        self._arg = arg
        self._read = read
        self._key = key
        self._gone = gone
        self._known = self._rows()

    def greet(self) -> list[str]:
        return [message(self._arg, list(self._known.values()))] if self._known else []

    def push(self, wall_s: float) -> list[str]:
        del wall_s
        before, self._known = self._known, self._rows()
        changed = [row for name, row in self._known.items() if _timeless(row) != _timeless(before.get(name, {}))]
        if self._gone is not None:
            changed += [{**row, **self._gone} for name, row in before.items() if name not in self._known]
        return [message(self._arg, changed)] if changed else []

    def _rows(self) -> dict[tuple[str, ...], Row]:
        return {tuple(str(row.get(field, "")) for field in self._key): row for row in self._read()}


def _timeless(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "ts"}
