"""When markets are awake: hour of day and day of week, by asset class (UTC, New York hours for stocks).

The crypto shape was measured on OKX BTC 2024-12-31..2026-02-19, metals on the gold perpetual, stocks on
index and single-stock perpetuals (regular session, pre- and after-market, night, weekend).
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import cache

import numpy as np

from engine.clock import utc
from engine.model import AssetClass, FloatArray

DAY_MS = 86_400_000
HOUR_MS = 3_600_000
BAR_MS = 300_000
BARS_A_DAY = DAY_MS // BAR_MS

_CRYPTO_VOLUME = (.91, .93, .84, .74, .72, .67, .75, .86, .87, .83, .75, .79, 1.0, 1.53, 2.11, 1.92, 1.50, 1.34, 1.06,
                  .93, .85, .69, .71, .71)  # fmt: skip
_CRYPTO_MOVE = (1.07, 1.03, .92, .80, .76, .74, .79, .85, .84, .83, .74, .78, .93, 1.33, 1.58, 1.43, 1.26, 1.22, 1.08,
                1.0, 1.06, .97, .95, .87)  # fmt: skip
_METAL_VOLUME = (.87, 1.1, 1.06, .82, .71, 1.0, 1.0, .94, 1.04, .88, .82, .85, 1.06, 1.72, 1.95, 2.1, 1.4, 1.2, .8, .6,
                 .5, .4, .18, 1.4)  # fmt: skip
_METAL_MOVE = (1.08, 1.12, 1.12, .85, .74, .9, .86, .86, 1.0, .84, .8, .85, .9, 1.25, 1.36, 1.36, 1.23, 1.1, 1.0, .92,
               .95, .85, .7, 1.15)  # fmt: skip
# Stocks by hours since New York midnight: night, pre-market, open spike, session, close, after-market.
_STOCK_HOURS = (0, 4, 7, 9.35, 9.5, 9.75, 10.25, 11, 13, 15, 15.9, 16.1, 17, 20, 24)
_STOCK_MOVE = (.32, .34, .5, .72, 2.7, 2.3, 1.95, 1.65, 1.4, 1.4, 1.6, .9, .5, .36, .32)  # fmt: skip
_STOCK_VOLUME = (.2, .22, .45, .9, 5.5, 4.6, 3.4, 2.6, 1.9, 2.1, 3.0, 1.2, .5, .25, .2)  # fmt: skip

_WEEK_MOVE = {
    AssetClass.CRYPTO: (1.18, 1.13, 1.09, 1.08, 1.11, 0.61, 0.79),
    AssetClass.METAL: (1.05, 1.05, 1.02, 1.0, 1.0, 0.27, 0.36),
    AssetClass.STOCK: (1.0, 1.0, 1.0, 1.02, 1.02, 0.17, 0.2),
}
_WEEK_VOLUME = {
    AssetClass.CRYPTO: (1.23, 1.16, 1.12, 1.11, 1.19, 0.50, 0.70),
    AssetClass.METAL: (1.0, 1.0, 1.0, 1.02, 1.0, 0.1, 0.15),
    AssetClass.STOCK: (1.0, 1.0, 1.0, 1.02, 1.02, 0.1, 0.12),
}


def _nth_sunday(year: int, month: int, nth: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (nth - 1))


def new_york_offset_h(day: date) -> int:
    """Hours that New York is behind UTC on `day`: 4 in summer time, else 5."""
    summer = _nth_sunday(day.year, 3, 2) <= day < _nth_sunday(day.year, 11, 1)
    return 4 if summer else 5


def _hourly(values: tuple[float, ...]) -> FloatArray:
    """Hourly means as a smooth curve of 5-minute bars."""
    hours = np.arange(BARS_A_DAY) * (24 / BARS_A_DAY) + 24 / BARS_A_DAY / 2
    return np.asarray(np.interp(hours, np.arange(24) + 0.5, np.asarray(values), period=24), dtype=np.float64)


@cache
def _new_york(values: tuple[float, ...], offset_h: int) -> FloatArray:
    hours = (np.arange(BARS_A_DAY) * (24 / BARS_A_DAY) - offset_h) % 24
    return np.asarray(np.interp(hours, np.asarray(_STOCK_HOURS), np.asarray(values)), dtype=np.float64)


_CURVES = {
    ("move", AssetClass.CRYPTO): _hourly(_CRYPTO_MOVE),
    ("volume", AssetClass.CRYPTO): _hourly(_CRYPTO_VOLUME),
    ("move", AssetClass.METAL): _hourly(_METAL_MOVE),
    ("volume", AssetClass.METAL): _hourly(_METAL_VOLUME),
}


def _weekly_scale(day: int, table: tuple[float, ...], weekend_opens_h: int) -> FloatArray:
    """The weekday's factor for each bar; metals and stocks wake on Sunday evening when their futures do."""
    weekday = (day + 3) % 7
    scale = np.full(BARS_A_DAY, table[weekday])
    if weekday == 6 and weekend_opens_h:
        scale[weekend_opens_h * BARS_A_DAY // 24 :] = 0.8 * table[0]
    if weekday == 4 and weekend_opens_h:
        scale[weekend_opens_h * BARS_A_DAY // 24 :] = table[5]
    return scale


def season(asset_class: AssetClass, day: int) -> tuple[FloatArray, FloatArray]:
    """(move, volume) factors of each 5-minute bar of UTC `day` (days since 1970), about 1 on a weekday."""
    kind = AssetClass.STOCK if asset_class is AssetClass.INDEX else asset_class
    reopens = {AssetClass.CRYPTO: 0, AssetClass.METAL: 23, AssetClass.STOCK: 0}[kind]
    weekly = (_weekly_scale(day, table[kind], reopens) for table in (_WEEK_MOVE, _WEEK_VOLUME))
    if kind is AssetClass.STOCK:
        offset = new_york_offset_h(utc(day * DAY_MS).date())
        daily = (_new_york(_STOCK_MOVE, offset), _new_york(_STOCK_VOLUME, offset))
    else:
        daily = (_CURVES["move", kind], _CURVES["volume", kind])
    move, volume = (curve * scale for curve, scale in zip(daily, weekly, strict=True))
    return move, volume


def is_weekend(asset_class: AssetClass, t_ms: int) -> bool:
    """True when the underlying market of a metal or stock is shut for the weekend; never for crypto."""
    if asset_class is AssetClass.CRYPTO:
        return False
    weekday = (t_ms // DAY_MS + 3) % 7
    return weekday == 5 or (weekday == 6 and (t_ms % DAY_MS) < 23 * HOUR_MS)
