"""Which fault happens now: the armed faults, what each has matched, and how often it has fired.

Every match is counted by every fault that it concerns, whether or not another one fires on it; at most one fires. A
fault's chances are drawn from a generator of its own (file seed and the fault's place in the plan), so that the same
requests meet the same faults again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator

from engine.exchange.simulator.faults.spec import ACT_KINDS, Fault, FaultKind, When, plain
from engine.exchange.simulator.timekeeper import wall_ms


@dataclass(slots=True)
class Armed:
    """A fault that waits for its moment."""

    index: int
    fault: Fault
    armed_ms: int
    chances: Generator
    matched: int = 0
    fired: int = 0

    @property
    def spent(self) -> bool:
        most = self.fault.when.most
        return most is not None and self.fired >= most

    def matches(self, now_ms: int, facts: Mapping[str, Any]) -> bool:
        """Whether a happening with these facts is one of those that the fault waits for; such a one is counted."""
        if self.spent or not self._in_time(now_ms) or not _concerns(self.fault.when, facts):
            return False
        self.matched += 1
        return True

    def chosen(self) -> bool:
        """Whether the fault hits the match that was counted last."""
        when = self.fault.when
        if when.call is not None:
            # A repeated `times` goes on from there: the nth and the ones after it.
            return self.matched >= when.call
        if when.calls is not None:
            return self.matched in when.calls
        if when.every is not None:
            return self.matched % when.every == 0
        return when.chance is None or float(self.chances.random()) < when.chance

    def due(self, now_ms: int) -> bool:
        return not self.spent and now_ms - self.armed_ms >= self._from_s() * 1000

    def _from_s(self) -> float:
        return max(self.fault.after_s, self.fault.when.from_s)

    def _in_time(self, now_ms: int) -> bool:
        passed_s = (now_ms - self.armed_ms) / 1000
        until_s = self.fault.when.until_s
        return passed_s >= self._from_s() and (until_s is None or passed_s < until_s)


class FaultPlan:
    """The faults of one venue, first armed first. `wall` gives wall time in ms."""

    def __init__(self, seed: int = 0, wall: Callable[[], int] = wall_ms) -> None:
        self._seed = seed
        self._wall = wall
        self._armed: list[Armed] = []
        self._count = 0

    @property
    def armed(self) -> bool:
        """Whether there is any fault to ask about."""
        return bool(self._armed)

    def arm(self, faults: Iterable[Fault], now_wall_ms: int | None = None, seed: int | None = None) -> None:
        """From now on they may happen; `after_s`, `from_s` and `until_s` count from here. `seed` replaces the plan's
        own for these and the ones to come."""
        self._seed = self._seed if seed is None else seed
        now = self._wall() if now_wall_ms is None else now_wall_ms
        for fault in faults:
            chances = np.random.default_rng([self._seed, self._count])
            self._armed.append(Armed(self._count, fault, now, chances))
            self._count += 1

    def take(self, kinds: frozenset[FaultKind], **facts: Any) -> Fault | None:
        """The fault of one of `kinds` that hits what happens now, if any.

        Facts: method, path, inst, channel (strings), body (the request's fields, or a list of its items). A condition
        on a fact that is not given does not match.
        """
        if not self._armed:
            return None
        now = self._wall()
        hit: Armed | None = None
        for armed in self._armed:
            if armed.fault.kind in kinds and armed.matches(now, facts) and armed.chosen() and hit is None:
                hit = armed
        if hit is None:
            return None
        hit.fired += 1
        return hit.fault

    def due(self, now_wall_ms: int, kinds: frozenset[FaultKind] = ACT_KINDS) -> list[Fault]:
        """The faults of `kinds` whose moment has come, each once (or `times` times), in the order of arming."""
        ready = [armed for armed in self._armed if armed.fault.kind in kinds and armed.due(now_wall_ms)]
        for armed in ready:
            armed.matched += 1
            armed.fired += 1
        return [armed.fault for armed in ready]

    def clear(self) -> None:
        """Nothing is armed any more; the report begins anew."""
        self._armed.clear()

    def report(self) -> list[dict[str, Any]]:
        """One row a fault: index, kind, matched, fired."""
        return [
            {"index": armed.index, "kind": str(armed.fault.kind), "matched": armed.matched, "fired": armed.fired}
            for armed in self._armed
        ]


def _concerns(when: When, facts: Mapping[str, Any]) -> bool:
    if when.method and when.method.upper() != facts.get("method"):
        return False
    if when.path and not _path_matches(when.path, str(facts.get("path", ""))):
        return False
    if when.channel and when.channel != facts.get("channel"):
        return False
    items = _items(facts)
    if when.inst and when.inst != facts.get("inst") and not any(item.get("instId") == when.inst for item in items):
        return False
    return not when.body or any(_holds(item, when.body) for item in items)


def _path_matches(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def _items(facts: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    body = facts.get("body")
    items = body if isinstance(body, list) else [body]
    return [item for item in items if isinstance(item, Mapping)]


def _holds(item: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    return all(name in item and plain(item[name]) == plain(value) for name, value in wanted.items())
