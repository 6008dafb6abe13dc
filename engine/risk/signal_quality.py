"""Does a signal say anything about what comes after it? Spearman's information coefficient. Pure NumPy.

Spearman (1904); Grinold (1989): IR ≈ IC·√breadth. Forward returns over h bars of neighbouring bars share h − 1 of
them, and tickers move together: the t beside an IC is that of the slope of rank on rank with Newey & West (1987)
errors of lag h − 1, each bar's tickers summed first (Driscoll & Kraay 1998).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from engine.model import FloatArray, IntArray
from engine.model.review import InformationCoefficient

MIN_SAMPLES = 30
"""Forward returns that do not overlap. Fewer say nothing, and nothing is shown."""
HORIZONS_BARS = {"1 h": 4, "4 h": 16, "24 h": 96}
"""Of 15 minutes. IC over growing horizons is the signal's decay."""
BARS_A_DAY = 96
MIN_DAY_ROWS = 30
"""A day with fewer rows has no IC of its own."""


def average_ranks(values: FloatArray) -> FloatArray:
    """Ranks 1…n down each column of an (n, k) array without NaN; equal values share the mean of their places."""
    count = len(values)
    order = np.argsort(values, axis=0)
    ordered = np.take_along_axis(values, order, axis=0)
    place = np.arange(count)[:, None]
    changes = np.ones(values.shape, dtype=bool)
    changes[1:] = ordered[1:] != ordered[:-1]
    first = np.maximum.accumulate(np.where(changes, place, 0), axis=0)
    ends = np.ones(values.shape, dtype=bool)
    ends[:-1] = changes[1:]
    last = np.minimum.accumulate(np.where(ends, place, count)[::-1], axis=0)[::-1]
    ranks = np.empty(values.shape, dtype=np.float64)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=0)
    return ranks


def standardised_ranks(values: FloatArray) -> FloatArray:
    """Average ranks as columns of mean 0 and mean square 1; NaN for a column that never changes."""
    ranks = average_ranks(values)
    centred = ranks - ranks.mean(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled: FloatArray = centred / np.sqrt((centred**2).mean(axis=0))
    return scaled


def spearman(signals: FloatArray, forward: FloatArray) -> FloatArray:
    """Pearson of average ranks of each column of `signals` (n, k) with `forward` (n,); shape (k,), NaN where either
    never changes. No NaN may go in."""
    return np.asarray(
        (standardised_ranks(signals) * standardised_ranks(forward[:, None])).mean(axis=0), dtype=np.float64
    )


def t_statistic(ic: float, n: int) -> float:
    """IC·√((n − 2)/(1 − IC²)): for n independent pairs; ±∞ for a perfect order."""
    assert n > 2, f"{n} pairs have no t"
    rest = 1 - ic * ic
    return math.copysign(math.inf, ic) if rest <= 0 else ic * math.sqrt((n - 2) / rest)


def newey_west_t(signal: FloatArray, forward: FloatArray, bar: IntArray, lag: int) -> float | None:
    """t of the slope of `forward` on `signal`, both standardised ranks (n,); `bar` numbers each row's bar. Bartlett
    weights up to `lag`; a bar without rows adds nothing. With one ticker and lag 0 it is the usual robust t."""
    ic = float((signal * forward).mean())
    scores = signal * (forward - ic * signal)
    per_bar = np.bincount(bar - bar.min(), weights=scores)
    variance = float(per_bar @ per_bar)
    for step in range(1, min(lag, len(per_bar) - 1) + 1):
        variance += 2 * (1 - step / (lag + 1)) * float(per_bar[step:] @ per_bar[:-step])
    return ic * len(signal) / math.sqrt(variance) if variance > 0 else None


@dataclass(frozen=True, slots=True)
class SignalTable:
    """Rows of signals beside their closes, in the order of their bars, one at most for a ticker and a bar.

    `values` is (n, k), NaN = n/a; `ticker` and `bar` (n,) number ticker and 15-minute bar since 1970; `close` in USDT.
    """

    names: tuple[str, ...]
    ticker: IntArray
    bar: IntArray
    close: FloatArray
    values: FloatArray


def forward_returns(table: SignalTable, bars: int) -> FloatArray:
    """close(t + `bars`)/close(t) − 1 of the same ticker, shape (n,). NaN where no row stands exactly `bars` later:
    a gap is unknown, never 0."""
    if not len(table.bar):
        return np.empty(0)
    width = int(table.bar.max()) + bars + 1
    key = table.ticker * width + table.bar
    order = np.argsort(key)
    wanted = key + bars
    found = np.minimum(np.searchsorted(key[order], wanted), len(key) - 1)
    later = order[found]
    hit = (key[later] == wanted) & (table.close > 0)
    return np.where(hit, table.close[later] / np.where(hit, table.close, 1.0) - 1, np.nan)


def information_coefficients(table: SignalTable) -> tuple[InformationCoefficient, ...]:
    """Every signal over every horizon, signals in the table's order. Signals known in the same rows go together."""
    found: list[InformationCoefficient] = []
    for horizon, bars in HORIZONS_BARS.items():
        forward = forward_returns(table, bars)
        groups: dict[bytes, list[int]] = {}
        known = np.isfinite(table.values) & np.isfinite(forward)[:, None]
        for column in range(len(table.names)):
            groups.setdefault(known[:, column].tobytes(), []).append(column)
        for columns in groups.values():
            rows = known[:, columns[0]]
            names = [table.names[column] for column in columns]
            values = table.values[rows][:, columns]
            found += _coefficients(names, horizon, bars, values, forward[rows], table.bar[rows])
    return tuple(sorted(found, key=lambda ic: table.names.index(ic.signal)))


def _coefficients(
    names: Sequence[str], horizon: str, bars: int, values: FloatArray, forward: FloatArray, bar: IntArray
) -> Iterator[InformationCoefficient]:
    """Of signals (n, k) that are all known in these rows."""
    n, apart = len(bar), (int((np.diff(bar) != 0).sum()) + bool(len(bar))) // bars
    if apart < MIN_SAMPLES:
        yield from (InformationCoefficient(name, horizon, None, None, n, apart) for name in names)
        return
    outcome, ratios = standardised_ranks(forward[:, None])[:, 0], icir(values, forward, bar)
    for column, name in enumerate(names):
        signal = standardised_ranks(values[:, column : column + 1])[:, 0]
        ic = float((signal * outcome).mean())
        if not math.isfinite(ic):
            yield InformationCoefficient(name, horizon, None, None, n, apart)
            continue
        t = newey_west_t(signal, outcome, bar, bars - 1)
        yield InformationCoefficient(name, horizon, ic, t, n, apart, ratios[column])


def icir(values: FloatArray, forward: FloatArray, bar: IntArray) -> tuple[float | None, ...]:
    """Mean over standard deviation of the ICs of single UTC days, for each column; None under two days that have
    one."""
    edges = [0, *(np.flatnonzero(np.diff(bar // BARS_A_DAY)) + 1).tolist(), len(bar)]
    spans = [slice(begin, end) for begin, end in pairwise(edges) if end - begin >= MIN_DAY_ROWS]
    daily = np.array([spearman(values[span], forward[span]) for span in spans]).reshape(len(spans), values.shape[1])
    return tuple(_ratio(column[np.isfinite(column)]) for column in daily.T)


def _ratio(ics: FloatArray) -> float | None:
    if len(ics) < 2 or ics.std(ddof=1) == 0:
        return None
    return float(ics.mean() / ics.std(ddof=1))


def strongest(coefficients: Sequence[InformationCoefficient], count: int) -> tuple[InformationCoefficient, ...]:
    """Those shown to a person first: known ones by |t|, at most `count`."""
    shown = [(abs(ic.t), ic) for ic in coefficients if ic.ic is not None and ic.t is not None]
    return tuple(ic for _, ic in sorted(shown, key=lambda pair: pair[0], reverse=True)[:count])
