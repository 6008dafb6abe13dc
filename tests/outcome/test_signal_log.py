"""Signals beside closes: what is n/a stays n/a, a bar has one row, older sets line up, and it stays bounded."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engine.db import Database
from engine.experts.signal_values import signal_values
from engine.model import (
    Action,
    BookSignals,
    Direction,
    ForecastSignals,
    MarketStats,
    Outlook,
    RegimeSignals,
    SentimentSignals,
)
from engine.outcome import signal_log
from engine.outcome.signal_log import SignalLog
from engine.risk.inputs import DecisionInputs
from tests.outcome.shadow_market import BAR, FIRST, model, moment


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with await Database.open(tmp_path / "cynosure.db") as database:
        yield database


def at(number: int, **gathered: object) -> DecisionInputs:
    inputs = moment(number, model(Action.HOLD), [(100, 101, 99, 100 + n) for n in range(1, number + 1)])
    return replace(inputs, gathered=replace(inputs.gathered, **gathered))  # type: ignore[arg-type]


async def put(log: SignalLog, inputs: DecisionInputs) -> None:
    await log.put(inputs.snapshot, inputs.gathered)


def test_every_signal_has_its_number_and_what_is_unknown_has_none() -> None:
    bare = signal_values(at(0).gathered)
    assert (
        sum(name.split("_")[0] in {"ema", "rsi", "macd", "ofi", "vwap"} and v == 1.0 for name, v in bare.items()) == 15
    )
    assert bare["score"] == pytest.approx(0.8)
    assert bare["streak"] == 3
    assert bare["funding"] == 0.0001
    unknown = {
        "book_imbalance", "book_depth", "event_ofi", "oi_change", "oi_change_1h", "long_short",
        "liquidated_longs", "forecast_short", "forecast_medium", "fear_greed", "regime_trend", "regime_reversal",
        "sentiment",
    }  # fmt: skip
    assert {name for name in unknown if bare[name] is None} == unknown
    full = signal_values(
        at(
            0,
            book=BookSignals(0.2, 0.0, 0.0001, 1.0, 1.0, None, None, depth_10bp_usd=(3.0, 1.0), event_ofi=-0.3),
            stats=MarketStats(0.0002, 4.0, 1.0, 0.05, 1.4, 1e6, 0.7, 0.01),
            forecast=ForecastSignals(Outlook(Direction.BULLISH, 4, 0.004, 0.0, 0.01), None),
            regime=RegimeSignals(0.6, 0.3, 0.1, 38, 1.0),
            sentiment=SentimentSignals((), float("nan")),
        ).gathered
    )
    assert {name: full[name] for name in sorted(unknown)} == {
        "book_depth": 0.5, "book_imbalance": 0.2, "event_ofi": -0.3, "fear_greed": 38.0, "forecast_medium": None,
        "forecast_short": 0.004, "liquidated_longs": 0.7, "long_short": 1.4, "oi_change": 0.05, "oi_change_1h": 0.01,
        "regime_reversal": 0.1, "regime_trend": 0.6, "sentiment": None,
    }  # fmt: skip
    assert full["funding"] == pytest.approx(0.0004), "per 8 h"


async def test_a_bar_has_one_row_and_its_own_close(db: Database) -> None:
    log = SignalLog(db)
    await put(log, at(1))
    await put(log, at(1, direction_streak=5))
    await put(log, at(2))
    lagging = at(3)
    await put(log, replace(lagging, snapshot=replace(lagging.snapshot, bar_ts=FIRST + 4 * BAR)))
    table = await log.table()
    assert table.close.tolist() == [101, 102], "without the bar's candle there is no row"
    assert table.bar.tolist() == [(FIRST + n * BAR) // BAR for n in (1, 2)]
    assert table.values[:, table.names.index("streak")].tolist() == [5, 3]
    assert np.isnan(table.values[:, table.names.index("sentiment")]).all()


async def test_a_version_with_other_signals_reads_the_older_rows(db: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await put(SignalLog(db), at(1))
    with monkeypatch.context() as later:
        later.setattr(signal_log, "signal_values", lambda _: {"brand_new": 0.25, "score": 0.5})
        await put(SignalLog(db), at(2))
    table = await SignalLog(db).table()
    assert table.names[:2] == ("brand_new", "score")
    assert np.isnan(table.values[0, 0])
    assert table.values[1, :2].tolist() == [0.25, 0.5]
    assert table.values[0, 1] == pytest.approx(0.8)
    assert np.isnan(table.values[1, table.names.index("streak")])


async def test_it_stays_bounded(db: Database) -> None:
    log = SignalLog(db, kept_ms=3 * BAR, prune_every=2)
    for number in range(1, 11):
        await put(log, at(number))
    assert (await log.table()).close.tolist() == [107, 108, 109, 110]


async def test_nothing_stored_is_an_empty_table(db: Database) -> None:
    table = await SignalLog(db).table()
    assert (table.names, len(table.bar), table.values.shape) == ((), 0, (0, 0))
