"""The `books` channel: one snapshot, then updates that chain by sequence number (okx.md §13)."""

from __future__ import annotations

from engine.exchange.simulator.channel_feeds import Arg, message
from engine.exchange.simulator.envelope import Row
from engine.exchange.simulator.routes_market import level_rows
from engine.exchange.simulator.routing import Desk

DEPTH = 400
KEEP_ALIVE_S = 60.0

Level = list[str]
Levels = dict[str, Level]


class BooksFeed:
    """400 levels a side, at most every 100 ms. All subscribers share the chain; each is greeted with the book as it
    stood at the last push, so that the next update follows on. `checksum` is fixed 0, as since 2026-06-23.
    """

    period_s = 0.1

    def __init__(self, desk: Desk, arg: Arg) -> None:
        self._desk = desk
        self._arg = arg
        self._ts = desk.now_ms
        self._seq = desk.now_ms
        self._bids, self._asks = self._read()
        self._sent_at = float("-inf")
        self._rewinding = False

    @property
    def inst_id(self) -> str:
        return self._arg["instId"]

    def rewind(self) -> None:
        """The next update sets the sequence back, as after a maintenance."""
        self._rewinding = True

    def greet(self) -> list[str]:
        bids, asks = list(self._bids.values()), list(self._asks.values())
        return [message(self._arg, [self._row(bids, asks, -1)], action="snapshot")]

    def push(self, wall_s: float) -> list[str]:
        bids, asks = ([], []) if self._ts == self._desk.now_ms else self._changes()
        if not bids and not asks and wall_s - self._sent_at < KEEP_ALIVE_S:
            return []
        previous = self._seq
        self._seq = 1 if self._rewinding else self._seq + len(bids) + len(asks)
        self._rewinding = False
        self._sent_at = wall_s
        return [message(self._arg, [self._row(bids, asks, previous)], action="update")]

    def _changes(self) -> tuple[list[Level], list[Level]]:
        bids, asks = self._read()
        changed = _difference(self._bids, bids), _difference(self._asks, asks)
        self._bids, self._asks, self._ts = bids, asks, self._desk.now_ms
        return changed

    def _read(self) -> tuple[Levels, Levels]:
        bids, asks = self._desk.market.book(self._arg["instId"], self._desk.now_ms, DEPTH)
        return {row[0]: row for row in level_rows(bids)}, {row[0]: row for row in level_rows(asks)}

    def _row(self, bids: list[Level], asks: list[Level], previous: int) -> Row:
        return {
            "asks": asks,
            "bids": bids,
            "ts": str(self._ts),
            "checksum": 0,
            "prevSeqId": previous,
            "seqId": self._seq,
        }


def _difference(before: Levels, after: Levels) -> list[Level]:
    """Levels that appeared or changed; those that went with quantity "0"."""
    gone = [[price, "0", "0", "0"] for price in before if price not in after]
    return gone + [row for price, row in after.items() if before.get(price) != row]
