"""The dead-man switch watches over entries that can rest, and over nothing else."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine.clock import ManualClock
from engine.exchange.errors import AuthFailed, ErrorClass, ExchangeError, Rejected, Unavailable, UnknownOutcome
from engine.execution.dead_man import IDLE_S, REFRESH_S, TIMEOUT_S, DeadMan
from engine.execution.ids import TAG
from engine.execution.intent import Intent
from engine.execution.states import IntentState, Kind
from engine.reasons import Reason
from tests.execution.rig import Rig
from tests.simulator_process import REPOSITORY, Simulator, simulator

BTC = "BTC-USDT-SWAP"


class Venue:
    """Counts what it is asked; `fails` is raised by the next calls."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, str]] = []
        self.fails: list[ExchangeError] = []

    async def dead_man(self, seconds: int, tag: str) -> None:
        self.asked.append((seconds, tag))
        await asyncio.sleep(0)
        if self.fails:
            raise self.fails.pop(0)


class Journal:
    """What is unresolved."""

    def __init__(self) -> None:
        self.intents: list[Any] = []

    async def unresolved(self) -> tuple[Any, ...]:
        return tuple(self.intents)

    def hold(self, kind: Kind, state: IntentState) -> None:
        intent = object.__new__(Intent)
        object.__setattr__(intent, "kind", kind)
        object.__setattr__(intent, "state", state)
        self.intents = [intent]


@pytest.fixture
def stage() -> tuple[DeadMan, Venue, Journal, ManualClock, list[str]]:
    venue, journal, clock, said = Venue(), Journal(), ManualClock(1_700_000_000_000), list[str]()
    dead_man = DeadMan(venue, journal, clock, lambda _, text, __: said.append(text))  # type: ignore[arg-type]
    return dead_man, venue, journal, clock, said


Stage = tuple[DeadMan, Venue, Journal, ManualClock, list[str]]


async def test_several_entries_at_once_arm_it_once_and_one_after_a_while_arms_it_anew(stage: Stage) -> None:
    dead_man, venue, _, clock, _ = stage
    await asyncio.gather(*(dead_man.arm() for _ in range(5)))
    assert venue.asked == [(TIMEOUT_S, TAG)]
    assert dead_man.armed
    clock.advance(int(REFRESH_S * 1000))
    await dead_man.arm()
    assert len(venue.asked) == 2


async def test_while_an_entry_may_rest_it_is_never_older_than_a_quarter_of_its_time(stage: Stage) -> None:
    dead_man, venue, journal, clock, _ = stage
    journal.hold(Kind.ENTRY, IntentState.UNKNOWN)
    armed_at = [clock.monotonic()]
    for _ in range(100):
        before = len(venue.asked)
        await dead_man.keep()
        armed_at += [clock.monotonic()] * (len(venue.asked) - before)
        clock.advance(int(REFRESH_S * 1000))
    gaps = [later - earlier for earlier, later in pairwise(armed_at)]
    assert max(gaps) <= TIMEOUT_S / 4
    assert dead_man.armed


async def test_when_no_entry_can_rest_it_is_disarmed_after_a_while(stage: Stage) -> None:
    dead_man, venue, journal, clock, _ = stage
    await dead_man.arm()
    journal.hold(Kind.EXIT, IntentState.ACCEPTED)
    await dead_man.keep()
    assert venue.asked[-1] == (TIMEOUT_S, TAG)
    clock.advance(int(IDLE_S * 1000))
    await dead_man.keep()
    await dead_man.keep()
    await dead_man.disarm()
    assert venue.asked == [(TIMEOUT_S, TAG), (0, TAG)]
    assert not dead_man.armed


@pytest.mark.parametrize(
    "error",
    [
        Unavailable("down"),
        UnknownOutcome("lost"),
        Rejected("busy", "50011"),
        Rejected("no longer", "50115", ErrorClass.UPGRADE),
    ],
)
async def test_an_entry_that_nobody_would_watch_over_is_not_sent(stage: Stage, error: ExchangeError) -> None:
    dead_man, venue, _, _, _ = stage
    venue.fails = [error]
    with pytest.raises(Rejected, match="nothing was sent"):
        await dead_man.arm()
    assert not dead_man.armed
    await dead_man.arm()
    assert dead_man.armed


async def test_a_refused_key_is_told_as_that(stage: Stage) -> None:
    dead_man, venue, _, _, _ = stage
    venue.fails = [AuthFailed("no", "50110")]
    with pytest.raises(AuthFailed):
        await dead_man.arm()


async def test_where_it_is_not_offered_entries_go_on_without_it(stage: Stage) -> None:
    dead_man, venue, _, _, said = stage
    venue.fails = [Rejected("not here", "50038", ErrorClass.DEMO)]
    await dead_man.arm()
    await dead_man.arm()
    assert len(venue.asked) == 1
    assert "without it" in said[0]


async def test_an_entry_arms_it_before_it_goes_out_and_an_exit_does_not(rig: Rig) -> None:
    assert (await rig.desk.entry.enter(await rig.plan("watched"))).reason is Reason.ENTERED
    calls = [call for call in rig.venue.calls if call in {"dead_man", "place_order"}]
    assert calls == ["dead_man", "place_order"]
    rig.venue.calls.clear()
    assert (await rig.desk.exit.close(BTC, Reason.OPERATOR_CLOSE, "out")).reason is Reason.EXITED
    assert rig.venue.sent("dead_man") == 0


async def test_where_it_cannot_be_armed_the_entry_is_refused_and_nothing_is_sent(rig: Rig) -> None:
    async def fail(*_: Any) -> Any:
        raise Unavailable("the venue does not answer")

    rig.venue.always["dead_man"] = fail
    outcome = await rig.desk.entry.enter(await rig.plan("watched"))
    assert outcome.reason is Reason.ORDER_REJECTED
    assert "nothing was sent" in outcome.detail
    assert rig.venue.sent("place_order") == 0


CHILD = "tests.execution.dead_man_child"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP])
def test_a_program_that_falls_silent_loses_its_resting_entry_and_keeps_its_brackets(
    tmp_path: Path, number: signal.Signals
) -> None:
    with simulator(tmp_path, speed=1) as sim:
        child = subprocess.Popen(
            [sys.executable, "-m", CHILD, str(sim.port)], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
        )
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "resting\n"
            time.sleep(12)
            assert resting(sim) == 1, "refreshed: it rests longer than the switch's time"
            os.kill(child.pid, number)
            silent_at = time.monotonic()
            while resting(sim):
                assert time.monotonic() - silent_at < 15
                time.sleep(0.2)
            assert time.monotonic() - silent_at > 6
            [order] = [o for o in sim.ledger()["orders"] if o["state"] == "canceled"]
            assert order["cancelSource"] == "20"
            assert [algo["state"] for algo in sim.ledger()["algos"]] == ["live"]
            assert len(sim.ledger()["positions"]) == 1
        finally:
            child.kill()
            child.wait()
            child.stdout.close()


def resting(sim: Simulator) -> int:
    return sum(order["state"] == "live" for order in sim.ledger()["orders"])
