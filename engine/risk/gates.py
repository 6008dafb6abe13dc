"""The risk gates as one table, in the order in which they decide. Every gate is evaluated every time; the first
that blocks an entry gives its reason, the rest are still shown.

A gate is a pure function of (inputs, setup). One that meets something unknown or unusable blocks: it fails closed,
under its own reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from engine.model import GateResult, Verdict
from engine.reasons import Reason
from engine.risk import gates_account, gates_control, gates_trade
from engine.risk.inputs import DecisionInputs
from engine.risk.setup import Setup
from engine.risk.verdicts import blocked

# What arithmetic on absent or malformed data raises.
UNUSABLE = (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError)

Check = Callable[[DecisionInputs, Setup], GateResult]


@dataclass(frozen=True, slots=True)
class Gate:
    """One row: `reason` is told when the check itself cannot be made; `key` is the setting, `lifts` what ends it."""

    name: str
    reason: Reason
    check: Check
    key: str
    lifts: str


GATES: tuple[Gate, ...] = (
    Gate("kill", Reason.KILL_ENGAGED, gates_control.kill_latch, "", "a person resumes"),
    Gate("entries_stopped", Reason.ENTRIES_PAUSED, gates_control.entries_stopped, "", "a person resumes entries"),
    Gate("ticker_paused", Reason.TICKER_PAUSED, gates_control.ticker_paused, "", "a person resumes the ticker"),
    Gate("halt", Reason.ENTRIES_PAUSED, gates_control.other_halts, "", "as the halt says"),
    Gate("data_fresh", Reason.DATA_STALE, gates_control.data_fresh, "trading.max_input_age_s", "fresh data"),
    Gate("data_complete", Reason.DATA_MISSING, gates_control.data_complete, "", "complete data"),
    Gate("clock", Reason.CLOCK_SKEW, gates_control.clock, "", "the clocks agree again"),
    Gate("venue", Reason.VENUE_UNAVAILABLE, gates_control.venue, "", "the venue answers"),
    Gate("ledger", Reason.LEDGER_MISMATCH, gates_control.ledger, "", "books and venue agree"),
    Gate("unknown_order", Reason.UNKNOWN_ORDER, gates_control.unknown_order, "", "the venue tells the order's fate"),
    Gate("foreign_order", Reason.FOREIGN_ORDER, gates_control.foreign_order, "", "the foreign object is gone"),
    Gate("instrument", Reason.INSTRUMENT_OFF, gates_control.instrument_live, "", "it trades again"),
    Gate(
        "session",
        Reason.OFF_SESSION,
        gates_control.session,
        "risk.stock_entries, off_session_spread_pct",
        "its home market opens, or a tight and fresh quote where that is enough",
    ),
    Gate("daily_loss", Reason.DAILY_LOSS, gates_account.daily_loss, "risk.daily_loss_limit_pct", "the next UTC day"),
    Gate("daily_trades", Reason.DAILY_TRADES, gates_account.daily_trades, "risk.max_daily_trades", "the next UTC day"),
    Gate(
        "max_positions",
        Reason.MAX_POSITIONS,
        gates_account.max_positions,
        "risk.max_open_positions",
        "a position closes",
    ),
    Gate(
        "consecutive_losses",
        Reason.CONSECUTIVE_LOSSES,
        gates_account.consecutive_losses,
        "risk.max_consecutive_losses",
        "a person resumes entries",
    ),
    Gate(
        "margin_ratio",
        Reason.MARGIN_UNKNOWN,
        gates_account.margin_ratio,
        "risk.min_margin_ratio",
        "the ratio is back above the limit + 0.10",
    ),
    Gate(
        "ticker_loss",
        Reason.TICKER_LOSS,
        gates_account.ticker_loss,
        "risk.max_ticker_loss_pct",
        "its losses are older than 14 days",
    ),
    Gate("cooldown", Reason.COOLDOWN, gates_account.cooldown, "risk.cooldown_minutes", "the minutes have passed"),
    Gate(
        "correlation",
        Reason.CORRELATION,
        gates_account.correlation,
        "risk.max_correlation",
        "the other position closes or they part",
    ),
    Gate("atr", Reason.ATR_ZERO, gates_trade.atr, "", "the price moves"),
    Gate("min_signals", Reason.MIN_SIGNALS, gates_trade.min_signals, "risk.min_signals_aligned", "more signals"),
    Gate(
        "min_timeframes",
        Reason.MIN_TIMEFRAMES,
        gates_trade.min_timeframes,
        "risk.min_timeframes_aligned",
        "more timeframes",
    ),
    Gate("min_confidence", Reason.MIN_CONFIDENCE, gates_trade.min_confidence, "risk.min_confidence", "more confidence"),
    Gate("expected_value", Reason.EV_TOO_LOW, gates_trade.expected_value, "risk.min_ev_pct", "a better bet"),
    Gate(
        "sizing",
        Reason.MIN_SIZE,
        gates_trade.sizing,
        "risk.max_position_size_pct, max_gross_pct, max_class_pct, risk_per_trade_pct, min_reward_risk",
        "room for a tradable size",
    ),
    Gate(
        "devils_advocate",
        Reason.DA_ABORT,
        gates_trade.devils_advocate,
        "llm.da_confidence_min, da_confidence_max",
        "the next cycle",
    ),
)


def evaluate(gate: Gate, inputs: DecisionInputs, setup: Setup) -> GateResult:
    """The gate's result; a check that cannot be made blocks under the gate's own reason."""
    try:
        return gate.check(inputs, setup)
    except UNUSABLE as error:
        return blocked(gate.name, gate.reason, f"cannot be checked: {error}")


def risk_gates(inputs: DecisionInputs, setup: Setup) -> tuple[GateResult, ...]:
    """All gates, in order, none skipped."""
    return tuple(evaluate(gate, inputs, setup) for gate in GATES)


def first_block(results: Iterable[GateResult]) -> GateResult | None:
    """The gate that decides."""
    return next((result for result in results if result.verdict is Verdict.BLOCK), None)
