"""--kill [--flatten] from a shell, whatever the engine does: latched first, then the venue, then the truth."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.app.conftest import HELD
from tests.app.program import (
    app,
    daemon,
    decisions_of,
    ledger_of,
    live_algos,
    open_positions,
    status,
    unbracketed,
    venue_of,
    wait_until,
)


def latch(home: Path) -> dict[str, Any]:
    return json.loads((home / "storage/KILL").read_text())


def kill_gates(decisions: list[dict[str, Any]]) -> set[str]:
    return {gate["verdict"] for d in decisions for gate in d["gates"] if gate["name"] == "kill"}


@pytest.mark.slow
def test_without_an_engine_it_latches_and_later_flattens_at_the_venue_itself(positions_home: Path) -> None:
    home = positions_home
    halted = app(home, "--kill")
    assert (halted.code, halted.err) == (0, "")
    assert latch(home)["state"] == "halted"
    with ledger_of(home) as ledger:
        assert open_positions(ledger) == set(HELD)
        assert unbracketed(ledger) == []

    cycle = app(home, "--once", "--json", "--cycles", "2")
    assert cycle.code == 0
    decisions = [o for o in cycle.objects if o["type"] == "decision"]
    assert kill_gates([d for d in decisions if d["ticker"] not in {"BTC", "XAU"}]) == {"block"}
    assert {d["action"] for d in decisions} <= {"HOLD", "SELL"}

    flattened = app(home, "--kill", "--flatten")
    assert (flattened.code, flattened.err) == (0, "")
    assert "flat, confirmed at the venue" in flattened.out
    with ledger_of(home) as ledger:
        assert open_positions(ledger) == set()
        assert live_algos(ledger) == []
    told = status(home)
    assert told["kill"]["state"] == "flat"
    assert told["positions"] == []
    assert told["account"]["unrealised"].strip("-0.E") in {"", *"123456789"}


@pytest.mark.slow
def test_under_a_running_engine_it_takes_effect_at_once_and_outlives_the_engine(positions_home: Path) -> None:
    home = positions_home
    with daemon(home, "--speed", "300") as engine:
        wait_until(lambda: engine.state() == "running", "a running engine")
        assert app(home, "--kill").code == 0
        assert venue_of(home).clock()[1] == 300, "the market's speed is none of its business"
        seen = len(engine.decisions())
        wait_until(lambda: len(engine.decisions()) >= seen + 2 * 17, "a whole cycle after the kill")
        after = engine.decisions()[seen + 17 :]
        assert kill_gates([d for d in after if d["ticker"] not in {"BTC", "XAU"}]) == {"block"}
        flattened = app(home, "--kill", "--flatten")
        ledger = venue_of(home).ledger()
        assert flattened.code == 0, flattened
        assert open_positions(ledger) == set()
        assert live_algos(ledger) == []
        entered = {entry["clOrdId"] for entry in ledger["entries"]}
        wait_until(lambda: status(home)["positions"] == [], "an engine that sees it flat", seconds=20)
        engine.signal(signal.SIGTERM)
        assert engine.ended(10).code == 0
    with daemon(home, "--speed", "300") as engine:
        wait_until(lambda: engine.state() == "running", "a running engine")
        seen = len(engine.decisions())
        wait_until(lambda: len(engine.decisions()) >= seen + 2 * 17, "cycles after the restart")
        assert kill_gates(engine.decisions()[seen:]) == {"block"}
        assert status(home)["kill"]["state"] == "flat"
        assert {entry["clOrdId"] for entry in venue_of(home).ledger()["entries"]} == entered


@pytest.mark.slow
def test_with_a_broken_config_it_goes_on_at_the_venue_of_the_last_run(positions_home: Path) -> None:
    (positions_home / "config.yaml").write_text("risk: {max_positons: 3}\n")
    for arguments, state in ((("--kill",), "halted"), (("--kill", "--flatten"), "flat")):
        run = app(positions_home, *arguments)
        assert run.code == 0, run
        assert "going on at the venue of the last run (demo)" in run.err
        assert "max_positons" in run.err
        assert latch(positions_home)["state"] == state
    (positions_home / "config.yaml").unlink()
    with ledger_of(positions_home) as ledger:
        assert open_positions(ledger) == set()
        assert live_algos(ledger) == []


@pytest.mark.slow
def test_with_a_broken_config_and_no_known_venue_entries_are_latched_all_the_same(home: Path) -> None:
    (home / "config.yaml").write_text("risk: {max_positons: 3}\n")
    for arguments in (("--kill",), ("--kill", "--flatten")):
        run = app(home, *arguments)
        assert run.code == 1
        assert "entries stay latched" in run.complaint
        assert "max_positons" in run.complaint
        assert latch(home)["state"] == "latched"
    (home / "config.yaml").unlink()
    assert status(home)["kill"]["state"] == "latched"


@pytest.mark.slow
def test_a_second_kill_keeps_the_first_ones_time_and_never_weakens_it(home: Path) -> None:
    assert app(home, "--kill", "--flatten").code == 0
    first = latch(home)
    assert first["state"] == "flat"
    assert app(home, "--kill").code == 0
    again = latch(home)
    assert (again["since"], again["by"]) == (first["since"], "cli")
    assert decisions_of(home) == []
