"""What the venue's refusals stop: every class of error has its measure, in force at once, told once, never a loop."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from engine.clock import ManualClock
from engine.db import Database
from engine.events import Event
from engine.exchange.errors import ErrorClass, Rejected, Unavailable, VenueFault
from engine.execution.blocks import Blocks
from engine.execution.controls import Controls
from engine.execution.stops import MEASURES, Look, VenueStops
from engine.reasons import Reason

BTC, ETH = "BTC-USDT-SWAP", "ETH-USDT-SWAP"


@dataclass
class Stage:
    """Stops on a clock of ours; `said` is (level, text, instrument)."""

    clock: ManualClock
    controls: Controls
    blocks: Blocks
    stops: VenueStops
    said: list[tuple[str, str, str]] = field(default_factory=list)

    def refuse(self, code: str, error_class: ErrorClass, write: bool = True, inst_id: str = BTC) -> None:
        kind = Rejected if write else Unavailable
        self.stops.hear(VenueFault(kind("refused", code, error_class), inst_id, write))

    def reason(self, inst_id: str) -> Reason | None:
        block = self.blocks.of(inst_id)
        return block.reason if block is not None else None


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    clock, events = ManualClock(1_700_000_000_000), list[Event]()
    db = await Database.open(tmp_path / "a.db")
    controls, blocks = Controls(db, clock, events.append), Blocks()
    said: list[tuple[str, str, str]] = []
    stops = VenueStops(controls, blocks, clock, lambda *line: said.append(line))
    yield Stage(clock, controls, blocks, stops, said)
    await db.close()


HALTS = {
    ErrorClass.AUTH: ("50113", Reason.KEY_REFUSED),
    ErrorClass.PERMISSION: ("50110", Reason.KEY_REFUSED),
    ErrorClass.ACCOUNT_HALT: ("50007", Reason.ACCOUNT_HALTED),
}
EVERYWHERE = {
    ErrorClass.CLOCK: ("50102", Reason.CLOCK_SKEW, 61),
    ErrorClass.RISK_FROZEN: ("50018", Reason.RISK_FROZEN, 301),
    ErrorClass.UPGRADE: ("50115", Reason.OUTDATED, 86_401),
}
HERE = {
    ErrorClass.MODE: ("51010", Reason.ACCOUNT_CHANGED, 301),
    ErrorClass.INSTRUMENT_OFF: ("54092", Reason.INSTRUMENT_OFF, 3_601),
}
TOLD = {
    ErrorClass.SIZE_SMALL: "51020", ErrorClass.SIZE_BIG: "51202", ErrorClass.PRICE_BAND: "51006",
    ErrorClass.OUR_BUG: "51000", ErrorClass.UNCLASSIFIED: "59999", ErrorClass.DEMO: "50038",
}  # fmt: skip
ITS_OWN_CALL_SUFFICES = {
    ErrorClass.UNKNOWN_STATE, ErrorClass.TRANSIENT, ErrorClass.THROTTLE, ErrorClass.MONEY, ErrorClass.DUPLICATE_ID,
    ErrorClass.POSITION_GONE, ErrorClass.CLOSE_CONFLICT, ErrorClass.ALGO_PRICE_SIDE, ErrorClass.ALGO_CAPS,
    ErrorClass.TOO_LATE, ErrorClass.NOT_FOUND, ErrorClass.EXPIRED,
}  # fmt: skip


def test_every_class_is_either_dealt_with_here_or_by_its_own_call() -> None:
    assert set(MEASURES) == set(HALTS) | set(EVERYWHERE) | set(HERE) | set(TOLD)
    assert set(MEASURES) | ITS_OWN_CALL_SUFFICES == set(ErrorClass)
    assert not set(MEASURES) & ITS_OWN_CALL_SUFFICES


@pytest.mark.parametrize("error_class", HALTS)
@pytest.mark.parametrize("write", [True, False])
async def test_a_refused_key_or_a_frozen_account_halts_entries_until_a_person_resumes(
    stage: Stage, error_class: ErrorClass, write: bool
) -> None:
    code, reason = HALTS[error_class]
    for _ in range(5):
        stage.refuse(code, error_class, write)
    assert [halt.reason for halt in stage.controls.halts] == [reason]
    assert [level for level, _, _ in stage.said] == ["error"], "alerted once, and no loop"
    stage.clock.advance(10 * 86_400_000)
    await stage.stops.settle()
    assert [halt.reason for halt in stage.controls.halts] == [reason]
    await stage.controls.resume_entries("operator")
    assert stage.controls.halts == ()


@pytest.mark.parametrize("error_class", EVERYWHERE)
async def test_what_passes_by_itself_blocks_the_whole_account_for_a_while(
    stage: Stage, error_class: ErrorClass
) -> None:
    code, reason, lasts_s = EVERYWHERE[error_class]
    stage.refuse(code, error_class)
    assert (stage.reason(BTC), stage.reason(ETH)) == (reason, reason)
    stage.clock.advance((lasts_s - 2) * 1000)
    await stage.stops.settle()
    assert stage.reason(ETH) is reason
    stage.clock.advance(2_000)
    await stage.stops.settle()
    assert stage.reason(ETH) is None
    assert stage.controls.halts == ()


@pytest.mark.parametrize("error_class", HERE)
async def test_what_is_wrong_with_one_instrument_blocks_that_one(stage: Stage, error_class: ErrorClass) -> None:
    code, reason, lasts_s = HERE[error_class]
    stage.refuse(code, error_class)
    assert (stage.reason(BTC), stage.reason(ETH)) == (reason, None)
    stage.clock.advance(lasts_s * 1000)
    await stage.stops.settle()
    assert stage.reason(BTC) is None


@pytest.mark.parametrize("error_class", HERE)
async def test_what_would_stop_one_instrument_stops_none_where_the_call_named_none(
    stage: Stage, error_class: ErrorClass
) -> None:
    """As the dead man's switch, which is for the whole account: told, and what must be read again is read."""
    stage.refuse(HERE[error_class][0], error_class, inst_id="")
    assert stage.reason(BTC) is None
    assert len(stage.said) == 1
    assert stage.stops.take_looks()


@pytest.mark.parametrize("error_class", TOLD)
async def test_the_rest_is_told_and_blocks_nothing(stage: Stage, error_class: ErrorClass) -> None:
    for _ in range(3):
        stage.refuse(TOLD[error_class], error_class)
    assert len(stage.said) == 1
    stage.clock.advance(61_000)
    stage.refuse(TOLD[error_class], error_class)
    assert len(stage.said) == 2, "said again after a minute"
    assert stage.reason(BTC) is None
    assert stage.controls.halts == ()


@pytest.mark.parametrize("error_class", sorted(ITS_OWN_CALL_SUFFICES))
async def test_what_its_own_call_deals_with_stops_nothing_else(stage: Stage, error_class: ErrorClass) -> None:
    stage.refuse("51234", error_class)
    assert stage.reason(BTC) is None
    assert stage.said == []


@pytest.mark.parametrize("error_class", [*HERE, *TOLD, ErrorClass.UPGRADE])
async def test_a_read_that_is_refused_so_stops_no_orders(stage: Stage, error_class: ErrorClass) -> None:
    stage.refuse("51001", error_class, write=False)
    assert stage.reason(BTC) is None
    assert stage.said == []


async def test_what_must_be_read_again_is_asked_for_once(stage: Stage) -> None:
    stage.refuse("51020", ErrorClass.SIZE_SMALL)
    stage.refuse("51010", ErrorClass.MODE)
    stage.refuse("50102", ErrorClass.CLOCK)
    assert stage.stops.take_looks() == {Look.SPECS, Look.ACCOUNT, Look.CLOCK}
    assert stage.stops.take_looks() == frozenset()


async def test_an_outage_that_persists_is_maintenance_until_it_has_been_quiet_for_a_minute(stage: Stage) -> None:
    for code in ("50001", "50013"):
        stage.refuse(code, ErrorClass.TRANSIENT, write=False)
    assert stage.reason(BTC) is None, "twice is a hiccup"
    stage.refuse("50001", ErrorClass.TRANSIENT)
    assert stage.reason(ETH) is Reason.MAINTENANCE
    stage.clock.advance(50_000)
    stage.refuse("50001", ErrorClass.TRANSIENT)
    stage.clock.advance(50_000)
    await stage.stops.settle()
    assert stage.reason(ETH) is Reason.MAINTENANCE
    stage.clock.advance(11_000)
    await stage.stops.settle()
    assert stage.reason(ETH) is None


async def test_a_failure_without_a_code_of_the_venue_is_the_networks(stage: Stage) -> None:
    stage.refuse("", ErrorClass.AUTH)
    assert stage.controls.halts == ()


async def test_a_longer_block_is_not_cut_short_by_a_shorter_one(stage: Stage) -> None:
    stage.refuse("50115", ErrorClass.UPGRADE)
    stage.refuse("50102", ErrorClass.CLOCK)
    stage.clock.advance(100_000)
    await stage.stops.settle()
    assert stage.reason(BTC) is Reason.OUTDATED


async def test_a_halt_that_cannot_be_written_is_in_force_and_told(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full() -> None:
        raise sqlite3.OperationalError("disk full")

    monkeypatch.setattr(stage.controls, "keep_halts", full)
    stage.refuse("50110", ErrorClass.PERMISSION)
    await stage.stops.settle()
    await stage.stops.settle()
    assert [halt.reason for halt in stage.controls.halts] == [Reason.KEY_REFUSED]
    assert sum("not written" in text for _, text, _ in stage.said) == 1
