"""One home, one kind of money; real money only where something speaks for it, or a person says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import Settings
from engine.db import Database
from engine.home import Home, HomeError
from engine.works import PROVEN_TRADES, VenueRefused, check_books

LIVE = {"goals": {"mode": "live"}, "apis": {"okx": {"flag": "0"}}}


def settings(**sections: object) -> Settings:
    return Settings.model_validate(sections)


async def test_a_home_keeps_the_books_of_the_mode_that_began_it(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        await check_books(db, settings(), Home(tmp_path))
        await check_books(db, settings(), Home(tmp_path))
        with pytest.raises(HomeError, match="books of demo mode; use another --home for mode 'paper'"):
            await check_books(db, settings(goals={"mode": "paper"}), Home(tmp_path))


async def test_real_money_needs_closed_trades_or_a_persons_word(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        with pytest.raises(VenueRefused, match=f"0 closed trades.*{PROVEN_TRADES}.*acknowledge_unproven"):
            await check_books(db, settings(**LIVE), Home(tmp_path))
        await check_books(db, settings(**LIVE, risk={"acknowledge_unproven": True}), Home(tmp_path))
