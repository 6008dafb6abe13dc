"""What a person asks of a running engine about a position: claimed, cut and closed on the real simulator."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine import commands
from engine.bus import EventBus
from engine.config import Settings
from engine.engine import Engine
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.model import ProtectedPosition, Protection
from engine.options import EngineOptions

SETTINGS = Settings.model_validate({"llm": {"backend": "rules"}, "demo": {"seed": 7}, "watchlist": ["BTC"]})


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Engine]:
    home = Home(tmp_path).prepare()
    options = EngineOptions(speed=0.0, scheduled=False, retry_venue=False)
    engine = Engine(SETTINGS, home, EventBus(), EntryLatch(home.storage), options)
    await engine.start()
    try:
        yield engine
    finally:
        await engine.close()


async def until(engine: Engine, protection: Protection) -> ProtectedPosition:
    """The one position, once the guard sees it so."""
    async with asyncio.timeout(30):
        while True:
            await engine.guard()
            for held in engine.opened().desk.guard.last:
                if held.protection is protection:
                    return held
            await asyncio.sleep(0.1)


async def test_a_position_is_claimed_halved_and_closed(engine: Engine) -> None:
    embedded = engine.opened().venue.embedded
    assert embedded is not None
    embedded.arm_faults({"kind": "manual_trade", "inst": "BTC-USDT-SWAP", "side": "buy", "contracts": 4})
    await until(engine, Protection.FOREIGN)
    claimed = await engine.handle(commands.ClaimPosition("BTC", "test", 2.0))
    assert claimed.ok, claimed.detail
    assert (await until(engine, Protection.PROTECTED)).position.contracts == 4
    halved = await engine.handle(commands.ClosePosition("BTC", "test", share=0.5))
    assert halved.ok, halved.detail
    assert (await until(engine, Protection.PROTECTED)).position.contracts == 2
    closed = await engine.handle(commands.ClosePosition("BTC", "test"))
    assert closed.ok, closed.detail
    await engine.guard()
    assert not engine.opened().desk.guard.last


async def test_what_makes_no_sense_is_answered_and_changes_nothing(engine: Engine) -> None:
    asked: dict[commands.Command, str] = {
        commands.ClosePosition("BTC", "test", share=0.0): "above 0 and at most 1",
        commands.ClosePosition("BTC", "test", share=1.5): "above 0 and at most 1",
        commands.ClosePosition("NOPE", "test"): "not listed",
        commands.ClaimPosition("NOPE", "test"): "not listed",
        commands.ClaimPosition("BTC", "test", 51.0): "0 to 50 %",
        commands.ClaimPosition("BTC", "test"): "",
    }
    for command, answer in asked.items():
        ack = await engine.handle(command)
        assert not ack.ok
        assert answer in ack.detail
