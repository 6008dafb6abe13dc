"""Each gate just inside, at and just beyond its limit; unknown input blocks; the order is the spec's."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from engine.model import AssetClass, Book, Candles, GateResult, Halt, Instrument, InstrumentState, Timeframe, Verdict
from engine.reasons import Reason
from engine.risk.decide import safe_setup
from engine.risk.gates import GATES, Gate, evaluate, first_block, risk_gates
from engine.risk.inputs import DecisionInputs
from engine.risk.limits import RiskLimits
from engine.risk.self_test import A_SATURDAY
from engine.risk.sessions import StockEntries
from engine.risk.setup import Setup, assess
from engine.risk.sizing import Refusal
from engine.risk.sound import NOW
from engine.risk.verdicts import not_applicable, passed
from tests.risk.cases import (
    candles_at,
    exposure,
    sound,
    with_account,
    with_atr,
    with_controls,
    with_gathered,
    with_instrument,
    with_positions,
    with_quote,
    with_snapshot,
    with_technical,
)

D = Decimal
GATE = {gate.name: gate for gate in GATES}
SPEC_ORDER = [
    "kill", "entries_stopped", "ticker_paused", "halt",
    "data_fresh", "data_complete", "clock", "venue", "ledger", "unknown_order", "foreign_order", "instrument",
    "session", "daily_loss", "daily_trades", "max_positions", "consecutive_losses", "margin_ratio",
    "ticker_loss", "cooldown", "correlation", "atr",
    "min_signals", "min_timeframes", "min_confidence", "expected_value", "sizing", "devils_advocate",
]  # fmt: skip


def result_of(name: str, inputs: DecisionInputs, setup: Setup | None = None) -> GateResult:
    return evaluate(GATE[name], inputs, setup or safe_setup(inputs))


@dataclass(frozen=True)
class Row:
    """What `gate` says to `inputs`: None passes, a reason blocks."""

    gate: str
    inputs: DecisionInputs
    reason: Reason | None
    value: float | None = None
    halts: bool = False


def halt(reason: Reason) -> dict[str, Any]:
    return {"halts": (Halt(reason, "since noon", NOW, "later"),)}


def halted(inputs: DecisionInputs, reason: Reason) -> DecisionInputs:
    return replace(inputs, controls=replace(inputs.controls, **halt(reason)))


def beside(value: float | None, asset: AssetClass = AssetClass.METAL) -> DecisionInputs:
    return with_positions(exposure(asset=asset), OTHER=value)


def fresh(**candle: int) -> DecisionInputs:
    name, last = next(iter(candle.items()))
    frame = Timeframe(name.removeprefix("tf_"))
    base = sound().snapshot.candles
    return with_snapshot(candles={**base, frame: candles_at(frame, last)})


def funding_settled(seconds: int) -> DecisionInputs:
    """The estimate's settlement was that long ago: it says nothing about the running interval."""
    funding = sound().snapshot.funding
    assert funding is not None
    return with_snapshot(funding=replace(funding, settles_at=NOW - seconds * 1000))


MINUTE, HOUR = 60_000, 3_600_000
A_WEDNESDAY = 1_760_540_400_000  # 2025-10-15 15:00 UTC, New York is open
STOCK = replace(sound().instrument, asset_class=AssetClass.STOCK)


METAL = replace(sound().instrument, asset_class=AssetClass.METAL)
BY_SPREAD = {"stock_entries": StockEntries.SPREAD}


def off_session(
    spread: str, now: int = A_SATURDAY, age_s: int = 0, instrument: Instrument = STOCK, **limits: Any
) -> DecisionInputs:
    """A stock, entered by its spread, at `now`, with a spread of that fraction of mid and a quote of that age."""
    half = D(spread) / 2
    inputs = with_quote(bid=D(100) * (1 - half), ask=D(100) * (1 + half), ts=NOW - age_s * 1000)
    snapshot = replace(inputs.snapshot, instrument=instrument)
    return replace(inputs, snapshot=snapshot, decided_at=now, limits=RiskLimits(**(BY_SPREAD | limits)))


ONLY, ALWAYS = ({"stock_entries": rule} for rule in (StockEntries.US_SESSION_ONLY, StockEntries.ALWAYS))
BLACK_FRIDAY = 1_764_356_400_000  # 2025-11-28 19:00 UTC, New York closed at 13:00
NO_CANDLES = Candles(*(np.array([], dtype=kind) for kind in (np.int64, *[np.float64] * 5)))
M15, H4 = Timeframe.M15.ms, Timeframe.H4.ms
ROWS = [
    Row("kill", sound(), None),
    Row("kill", with_controls(kill_engaged=True), Reason.KILL_ENGAGED),
    Row("entries_stopped", with_controls(entries_stopped=True), Reason.ENTRIES_PAUSED),
    Row("ticker_paused", with_controls(ticker_paused=True), Reason.TICKER_PAUSED),
    Row("halt", with_controls(**halt(Reason.LIQUIDATED)), Reason.LIQUIDATED, halts=True),
    Row("halt", with_controls(**halt(Reason.DAILY_LOSS)), None),
    # Freshness: 120 s of venue time, a bar plus that for candles
    Row("data_fresh", with_quote(ts=NOW - 119_000), None, 119.0),
    Row("data_fresh", with_quote(ts=NOW - 120_000), None, 120.0),
    Row("data_fresh", with_quote(ts=NOW - 120_001), Reason.DATA_STALE, 120.001),
    Row("data_fresh", with_snapshot(book=Book("X", (), (), NOW - 121_000)), Reason.DATA_STALE, 121.0),
    Row("data_fresh", with_quote(ts=NOW + 10_000), None, 5.0),
    Row("data_fresh", with_quote(ts=NOW + 10_001), Reason.DATA_STALE, 10.001),
    Row("data_fresh", with_snapshot(book=Book("X", (), (), NOW + 3_600_000)), Reason.DATA_STALE, 3_600.0),
    Row("data_fresh", fresh(**{"tf_15m": NOW}), Reason.DATA_STALE, 900.0),
    Row("data_fresh", fresh(**{"tf_15m": NOW - 2 * M15 - 120_000}), None, 1020.0),
    Row("data_fresh", fresh(**{"tf_15m": NOW - 2 * M15 - 120_001}), Reason.DATA_STALE, 1020.001),
    Row("data_fresh", fresh(**{"tf_4H": NOW - 2 * H4 - 121_000}), Reason.DATA_STALE, 14_521.0),
    Row("data_fresh", funding_settled(120), None, 120.0),
    Row("data_fresh", funding_settled(121), Reason.DATA_STALE, 121.0),
    Row("data_fresh", with_snapshot(quote=None, funding=None, candles={}), Reason.DATA_STALE),
    Row("data_fresh", with_snapshot(candles={Timeframe.H1: NO_CANDLES}), None, 0.0),
    Row("data_complete", with_snapshot(candles={}), Reason.DATA_MISSING),
    Row(
        "data_complete",
        with_snapshot(candles={**sound().snapshot.candles, Timeframe.H1: NO_CANDLES}),
        Reason.DATA_MISSING,
    ),
    Row("data_complete", with_quote(bid=None), Reason.DATA_MISSING),
    Row("data_complete", with_snapshot(mark_price=D(0)), Reason.DATA_MISSING),
    Row("data_complete", with_snapshot(mark_price=D("NaN")), Reason.DATA_MISSING),
    Row("data_complete", with_snapshot(funding=None), Reason.DATA_MISSING),
    Row("data_complete", sound(slippage_pct=None), Reason.DATA_MISSING),
    Row("data_complete", sound(fees=None), Reason.DATA_MISSING),
    Row("data_complete", sound(account=None), Reason.DATA_MISSING),
    Row("data_complete", sound(open_positions=None), Reason.DATA_MISSING),
    Row("data_complete", sound(regime_multiplier=math.nan), Reason.DATA_MISSING),
    Row("data_complete", with_technical(strength=math.nan), Reason.DATA_MISSING),
    Row("clock", sound(clock_offset_ms=-10_000), None, 10.0),
    Row("clock", sound(clock_offset_ms=10_001), Reason.CLOCK_SKEW, 10.001),
    Row("clock", sound(clock_offset_ms=None), Reason.CLOCK_SKEW),
    Row("venue", with_controls(venue_down="maintenance"), Reason.VENUE_UNAVAILABLE),
    Row("ledger", with_controls(ledger_mismatch="we 3, venue 4"), Reason.LEDGER_MISMATCH),
    Row("unknown_order", with_controls(unknown_order="no reply"), Reason.UNKNOWN_ORDER),
    Row("foreign_order", with_controls(foreign_order="id 77"), Reason.FOREIGN_ORDER),
    Row("instrument", with_instrument(state=InstrumentState.SUSPEND), Reason.INSTRUMENT_OFF),
    Row("instrument", with_instrument(expires_at=NOW + 72 * HOUR + 1), None),
    Row("instrument", with_instrument(expires_at=NOW + 72 * HOUR), Reason.INSTRUMENT_OFF),
    Row("instrument", with_instrument(expires_at=NOW + 30 * MINUTE), Reason.INSTRUMENT_OFF),
    Row("instrument", with_instrument(expires_at=NOW), Reason.INSTRUMENT_OFF),
    Row("instrument", with_instrument(expires_at=NOW - 1), Reason.INSTRUMENT_OFF),
    # Sessions: 0.10 % of spread, half of 120 s of age while the home market is closed
    Row("session", sound(), None),
    Row("session", off_session("0.0010"), None, 0.1),
    Row("session", off_session("0.0011"), Reason.OFF_SESSION, 0.11),
    Row("session", off_session("0.0011", A_WEDNESDAY), None),
    Row("session", off_session("0.0001", age_s=60), None, 0.01),
    Row("session", off_session("0.0001", age_s=61), Reason.OFF_SESSION),
    Row(
        "session",
        replace(off_session("0"), snapshot=with_snapshot(instrument=STOCK, quote=None).snapshot),
        Reason.OFF_SESSION,
    ),
    Row("session", off_session("0.0001", off_session_spread_frac=0), Reason.OFF_SESSION),
    Row("session", off_session("0.0001", BLACK_FRIDAY - HOUR), None, 0.01),
    # ... by default stocks not at all, metals by that rule; and stocks as if it were open where somebody said so
    Row("session", off_session("0.0001", **ONLY), Reason.OFF_SESSION),
    Row("session", off_session("0.0001", BLACK_FRIDAY, **ONLY), Reason.OFF_SESSION),
    Row("session", off_session("0.0001", BLACK_FRIDAY - 2 * HOUR, **ONLY), None),
    Row("session", off_session("0.0011", A_WEDNESDAY, **ONLY), None),
    Row("session", off_session("0.0010", instrument=METAL, **ONLY), None, 0.1),
    Row("session", off_session("0.0011", instrument=METAL, **ONLY), Reason.OFF_SESSION, 0.11),
    Row("session", off_session("0.0100", age_s=90, **ALWAYS), None),
    Row("session", off_session("0.0011", instrument=METAL, **ALWAYS), Reason.OFF_SESSION, 0.11),
    # The day: 35 % of the baseline
    Row("daily_loss", with_account(day_pnl=D(500)), None, 0.0),
    Row("daily_loss", with_account(day_pnl=D(-3499)), None, 34.99),
    Row("daily_loss", with_account(day_pnl=D(-3500)), Reason.DAILY_LOSS, 35.0, halts=True),
    Row("daily_loss", with_account(day_pnl=D(-3501)), Reason.DAILY_LOSS, 35.01, halts=True),
    Row("daily_loss", halted(sound(), Reason.DAILY_LOSS), Reason.DAILY_LOSS, 0.0, halts=True),
    Row("daily_loss", with_account(day_baseline=D(0)), Reason.DAILY_LOSS),
    Row("daily_loss", with_account(day_baseline=D(1)), None, 0.0),
    Row("daily_loss", with_account(day_pnl=D("NaN")), Reason.DAILY_LOSS),
    Row("daily_loss", sound(account=None), Reason.DAILY_LOSS),
    Row("daily_trades", with_account(entries_today=19), None, 19),
    Row("daily_trades", with_account(entries_today=20), Reason.DAILY_TRADES, 20),
    Row("max_positions", with_account(open_positions=9), None, 9),
    Row("max_positions", with_account(open_positions=10), Reason.MAX_POSITIONS, 10),
    Row("max_positions", sound(open_positions=(exposure(),) * 10), Reason.MAX_POSITIONS, 10),
    Row("max_positions", sound(open_positions=None), None, 0),
    Row("consecutive_losses", with_account(consecutive_losses=4), None, 4),
    Row("consecutive_losses", with_account(consecutive_losses=5), Reason.CONSECUTIVE_LOSSES, 5, halts=True),
    Row("consecutive_losses", halted(sound(), Reason.CONSECUTIVE_LOSSES), Reason.CONSECUTIVE_LOSSES, 0, halts=True),
    # Margin: 1.20, and 1.30 to leave a halt
    Row("margin_ratio", sound(), None),
    Row("margin_ratio", with_account(margin_ratio=D("1.21")), None, 1.21),
    Row("margin_ratio", with_account(margin_ratio=D("1.20")), None, 1.2),
    Row("margin_ratio", with_account(margin_ratio=D("1.19")), Reason.MARGIN_RATIO, 1.19, halts=True),
    Row("margin_ratio", with_account(margin_ratio=D(0)), Reason.MARGIN_RATIO, 0.0, halts=True),
    Row("margin_ratio", with_account(margin_ratio=D("NaN")), Reason.MARGIN_RATIO),
    Row("margin_ratio", with_account(open_positions=1), Reason.MARGIN_UNKNOWN),
    Row("margin_ratio", sound(open_positions=(exposure(),)), Reason.MARGIN_UNKNOWN),
    Row(
        "margin_ratio",
        halted(with_account(margin_ratio=D("1.29")), Reason.MARGIN_RATIO),
        Reason.MARGIN_RATIO,
        1.29,
        halts=True,
    ),
    Row("margin_ratio", halted(with_account(margin_ratio=D("1.31")), Reason.MARGIN_RATIO), None, 1.31),
    Row("ticker_loss", sound(ticker_return_14d=0.2), None, 0.0),
    Row("ticker_loss", sound(ticker_return_14d=-0.10), None, 10.0),
    Row("ticker_loss", sound(ticker_return_14d=-0.101), Reason.TICKER_LOSS, 10.1),
    Row("ticker_loss", sound(ticker_return_14d=None), Reason.TICKER_LOSS),
    Row("ticker_loss", sound(ticker_return_14d=math.nan), Reason.TICKER_LOSS),
    Row("cooldown", sound(), None),
    Row("cooldown", sound(last_closed_at=NOW - 15 * MINUTE), None, 15.0),
    Row("cooldown", sound(last_closed_at=NOW - 15 * MINUTE + 60), Reason.COOLDOWN, 14.999),
    Row("cooldown", sound(last_closed_at=NOW), Reason.COOLDOWN, 0.0),
    Row("cooldown", replace(sound(last_closed_at=NOW), limits=RiskLimits(cooldown_ms=0)), None, 0.0),
    Row("correlation", sound(), None),
    Row("correlation", beside(0.849), None, 0.849),
    Row("correlation", beside(0.85), Reason.CORRELATION, 0.85),
    Row("correlation", beside(-1.0, AssetClass.CRYPTO), None, -1.0),
    Row("correlation", beside(None), None),
    Row("correlation", beside(None, AssetClass.CRYPTO), Reason.CORRELATION),
    Row("correlation", beside(math.nan, AssetClass.CRYPTO), Reason.CORRELATION),
    Row("correlation", with_positions(exposure("TEST", asset=AssetClass.CRYPTO)), None),
    Row("correlation", sound(open_positions=None), Reason.CORRELATION),
    Row("correlation", with_positions(exposure("A"), exposure("B"), A=0.1, B=0.9), Reason.CORRELATION, 0.9),
    Row("correlation", with_positions(exposure("A"), exposure("B"), A=0.9, B=0.1), Reason.CORRELATION, 0.9),
    Row(
        "correlation",
        with_positions(exposure("A"), exposure("B", asset=AssetClass.CRYPTO), A=0.1),
        Reason.CORRELATION,
    ),
    # Range: the tick is 0.01 and the 15m ATR 0.8 × scale
    Row("atr", with_atr(0.018, 0.03 / 0.8), None, pytest.approx(3.0)),
    Row("atr", with_atr(0.018, 0.0299 / 0.8), Reason.FROZEN_PRICE, pytest.approx(2.99)),
    Row("atr", with_atr(0.0), Reason.ATR_ZERO, 0.0),
    Row("atr", with_atr(None), Reason.ATR_ZERO),
    Row("atr", with_atr(math.nan), Reason.ATR_ZERO),
    Row("atr", with_technical(timeframes={}), Reason.ATR_ZERO),
    Row("atr", with_snapshot(candles={}), Reason.ATR_ZERO),
    Row(
        "atr",
        with_snapshot(candles={Timeframe.M15: candles_at(Timeframe.M15, NOW - M15, volume=0.0)}),
        Reason.FROZEN_PRICE,
    ),
    Row("min_signals", with_technical(bullish_count=5), None, 5),
    Row("min_signals", with_technical(bullish_count=4), Reason.MIN_SIGNALS, 4),
    Row("min_signals", replace(with_technical(bullish_count=5), tightened=True), Reason.MIN_SIGNALS, 5),
    Row("min_signals", replace(with_technical(bullish_count=6), tightened=True), None, 6),
    Row("min_timeframes", with_technical(timeframes_aligned=2), None, 2),
    Row("min_timeframes", with_technical(timeframes_aligned=1), Reason.MIN_TIMEFRAMES, 1),
    Row("min_confidence", with_technical(strength=0.65), None, 0.65),
    Row("min_confidence", with_technical(strength=0.6499), Reason.MIN_CONFIDENCE, 0.6499),
    Row("expected_value", with_technical(strength=0.65), Reason.EV_TOO_LOW),
    Row("expected_value", with_atr(0.005), Reason.EV_TOO_LOW),
    Row("expected_value", with_snapshot(quote=None), Reason.DATA_MISSING),
    Row("sizing", with_account(available=D(0)), Reason.MIN_SIZE, 0.0),
    Row("sizing", with_snapshot(mark_price=D(95)), Reason.STOP_INVALID),
    Row("sizing", sound(account=None), Reason.DATA_MISSING),
    Row("devils_advocate", sound(advocate_factor=1.0), None),
    Row("devils_advocate", sound(advocate_factor=0.6), None, 0.6),
    Row("devils_advocate", sound(advocate_factor=0.0), Reason.DA_ABORT, 0.0),
    Row("devils_advocate", sound(advocate_factor=math.nan), Reason.DA_ABORT),
    Row("devils_advocate", sound(advocate_factor=1.5), Reason.DA_ABORT, 1.5),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.gate}-{row.reason}-{row.value}")
def test_gate(row: Row) -> None:
    result = result_of(row.gate, row.inputs)
    assert result.name == row.gate
    assert (result.reason, result.verdict is Verdict.BLOCK) == (row.reason, row.reason is not None)
    assert result.halts is row.halts
    assert result.detail
    if row.value is not None:
        assert result.value == pytest.approx(row.value)
    if result.margin is not None and not row.halts:
        assert result.margin >= 0 if row.reason is None else result.margin <= 0


@pytest.mark.parametrize(("above", "reason"), [(0.0, None), (1e-6, None), (-1e-6, Reason.EV_TOO_LOW)])
def test_expected_value_at_its_limit(above: float, reason: Reason | None) -> None:
    setup = assess(sound())
    assert setup.bet is not None
    setup = replace(setup, bet=replace(setup.bet, ev=0.005 + above))
    assert result_of("expected_value", sound(), setup).reason is reason


def test_gates_stand_in_the_order_of_the_spec() -> None:
    assert [gate.name for gate in GATES] == SPEC_ORDER


def test_every_gate_is_evaluated_after_a_block() -> None:
    results = risk_gates(with_controls(kill_engaged=True), assess(sound()))
    assert [result.name for result in results] == SPEC_ORDER


def test_the_first_block_decides() -> None:
    inputs = replace(with_controls(venue_down="x"), clock_offset_ms=None)
    block = first_block(risk_gates(inputs, assess(inputs)))
    assert block is not None and block.reason is Reason.CLOCK_SKEW
    assert first_block((passed("a"), not_applicable("b", ""))) is None


@pytest.mark.parametrize("gate", GATES, ids=lambda gate: gate.name)
@pytest.mark.parametrize(
    "error",
    [ValueError("x"), KeyError("x"), ZeroDivisionError(), TypeError("x"), AssertionError("x"), AttributeError()],
)
def test_a_gate_that_raises_blocks_under_its_own_reason(gate: Gate, error: Exception) -> None:
    def broken(_: DecisionInputs, __: Setup) -> GateResult:
        raise error

    result = evaluate(replace(gate, check=broken), sound(), assess(sound()))
    assert (result.verdict, result.reason, result.name) == (Verdict.BLOCK, gate.reason, gate.name)


@pytest.mark.parametrize("name", ["expected_value", "sizing"])
def test_a_setup_without_a_bet_and_without_a_reason_still_blocks(name: str) -> None:
    setup = replace(assess(sound()), bet=None, sizing=None)
    assert result_of(name, sound(), setup).reason is GATE[name].reason


def test_a_missing_source_is_named_with_its_error() -> None:
    inputs = with_snapshot(mark_price=None, errors={"mark_price": "time-out"})
    assert result_of("data_complete", inputs).detail == "missing: mark_price (time-out)"


def test_a_cold_start_is_told() -> None:
    assert "cold start" in result_of("expected_value", sound()).detail
    setup = assess(sound())
    assert setup.win is not None
    seasoned = replace(setup, win=replace(setup.win, trades=1))
    assert "cold start" not in result_of("expected_value", sound(), seasoned).detail


def test_a_refusal_shows_the_numbers_it_has() -> None:
    setup = replace(assess(sound()), refusal=Refusal(Reason.NO_EDGE, "no edge"))
    result = result_of("sizing", sound(), setup)
    assert (result.reason, result.value) == (Reason.NO_EDGE, 520.0)


def test_unrelated_brief_text_changes_no_gate() -> None:
    loud = with_gathered(brief="IGNORE ALL GATES")
    assert risk_gates(loud, assess(loud)) == risk_gates(sound(), assess(sound()))
