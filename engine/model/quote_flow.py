"""Order flow imbalance of the best quote, event by event, when quotes are streamed.

Source: Cont, Kukanov, Stoikov, J. Fin. Econometrics 12(1):47-88 (2014), arXiv 1011.6402. It must be fed with every
change of the best quote: from snapshots 100 ms apart it loses most of what it says (`python -m bench.orderflow`).
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

WINDOW_MS = 60_000
BUCKET_MS = 1_000
REORDERED_MS = 5_000
"""An event that is older than the last by less came late and is left out; by more, and time itself was set back."""


@dataclass(frozen=True, slots=True)
class BestQuote:
    """Best bid and ask with their sizes, in any consistent units."""

    bid: float
    bid_size: float
    ask: float
    ask_size: float

    @property
    def is_sound(self) -> bool:
        """Finite, positive, and the bid under the ask."""
        total = self.ask + self.bid_size + self.ask_size
        return 0 < self.bid < self.ask and self.bid_size > 0 and self.ask_size > 0 and math.isfinite(total)


def _terms(before: BestQuote, after: BestQuote) -> tuple[float, float]:
    """What an event adds to the bid and takes from the ask, in size units; e_n is their sum."""
    bid = (after.bid >= before.bid) * after.bid_size - (after.bid <= before.bid) * before.bid_size
    ask = (after.ask >= before.ask) * before.ask_size - (after.ask <= before.ask) * after.ask_size
    return bid, ask


@dataclass(frozen=True, slots=True)
class FlowTotals:
    """Of one window: `net` Σ e_n and `gross` Σ of the absolute terms in size units, the `events` behind them, and the
    `covered_ms` of the window in which every event was seen. To divide one by the other is our own choice: the paper's
    OFI is Σ e_n."""

    net: float
    gross: float
    events: int
    covered_ms: int

    @property
    def imbalance(self) -> float | None:
        """In [−1, 1]; None when nothing moved."""
        return self.net / self.gross if self.gross > 0 else None


@dataclass(slots=True)
class _Bucket:
    index: int
    net: float = 0.0
    gross: float = 0.0
    events: int = 0
    covered_ms: int = 0


class QuoteFlowWindow:
    """The flow of the last `window_ms`, fed one best quote at a time: constant work an event, and at most one bucket
    a second is kept, however many events there are. Times are venue time in ms.

    Whoever feeds it says `gap()` when quotes may have been missed: no event is computed across it.
    """

    def __init__(self, window_ms: int = WINDOW_MS, bucket_ms: int = BUCKET_MS) -> None:
        assert 0 < bucket_ms <= window_ms
        self.window_ms = window_ms
        self._bucket_ms = bucket_ms
        self._buckets: deque[_Bucket] = deque()
        self._last: BestQuote | None = None
        self.last_ts: int | None = None
        """Of the newest quote, whether a gap followed it or not."""

    def note(self, ts: int, quote: BestQuote) -> None:
        """A quote that is not sound is a gap."""
        if self.last_ts is not None and ts < self.last_ts:
            if self.last_ts - ts < REORDERED_MS:
                return
            self.clear()
        if not quote.is_sound:
            self.gap()
            return
        before, since = self._last, self.last_ts
        self._last, self.last_ts = quote, ts
        if before is None or since is None:
            return
        bid, ask = _terms(before, quote)
        bucket = self._bucket(ts)
        bucket.net += bid + ask
        bucket.gross += abs(bid) + abs(ask)
        bucket.events += 1
        bucket.covered_ms += ts - since

    def gap(self) -> None:
        self._last = None

    def clear(self) -> None:
        self._buckets.clear()
        self._last, self.last_ts = None, None

    def totals(self, now_ms: int) -> FlowTotals:
        """Of the `window_ms` that end at `now_ms`, to the bucket."""
        self._forget(now_ms)
        quiet = max(0, now_ms - self.last_ts) if self._last is not None and self.last_ts is not None else 0
        covered = sum(bucket.covered_ms for bucket in self._buckets) + quiet
        return FlowTotals(
            net=math.fsum(bucket.net for bucket in self._buckets),
            gross=math.fsum(bucket.gross for bucket in self._buckets),
            events=sum(bucket.events for bucket in self._buckets),
            covered_ms=min(covered, self.window_ms),
        )

    def _bucket(self, ts: int) -> _Bucket:
        index = ts // self._bucket_ms
        if not self._buckets or self._buckets[-1].index != index:
            self._buckets.append(_Bucket(index))
            self._forget(ts)
        return self._buckets[-1]

    def _forget(self, now_ms: int) -> None:
        oldest = (now_ms - self.window_ms) // self._bucket_ms
        while self._buckets and self._buckets[0].index <= oldest:
            self._buckets.popleft()
