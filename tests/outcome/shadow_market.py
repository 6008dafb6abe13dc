"""A market in rows for the shadow books: moments that follow one another, on inputs at which every gate passes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import numpy as np

from engine.model import Action, Candles, Funding, Quote, Synthesis, SynthesisSource, Timeframe
from engine.reasons import Reason
from engine.risk.inputs import DecisionInputs
from engine.risk.limits import RiskLimits
from engine.risk.sound import NOW, sound_inputs

BAR = Timeframe.M15.ms
FIRST = NOW - 5_000 - BAR
"""The bar that has just closed at the first moment."""

Row = tuple[float, float, float, float]
QUIET: Row = (100, 100.5, 99.5, 100)


def model(action: Action, failure: Reason | None = None) -> Synthesis:
    return Synthesis(SynthesisSource.OLLAMA, action, 15, 3, "because", None, failure)


def moment(
    number: int,
    answer: Synthesis,
    rows: Sequence[Row] = (),
    ticker: str = "TEST",
    streak: int = 3,
    missing: frozenset[int] = frozenset(),
) -> DecisionInputs:
    """The decision after bar `number`; `rows` are the bars from 1 on (open, high, low, close), quiet ones before."""
    now = NOW + number * BAR
    base = sound_inputs(RiskLimits())
    instrument = replace(base.instrument, ticker=ticker, inst_id=f"{ticker}-USDT-SWAP")
    snapshot = replace(
        base.snapshot,
        instrument=instrument,
        taken_at=now,
        bar_ts=FIRST + number * BAR,
        candles=_candles(base.snapshot.candles, number, rows, missing),
        quote=Quote(instrument.inst_id, Decimal("99.99"), Decimal("100.00"), Decimal("99.99"), None, None, now),
        funding=Funding(instrument.inst_id, 0.0001, now + 4 * 3_600_000, 8 * 3_600_000, now),
    )
    assert base.account is not None
    return replace(
        base,
        decision_id=f"{ticker}{snapshot.bar_ts // 60_000}",
        decided_at=now,
        snapshot=snapshot,
        gathered=replace(base.gathered, direction_streak=streak),
        synthesis=answer,
        account=replace(base.account, ts=now),
    )


def _candles(
    known: Mapping[Timeframe, Candles], number: int, rows: Sequence[Row], missing: frozenset[int]
) -> dict[Timeframe, Candles]:
    now = NOW + number * BAR
    moved = {
        timeframe: replace(bars, ts=bars.ts - int(bars.ts[-1]) + now - now % timeframe.ms - timeframe.ms)
        for timeframe, bars in known.items()
    }
    numbers = [n for n in range(max(-1, number - 299), number + 1) if n not in missing]
    prices = np.array([rows[n - 1] if 1 <= n <= len(rows) else QUIET for n in numbers], dtype=float)
    ts = np.array([FIRST + n * BAR for n in numbers], dtype=np.int64)
    return {**moved, Timeframe.M15: Candles(ts, *prices.T, np.full(len(ts), 10.0))}
