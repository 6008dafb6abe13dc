"""The kill switch against a venue that fails in every way: latch first, brackets last, proof at the end."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.exchange.errors import ExchangeError, Rejected, Unavailable, UnknownOutcome
from engine.exchange.port import UNNAMED, OpenExposure, RestingOrder
from engine.execution.kill_switch import KillReport, KillSwitch, KillTiming
from engine.execution.latch import EntryLatch
from engine.model import KillState

CALLS = ["resting_orders", "cancel_order", "exposures", "close", "resting_algos", "cancel_algo"]
FAST = KillTiming(deadline_s=1.0, retry_s=0.01, settle_s=0.02, cancel_budget_s=0.15)


class ScriptedVenue:
    """Positions, orders and algos in memory. `faults` maps a call's name to errors, raised one a call; a call may
    also be made to take effect before its error (a lost reply). Not the simulator: it must fail in every way."""

    def __init__(self, positions: int = 0, entries: int = 0) -> None:
        self.positions = {f"I{n}": Decimal(n + 1) for n in range(positions)}
        self.orders = {f"o{n}": RestingOrder(f"I{n}", f"o{n}", False) for n in range(entries)}
        self.algos = {f"a{n}": RestingOrder(f"I{n}", f"a{n}", True) for n in range(positions)}
        self.faults: dict[str, list[Exception]] = {}
        self.lost_replies = 0
        self.calls: list[str] = []
        self.naked: list[str] = []
        self.before: Callable[[str], None] = lambda name: None
        self._lock = threading.Lock()

    def _call(self, name: str) -> None:
        self.before(name)
        with self._lock:
            self.calls.append(name)
            errors = self.faults.get(name.partition(":")[0], [])
            if errors:
                raise errors[0] if len(errors) == 1 and name.startswith("always") else errors.pop(0)

    def resting_orders(self) -> tuple[RestingOrder, ...]:
        self._call("resting_orders")
        return tuple(self.orders.values())

    def cancel_order(self, order: RestingOrder) -> None:
        self._call(f"cancel_order:{order.order_id}")
        self.orders.pop(order.order_id, None)

    def exposures(self) -> tuple[OpenExposure, ...]:
        self._call("exposures")
        return tuple(OpenExposure(name, size, "isolated") for name, size in self.positions.items())

    def close(self, exposure: OpenExposure) -> None:
        if self.lost_replies:
            self.lost_replies -= 1
            self.positions.pop(exposure.inst_id, None)
            raise UnknownOutcome("time-out")
        self._call(f"close:{exposure.inst_id}")
        self.positions.pop(exposure.inst_id, None)

    def resting_algos(self) -> tuple[RestingOrder, ...]:
        self._call("resting_algos")
        return tuple(self.algos.values())

    def cancel_algo(self, algo: RestingOrder) -> None:
        self._call(f"cancel_algo:{algo.order_id}")
        if algo.inst_id in self.positions:
            self.naked.append(algo.inst_id)
        self.algos.pop(algo.order_id, None)


def switch(venue: ScriptedVenue, folder: Path, timing: KillTiming = FAST) -> tuple[KillSwitch, EntryLatch]:
    latch = EntryLatch(folder)
    return KillSwitch(venue, latch, timing), latch


def test_latch_is_on_disk_before_the_venue_is_asked_anything(tmp_path: Path) -> None:
    venue = ScriptedVenue(positions=2, entries=1)
    kill, latch = switch(venue, tmp_path)
    seen: list[bool] = []
    venue.before = lambda name: seen.append((tmp_path / "KILL").exists() and latch.engaged())
    kill.engage(flatten=True, by="F12")
    assert seen
    assert all(seen)


def test_halt_cancels_entries_and_keeps_positions_and_brackets(tmp_path: Path) -> None:
    venue = ScriptedVenue(positions=2, entries=3)
    venue.orders["r"] = RestingOrder("I0", "r", True)
    kill, latch = switch(venue, tmp_path)
    report = kill.engage(flatten=False, by="operator")
    assert report.state is KillState.HALTED
    assert set(venue.orders) == {"r"}
    assert len(venue.positions) == len(venue.algos) == 2
    assert latch.status().state is KillState.HALTED


def test_flatten_closes_all_and_cancels_brackets_last(tmp_path: Path) -> None:
    venue = ScriptedVenue(positions=10, entries=2)
    kill, latch = switch(venue, tmp_path)
    report = kill.engage(flatten=True, by="operator")
    assert report.state is KillState.FLAT
    assert (venue.positions, venue.orders, venue.algos, venue.naked) == ({}, {}, {}, [])
    assert set(report.results.values()) == {"flat"}
    assert len(report.results) == 10
    assert latch.status().state is KillState.FLAT


def test_reject_and_time_out_are_tried_again_until_the_venue_is_flat(tmp_path: Path) -> None:
    venue = ScriptedVenue(positions=10)
    venue.faults["close"] = [Rejected("closing", "51032"), Unavailable("time-out")]
    venue.lost_replies = 1
    kill, _ = switch(venue, tmp_path)
    report = kill.engage(flatten=True, by="operator")
    assert report.state is KillState.FLAT
    assert venue.positions == {}
    assert report.seconds < 15


def test_cancels_that_hang_leave_the_time_to_close_positions(tmp_path: Path) -> None:
    """A hang of three seconds against the deadline of 45, for many resting orders, at a twentieth of the time."""
    venue = ScriptedVenue(positions=3, entries=24)

    def hang(name: str) -> None:
        if name.startswith("cancel_order"):
            time.sleep(0.15)
            raise UnknownOutcome("time-out")

    venue.before = hang
    kill, _ = switch(venue, tmp_path, KillTiming(deadline_s=2.25, retry_s=0.02, settle_s=0.05, cancel_budget_s=0.3))
    kill.look_ahead()
    report = kill.engage(flatten=True, by="operator")
    assert report.state is KillState.FLAT
    assert venue.positions == {}
    assert "not confirmed cancelled" in report.detail


def test_entry_that_lands_after_the_first_flat_look_is_closed_too(tmp_path: Path) -> None:
    venue = ScriptedVenue(positions=1)
    kill, _ = switch(venue, tmp_path)
    looks = 0

    def late(name: str) -> None:
        nonlocal looks
        looks += name == "exposures"
        if looks == 3 and name == "exposures":
            venue.positions["LATE"] = Decimal(1)

    venue.before = late
    report = kill.engage(flatten=True, by="operator")
    assert report.state is KillState.FLAT
    assert venue.positions == {}
    assert "close:LATE" in venue.calls


def test_one_that_will_not_close_keeps_its_bracket_and_is_named(tmp_path: Path) -> None:
    venue = ScriptedVenue(positions=3)
    real_close = venue.close

    def stubborn(exposure: OpenExposure) -> None:
        if exposure.inst_id == "I1":
            raise Rejected("suspended", "51022")
        real_close(exposure)

    venue.close = stubborn  # type: ignore[method-assign]
    kill, latch = switch(venue, tmp_path)
    report = kill.engage(flatten=True, by="operator")
    assert report.state is KillState.FLATTEN_FAILED
    assert report.remaining == ("I1",)
    assert "51022" in report.results["I1"]
    assert set(venue.algos) == {"a1"}
    assert latch.status().state is KillState.FLATTEN_FAILED
    assert latch.engaged()


def test_position_without_a_readable_name_keeps_every_bracket_and_is_never_called_flat(tmp_path: Path) -> None:
    venue = ScriptedVenue(positions=2)
    venue.positions[UNNAMED] = Decimal(1)
    real_close = venue.close

    def close(exposure: OpenExposure) -> None:
        if exposure.inst_id == UNNAMED:
            raise Rejected("no such instrument", "51001")
        real_close(exposure)

    venue.close = close  # type: ignore[method-assign]
    kill, _ = switch(venue, tmp_path)
    report = kill.engage(flatten=True, by="operator")
    assert report.state is KillState.FLATTEN_FAILED
    assert report.remaining == (UNNAMED,)
    assert set(venue.algos) == {"a0", "a1"}  # one of them may be its stop


@pytest.mark.slow
@pytest.mark.parametrize("error", [Unavailable("down"), ExchangeError("odd"), RuntimeError("a bug"), OSError("socket")])
def test_dead_venue_ends_in_time_loudly_and_latched(tmp_path: Path, error: Exception) -> None:
    class Dead:
        def __getattr__(self, name: str) -> Callable[..., None]:
            def fail(*_: object) -> None:
                raise error

            return fail

    latch = EntryLatch(tmp_path)
    kill = KillSwitch(Dead(), latch, FAST)  # type: ignore[arg-type]
    started = time.monotonic()
    report = kill.engage(flatten=True, by="operator")
    assert time.monotonic() - started < 3
    assert report.state is KillState.FLATTEN_FAILED
    assert report.remaining == ("unknown",)
    assert latch.engaged()
    halted = kill.engage(flatten=False, by="operator")
    assert halted.state is KillState.HALTED
    assert "NOT confirmed" in halted.detail


def test_close_that_hangs_does_not_hold_up_the_end(tmp_path: Path) -> None:
    venue = ScriptedVenue(positions=2)
    release = threading.Event()
    venue.close = lambda exposure: release.wait(5) and None  # type: ignore[method-assign]
    kill, _ = switch(venue, tmp_path)
    started = time.monotonic()
    report = kill.engage(flatten=True, by="operator")
    assert time.monotonic() - started < 3
    assert report.state is KillState.FLATTEN_FAILED
    assert set(report.remaining) == {"I0", "I1"}
    release.set()


def test_engaging_again_is_harmless_and_finishes_what_a_crash_left(tmp_path: Path) -> None:
    EntryLatch(tmp_path).engage(KillState.FLATTENING, "before the crash")
    venue = ScriptedVenue(positions=2)
    kill, latch = switch(venue, tmp_path)
    assert kill.engage(flatten=True, by="restart").state is KillState.FLAT
    closes = sum(name.startswith("close:") for name in venue.calls)
    assert kill.engage(flatten=True, by="again").state is KillState.FLAT
    assert sum(name.startswith("close:") for name in venue.calls) == closes
    assert latch.status().by == "before the crash"


def test_halt_during_another_process_s_flatten_cancels_entries_and_leaves_its_word(tmp_path: Path) -> None:
    closing = EntryLatch(tmp_path)
    closing.engage(KillState.FLATTENING, "shell")
    assert closing.lease.take()
    venue = ScriptedVenue(positions=1, entries=2)
    kill, latch = switch(venue, tmp_path)
    assert not latch.cut_off()
    report = kill.engage(flatten=False, by="operator")
    assert report.state is KillState.FLATTENING
    assert f"process {os.getpid()} is closing the positions" in report.detail
    closing.lease.release()
    assert latch.cut_off()
    assert "that process died: flatten again" in kill.engage(flatten=False, by="operator").detail
    assert venue.orders == {}
    assert len(venue.positions) == len(venue.algos) == 1
    assert latch.status().state is KillState.FLATTENING
    assert latch.status().by == "shell"


def test_what_was_seen_when_the_latch_fell_is_cancelled_before_the_list_is_read_again(tmp_path: Path) -> None:
    venue = ScriptedVenue(positions=1, entries=2)
    kill, _ = switch(venue, tmp_path)
    kill.look_ahead()
    assert venue.orders, "looking cancels nothing"
    venue.orders["late"] = RestingOrder("I0", "late", False)
    venue.calls.clear()
    assert kill.engage(flatten=False, by="operator").state is KillState.HALTED
    assert venue.calls[:3] == ["cancel_order:o0", "cancel_order:o1", "resting_orders"]
    assert venue.orders == {}


def test_a_look_ahead_that_fails_costs_nothing(tmp_path: Path) -> None:
    venue = ScriptedVenue(entries=1)
    venue.faults["resting_orders"] = [Unavailable("down")]
    kill, _ = switch(venue, tmp_path)
    kill.look_ahead()
    assert kill.engage(flatten=False, by="operator").state is KillState.HALTED
    assert venue.orders == {}


@pytest.mark.parametrize("word", [KillState.LATCHED, KillState.HALTED, None])
def test_flatten_takes_its_word_back_when_another_process_wrote_over_it(tmp_path: Path, word: KillState | None) -> None:
    venue = ScriptedVenue(positions=1)
    kill, latch = switch(venue, tmp_path)
    seen: list[KillState] = []

    def other(name: str) -> None:
        if name.startswith("close:"):
            seen.append(latch.status().state)
        if name.startswith("close:") and len(seen) == 1:
            if word is None:
                EntryLatch(tmp_path).resume("somebody")
            else:
                EntryLatch(tmp_path).engage(word, "somebody")
            raise Rejected("not yet", "51032")

    venue.before = other
    assert kill.engage(flatten=True, by="operator").state is KillState.FLAT
    assert seen == [KillState.FLATTENING, KillState.FLATTENING]
    assert latch.status().state is KillState.FLAT


@pytest.mark.parametrize("call", CALLS)
def test_a_defect_in_any_call_does_not_end_the_kill(tmp_path: Path, call: str) -> None:
    venue = ScriptedVenue(positions=1, entries=1)
    venue.faults[call] = [RuntimeError("a defect of ours")]
    kill, _ = switch(venue, tmp_path)
    assert kill.engage(flatten=True, by="operator").state is KillState.FLAT
    assert (venue.positions, venue.orders, venue.algos) == ({}, {}, {})


def test_brackets_that_cannot_be_listed_after_a_flatten_are_named_in_its_report(tmp_path: Path) -> None:
    venue = ScriptedVenue(positions=1)
    venue.faults["resting_algos"] = [Unavailable("down") for _ in range(500)]
    kill, _ = switch(venue, tmp_path)
    report = kill.engage(flatten=True, by="operator")
    assert report.state is KillState.FLAT
    assert "brackets without a position may still rest" in report.detail


def test_progress_that_raises_does_not_end_the_kill(tmp_path: Path) -> None:
    venue = ScriptedVenue(positions=1)
    kill, _ = switch(venue, tmp_path)

    def broken(report: KillReport) -> None:
        raise RuntimeError("screen gone")

    assert kill.engage(flatten=True, by="operator", on_progress=broken).state is KillState.FLAT


def test_disk_that_refuses_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    (tmp_path / "in-the-way").write_text("")
    venue = ScriptedVenue(positions=1)
    kill, latch = switch(venue, tmp_path / "in-the-way" / "storage")
    report = kill.engage(flatten=True, by="operator")
    assert report.state is KillState.FLAT
    assert "disk refused" in report.detail
    assert latch.engaged()


FAULTS = [Rejected("no"), Unavailable("down"), UnknownOutcome("lost"), RuntimeError("bug")]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    positions=st.integers(0, 4),
    entries=st.integers(0, 3),
    faults=st.dictionaries(st.sampled_from(CALLS), st.lists(st.sampled_from(FAULTS), max_size=2), max_size=6),
)
def test_any_few_faults_anywhere_still_end_flat_without_ever_baring_a_position(
    tmp_path: Path, positions: int, entries: int, faults: dict[str, list[Exception]]
) -> None:
    venue = ScriptedVenue(positions, entries)
    venue.faults = {name: list(errors) for name, errors in faults.items()}
    timing = KillTiming(deadline_s=5.0, retry_s=0.002, settle_s=0.002, cancel_budget_s=2.0)
    kill, latch = switch(venue, tmp_path, timing)
    report = kill.engage(flatten=True, by="operator")
    assert report.state is KillState.FLAT
    assert (venue.positions, venue.orders, venue.algos, venue.naked) == ({}, {}, {}, [])
    assert latch.engaged()
