"""Replay: what was recorded, nothing else; mistakes are told in one line."""

from __future__ import annotations

import csv
import gzip
import math
import time
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.exchange.simulator.recorded import RecordedBars, RecordedDataError
from engine.exchange.simulator.simulated_market import SimulatedMarket, open_market

DAY = 86_400_000
FIRST = 1_700_006_400_000
Row = tuple[object, ...]
COLUMNS = ("ticker", "ts_ms", "open", "high", "low", "close", "volume")


@cache
def candle_rows(
    ticker: str, days: int, interval: int = 300_000, price: float = 100.0
) -> tuple[tuple[object, ...], ...]:
    """A gentle wave, two decimals."""
    bars = days * DAY // interval
    wave = [round(price + math.sin(number / 40), 2) for number in range(bars + 1)]
    return tuple(
        (
            ticker,
            FIRST + number * interval,
            opened,
            max(opened, close) + 0.05,
            min(opened, close) - 0.05,
            close,
            7.0,
        )
        for number, (opened, close) in enumerate(pairwise(wave))
    )


def write_csv(path: Path, rows: Sequence[Row], header: tuple[str, ...] = COLUMNS) -> None:
    with gzip.open(path, "wt", newline="") if path.suffix == ".gz" else path.open("w", newline="") as lines:
        csv.writer(lines).writerows([header, *rows])


def write_parquet(path: Path, rows: Sequence[Row], header: tuple[str, ...] = COLUMNS) -> None:
    pq.write_table(pa.table(dict(zip(header, map(list, zip(*rows, strict=True)), strict=True))), path)


# ---- the recordings at hand


def test_the_recordings_start_in_mid_2022_with_four_instruments_of_okx(replay: SimulatedMarket) -> None:
    assert [inst.split("-")[0] for inst in replay.specs] == ["BTC", "ETH", "SOL", "XRP"]
    assert replay.start_ms == 1_653_955_200_000  # 2022-05-31
    assert replay.end_ms == 1_661_990_400_000  # 2022-09-01
    assert replay.base_ms == 300_000


@pytest.mark.parametrize("ticker", ["BTC", "ETH", "SOL", "XRP"])
def test_the_replay_equals_the_file_bar_by_bar(replay: SimulatedMarket, recordings: Path, ticker: str) -> None:
    path = recordings / "candles_okx_swap_5m_2022.parquet"
    table = pq.read_table(path, filters=[("ticker", "=", ticker), ("ts_ms", "<", replay.start_ms + 3 * DAY)])
    wanted = np.stack([table[name].to_numpy() for name in ("ts_ms", *COLUMNS[2:6])], axis=1)
    volumes = table["volume"].to_numpy()
    rows, after = [], replay.start_ms + 3 * DAY
    while page := replay.candles(f"{ticker}-USDT-SWAP", "5m", after_ms=after, limit=300, now_ms=after):
        rows += page
        after = int(page[-1][0])
    got = np.array([[float(cell) for cell in row] for row in reversed(rows)])
    assert np.array_equal(got[:, :5], wanted)
    assert np.allclose(got[:, 6], volumes, rtol=1e-6, atol=2.0)


def test_the_replayed_path_touches_every_recorded_extreme(replay: SimulatedMarket) -> None:
    for row in replay.candles("XRP-USDT-SWAP", "5m", limit=100, now_ms=replay.start_ms - 1):
        _, prices = replay.path("XRP-USDT-SWAP", int(row[0]) - 1, int(row[0]) + 299_999)
        assert (prices.max(), prices.min()) == (float(row[2]), float(row[3]))


def test_a_halt_is_quiet_and_keeps_its_price(replay: SimulatedMarket) -> None:
    begin = 1_657_188_000_000  # Thursday 2022-07-07 10:00, maintenance until 10:45
    end = begin + 45 * 60_000 - 1
    rows = replay.candles("BTC-USDT-SWAP", "5m", limit=8, now_ms=end)
    assert {row[6] for row in rows} == {"0.0000"}
    times, _ = replay.path("BTC-USDT-SWAP", begin, end)
    assert len(times) == 0
    assert replay.trades_between("BTC-USDT-SWAP", begin, end) == []
    assert replay.last_price("BTC-USDT-SWAP", end) == replay.last_price("BTC-USDT-SWAP", begin)
    assert replay.book("BTC-USDT-SWAP", end)[0]


def test_recorded_funding_is_what_is_charged(replay: SimulatedMarket, recordings: Path) -> None:
    table = pq.read_table(recordings / "funding_binance_perp.parquet", filters=[("ticker", "=", "ETH")])
    rates = dict(zip(table["ts_ms"].to_pylist(), table["funding_rate"].to_pylist(), strict=True))
    settled = [ts for ts in rates if replay.start_ms <= ts < replay.start_ms + 5 * DAY]
    assert len(settled) == 15
    for ts in settled:
        assert replay.funding_settled("ETH-USDT-SWAP", ts // 28_800_000 * 28_800_000) == pytest.approx(rates[ts])


def test_a_later_start_takes_other_series_of_other_lengths(recordings: Path) -> None:
    began = time.perf_counter()
    source = RecordedBars.load(recordings, start_ms=1_748_736_000_000)  # 2025-06-01
    assert time.perf_counter() - began < 6  # 0.6 s on an idle core
    assert {"BTC-USDT-SWAP", "ETH-USDT-SWAP", "SUI-USDT-SWAP", "BNB-USDT-SWAP", "XAU-USDT-SWAP"} <= set(source.specs)
    assert source.interval_ms("BTC-USDT-SWAP") == 900_000
    assert source.bars("BTC-USDT-SWAP", 0, 2**50).ts[0] >= source.start_ms - 200 * DAY


# ---- folders of our own


def test_csv_gzip_and_parquet_play_the_same(tmp_path: Path) -> None:
    rows = candle_rows("BTC", 40)
    closes = []
    for name, write in (("a.csv", write_csv), ("b.csv.gz", write_csv), ("c.parquet", write_parquet)):
        folder = tmp_path / name.replace(".", "_")
        folder.mkdir()
        write(folder / name, rows)
        closes.append(RecordedBars.load(folder).bars("BTC-USDT-SWAP", 0, 2**50).close)
    assert np.array_equal(closes[0], closes[1])
    assert np.array_equal(closes[0], closes[2])


@pytest.mark.parametrize("interval", [60_000, 300_000, 900_000])
def test_bars_of_one_five_and_fifteen_minutes_serve_every_candle(tmp_path: Path, interval: int) -> None:
    write_csv(tmp_path / "perp.csv", candle_rows("SOL", 35, interval))
    market = open_market(replay=tmp_path)
    now = market.start_ms + 1_000_000
    assert market.base_ms == interval
    for bar, length in (("1m", 60_000), ("5m", 300_000), ("15m", 900_000), ("4H", 14_400_000)):
        rows = market.candles("SOL-USDT-SWAP", bar, limit=20, now_ms=now)
        assert set(np.diff([int(row[0]) for row in rows])) == {-length}
        assert [row[8] for row in rows[:2]] == ["0", "1"]


def test_okx_wins_over_others_and_venues_are_never_stitched(tmp_path: Path) -> None:
    write_csv(tmp_path / "candles_okx_swap.csv", candle_rows("ETH", 40, price=100))
    write_csv(tmp_path / "candles_binance_perp.csv", candle_rows("ETH", 60, price=500))
    source = RecordedBars.load(tmp_path)
    bars = source.bars("ETH-USDT-SWAP", 0, 2**50)
    assert bars.high.max() < 102
    assert source.end_ms == FIRST + 40 * DAY
    late = RecordedBars.load(tmp_path, start_ms=FIRST + 45 * DAY).bars("ETH-USDT-SWAP", 0, 2**50)
    assert late.low.min() > 498


def test_missing_bars_stay_missing(tmp_path: Path) -> None:
    rows = candle_rows("NVDA", 40)
    hole = range(32 * 288 + 10, 32 * 288 + 60)
    write_csv(tmp_path / "perp.csv", [row for place, row in enumerate(rows) if place not in hole])
    market = open_market(replay=tmp_path)
    begin, end = FIRST + hole.start * 300_000, FIRST + hole.stop * 300_000
    assert market.path("NVDA-USDT-SWAP", begin, end - 1)[0].size == 0
    assert float(market.last_price("NVDA-USDT-SWAP", end - 1)) == rows[hole.start - 1][5]
    rows_told = market.candles("NVDA-USDT-SWAP", "15m", after_ms=end, limit=3, now_ms=end - 1)
    assert int(rows_told[0][0]) < begin
    assert market.ticker("NVDA-USDT-SWAP", end - 1)["last"] == market.last_price("NVDA-USDT-SWAP", begin)


def test_only_listed_tickers_with_data_are_instruments(tmp_path: Path) -> None:
    write_csv(tmp_path / "perp.csv", candle_rows("BTC", 40) + candle_rows("NOSUCH", 40))
    (tmp_path / "README.md").write_text("not candles")
    write_csv(tmp_path / "index.csv", [("2024-01-01", 50)], ("date", "value"))
    assert list(RecordedBars.load(tmp_path).specs) == ["BTC-USDT-SWAP"]


def test_the_same_files_elsewhere_are_the_same_recording(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_csv(tmp_path / name / "perp.csv", candle_rows("BTC", 40))
    one, two = (RecordedBars.load(tmp_path / name) for name in ("one", "two"))
    assert one.identity == two.identity
    assert one.identity != RecordedBars.load(tmp_path / "one", start_ms=FIRST + 35 * DAY).identity


def broken(tmp_path: Path, kind: str) -> Path:
    rows = list(candle_rows("BTC", 40))
    if kind == "absent":
        return tmp_path / "nowhere"
    if kind == "no candles":
        write_csv(tmp_path / "fear.csv", [("2024-01-01", 50)], ("date", "value"))
    elif kind == "not parquet":
        (tmp_path / "candles.parquet").write_bytes(b"not a parquet file at all")
    elif kind == "words for numbers":
        write_csv(tmp_path / "candles.csv", [(*rows[0][:5], "many", 1.0), *rows[1:]])
    elif kind == "high below low":
        rows[5] = (*rows[5][:3], 1.0, *rows[5][4:])
        write_csv(tmp_path / "candles.csv", rows)
    elif kind == "empty cells":
        write_csv(tmp_path / "candles.csv", [(*rows[0][:6], ""), *rows[1:]])
    elif kind == "too short":
        write_csv(tmp_path / "candles.csv", candle_rows("BTC", 5))
    elif kind == "truncated gzip":
        write_csv(tmp_path / "candles.csv.gz", rows)
        (tmp_path / "candles.csv.gz").write_bytes((tmp_path / "candles.csv.gz").read_bytes()[:2000])
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("absent", "not a folder"),
        ("no candles", "no candle files"),
        ("not parquet", "candles.parquet"),
        ("words for numbers", "candles.csv"),
        ("high below low", "low <= open"),
        ("empty cells", "candles.csv"),
        ("too short", "31 days"),
        ("truncated gzip", "candles.csv.gz"),
    ],
)
def test_what_cannot_be_used_is_told_in_one_line(tmp_path: Path, kind: str, said: str) -> None:
    with pytest.raises(RecordedDataError) as caught:
        RecordedBars.load(broken(tmp_path, kind))
    message = str(caught.value)
    assert said in message
    assert str(tmp_path) in message
    assert "\n" not in message


def test_a_start_without_data_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "perp.csv", candle_rows("BTC", 40))
    with pytest.raises(RecordedDataError, match="2030-01-01 00:00"):
        RecordedBars.load(tmp_path, start_ms=1_893_456_000_000)
