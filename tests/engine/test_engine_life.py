"""Starts and stops of the engine with real positions: what is unfinished goes on, looking heals nothing."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from pathlib import Path

import pytest

from bench.rig import open_rig
from engine import kill_care
from engine.bus import EventBus
from engine.config import Settings
from engine.engine import Engine
from engine.events import LogLine
from engine.exchange.okx.exchange import OkxExchange
from engine.execution.blocks import ACCOUNT
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.kill_care import KillCare
from engine.model import AccountConfig, EngineState, KillState, Protection
from engine.options import EngineOptions
from engine.reasons import Reason
from engine.works import VenueRefused

BTC = "BTC-USDT-SWAP"
SETTINGS = Settings.model_validate({"llm": {"backend": "rules"}, "demo": {"seed": 7, "equity_usdt": 100_000}})


def engine_in(home: Path, observe: bool = False) -> Engine:
    place = Home(home).prepare()
    options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False, observe=observe)
    return Engine(SETTINGS, place, EventBus(), EntryLatch(place.storage), options)


async def with_a_position(home: Path) -> None:
    async with open_rig(speed=0.0, home=home) as rig:
        assert await rig.enter(BTC, "life1", Decimal(2_000)) is Reason.ENTERED


async def until_flat(engine: Engine) -> None:
    async with asyncio.timeout(20):
        while engine.latch.status().state is not KillState.FLAT or await engine.opened().desk.look():
            await asyncio.sleep(0.05)


@pytest.fixture
async def home(tmp_path: Path) -> Path:
    await with_a_position(tmp_path)
    return tmp_path


async def test_an_unfinished_flatten_goes_on_at_the_next_start(home: Path) -> None:
    EntryLatch(Home(home).storage).engage(KillState.FLATTENING, "test")
    engine = engine_in(home)
    try:
        await engine.start()
        await until_flat(engine)
    finally:
        await engine.close()


async def test_a_position_that_appears_after_flat_is_closed_by_the_guard(home: Path) -> None:
    engine = engine_in(home)
    try:
        await engine.start()
        engine.latch.engage(KillState.FLAT, "test")
        await engine.guard()
        await until_flat(engine)
    finally:
        await engine.close()


@pytest.mark.slow
async def test_a_flatten_that_failed_is_tried_again_a_minute_apart_and_told_each_time(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = engine_in(home)
    told: list[str] = []
    engine.bus.listen(lambda e: told.append(e.text) if isinstance(e, LogLine) and e.source == "kill" else None)
    try:
        await engine.start()
        engine.latch.engage(KillState.FLATTEN_FAILED, "test")
        monkeypatch.setattr(KillCare, "engage", lambda *_: None)
        await engine.guard()
        await engine.guard()
        assert told == ["the flatten failed, 1 position(s) open: trying again"], "not at every look"
        monkeypatch.undo()
        monkeypatch.setattr(kill_care, "AGAIN_S", 0.0)
        await engine.guard()
        await until_flat(engine)
        assert len(told) == 2
        engine.latch.engage(KillState.FLATTEN_FAILED, "test")
        await engine.guard()
        await until_flat(engine)
        assert told[2:] == ["the flatten failed, 0 position(s) open: trying again"], "flat is what the venue confirms"
    finally:
        await engine.close()


@pytest.mark.slow
async def test_looking_heals_nothing_and_a_start_does(home: Path) -> None:
    looking = engine_in(home, observe=True)
    try:
        await looking.start()
        exchange = looking.opened().venue.exchange
        await exchange.cancel_brackets(BTC, [bracket.algo_id for bracket in await exchange.brackets()])
        await looking.refresh_books()
        assert [p.protection for p in looking.opened().books.positions or ()] == [Protection.MISSING]
        assert await exchange.brackets() == ()
    finally:
        await looking.close()
    engine = engine_in(home)
    try:
        await engine.start()
        assert [p.protection for p in engine.opened().books.positions or ()] == [Protection.PROTECTED]
    finally:
        await engine.close()
    assert engine.state is EngineState.STOPPED


LOST = [
    (AccountConfig("1", True, frozenset({"read_only", "trade"}), True), Reason.ACCOUNT_CHANGED, "account level is '1'"),
    (AccountConfig("2", True, frozenset({"read_only"}), True), Reason.KEY_REFUSED, "may not trade"),
]


def set_up_as(monkeypatch: pytest.MonkeyPatch, config: AccountConfig) -> None:
    async def account_config(_exchange: OkxExchange) -> AccountConfig:
        return config

    monkeypatch.setattr(OkxExchange, "account_config", account_config)


@pytest.mark.slow
@pytest.mark.parametrize(("config", "reason", "text"), LOST)
async def test_a_wrong_set_up_at_the_start_leaves_no_position_unguarded_and_nothing_opens(
    home: Path, monkeypatch: pytest.MonkeyPatch, config: AccountConfig, reason: Reason, text: str
) -> None:
    looking = engine_in(home, observe=True)
    try:
        await looking.start()
        exchange = looking.opened().venue.exchange
        await exchange.cancel_brackets(BTC, [bracket.algo_id for bracket in await exchange.brackets()])
    finally:
        await looking.close()
    set_up_as(monkeypatch, config)
    engine = engine_in(home)
    told: list[str] = []
    engine.bus.listen(lambda e: told.append(e.text) if isinstance(e, LogLine) and e.level == "error" else None)
    try:
        await engine.start()
        assert engine.state is EngineState.REDUCING
        assert [p.protection for p in engine.opened().books.positions or ()] == [Protection.PROTECTED]
        assert [block.reason for block in engine.opened().desk.blocks.on(ACCOUNT)] == [reason]
        assert len([line for line in told if text in line]) == 1
        monkeypatch.undo()
        await engine.watch.account()
        await engine.guard()
        assert engine.state is EngineState.RUNNING, "put right, it trades again"
    finally:
        await engine.close()


@pytest.mark.slow
async def test_a_wrong_set_up_of_an_account_that_is_flat_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_up_as(monkeypatch, LOST[0][0])
    for observe in (False, True):
        engine = engine_in(tmp_path, observe)
        try:
            with pytest.raises(VenueRefused, match="account level is '1'"):
                await engine.start()
        finally:
            await engine.close()


async def test_a_stop_waits_for_what_is_in_hand_at_the_venue(home: Path) -> None:
    engine = engine_in(home)
    await engine.start()
    lock = engine.opened().desk.shared.locks.of(BTC)
    await lock.acquire()
    closing = asyncio.ensure_future(engine.close())
    await asyncio.sleep(0.2)
    assert not closing.done()
    assert engine.opened().books.controls(engine.opened().instruments[BTC]).entries_stopped
    lock.release()
    await closing
