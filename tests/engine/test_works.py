"""One home, one kind of money; real money only where something speaks for it, or a person says so."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from engine.config import Settings
from engine.db import Database
from engine.execution.trade_book import OpenTrade, TradeBook
from engine.home import Home, HomeError
from engine.model import BracketPrices
from engine.works import PROVEN_TRADES, VenueRefused, check_books

LIVE = {"goals": {"mode": "live"}, "apis": {"okx": {"flag": "0"}}}
PRICES = BracketPrices(stop=Decimal(97), target=Decimal(106))
TRADE = OpenTrade("t1", "BTC", "BTC-USDT-SWAP", "e1", Decimal("0.01"), PRICES, None, None, 1)


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
        assert await check_books(db, settings(**LIVE, risk={"acknowledge_unproven": True}), Home(tmp_path)) == ""


async def test_real_money_that_is_open_already_is_not_left_alone_but_nothing_more_opens(tmp_path: Path) -> None:
    async with await Database.open(tmp_path / "a.db") as db:
        await check_books(db, settings(**LIVE, risk={"acknowledge_unproven": True}), Home(tmp_path))
        await TradeBook(db).claim(TRADE, Decimal(1), Decimal(100), 1)
        assert "0 closed trades" in await check_books(db, settings(**LIVE), Home(tmp_path))
        with pytest.raises(HomeError):
            await check_books(db, settings(), Home(tmp_path))
