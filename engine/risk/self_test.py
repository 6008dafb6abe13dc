"""At start every gate is fed a synthetic breach under the user's own limits; one that does not trip stops the
program. Each is also fed a sound case, because a gate that always blocks proves nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from engine.model import AccountView, Action, AssetClass, GateResult, Halt, InstrumentState, Timeframe, Verdict
from engine.reasons import Reason
from engine.risk.gates import GATES, evaluate
from engine.risk.inputs import Controls, DecisionInputs, HeldPosition, OpenExposure
from engine.risk.limits import MINUTE_MS, RiskLimits
from engine.risk.persistence import persistence_gates
from engine.risk.sessions import StockEntries
from engine.risk.setup import Setup, assess
from engine.risk.sizing import Refusal
from engine.risk.sound import NOW, sound_inputs
from engine.rounding import exact

Case = tuple[DecisionInputs, Setup]
Change = Callable[[Case], Case]


A_SATURDAY = 1_760_180_400_000  # 2025-10-11 11:00 UTC


class GateProofFailed(Exception):
    """A gate did not trip on a breach, or blocked a sound case. The program must not trade; the message names
    the gate."""


@dataclass(frozen=True, slots=True)
class Breach:
    """`change` turns the sound case into one that `gate` must block for `reason`."""

    gate: str
    reason: Reason
    change: Change


def prove_gates_trip(limits: RiskLimits | None = None) -> None:
    """Raises GateProofFailed naming the first gate that fails its proof."""
    sound = sound_case(RiskLimits() if limits is None else limits)
    gates = {gate.name: gate for gate in GATES}
    untested = [name for name in gates if name not in {breach.gate for breach in BREACHES}]
    if untested:
        raise GateProofFailed(f"no breach is known for the gates {', '.join(untested)}")
    for gate in GATES:
        _expect(evaluate(gate, *sound), None)
    for breach in BREACHES:
        _expect(evaluate(gates[breach.gate], *breach.change(sound)), breach.reason)
    _prove_persistence(sound[0])


def sound_case(limits: RiskLimits) -> Case:
    """Inputs and setup that pass every gate under any limits.

    The setup's value and size are set by hand: under extreme limits no market could reach them, and what is
    proven here is the gate, not the limit.
    """
    inputs = sound_inputs(limits)
    setup = assess(sound_inputs(RiskLimits()))
    assert setup.bet is not None and setup.refusal is None, "the synthetic case does not trade"
    bet = replace(setup.bet, ev=limits.min_ev_frac + 0.01)
    return inputs, replace(setup, bet=bet, confidence=1.0)


def _expect(result: GateResult, reason: Reason | None) -> None:
    if reason is None and result.verdict is Verdict.BLOCK:
        raise GateProofFailed(f"gate {result.name} blocks a sound case: {result.detail}")
    if reason is not None and (result.verdict is not Verdict.BLOCK or result.reason is not reason):
        raise GateProofFailed(f"gate {result.name} does not trip with {reason}: {result.verdict}, {result.detail}")


def _prove_persistence(inputs: DecisionInputs) -> None:
    """Each persistence gate, on its own path: (gate, path, held for minutes or None when flat, streak)."""
    limits = inputs.limits
    old, young = limits.min_hold_ms // MINUTE_MS + 1, limits.min_hold_ms // MINUTE_MS - 1
    bearish = -limits.min_bearish_cycles
    cases: list[tuple[str, Action, int | None, int, Reason | None]] = [
        ("no_position", Action.BUY, None, 2, None),
        ("no_position", Action.BUY, old, 2, Reason.ALREADY_IN_POSITION),
        ("buy_streak", Action.BUY, None, limits.min_bullish_cycles, None),
        ("buy_streak", Action.BUY, None, limits.min_bullish_cycles - 1, Reason.STREAK_TOO_SHORT),
        ("position", Action.SELL, old, bearish, None),
        ("position", Action.SELL, None, bearish, Reason.SELL_WHEN_FLAT),
        ("sell_streak", Action.SELL, old, bearish, None),
        ("sell_streak", Action.SELL, old, limits.min_bullish_cycles, Reason.STILL_BULLISH),
        ("exit_confirmation", Action.SELL, old, bearish, None),
        ("exit_confirmation", Action.SELL, old, bearish + 1, Reason.EXIT_NOT_CONFIRMED),
        ("min_hold", Action.SELL, old, bearish, None),
    ]
    if limits.min_hold_ms > 0:
        cases.append(("min_hold", Action.SELL, young, bearish, Reason.MIN_HOLD))
    for name, path, minutes, streak, reason in cases:
        held = None if minutes is None else HeldPosition(Decimal(1), Decimal(100), NOW - minutes * MINUTE_MS)
        case = replace(inputs, held=held, gathered=replace(inputs.gathered, direction_streak=streak))
        _expect(next(g for g in persistence_gates(case, path) if g.name == name), reason)


# ---------------------------------------------------------------- how each gate is breached


def _inputs(**changes: Any) -> Change:
    return lambda case: (replace(case[0], **changes), case[1])


def _controls(**changes: Any) -> Change:
    return _inputs(controls=Controls(**changes))


def _account(change: Callable[[AccountView, RiskLimits], AccountView]) -> Change:
    def breach(case: Case) -> Case:
        inputs, setup = case
        assert inputs.account is not None
        return replace(inputs, account=change(inputs.account, inputs.limits)), setup

    return breach


def _snapshot(**changes: Any) -> Change:
    return lambda case: (replace(case[0], snapshot=replace(case[0].snapshot, **changes)), case[1])


def _technical(**changes: Any) -> Change:
    def breach(case: Case) -> Case:
        inputs, setup = case
        technical = replace(inputs.gathered.technical, **changes)
        return replace(inputs, gathered=replace(inputs.gathered, technical=technical)), setup

    return breach


def _one_short(field: str, limit: str) -> Change:
    """One less than asked for; below 0 when nothing is asked for, which no market can show."""
    return lambda case: _technical(**{field: getattr(case[0].limits, limit) - 1})(case)


def _old_quote(case: Case) -> Case:
    inputs, setup = case
    quote = inputs.snapshot.quote
    assert quote is not None
    age_ms = int(inputs.limits.max_input_age_s * 1000) + 1000
    return replace(inputs, snapshot=replace(inputs.snapshot, quote=replace(quote, ts=NOW - age_ms))), setup


def _quote_of_the_future(case: Case) -> Case:
    inputs, setup = case
    quote = inputs.snapshot.quote
    assert quote is not None
    ts = NOW + int(inputs.limits.max_input_ahead_s * 1000) + 1000
    return replace(inputs, snapshot=replace(inputs.snapshot, quote=replace(quote, ts=ts))), setup


def _skewed_clock(case: Case) -> Case:
    return replace(case[0], clock_offset_ms=-case[0].limits.max_clock_offset_ms - 1), case[1]


def _suspended(case: Case) -> Case:
    instrument = replace(case[0].instrument, state=InstrumentState.SUSPEND)
    return _snapshot(instrument=instrument)(case)


def _expiring(case: Case) -> Case:
    return _snapshot(instrument=replace(case[0].instrument, expires_at=NOW))(case)


def _off_session(case: Case) -> Case:
    """A stock on a Saturday, under a spread that no limit allows; a metal where stocks are let in always."""
    always = case[0].limits.stock_entries is StockEntries.ALWAYS
    return _closed(AssetClass.METAL if always else AssetClass.STOCK)(case)


def _closed(asset_class: AssetClass) -> Change:
    def breach(case: Case) -> Case:
        inputs, setup = case
        quote = inputs.snapshot.quote
        assert quote is not None and quote.ask is not None
        wide = replace(quote, bid=quote.ask * exact(0.8))
        there = replace(inputs.instrument, asset_class=asset_class)
        snapshot = replace(inputs.snapshot, instrument=there, quote=wide)
        return replace(inputs, snapshot=snapshot, decided_at=A_SATURDAY), setup

    return breach


def _just_closed(case: Case) -> Case:
    """Less than the cooldown ago; with no cooldown, a close that lies ahead, which cannot be."""
    return replace(case[0], last_closed_at=case[0].decided_at - case[0].limits.cooldown_ms + 1), case[1]


def _ticker_lost(case: Case) -> Case:
    return replace(case[0], ticker_return_14d=-case[0].limits.max_ticker_loss_frac - 0.001), case[1]


def _beside(asset_class: AssetClass, value: float | None) -> Change:
    other = OpenExposure("OTHER", asset_class, Decimal(100))
    return _inputs(open_positions=(other,), correlations={"OTHER": value})


def _frozen(case: Case) -> Case:
    inputs, _ = case
    tick = float(inputs.instrument.tick_size)
    quiet = replace(inputs.gathered.technical.timeframes[Timeframe.M15], atr=tick * (inputs.limits.min_atr_ticks - 0.5))
    return _technical(timeframes={**inputs.gathered.technical.timeframes, Timeframe.M15: quiet})(case)


def _unsure(case: Case) -> Case:
    return case[0], replace(case[1], confidence=case[0].limits.min_confidence - 0.001)


def _worthless(case: Case) -> Case:
    assert case[1].bet is not None
    return case[0], replace(case[1], bet=replace(case[1].bet, ev=case[0].limits.min_ev_frac - 0.0001))


def _refused(reason: Reason) -> Change:
    return lambda case: (case[0], replace(case[1], refusal=Refusal(reason, "synthetic breach")))


def _without_margin(case: Case) -> Case:
    """Through the real sizing: no available margin leaves nothing to trade."""
    inputs = sound_inputs(RiskLimits())
    assert inputs.account is not None
    return case[0], assess(replace(inputs, account=replace(inputs.account, available=Decimal(0))))


def _halt(reason: Reason) -> Change:
    return _controls(halts=(Halt(reason, "synthetic", NOW, "never"),))


BREACHES: tuple[Breach, ...] = (
    Breach("kill", Reason.KILL_ENGAGED, _controls(kill_engaged=True)),
    Breach("entries_stopped", Reason.ENTRIES_PAUSED, _controls(entries_stopped=True)),
    Breach("ticker_paused", Reason.TICKER_PAUSED, _controls(ticker_paused=True)),
    Breach("halt", Reason.LIQUIDATED, _halt(Reason.LIQUIDATED)),
    Breach("data_fresh", Reason.DATA_STALE, _old_quote),
    Breach("data_fresh", Reason.DATA_STALE, _quote_of_the_future),
    Breach("data_complete", Reason.DATA_MISSING, _snapshot(mark_price=None)),
    Breach("data_complete", Reason.DATA_MISSING, _inputs(account=None)),
    Breach("clock", Reason.CLOCK_SKEW, _skewed_clock),
    Breach("clock", Reason.CLOCK_SKEW, _inputs(clock_offset_ms=None)),
    Breach("venue", Reason.VENUE_UNAVAILABLE, _controls(venue_down="synthetic")),
    Breach("ledger", Reason.LEDGER_MISMATCH, _controls(ledger_mismatch="synthetic")),
    Breach("unknown_order", Reason.UNKNOWN_ORDER, _controls(unknown_order="synthetic")),
    Breach("foreign_order", Reason.FOREIGN_ORDER, _controls(foreign_order="synthetic")),
    Breach("instrument", Reason.INSTRUMENT_OFF, _suspended),
    Breach("instrument", Reason.INSTRUMENT_OFF, _expiring),
    Breach("session", Reason.OFF_SESSION, _off_session),
    Breach("session", Reason.OFF_SESSION, _closed(AssetClass.METAL)),
    Breach(
        "daily_loss",
        Reason.DAILY_LOSS,
        _account(lambda a, limits: replace(a, day_pnl=-a.day_baseline * exact(limits.daily_loss_frac + 0.0001))),
    ),
    Breach("daily_loss", Reason.DAILY_LOSS, _inputs(account=None)),
    Breach("daily_loss", Reason.DAILY_LOSS, _halt(Reason.DAILY_LOSS)),
    Breach(
        "daily_trades",
        Reason.DAILY_TRADES,
        _account(lambda a, limits: replace(a, entries_today=limits.max_daily_trades)),
    ),
    Breach(
        "max_positions",
        Reason.MAX_POSITIONS,
        _account(lambda a, limits: replace(a, open_positions=limits.max_open_positions)),
    ),
    Breach(
        "consecutive_losses",
        Reason.CONSECUTIVE_LOSSES,
        _account(lambda a, limits: replace(a, consecutive_losses=limits.max_consecutive_losses)),
    ),
    Breach("consecutive_losses", Reason.CONSECUTIVE_LOSSES, _halt(Reason.CONSECUTIVE_LOSSES)),
    Breach(
        "margin_ratio",
        Reason.MARGIN_RATIO,
        _account(lambda a, limits: replace(a, margin_ratio=exact(limits.min_margin_ratio) - exact(0.001))),
    ),
    Breach("margin_ratio", Reason.MARGIN_UNKNOWN, _account(lambda a, _: replace(a, open_positions=1))),
    Breach("ticker_loss", Reason.TICKER_LOSS, _ticker_lost),
    Breach("ticker_loss", Reason.TICKER_LOSS, _inputs(ticker_return_14d=None)),
    Breach("cooldown", Reason.COOLDOWN, _just_closed),
    Breach("correlation", Reason.CORRELATION, _beside(AssetClass.METAL, 1.0)),
    Breach("correlation", Reason.CORRELATION, _beside(AssetClass.CRYPTO, None)),
    Breach("atr", Reason.ATR_ZERO, lambda case: (_no_atr(case[0]), case[1])),
    Breach("atr", Reason.FROZEN_PRICE, _frozen),
    Breach("min_signals", Reason.MIN_SIGNALS, _one_short("bullish_count", "min_signals_aligned")),
    Breach("min_timeframes", Reason.MIN_TIMEFRAMES, _one_short("timeframes_aligned", "min_timeframes_aligned")),
    Breach("min_confidence", Reason.MIN_CONFIDENCE, _unsure),
    Breach("expected_value", Reason.EV_TOO_LOW, _worthless),
    Breach("sizing", Reason.NO_EDGE, _refused(Reason.NO_EDGE)),
    Breach("sizing", Reason.MIN_SIZE, _without_margin),
    Breach("devils_advocate", Reason.DA_ABORT, _inputs(advocate_factor=0.0)),
)


def _no_atr(inputs: DecisionInputs) -> DecisionInputs:
    return replace(inputs, gathered=replace(inputs.gathered, atr_pct_avg=0.0))
