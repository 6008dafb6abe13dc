"""When an instrument's home market is open. Stock, index and metal swaps trade around the clock, but outside the
home session on an internal price, a thin book and with jumps at the reopening (incident row 48).

Stocks and indexes: New York, Monday to Friday 9:30 to 16:00, without the exchange's full holidays, and to 13:00 on the
days before Independence Day and Christmas and after Thanksgiving. Metals: Sunday 18:00 to Friday 17:00 New York time,
without the daily hour from 17:00; their holidays are not modelled. Crypto is always in session.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from enum import IntEnum
from functools import lru_cache

from engine.model import AssetClass

STOCKS = (AssetClass.STOCK, AssetClass.INDEX)
OPENS, CLOSES, CLOSES_EARLY = time(9, 30), time(16, 0), time(13, 0)
METAL_CLOSES, METAL_OPENS = time(17, 0), time(18, 0)
THURSDAY, FRIDAY, SATURDAY, SUNDAY = 3, 4, 5, 6
HALF_HOUR_MS = 1_800_000
"""Every opening falls on one, whatever the season."""
LONGEST_CLOSED_DAYS = 5


class StockEntries(IntEnum):
    """When stock and index swaps may be entered. In the order of looseness: a greater one allows all that a smaller
    one does."""

    US_SESSION_ONLY = 0
    SPREAD = 1
    ALWAYS = 2


def in_session(asset_class: AssetClass, now_ms: int) -> bool:
    """`now_ms` is venue time, UTC."""
    if asset_class is AssetClass.CRYPTO:
        return True
    local = new_york(now_ms)
    return _stocks_open(local) if asset_class in STOCKS else _metals_open(local)


def opens_at(asset_class: AssetClass, now_ms: int) -> int | None:
    """When its home market, closed now, opens next (ms UTC); None when that is more than five days away."""
    return _next_opening(asset_class, now_ms // HALF_HOUR_MS + 1)


@lru_cache(maxsize=64)
def _next_opening(asset_class: AssetClass, first: int) -> int | None:
    halves = range(first, first + LONGEST_CLOSED_DAYS * 48)
    return next((at * HALF_HOUR_MS for at in halves if in_session(asset_class, at * HALF_HOUR_MS)), None)


def new_york(now_ms: int) -> datetime:
    """New York's local time, without a zone; the switch of summer time is taken at the day's beginning."""
    utc = datetime.fromtimestamp(now_ms / 1000, UTC).replace(tzinfo=None)
    summer = _nth_weekday(utc.year, 3, SUNDAY, 2) <= utc.date() < _nth_weekday(utc.year, 11, SUNDAY, 1)
    return utc - timedelta(hours=4 if summer else 5)


def _stocks_open(local: datetime) -> bool:
    day = local.date()
    if local.weekday() > FRIDAY or day in holidays(day.year):
        return False
    return OPENS <= local.time() < (CLOSES_EARLY if day in early_closes(day.year) else CLOSES)


def _metals_open(local: datetime) -> bool:
    weekday, hour = local.weekday(), local.time()
    if weekday == SATURDAY:
        return False
    if weekday == SUNDAY:
        return hour >= METAL_OPENS
    paused = hour >= METAL_CLOSES if weekday == FRIDAY else METAL_CLOSES <= hour < METAL_OPENS
    return not paused


@lru_cache(maxsize=16)
def holidays(year: int) -> frozenset[date]:
    """Full holidays of the New York Stock Exchange; one on a Sunday moves to Monday, on a Saturday to Friday (but
    a New Year's Day on a Saturday is not made up for)."""
    new_year = date(year, 1, 1)
    fixed = [date(year, 6, 19), date(year, 7, 4), date(year, 12, 25)]
    fixed += [new_year] if new_year.weekday() != SATURDAY else []
    moved = [_observed(day) for day in fixed]
    floating = [
        _nth_weekday(year, 1, 0, 3),
        _nth_weekday(year, 2, 0, 3),
        _easter(year) - timedelta(days=2),
        _last_monday_of_may(year),
        _nth_weekday(year, 9, 0, 1),
        _nth_weekday(year, 11, THURSDAY, 4),
    ]
    return frozenset(moved + floating)


@lru_cache(maxsize=16)
def early_closes(year: int) -> frozenset[date]:
    """Days on which the New York Stock Exchange closes at 13:00: the day after Thanksgiving, and 3 July and 24 December
    where both they and the holiday that follows fall on Monday to Friday."""
    eves = [day for day in (date(year, 7, 3), date(year, 12, 24)) if day.weekday() <= THURSDAY]
    return frozenset([*eves, _nth_weekday(year, 11, THURSDAY, 4) + timedelta(days=1)])


def _observed(day: date) -> date:
    return day + timedelta(days={SATURDAY: -1, SUNDAY: 1}.get(day.weekday(), 0))


def _nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (Meeus, Jones, Butcher)."""
    golden, century, of_century = year % 19, year // 100, year % 100
    leap, rest = divmod(century, 4)
    moon_shift = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap - moon_shift + 15) % 30
    quarter, of_quarter = divmod(of_century, 4)
    weekday = (32 + 2 * rest + 2 * quarter - epact - of_quarter) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)
