"""The kill switch: stop entries, cancel what rests, close what is open, and prove it at the venue.

Synchronous, on its own connections, in its own thread or process. It shares no code with the loop that it
stops: no asyncio, no database, no scheduler, no model. Each of the venue's calls may fail; none ends it.
Idempotent: a second call, also from another process after a crash, goes on from what the venue shows.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from engine.exchange.errors import ExchangeError
from engine.exchange.port import UNNAMED, KillVenue, OpenExposure, RestingOrder
from engine.execution.latch import EntryLatch
from engine.model import KillState

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KillTiming:
    """Wall seconds. The whole run is bounded by `deadline_s` plus the calls that are then under way."""

    deadline_s: float = 45.0
    retry_s: float = 0.4
    settle_s: float = 1.0
    cancel_budget_s: float = 6.0
    threads: int = 8


@dataclass(frozen=True, slots=True)
class KillReport:
    """`results` tells each position's fate in words; `remaining` are the instruments not known to be flat.

    `since` is wall time in ms, `seconds` the wall time that the run has taken.
    """

    state: KillState
    by: str
    since: int | None
    detail: str
    results: Mapping[str, str]
    seconds: float
    remaining: tuple[str, ...] = ()


OnProgress = Callable[[KillReport], None]


class KillSwitch:
    """Engage it from any thread; runs exclude each other, the latch is set before any waiting."""

    def __init__(self, venue: KillVenue, latch: EntryLatch, timing: KillTiming | None = None) -> None:
        self._venue = venue
        self._latch = latch
        self._timing = timing or KillTiming()
        self._running = threading.Lock()
        self._ahead: tuple[RestingOrder, ...] = ()

    def look_ahead(self) -> None:
        """What rests now is what a run begins to cancel, before it has read the list itself: one round trip less
        between a person's word and the first cancel. Called when the latch falls. Never raises."""
        try:
            self._ahead = tuple(order for order in self._venue.resting_orders() if not order.reduce_only)
        except Exception:  # noqa: BLE001 - a kill without it is only slower
            self._ahead = ()

    def engage(self, flatten: bool, by: str, on_progress: OnProgress | None = None) -> KillReport:
        """Returns when the venue confirmed (HALTED, FLAT) or the time ran out (FLATTEN_FAILED). Never raises
        for anything the venue does."""
        if not self._latch.engaged():
            self._say(flatten, by)
        run = _Run(self._venue, self._latch, self._timing, by, on_progress)
        ahead, self._ahead = self._ahead, ()
        with run.cancelling(ahead, self._timing.cancel_budget_s):
            # Entries are stopped already: the disk's time is not the first cancel's.
            self._say(flatten, by)
        with self._running:
            return self._flatten(run) if flatten else run.halt()

    def _say(self, flatten: bool, by: str) -> None:
        """What is about to be done, for every process that asks."""
        if flatten:
            self._latch.lease.take()
        first = _first_state(self._latch.status().state, flatten)
        if first is not None:
            self._latch.engage(first, by, "")

    def _flatten(self, run: _Run) -> KillReport:
        """Two processes may close at the same time; the lease only says that at least one is at it."""
        self._latch.lease.take()
        try:
            return run.flatten()
        finally:
            self._latch.lease.release()


def _first_state(current: KillState, flatten: bool) -> KillState | None:
    """What the latch says before any waiting; None = a flatten, perhaps another process's, has the word."""
    if flatten:
        return KillState.FLATTENING
    if current is KillState.FLATTENING:
        return None
    return KillState.LATCHED if current is KillState.DISENGAGED else current


class _Run:
    """One run; it holds what is known so far."""

    def __init__(
        self, venue: KillVenue, latch: EntryLatch, timing: KillTiming, by: str, on_progress: OnProgress | None
    ) -> None:
        self._venue = venue
        self._latch = latch
        self._timing = timing
        self._by = by
        self._on_progress = on_progress
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._results: dict[str, str] = {}
        self._notes: list[str] = []

    # ---------------------------------------------------------------- the two acts

    def halt(self) -> KillReport:
        """Cancels resting entries; positions keep their brackets. The word of a flatten that is under way in
        another process stays: while positions are being closed nobody may resume."""
        self._tell(KillState.LATCHED, "cancelling resting entry orders")
        left = self._cancel_entries(self._timing.cancel_budget_s)
        stopped = "entries stopped" + (f"; NOT confirmed cancelled: {left}" if left else "")
        if self._latch.status().state is KillState.FLATTENING:
            return self._tell(KillState.FLATTENING, f"{stopped}; {self._who_closes()}")
        return self._end(KillState.HALTED, f"{stopped}; positions keep their brackets", ())

    def flatten(self) -> KillReport:
        """Cancels resting entries, closes every position, then cancels brackets where it is flat."""
        self._tell(KillState.FLATTENING, "cancelling resting entry orders")
        left = self._cancel_entries(self._timing.cancel_budget_s)
        if left:
            self._notes.append(f"resting entry orders not confirmed cancelled: {left}")
        remaining = self._close_until_flat()
        self._sweep_algos(remaining)
        if remaining is None:
            return self._end(KillState.FLATTEN_FAILED, "positions could not be read at the venue", ("unknown",))
        if remaining:
            return self._end(KillState.FLATTEN_FAILED, f"still open: {', '.join(remaining)}", remaining)
        return self._end(KillState.FLAT, "flat, confirmed at the venue", ())

    # ---------------------------------------------------------------- steps

    @contextmanager
    def cancelling(self, orders: tuple[RestingOrder, ...], within_s: float) -> Iterator[None]:
        """Orders that may have gone by now; what was refused is met again in the venue's list. Side by side, beside
        what is done meanwhile, and no longer than `within_s`: cancels that hang must not take the time in which
        positions are closed."""
        with self._beside(lambda order: self._try(lambda: self._venue.cancel_order(order)), orders, within_s):
            yield

    def _cancel_entries(self, budget_s: float) -> str:
        """Cancels until the venue lists no entry order; "" or what is left, in words."""
        stop_at = min(self._clock_left() + time.monotonic(), time.monotonic() + budget_s)
        while True:
            resting = self._try(self._venue.resting_orders)
            entries = None if resting is None else [order for order in resting if not order.reduce_only]
            if entries is not None and not entries:
                return ""
            if time.monotonic() >= stop_at:
                return "the list could not be read" if entries is None else f"{len(entries)} order(s)"
            with self.cancelling(tuple(entries or ()), stop_at - time.monotonic()):
                pass
            time.sleep(self._timing.retry_s if entries is None else self._timing.retry_s / 4)

    def _close_until_flat(self) -> tuple[str, ...] | None:
        """Closes all in parallel, again and again, until two looks `settle_s` apart see nothing open.

        The second look catches an entry that was on the wire when the latch fell. Returns what is still
        open when the time is over, None when the venue would not even tell.
        """
        seen_flat = False
        open_now: tuple[OpenExposure, ...] | None = None
        known: tuple[OpenExposure, ...] | None = None
        while True:
            self._hold_latch()
            open_now = self._try(self._venue.exposures)
            known = open_now if open_now is not None else known
            if open_now is not None and not open_now:
                self._settle_results(())
                if seen_flat:
                    return ()
                seen_flat = True
                time.sleep(self._timing.settle_s)
                continue
            seen_flat = False
            if self._clock_left() <= 0:
                return None if known is None else tuple(exposure.inst_id for exposure in known)
            if open_now is not None:
                self._settle_results(tuple(exposure.inst_id for exposure in open_now))
                self._close_all(open_now)
            time.sleep(self._timing.retry_s)

    def _close_all(self, exposures: tuple[OpenExposure, ...]) -> None:
        self._tell(KillState.FLATTENING, f"closing {len(exposures)} position(s)")
        self._side_by_side(self._close, exposures, max(0.5, self._clock_left()))

    def _side_by_side(self, act: Callable[[T], object], things: tuple[T, ...], within_s: float) -> None:
        with self._beside(act, things, within_s):
            pass

    @contextmanager
    def _beside(self, act: Callable[[T], object], things: tuple[T, ...], within_s: float) -> Iterator[None]:
        """What is after `within_s` still under way goes on, what has not begun is dropped."""
        stop_at = time.monotonic() + within_s
        if not things:
            yield
            return
        pool = ThreadPoolExecutor(max_workers=self._timing.threads, thread_name_prefix="kill")
        try:
            begun = [pool.submit(act, thing) for thing in things]
            yield
            wait(begun, timeout=max(0.0, stop_at - time.monotonic()))
        finally:
            pool.shutdown(wait=False, cancel_futures=True)

    def _close(self, exposure: OpenExposure) -> None:
        try:
            self._venue.close(exposure)
            answer = "close accepted"
        except ExchangeError as error:
            answer = f"trying again: {error}"
        except Exception as error:  # noqa: BLE001 - nothing whatever may end the kill switch
            answer = f"trying again: {type(error).__name__}: {error}"
        with self._lock:
            self._results[exposure.inst_id] = answer

    def _settle_results(self, still_open: tuple[str, ...]) -> None:
        with self._lock:
            changed = [name for name, text in self._results.items() if name not in still_open and text != "flat"]
            self._results.update(dict.fromkeys(changed, "flat"))
            for name in still_open:
                self._results.setdefault(name, "open")
        if changed:
            self._tell(KillState.FLATTENING, f"{len(still_open)} position(s) left")

    def _sweep_algos(self, remaining: tuple[str, ...] | None) -> None:
        """Brackets last, and only where the venue showed flat: a position never loses its stop to us."""
        if remaining is None or UNNAMED in remaining:
            return
        stop_at = time.monotonic() + self._timing.cancel_budget_s
        while True:
            algos = self._try(self._venue.resting_algos)
            orphans = None if algos is None else [algo for algo in algos if algo.inst_id not in remaining]
            if orphans is not None and not orphans:
                return
            if time.monotonic() >= stop_at:
                self._notes.append("brackets without a position may still rest at the venue")
                return
            for algo in orphans or ():
                self._try(lambda algo=algo: self._venue.cancel_algo(algo))  # type: ignore[misc]
            time.sleep(self._timing.retry_s / 4)

    # ---------------------------------------------------------------- small change

    def _try(self, call: Callable[[], T]) -> T | None:
        """None on any failure."""
        try:
            return call()
        except ExchangeError:
            return None
        except Exception:  # noqa: BLE001 - nothing whatever may end the kill switch
            return None

    def _who_closes(self) -> str:
        holder = self._latch.lease.holder()
        if holder is None:
            return "positions were being closed when that process died: flatten again"
        return f"process {holder.pid} is closing the positions" + (" and hangs: flatten again" if holder.hung else "")

    def _hold_latch(self) -> None:
        """Whatever another process has written meanwhile: positions are still being closed."""
        if self._latch.status().state is not KillState.FLATTENING:
            self._latch.engage(KillState.FLATTENING, self._by)

    def _clock_left(self) -> float:
        return self._started + self._timing.deadline_s - time.monotonic()

    def _end(self, state: KillState, detail: str, remaining: tuple[str, ...]) -> KillReport:
        text = "; ".join([detail, *self._notes])
        if not self._latch.engage(state, self._by, text):
            text += "; the disk refused to keep this state"
        return self._tell(state, text, remaining)

    def _tell(self, state: KillState, detail: str, remaining: tuple[str, ...] = ()) -> KillReport:
        status = self._latch.status()
        with self._lock:
            results = dict(self._results)
        seconds = time.monotonic() - self._started
        report = KillReport(state, status.by or self._by, status.since, detail, results, seconds, remaining)
        if self._on_progress is not None:
            try:
                self._on_progress(report)
            except Exception:  # noqa: BLE001 - a broken screen must not end the kill switch
                self._on_progress = None
        return report
