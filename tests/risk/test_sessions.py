"""The session calendar against dates that are known."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from engine.model import AssetClass
from engine.risk.sessions import StockEntries, early_closes, holidays, in_session, opens_at


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize(
    ("asset", "moment", "open_"),
    [
        (AssetClass.CRYPTO, "2026-07-04T03:00", True),
        # Summer time: 13:30 to 20:00 UTC
        (AssetClass.STOCK, "2026-07-08T13:29:59", False),
        (AssetClass.STOCK, "2026-07-08T13:30", True),
        (AssetClass.INDEX, "2026-07-08T19:59:59", True),
        (AssetClass.INDEX, "2026-07-08T20:00", False),
        # Winter time: 14:30 to 21:00 UTC
        (AssetClass.STOCK, "2026-01-14T14:29:59", False),
        (AssetClass.STOCK, "2026-01-14T20:59:59", True),
        (AssetClass.STOCK, "2026-03-06T14:00", False),
        (AssetClass.STOCK, "2026-03-09T14:00", True),
        (AssetClass.STOCK, "2026-10-30T13:45", True),
        (AssetClass.STOCK, "2026-11-02T13:45", False),
        # Weekend, holidays
        (AssetClass.STOCK, "2026-07-11T15:00", False),
        (AssetClass.STOCK, "2026-07-03T15:00", False),
        (AssetClass.STOCK, "2026-11-26T16:00", False),
        # Early closes at 13:00 New York: after Thanksgiving, before Christmas and Independence Day
        (AssetClass.STOCK, "2026-11-27T17:59:59", True),
        (AssetClass.INDEX, "2026-11-27T18:00", False),
        (AssetClass.STOCK, "2026-12-24T18:00", False),
        (AssetClass.STOCK, "2025-07-03T16:59:59", True),
        (AssetClass.STOCK, "2025-07-03T17:00", False),
        (AssetClass.STOCK, "2026-07-02T18:00", True),
        (AssetClass.METAL, "2026-11-27T18:00", True),
        # Metals: the daily hour, Friday evening to Sunday evening
        (AssetClass.METAL, "2026-07-08T20:59:59", True),
        (AssetClass.METAL, "2026-07-08T21:30", False),
        (AssetClass.METAL, "2026-07-08T22:00", True),
        (AssetClass.METAL, "2026-07-10T22:00", False),
        (AssetClass.METAL, "2026-07-11T12:00", False),
        (AssetClass.METAL, "2026-07-12T21:59:59", False),
        (AssetClass.METAL, "2026-07-12T22:00", True),
    ],
)
def test_sessions(asset: AssetClass, moment: str, open_: bool) -> None:
    assert in_session(asset, at(moment)) is open_


@pytest.mark.parametrize(
    ("year", "known"),
    [
        (2024, "0101 0115 0219 0329 0527 0619 0704 0902 1128 1225"),
        (2025, "0101 0120 0217 0418 0526 0619 0704 0901 1127 1225"),
        (2026, "0101 0119 0216 0403 0525 0619 0703 0907 1126 1225"),
        (2022, "0117 0221 0415 0530 0620 0704 0905 1124 1226"),
    ],
)
def test_holidays_of_new_york(year: int, known: str) -> None:
    assert sorted(holidays(year)) == [date(year, int(day[:2]), int(day[2:])) for day in known.split()]


@pytest.mark.parametrize(
    ("year", "known"),
    [
        (2021, "1126"),  # 4 July was a Sunday, Christmas a Saturday
        (2022, "1125"),
        (2023, "0703 1124"),
        (2024, "0703 1129 1224"),
        (2025, "0703 1128 1224"),
        (2026, "1127 1224"),
    ],
)
def test_early_closes_of_new_york(year: int, known: str) -> None:
    assert sorted(early_closes(year)) == [date(year, int(day[:2]), int(day[2:])) for day in known.split()]
    assert not early_closes(year) & holidays(year)


@pytest.mark.parametrize(
    ("asset", "moment", "opens"),
    [
        (AssetClass.STOCK, "2026-07-08T20:00", "2026-07-09T13:30"),
        (AssetClass.STOCK, "2026-07-10T20:00", "2026-07-13T13:30"),  # over the weekend
        (AssetClass.STOCK, "2026-10-31T12:00", "2026-11-02T14:30"),  # and into winter time
        (AssetClass.STOCK, "2026-07-02T20:00", "2026-07-06T13:30"),  # over a holiday and a weekend
        (AssetClass.METAL, "2026-07-11T12:00", "2026-07-12T22:00"),
        (AssetClass.METAL, "2026-07-08T21:10", "2026-07-08T22:00"),
    ],
)
def test_the_next_opening(asset: AssetClass, moment: str, opens: str) -> None:
    assert opens_at(asset, at(moment)) == at(opens)


def test_the_rules_for_stocks_are_ordered_by_looseness() -> None:
    assert StockEntries.US_SESSION_ONLY < StockEntries.SPREAD < StockEntries.ALWAYS
