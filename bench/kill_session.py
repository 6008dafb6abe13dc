"""One run of the real cockpit, and what is pressed in it: K and HALT as often as wanted, then K and FLAT."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.kill_load import POSITIONS, rest_again
from bench.kill_watch import CycleWatch, NotSeen, await_file, kill_state, wait_until
from bench.terminal import Terminal
from engine.exchange.simulator.embedded import EmbeddedVenue

ROOT = Path(__file__).parents[1]
WATCHED = 17
GUARD_S = 0.28
"""The panel is deaf for a quarter second."""
ESCAPE_S = 0.3
MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Press:
    """K, then HALT or FLAT and Enter. Milliseconds; `opened_after_latch` is a count."""

    latch_ms: float
    stamp_ms: float
    panel_ms: float | None
    cancel_ms: float
    opened_after_latch: int
    key_mid_cycle: bool
    enter_mid_cycle: bool


@dataclass(frozen=True, slots=True)
class Flat:
    """How the last press ended; counts, but for `flat_s` and `clock_skew_ms`."""

    flat_s: float
    positions: int
    uncovered_after_enter: int
    left_at_venue: int
    clock_skew_ms: float


@dataclass(frozen=True, slots=True)
class Instants:
    """Wall time in ns; `stamp` in ms, as the latch file says it."""

    key: int
    latched: int
    stamp: int
    panel: int | None
    enter: int


class Session:
    """The cockpit in a pseudo-terminal over a furnished home."""

    def __init__(self, home: Path, venue: EmbeddedVenue) -> None:
        self._home, self._venue = home, venue
        environ = {**os.environ, "TERM": "xterm-256color", "LANG": "C.UTF-8"}
        self._terminal = Terminal([sys.executable, "app.py", "--home", str(home)], ROOT, environ)
        self._cycles = CycleWatch(home)
        self.presses: list[Press] = []

    def await_start(self) -> None:
        self._cycles.await_decisions(WATCHED)
        assert "CYNOSURE" in self._terminal.text(), self._terminal.text()
        held = open_positions(self._venue)
        assert held >= POSITIONS, f"only {held} positions are open"

    def halt(self, number: int) -> None:
        """Stops entries, lifts it again, and lets another entry order rest: as it was before. Every other one is
        pressed in the middle of a cycle, the others when they come."""
        seen = len(self._venue.log())
        at = self._press("HALT", mid_cycle=number % 2 == 0)
        self._await_end(("halted",), 20.0)
        self.presses.append(judge_press(self._venue.log(seen), at))
        wait_until(self._resumed, 20.0, "the resumption")
        time.sleep(ESCAPE_S)
        self._terminal.press("\x1b")
        time.sleep(ESCAPE_S)
        rest_again(self._venue, number)

    def flatten(self, faults: Sequence[dict[str, Any]]) -> Flat:
        seen, held = len(self._venue.log()), open_positions(self._venue)
        for fault in faults:
            self._venue.arm_faults(dict(fault))
        at = self._press("FLAT", mid_cycle=True)
        self._await_end(("flat", "flatten_failed"), 60.0)
        self._cycles.await_decisions(self._cycles.decisions() + WATCHED)
        self.presses.append(judge_press(self._venue.log(seen), at))
        return judge_flat(self._venue, at, held)

    def end(self) -> None:
        # The venue was started by this very process: somebody must read its exit status when the engine stops it.
        threading.Thread(target=_reap, args=(self._venue.pid,), daemon=True).start()
        self._terminal.end(signal.SIGTERM)

    def screen(self) -> str:
        return self._terminal.text()

    def _await_end(self, ends: tuple[str, ...], patience_s: float) -> None:
        """A kill that does not end is no defect of the terminal: a plain AssertionError."""
        try:
            wait_until(lambda: kill_state(self._home)["state"] in ends, patience_s, " or ".join(ends))
        except NotSeen as problem:
            raise AssertionError(f"the kill did not end: {problem}") from None

    def _resumed(self) -> bool:
        """The kill may still be at its last look: the word is asked again until it is heard."""
        self._terminal.press("RESUME\r")
        deadline = time.monotonic() + 1.0
        while time.monotonic() < deadline and (self._home / "storage" / "KILL").exists():
            time.sleep(0.02)
        return not (self._home / "storage" / "KILL").exists()

    def _press(self, word: str, mid_cycle: bool) -> Instants:
        if mid_cycle and word == "FLAT":
            self._cycles.await_middle()
        self._terminal.text()
        key = self._terminal.press("K")
        latched = await_file(self._home / "storage" / "KILL")
        panel = self._await_panel()
        stamp = kill_state(self._home)["since"]
        self._spell(word)
        if mid_cycle:
            self._cycles.await_middle()
        else:
            time.sleep(GUARD_S)
        enter = self._terminal.press("\r")
        return Instants(key, latched, stamp, panel, enter)

    def _await_panel(self) -> int | None:
        """When it was painted; returns when it listens. A busy machine paints late."""
        seen: list[int | None] = []

        def painted() -> bool:
            seen.append(self._terminal.painted_at("KILL SWITCH"))
            return seen[-1] is not None

        wait_until(painted, 15.0, "the panel")
        time.sleep(GUARD_S)
        return seen[-1]

    def _spell(self, word: str) -> None:
        self._terminal.press(word)
        wait_until(lambda: f"> {word}_" in self._terminal.text(), 15.0, f"{word} in the panel")


@contextlib.contextmanager
def cockpit(home: Path, venue: EmbeddedVenue) -> Iterator[Session]:
    session = Session(home, venue)
    try:
        session.await_start()
        yield session
    except AssertionError:
        sys.stderr.write(f"{session.screen()}\n")
        raise
    finally:
        session.end()


def _reap(pid: int) -> None:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, 0)


# -------------------------------------------------------------------- as the venue saw it


def open_positions(venue: EmbeddedVenue) -> int:
    return sum(Decimal(row["pos"]) != 0 for row in venue.ledger()["positions"])


def judge_press(log: list[dict[str, Any]], at: Instants) -> Press:
    """`log` begins before the press and ends before the latch is lifted."""
    enter_ms, latched_ms = at.enter / MS, at.latched / MS
    cancels = [row["wall_ms"] for row in log if is_cancel(row) and row["wall_ms"] > at.key / MS]
    assert cancels, "no cancel reached the wire"
    return Press(
        latch_ms=(at.latched - at.key) / MS,
        stamp_ms=at.stamp - at.key / MS,
        panel_ms=(at.panel - at.key) / MS if at.panel is not None else None,
        cancel_ms=cancels[0] - enter_ms,
        opened_after_latch=sum(opens(row) and row["wall_ms"] > latched_ms for row in log),
        key_mid_cycle=mid_cycle(log, at.key / MS),
        enter_mid_cycle=mid_cycle(log, enter_ms),
    )


def judge_flat(venue: EmbeddedVenue, at: Instants, held: int) -> Flat:
    before_ms = time.time_ns() / MS
    ledger = venue.ledger()
    after_ms = time.time_ns() / MS
    _, speed = venue.clock()
    enter_ms = at.enter / MS
    closing = [wall_of(fill, ledger, speed) for fill in ledger["fills"] if fill["side"] == "sell"]
    filled = sum(entry["fill_wall_ms"] > at.latched / MS for entry in ledger["entries"])
    assert not filled, f"{filled} entries were filled after the latch"
    return Flat(
        flat_s=(max(closing) - enter_ms) / 1000,
        positions=held,
        uncovered_after_enter=sum(span["from_wall_ms"] > enter_ms for span in ledger["naked"]),
        left_at_venue=left_at(ledger),
        clock_skew_ms=max(0.0, before_ms - 1 - ledger["wall_ms"], ledger["wall_ms"] - after_ms),
    )


def is_cancel(row: dict[str, Any]) -> bool:
    return bool(row["method"] == "POST" and row["path"].endswith("/trade/cancel-order"))


def opens(row: dict[str, Any]) -> bool:
    """An order that is not bound to reduce, accepted or not."""
    if row["method"] != "POST" or not row["path"].endswith(("/trade/order", "/trade/batch-orders")):
        return False
    items = row["body_digest"] if isinstance(row["body_digest"], list) else [row["body_digest"]]
    return any(str(item.get("reduceOnly", "")).lower() != "true" for item in items)


def wall_of(fill: dict[str, Any], ledger: dict[str, Any], speed: float) -> float:
    """Wall ms of a fill that carries venue time."""
    return float(ledger["wall_ms"] - (ledger["venue_ms"] - int(fill["ts"])) / speed)


def left_at(ledger: dict[str, Any]) -> int:
    """Positions, live orders and live algos."""
    positions = sum(Decimal(row["pos"]) != 0 for row in ledger["positions"])
    resting = sum(row["state"] in ("live", "partially_filled") for row in ledger["orders"] + ledger["algos"])
    return positions + resting


def mid_cycle(log: list[dict[str, Any]], at_ms: float, reach_ms: float = 250.0) -> bool:
    """An analysis reads candles before this instant and goes on to do so after it."""
    reads = [row["wall_ms"] - at_ms for row in log if "candles" in row["path"] or row["path"].endswith("/books")]
    return any(-reach_ms < r < 0 for r in reads) and any(0 < r < reach_ms for r in reads)
