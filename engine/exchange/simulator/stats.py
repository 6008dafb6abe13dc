"""Statistics of a market, the same for recorded and generated bars: is what we generate believable?

Definitions follow the reference figures: 15-minute log returns, excess kurtosis, autocorrelations of |r| at
lags of one bar, an hour, a day and a week, Hill's tail exponent over the largest 1 %, jumps against 24 h
bipower volatility. All arrays are (n,) of equally spaced bars unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.clock import utc
from engine.exchange.simulator.bars import Bars
from engine.exchange.simulator.candles import Shape, group
from engine.exchange.simulator.seasons import new_york_offset_h
from engine.model import FloatArray, IntArray

_BARS_A_DAY = 96
_BARS_A_YEAR = 365.25 * _BARS_A_DAY
_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Series:
    """15-minute bars as arrays: open time, log return, log volume, log high/low and |log close/open|."""

    ts: IntArray
    returns: FloatArray
    log_volume: FloatArray
    log_range: FloatArray
    body: FloatArray
    wick: FloatArray

    def during(self, rows: NDArray[np.bool_]) -> Series:
        """Those bars."""
        return Series(*(getattr(self, name)[rows] for name in Series.__slots__))


def series_of(bars: Bars) -> Series:
    """The series of any base bars; the first bar gives the level."""
    merged = group(bars, Shape.of("15m"))
    log_range = np.log(merged.high / merged.low)
    upper = np.log(merged.high / np.maximum(merged.open, merged.close))
    return Series(
        ts=merged.ts[1:],
        returns=np.diff(np.log(merged.close)),
        log_volume=np.log(np.maximum(merged.volume[1:], 1e-12)),
        log_range=log_range[1:],
        body=np.abs(np.log(merged.close / merged.open))[1:],
        wick=(upper / np.maximum(log_range, 1e-12))[1:],
    )


def annual_vol(returns: FloatArray, bars_a_year: float = _BARS_A_YEAR) -> float:
    return float(np.std(returns) * bars_a_year**0.5)


def kurtosis(values: FloatArray) -> float:
    """Excess kurtosis."""
    centred = values - values.mean()
    return float(np.mean(centred**4) / np.mean(centred**2) ** 2 - 3)


def autocorrelation(values: FloatArray, lag: int) -> float:
    return float(np.corrcoef(values[:-lag], values[lag:])[0, 1])


def summed(returns: FloatArray, bars: int) -> FloatArray:
    """Returns over `bars` bars at a time, without overlap."""
    whole = len(returns) // bars * bars
    return np.asarray(returns[:whole].reshape(-1, bars).sum(axis=1), dtype=np.float64)


def tail_exponent(returns: FloatArray) -> float:
    """Hill's estimate over the largest 1 % of |r|."""
    largest = np.sort(np.abs(returns))[-max(20, len(returns) // 100) :]
    return float(1 / np.mean(np.log(largest[1:] / largest[0])))


def jump_mask(returns: FloatArray, sigmas: float) -> NDArray[np.bool_]:
    """Bars beyond `sigmas` of the bipower volatility of the 24 hours before them; the first day is none."""
    products = np.concatenate([[0.0], np.abs(returns[1:] * returns[:-1])])
    sums = np.cumsum(np.concatenate([[0.0], products]))
    sigma = np.sqrt(np.pi / 2 * np.maximum(sums[_BARS_A_DAY:-1] - sums[: -_BARS_A_DAY - 1], 0) / _BARS_A_DAY)
    mask = np.zeros(len(returns), dtype=np.bool_)
    mask[_BARS_A_DAY:] = np.abs(returns[_BARS_A_DAY:]) > sigmas * np.maximum(sigma, 1e-12)
    return mask


def jumps_a_day(returns: FloatArray, sigmas: float) -> float:
    return float(jump_mask(returns, sigmas).mean() * _BARS_A_DAY)


def log_daily_rv(series: Series) -> FloatArray:
    """Log realised volatility of each UTC day that has all its bars."""
    _, starts, counts = np.unique(series.ts // _DAY_MS, return_index=True, return_counts=True)
    sums = np.add.reduceat(series.returns**2, starts)[counts == _BARS_A_DAY]
    return np.asarray(0.5 * np.log(np.maximum(sums, 1e-16)), dtype=np.float64)


def hour_profile(series: Series, values: FloatArray) -> FloatArray:
    """Means of `values` by UTC hour over the mean of all, (24,)."""
    hours = series.ts % _DAY_MS // _HOUR_MS
    means = [float(values[hours == hour].mean()) for hour in range(24)]
    return np.asarray(means, dtype=np.float64) / float(values.mean())


def weekday(series: Series) -> IntArray:
    """0 is Monday."""
    return (series.ts // _DAY_MS + 3) % 7


def leverage(series: Series) -> float:
    """Correlation of a day's return with the next day's log realised volatility."""
    rv = log_daily_rv(series)
    first = int(np.argmax(series.ts % _DAY_MS == 0))
    daily = summed(series.returns[first:], _BARS_A_DAY)
    count = min(len(rv), len(daily))
    return float(np.corrcoef(daily[: count - 1], rv[1:count])[0, 1])


def parkinson_ratio(series: Series) -> float:
    """Parkinson's volatility over that of closes."""
    return float(np.sqrt(np.mean(series.log_range**2) / (4 * np.log(2))) / np.std(series.returns))


def volume_link(series: Series) -> float:
    """Correlation of log |r| with log volume over bars that moved."""
    moved = series.returns != 0
    return float(np.corrcoef(np.log(np.abs(series.returns[moved])), series.log_volume[moved])[0, 1])


def in_session(series: Series) -> NDArray[np.bool_]:
    """Bars that open within New York's regular hours, 09:30 to 16:00, Monday to Friday."""
    days, place = np.unique(series.ts // _DAY_MS, return_inverse=True)
    offsets = np.array([new_york_offset_h(utc(int(day) * _DAY_MS).date()) for day in days])[place]
    hours = series.ts % _DAY_MS / _HOUR_MS - offsets
    return np.asarray((hours >= 9.5) & (hours < 16) & (weekday(series) < 5))


_SESSION_BARS_A_YEAR = 252 * 26


def session_statistics(series: Series) -> dict[str, float]:
    """A stock's figures over regular hours, and what the rest of the week is beside them."""
    open_hours, weekend = in_session(series), weekday(series) >= 5
    size, volume = np.abs(series.returns), np.exp(series.log_volume)
    session = series.returns[open_hours]
    return {
        "session_vol": annual_vol(session, _SESSION_BARS_A_YEAR),
        "session_kurtosis_15m": kurtosis(session),
        "session_ac_abs_15m": autocorrelation(np.abs(session), 1),
        "session_jumps_4s_a_day": jumps_a_day(session, 4) * 26 / _BARS_A_DAY,
        "session_move": float(size[open_hours].mean() / size[~weekend].mean()),
        "session_volume": float(volume[open_hours].mean() / volume[~weekend].mean()),
        "weekend_move": float(size[weekend].mean() / size[~weekend].mean()),
        "weekend_volume": float(volume[weekend].mean() / volume[~weekend].mean()),
    }


def statistics(series: Series) -> dict[str, float]:
    """One instrument's figures; volatilities and ratios as fractions."""
    returns, size = series.returns, np.abs(series.returns)
    days, weekend = weekday(series), weekday(series) >= 5
    volume = np.exp(series.log_volume)
    profile, activity = hour_profile(series, size), hour_profile(series, volume)
    busy = size > 0
    return {
        "annual_vol": annual_vol(returns),
        "kurtosis_15m": kurtosis(returns),
        "kurtosis_1h": kurtosis(summed(returns, 4)),
        "kurtosis_1d": kurtosis(summed(returns, _BARS_A_DAY)),
        "ac_abs_15m": autocorrelation(size, 1),
        "ac_abs_1h": autocorrelation(size, 4),
        "ac_abs_1d": autocorrelation(size, _BARS_A_DAY),
        "ac_abs_7d": autocorrelation(size, 7 * _BARS_A_DAY),
        "ac_return_15m": autocorrelation(returns, 1),
        "variance_ratio_1d": float(np.var(summed(returns, _BARS_A_DAY)) / _BARS_A_DAY / np.var(returns)),
        "tail_exponent": tail_exponent(returns),
        "jumps_4s_a_day": jumps_a_day(returns, 4),
        "jumps_6s_a_day": jumps_a_day(returns, 6),
        "sd_log_daily_rv": float(np.std(log_daily_rv(series))),
        "ac1_log_daily_rv": autocorrelation(log_daily_rv(series), 1),
        "leverage": leverage(series),
        "parkinson": parkinson_ratio(series),
        "range_over_body": float(np.median(series.log_range[busy] / np.maximum(series.body[busy], 1e-9))),
        "upper_wick": float(series.wick[busy].mean()),
        "median_move": float(np.median(size)),
        "hour_peak_move": float(profile.max()),
        "hour_low_move": float(profile.min()),
        "hour_peak_volume": float(activity.max()),
        "weekend_move": float(size[weekend].mean() / size[~weekend].mean()),
        "weekend_volume": float(volume[weekend].mean() / volume[~weekend].mean()),
        "monday_move": float(size[days == 0].mean() / size.mean()),
        "sd_log_volume": float(np.std(series.log_volume)),
        "ac_log_volume_15m": autocorrelation(series.log_volume, 1),
        "ac_log_volume_1h": autocorrelation(series.log_volume, 4),
        "ac_log_volume_1d": autocorrelation(series.log_volume, _BARS_A_DAY),
        "volume_link": volume_link(series),
    }


def pair_statistics(first: Series, second: Series) -> dict[str, float]:
    """Two instruments over the same bars: correlations at 15 m and 1 h, on the first's largest 1 % of bars,
    share of the first's jumps that the second shares, correlations of daily log RV and of log volume."""
    large = np.abs(first.returns) >= np.quantile(np.abs(first.returns), 0.99)
    jumps = jump_mask(first.returns, 4)
    shared = jump_mask(second.returns, 4)[jumps]
    pairs = {
        "corr_15m": (first.returns, second.returns),
        "corr_1h": (summed(first.returns, 4), summed(second.returns, 4)),
        "corr_large": (first.returns[large], second.returns[large]),
        "corr_log_rv": (log_daily_rv(first), log_daily_rv(second)),
        "corr_log_volume": (first.log_volume, second.log_volume),
    }
    found = {name: float(np.corrcoef(*pair)[0, 1]) for name, pair in pairs.items()}
    return found | {"co_jumps": float(shared.mean()) if len(shared) else 0.0}
