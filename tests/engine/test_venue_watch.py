"""An engine on the real simulator whose venue, clock, key or account goes wrong: entries stop under a name, nothing
else does, and it trades again when the cause has gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest
import pytest_asyncio

from bench.rig import open_rig
from engine.bus import EventBus
from engine.config import Settings
from engine.engine import Engine
from engine.events import ClockChanged, EngineStateChanged, LogLine
from engine.exchange.errors import ExchangeError
from engine.execution.blocks import ACCOUNT, Blocks
from engine.execution.latch import EntryLatch
from engine.execution.stops import SOURCE
from engine.home import Home
from engine.model import EngineState, Protection
from engine.options import EngineOptions
from engine.reasons import Reason
from engine.venue_watch import judge_clock

pytestmark = pytest.mark.asyncio(loop_scope="module")

BTC, ETH, SOL, XRP = (f"{ticker}-USDT-SWAP" for ticker in ("BTC", "ETH", "SOL", "XRP"))
TO_CLOSE = (ETH, SOL, XRP)
SETTINGS = Settings.model_validate({"llm": {"backend": "rules"}, "demo": {"seed": 7, "equity_usdt": 100_000}})


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_engine(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Engine]:
    """Started, on covered positions, in a market that stands still; no jobs."""
    home = tmp_path_factory.mktemp("home")
    async with open_rig(speed=0.0, home=home) as rig:
        for inst_id in (BTC, *TO_CLOSE):
            assert await rig.enter(inst_id, f"held{inst_id[:3]}", Decimal(2_000)) is Reason.ENTERED
    place = Home(home).prepare()
    options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False)
    engine = Engine(SETTINGS, place, EventBus(), EntryLatch(place.storage), options)
    await engine.start()
    yield engine
    await engine.close()


@pytest_asyncio.fixture(loop_scope="module")
async def engine(one_engine: Engine) -> AsyncIterator[Engine]:
    """With nothing wrong before and after."""
    arm(one_engine, clear=True)
    assert await look(one_engine) == set()
    yield one_engine
    arm(one_engine, clear=True)
    one_engine.opened().desk.stops._until.clear()
    one_engine.opened().desk.stops._outages.clear()
    one_engine.opened().desk.blocks.replace(SOURCE, {})
    await look(one_engine)


def arm(engine: Engine, **fault: object) -> None:
    embedded = engine.opened().venue.embedded
    assert embedded is not None
    if fault.pop("clear", False):
        embedded.clear_faults()
    else:
        embedded.arm_faults(dict(fault))


async def look(engine: Engine) -> set[Reason]:
    """All looks and one guard pass; why nothing may be opened on the whole account."""
    watch = engine.watch
    for work in (watch.status, watch.account, engine.sync_clock, watch.follow_up, engine.guard):
        try:
            await work()
        except ExchangeError as error:
            assert str(error)
    halts = {halt.reason for halt in engine.opened().desk.controls.halts}
    return halts | {block.reason for block in engine.opened().desk.blocks.on(ACCOUNT)}


async def still_guarded(engine: Engine) -> bool:
    """Whether the position stands under its bracket by the venue's own books."""
    embedded = engine.opened().venue.embedded
    assert embedded is not None
    ledger = await asyncio.to_thread(embedded.ledger)
    live = [algo["instId"] for algo in ledger["algos"] if algo["state"] == "live"]
    return BTC in {position["instId"] for position in ledger["positions"]} and live.count(BTC) == 1


async def test_ahead_of_maintenance_the_engine_only_reduces_and_afterwards_it_trades_again(engine: Engine) -> None:
    states: list[tuple[EngineState, str]] = []
    engine.bus.listen(lambda e: states.append((e.state, e.detail)) if isinstance(e, EngineStateChanged) else None)
    assert await look(engine) == set()
    arm(engine, kind="maintenance", begin_s=1200, end_s=2400)
    await asyncio.sleep(0.2)
    assert Reason.MAINTENANCE in await look(engine)
    assert engine.state is EngineState.REDUCING
    assert "MAINTENANCE: maintenance of the venue" in states[-1][1]
    controls = engine.opened().books.controls(engine.opened().instruments[SOL])
    assert Reason.MAINTENANCE in {halt.reason for halt in controls.halts}
    assert {p.protection for p in engine.opened().books.positions or ()} == {Protection.PROTECTED}
    outcome = await engine.opened().desk.exit.close(ETH, Reason.OPERATOR_CLOSE, "exit1")
    assert outcome.reason is Reason.EXITED, "exits go on"
    arm(engine, clear=True)
    await engine.opened().venue.advance_to(engine.clock.now_ms() + 2_500_000)
    assert await look(engine) == set()
    assert engine.state is EngineState.RUNNING


@pytest.mark.parametrize("code", ["50001", "50013"])
async def test_an_outage_that_persists_reduces_and_its_end_is_noticed(engine: Engine, code: str) -> None:
    arm(engine, kind="maintenance", begin_s=0, end_s=600, hard=True, code=code)
    await asyncio.sleep(0.2)
    assert {Reason.MAINTENANCE, Reason.VENUE_UNAVAILABLE} <= await look(engine)
    assert engine.state is EngineState.REDUCING
    arm(engine, clear=True)
    await engine.guard()
    assert engine.opened().books.positions is not None
    assert await still_guarded(engine)


@pytest.mark.parametrize("code", ["50110", "50120", "50030", "50101"])
async def test_a_key_that_lost_its_permission_halts_entries_until_a_person_resumes(engine: Engine, code: str) -> None:
    arm(engine, kind="permission_lost", code=code)
    await asyncio.sleep(0.2)
    await look(engine)
    with pytest.raises(ExchangeError):
        await engine.opened().venue.exchange.set_leverage(BTC, Decimal(1))
    assert Reason.KEY_REFUSED in await look(engine)
    assert engine.state is EngineState.REDUCING
    assert await still_guarded(engine)
    arm(engine, clear=True)
    assert Reason.KEY_REFUSED in await look(engine), "a key that works again is no person's word"
    await engine.opened().desk.controls.resume_entries("operator")
    assert await look(engine) == set()
    assert engine.state is EngineState.RUNNING


@pytest.mark.parametrize(("skew_ms", "reason", "inst_id"), [(3_000, None, SOL), (-45_000, Reason.CLOCK_SKEW, XRP)])
async def test_clocks_that_are_apart_are_shown_and_beyond_ten_seconds_nothing_opens(
    engine: Engine, skew_ms: int, reason: Reason | None, inst_id: str
) -> None:
    lines: list[LogLine] = []
    offsets: list[int | None] = []
    engine.bus.listen(lambda e: lines.append(e) if isinstance(e, LogLine) and e.source == "clock" else None)
    engine.bus.listen(lambda e: offsets.append(e.offset_ms) if isinstance(e, ClockChanged) else None)
    arm(engine, kind="clock_skew", ms=skew_ms)
    await asyncio.sleep(0.2)
    assert await look(engine) == ({reason} if reason else set())
    assert len(lines) == 1
    assert abs((offsets[-1] or 0) - skew_ms) < 1_000
    assert engine.opened().books.positions is not None, "what is signed is signed by the venue's clock"
    outcome = await engine.opened().desk.exit.close(inst_id, Reason.OPERATOR_CLOSE, f"exit{inst_id[:3]}")
    assert outcome.reason is Reason.EXITED, "exits go on"
    arm(engine, clear=True)
    assert await look(engine) == set()


async def test_a_clock_that_a_call_found_wrong_stops_entries_within_seconds_not_within_the_hour(engine: Engine) -> None:
    arm(engine, kind="clock_skew", ms=-60_000)
    await asyncio.sleep(0.2)
    await engine.guard()
    assert engine.opened().desk.blocks.on(ACCOUNT) == (), "the refused call was signed again and passed"
    await engine.watch.follow_up()
    assert [block.reason for block in engine.opened().desk.blocks.on(ACCOUNT)] == [Reason.CLOCK_SKEW]
    arm(engine, clear=True)
    await engine.guard()
    await engine.watch.follow_up()
    assert engine.opened().desk.blocks.on(ACCOUNT) == ()


@pytest.mark.slow
async def test_a_changed_position_mode_is_noticed_and_its_end_too_and_a_clean_stop_disarms_the_dead_man(
    tmp_path: Path,
) -> None:
    place = Home(tmp_path).prepare()
    options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False, keep_venue=True)
    engine = Engine(SETTINGS, place, EventBus(), EntryLatch(place.storage), options)
    await engine.start()
    embedded = engine.opened().venue.embedded
    assert embedded is not None
    try:
        arm(engine, kind="pos_mode", mode="long_short_mode")
        await asyncio.sleep(0.2)
        assert await look(engine) == {Reason.ACCOUNT_CHANGED}
        arm(engine, kind="pos_mode", mode="net_mode")
        await asyncio.sleep(0.2)
        assert await look(engine) == set()
        await engine.opened().desk.dead_man.arm()
        await engine.close()
        asked = [row for row in embedded.log() if row["path"].endswith("cancel-all-after")]
        assert len(asked) == 2
    finally:
        embedded.stop()


@pytest.mark.parametrize(
    ("offset_ms", "levels", "blocks"),
    [(0, [], 0), (2_000, [], 0), (-2_001, ["warning"], 0), (10_000, ["warning"], 0), (10_001, ["error"], 1),
     (-755_000, ["error"], 1)],
)  # fmt: skip
async def test_two_seconds_are_told_and_ten_stop_entries(offset_ms: int, levels: list[str], blocks: int) -> None:
    known, said = Blocks(), list[tuple[str, str, str]]()
    judge_clock(known, offset_ms, lambda *line: said.append(line))
    assert [level for level, _, _ in said] == levels
    assert len(known.on(ACCOUNT)) == blocks
    assert all(("behind" if offset_ms > 0 else "ahead of") in text for _, _, text in said)
    judge_clock(known, 5, lambda *line: said.append(line))
    assert known.on(ACCOUNT) == ()
