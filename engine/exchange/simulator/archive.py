"""What the venue keeps in memory and what only in its file: a week is at hand, older things are read when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice, takewhile
from typing import Any, TypeVar

from engine.exchange.simulator.records import Algo, Bill, Entry, Fill, Naked, Order, Position, Record
from engine.exchange.simulator.store import StateStore
from engine.exchange.simulator.world import Deed

DAY_MS = 86_400_000
AT_HAND_MS = 7 * DAY_MS
LIVES_MS = 90 * DAY_MS
"""Closed positions stay listed for three months, and are few."""

_Kept = TypeVar("_Kept", Order, Algo, Fill, Bill)


def outdated(record: Record, now_ms: int) -> bool:
    """Whether the record is over, and for so long that memory need not hold it."""
    match record:
        case Order():
            ended_ms = None if record.live or record.wake_wall is not None else record.u_time
        case Algo():
            ended_ms = None if record.live else record.u_time
        case Fill() | Bill():
            ended_ms = record.ts
        case Entry():
            ended_ms = record.fill_ms if record.covered_wall or record.closed_wall else None
        case Naked():
            ended_ms = record.to_ms
        case Position():
            ended_ms = None if record.contracts else record.u_time + LIVES_MS - AT_HAND_MS
        case Deed():
            return True
        case _:
            return False
    return ended_ms is not None and now_ms - ended_ms > AT_HAND_MS


class Archive:
    """Remembers how far records have left memory, kind by kind, and reads those back."""

    def __init__(self, store: StateStore) -> None:
        self._store = store
        self._newest_gone: dict[type[Record], str] = {}

    def gone(self, record: Record) -> None:
        """The record is in the file only from now on."""
        kind = type(record)
        self._newest_gone[kind] = max(self._newest_gone.get(kind, ""), record.key)

    def whole(self, kind: type[_Kept] | type[Entry] | type[Naked], at_hand: Mapping[str, Any]) -> Iterator[Any]:
        """Every record of that kind there ever was, oldest first."""
        return self._store.all_of(kind) if kind in self._newest_gone else iter(at_hand.values())

    def find(self, kind: type[_Kept], name: str, value: str) -> _Kept | None:
        """The newest record that has left memory with this text in this field."""
        if kind not in self._newest_gone:
            return None
        found = self._store.find(kind, name, value)
        return found if isinstance(found, kind) else None

    def older(
        self,
        kind: type[_Kept],
        at_hand: Mapping[str, _Kept],
        wanted: Callable[[_Kept], bool],
        still: Callable[[_Kept], bool],
        most: int,
    ) -> list[_Kept]:
        """Up to `most` records that are not at hand and that are `wanted`, newest first, as long as `still` holds."""
        newest = self._newest_gone.get(kind)
        if newest is None or most <= 0:
            return []
        rows = (one for one in self._store.older(kind, f"{newest}~") if isinstance(one, kind))
        return list(islice((one for one in takewhile(still, rows) if one.key not in at_hand and wanted(one)), most))
