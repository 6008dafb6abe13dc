"""Reading recorded files: which of a folder's files hold candles or funding, and their columns.

Candles: `ticker, ts_ms, open, high, low, close, volume` (open time in ms UTC, volume in base units), several
tickers to a file. Funding: `ticker, ts_ms, funding_rate`. Other files are none of our business. A file's
name tells the venue ("okx") and the kind ("swap" or "perp"); its bars tell their own length.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from engine.exchange.simulator.bars import Bars, RecordedDataError
from engine.model import FloatArray, IntArray

CANDLE_COLUMNS = ("ticker", "ts_ms", "open", "high", "low", "close", "volume")
FUNDING_COLUMNS = ("ticker", "ts_ms", "funding_rate")
_BASE_INTERVALS = (60_000, 300_000, 900_000)
_LONGEST_HOLE_MS = 5 * 86_400_000
_SUFFIXES = (".parquet", ".csv", ".csv.gz")


@dataclass(frozen=True, slots=True)
class CandleSeries:
    """One run of one ticker's candles in one file. Times are open times in ms."""

    path: Path
    ticker: str
    interval_ms: int
    first_ms: int
    last_ms: int

    @property
    def okx(self) -> bool:
        return "okx" in self.path.name.lower()

    @property
    def perpetual(self) -> bool:
        return any(word in self.path.name.lower() for word in ("swap", "perp"))


@dataclass(frozen=True, slots=True)
class FundingSeries:
    """Settled rates of one ticker, oldest first."""

    ticker: str
    okx: bool
    ts: IntArray
    rate: FloatArray


def scan_folder(folder: Path) -> tuple[list[CandleSeries], list[FundingSeries]]:
    """All candle series of 1, 5 or 15 minutes and all funding of a folder. Raises RecordedDataError."""
    if not folder.is_dir():
        raise RecordedDataError(f"{folder}: not a folder; expected one with candle files (CSV or Parquet)")
    candles: list[CandleSeries] = []
    funding: list[FundingSeries] = []
    seen = False
    for path in sorted(folder.iterdir()):
        if not path.name.endswith(_SUFFIXES):
            continue
        names = _column_names(path)
        if set(CANDLE_COLUMNS) <= names:
            seen = True
            candles += _series_of(path)
        elif set(FUNDING_COLUMNS) <= names:
            funding += _funding_of(path)
    if not seen:
        raise RecordedDataError(f"{folder}: no candle files; expected CSV or Parquet with columns {_expected()}")
    return candles, funding


def load_bars(series: CandleSeries, from_ms: int) -> Bars:
    """The bars of a series that open at or after `from_ms`, checked. Raises RecordedDataError."""
    table = _read(series.path, CANDLE_COLUMNS)
    keep = pc.and_(
        pc.equal(table["ticker"], series.ticker),
        pc.and_(
            pc.greater_equal(table["ts_ms"], max(from_ms, series.first_ms)),
            pc.less_equal(table["ts_ms"], series.last_ms),
        ),
    )
    table = table.filter(keep)
    ts = _column(series.path, table, "ts_ms").astype(np.int64)
    _, place = np.unique(ts, return_index=True)
    bars = Bars(ts[place], *(_column(series.path, table, name)[place] for name in CANDLE_COLUMNS[2:]))
    _check(series, bars)
    return bars


def _expected() -> str:
    return ", ".join(CANDLE_COLUMNS)


def _column_names(path: Path) -> set[str]:
    try:
        if path.name.endswith(".parquet"):
            return set(pq.read_schema(path).names)
        with gzip.open(path) if path.name.endswith(".gz") else path.open("rb") as lines:
            return {name.strip().strip('"') for name in lines.readline().decode().split(",")}
    except (pa.ArrowException, OSError, UnicodeDecodeError, EOFError) as error:
        raise _unreadable(path, error) from error


def _read(path: Path, columns: tuple[str, ...]) -> pa.Table:
    """Those columns of a file: ticker as text, ts_ms as int64, the rest as floats."""
    schema = {name: pa.string() if name == "ticker" else pa.float64() for name in columns} | {"ts_ms": pa.int64()}
    try:
        if path.name.endswith(".parquet"):
            table = pq.read_table(path, columns=list(columns))
        else:
            options = pa_csv.ConvertOptions(include_columns=list(columns), column_types=schema)
            table = pa_csv.read_csv(path, convert_options=options)
        return table.cast(pa.schema([(name, schema[name]) for name in columns]))
    except (pa.ArrowException, OSError, EOFError, ValueError) as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path, error: BaseException) -> RecordedDataError:
    cause = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
    kind = "a Parquet file" if path.name.endswith(".parquet") else "a CSV file"
    return RecordedDataError(f"{path}: cannot be read as {kind} with columns {_expected()}: {cause}")


def _column(path: Path, table: pa.Table, name: str) -> FloatArray:
    column = table[name]
    if column.null_count:
        raise RecordedDataError(f"{path}: column {name} has {column.null_count} empty values; expected numbers")
    return np.asarray(column.to_numpy())


def _by_ticker(path: Path, table: pa.Table) -> Iterator[tuple[str, IntArray]]:
    """Each ticker with the sorted row numbers of it, in time order."""
    ts = _column(path, table, "ts_ms")
    encoded = table["ticker"].combine_chunks().dictionary_encode()
    codes = np.asarray(encoded.indices.to_numpy(zero_copy_only=False))
    order = np.lexsort((ts, codes))
    bounds = np.searchsorted(codes[order], np.arange(len(encoded.dictionary) + 1))
    for code, name in enumerate(encoded.dictionary.to_pylist()):
        yield str(name), order[bounds[code] : bounds[code + 1]]


def _series_of(path: Path) -> list[CandleSeries]:
    """Every ticker's runs of bars without a hole of more than five days."""
    table = _read(path, ("ticker", "ts_ms"))
    times = _column(path, table, "ts_ms").astype(np.int64)
    found: list[CandleSeries] = []
    for ticker, rows in _by_ticker(path, table):
        ts = np.unique(times[rows])
        if len(ts) < 2:
            continue
        gaps = np.diff(ts)
        lengths, counts = np.unique(gaps, return_counts=True)
        interval = int(lengths[np.argmax(counts)])
        if interval not in _BASE_INTERVALS:
            continue
        cuts = np.concatenate([[-1], np.flatnonzero(gaps > _LONGEST_HOLE_MS), [len(ts) - 1]])
        runs = zip(cuts[:-1] + 1, cuts[1:], strict=True)
        found += [CandleSeries(path, ticker, interval, int(ts[first]), int(ts[last])) for first, last in runs]
    return found


def _funding_of(path: Path) -> list[FundingSeries]:
    table = _read(path, FUNDING_COLUMNS)
    ts, rates = _column(path, table, "ts_ms").astype(np.int64), _column(path, table, "funding_rate")
    okx = "okx" in path.name.lower()
    return [FundingSeries(ticker, okx, ts[rows], rates[rows]) for ticker, rows in _by_ticker(path, table)]


def _check(series: CandleSeries, bars: Bars) -> None:
    """Raises RecordedDataError at the first bar that cannot be one."""
    prices = np.stack([bars.open, bars.high, bars.low, bars.close])
    wrong = ~np.isfinite(prices).all(axis=0) | (prices <= 0).any(axis=0) | ~(bars.volume >= 0)
    wrong |= (bars.high < prices.max(axis=0)) | (bars.low > prices.min(axis=0))
    wrong |= bars.ts % series.interval_ms != 0
    if wrong.any():
        place = int(np.argmax(wrong))
        row = ", ".join(f"{value:g}" for value in (*prices[:, place], bars.volume[place]))
        raise RecordedDataError(
            f"{series.path}: {series.ticker} at ts_ms {bars.ts[place]}: open, high, low, close, volume = {row}; "
            "expected low <= open, close <= high, all prices > 0, volume >= 0, ts_ms on the bar grid"
        )
