"""Gates that ask whether anything may be opened at all: switches, data, clock, venue, books."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime

from engine.model import AssetClass, GateResult, Instrument, InstrumentState, Timeframe
from engine.model.ages import since_s
from engine.reasons import Reason
from engine.risk.inputs import DecisionInputs
from engine.risk.limits import HOUR_MS
from engine.risk.sessions import STOCKS, StockEntries, in_session, opens_at
from engine.risk.setup import Setup, is_price, spread_of, usable
from engine.risk.verdicts import at_most, blocked, passed, switch

LIVE_PRICES = ("quote", "book")
SETTLEMENT = "funding settlement"
"""Lies ahead as a rule."""

# These halts have a gate of their own further down, which also knows when they lift.
HALTS_WITH_OWN_GATE = (Reason.DAILY_LOSS, Reason.CONSECUTIVE_LOSSES, Reason.MARGIN_RATIO)


def kill_latch(inputs: DecisionInputs, _: Setup) -> GateResult:
    wrong = "the kill switch is engaged" if inputs.controls.kill_engaged else ""
    return switch("kill", Reason.KILL_ENGAGED, wrong, "not engaged")


def entries_stopped(inputs: DecisionInputs, _: Setup) -> GateResult:
    wrong = "entries are stopped by the operator" if inputs.controls.entries_stopped else ""
    return switch("entries_stopped", Reason.ENTRIES_PAUSED, wrong, "entries allowed")


def ticker_paused(inputs: DecisionInputs, _: Setup) -> GateResult:
    wrong = f"{inputs.ticker} is paused by the operator" if inputs.controls.ticker_paused else ""
    return switch("ticker_paused", Reason.TICKER_PAUSED, wrong, "not paused")


def other_halts(inputs: DecisionInputs, _: Setup) -> GateResult:
    """Any halt in force that has no gate of its own, such as a liquidation, blocks under its own reason."""
    halt = next((h for h in inputs.controls.halts if h.reason not in HALTS_WITH_OWN_GATE), None)
    if halt is None:
        return passed("halt", "no other halt")
    return blocked("halt", halt.reason, f"{halt.detail}; lifts: {halt.lifts}", halts=True)


def data_fresh(inputs: DecisionInputs, _: Setup) -> GateResult:
    """The input that is oldest for its limit, in venue seconds when the snapshot was taken; before that one that claims
    to be of the future, since nobody can say how old that is."""
    ages = tuple(input_ages(inputs))
    if not ages:
        return blocked("data_fresh", Reason.DATA_STALE, "no source has a known age")
    ahead, most = [(-age, source) for source, age, _ in ages if source != SETTLEMENT], inputs.limits.max_input_ahead_s
    if ahead and max(ahead)[0] > most:
        return at_most("data_fresh", Reason.DATA_STALE, max(ahead)[0], most, "s", f"{max(ahead)[1]} is ahead of us by")
    source, age, limit = max(ages, key=lambda item: item[1] / item[2])
    return at_most("data_fresh", Reason.DATA_STALE, age, limit, "s", f"{source} age")


def input_ages(inputs: DecisionInputs) -> Iterator[tuple[str, float, float]]:
    """(source, age, limit) in seconds; an age is below 0 where the venue's stamp is ahead of us. A candle may be one
    bar old since its close, plus the common limit; a funding estimate is old once its settlement has passed."""
    snapshot, limit = inputs.snapshot, inputs.limits.max_input_age_s
    now = snapshot.taken_at
    if snapshot.quote is not None:
        yield "quote", since_s(now, snapshot.quote.ts), limit
    if snapshot.book is not None:
        yield "book", since_s(now, snapshot.book.ts), limit
    if snapshot.funding is not None:
        yield SETTLEMENT, since_s(now, snapshot.funding.settles_at), limit
    for timeframe, candles in snapshot.candles.items():
        if len(candles):
            closed = int(candles.ts[-1]) + timeframe.ms
            yield f"{timeframe} candle", since_s(now, closed), timeframe.ms / 1000 + limit


def data_complete(inputs: DecisionInputs, _: Setup) -> GateResult:
    """Required data has no neutral default: what is missing is named."""
    missing = ", ".join(missing_inputs(inputs))
    return switch("data_complete", Reason.DATA_MISSING, f"missing: {missing}" if missing else "", "complete")


def missing_inputs(inputs: DecisionInputs) -> Iterator[str]:
    """The names of required inputs that are absent or malformed, with the source's own error where known."""
    snapshot = inputs.snapshot
    required: dict[str, bool] = {f"candles_{tf}": len(snapshot.candles.get(tf) or ()) > 0 for tf in Timeframe}
    required |= {
        "quote": spread_of(snapshot) is not None,
        "mark_price": is_price(snapshot.mark_price),
        "funding": snapshot.funding is not None,
        "slippage (order book)": usable(inputs.slippage_pct),
        "fees": inputs.fees is not None,
        "account": inputs.account is not None,
        "open positions": inputs.open_positions is not None,
        "signal strength": usable(inputs.gathered.technical.strength),
        "regime multiplier": usable(inputs.regime_multiplier),
    }
    for name, known in required.items():
        if not known:
            error = snapshot.errors.get(name, "")
            yield f"{name} ({error})" if error else name


def clock(inputs: DecisionInputs, _: Setup) -> GateResult:
    """Local clock against the venue's."""
    offset, limit = inputs.clock_offset_ms, inputs.limits.max_clock_offset_ms / 1000
    if offset is None:
        return blocked("clock", Reason.CLOCK_SKEW, "the clock offset is unknown", limit=limit)
    return at_most("clock", Reason.CLOCK_SKEW, abs(offset) / 1000, limit, "s", "clock offset")


def venue(inputs: DecisionInputs, _: Setup) -> GateResult:
    return switch("venue", Reason.VENUE_UNAVAILABLE, inputs.controls.venue_down, "answers")


def ledger(inputs: DecisionInputs, _: Setup) -> GateResult:
    return switch("ledger", Reason.LEDGER_MISMATCH, inputs.controls.ledger_mismatch, "agrees with the venue")


def unknown_order(inputs: DecisionInputs, _: Setup) -> GateResult:
    return switch("unknown_order", Reason.UNKNOWN_ORDER, inputs.controls.unknown_order, "every order's fate is known")


def foreign_order(inputs: DecisionInputs, _: Setup) -> GateResult:
    return switch("foreign_order", Reason.FOREIGN_ORDER, inputs.controls.foreign_order, "nothing foreign")


def instrument_live(inputs: DecisionInputs, _: Setup) -> GateResult:
    """Suspended, pre-open and expiring instruments take no entries (incident 44)."""
    wrong = off_reason(inputs.instrument, inputs.decided_at, inputs.limits.no_entry_before_expiry_ms)
    return switch("instrument", Reason.INSTRUMENT_OFF, wrong, "live")


def off_reason(instrument: Instrument, now_ms: int, before_expiry_ms: int) -> str:
    """Why nothing may be opened on it; "" when it trades and its end is not near."""
    if instrument.state is not InstrumentState.LIVE:
        return f"{instrument.inst_id} is not trading (state {instrument.state})"
    if instrument.expires_at is None or instrument.expires_at - now_ms > before_expiry_ms:
        return ""
    hours = (instrument.expires_at - now_ms) / HOUR_MS
    if hours <= 0:
        return f"{instrument.inst_id} has expired"
    return f"{instrument.inst_id} expires in {hours:.1f} h, limit {before_expiry_ms / HOUR_MS:.0f} h"


def session(inputs: DecisionInputs, _: Setup) -> GateResult:
    """Outside the home session stocks and indexes open nothing unless allowed; metals, and stocks where the settings
    say "spread", need a tight and fresh quote and book (incident row 48)."""
    instrument, limits = inputs.instrument, inputs.limits
    if in_session(instrument.asset_class, inputs.decided_at):
        return passed("session", "in session")
    closed = f"its home market is closed{_until(instrument.asset_class, inputs.decided_at)}"
    if instrument.asset_class in STOCKS:
        if limits.stock_entries is StockEntries.ALWAYS:
            return passed("session", f"{closed}, entries allowed always")
        if limits.stock_entries is StockEntries.US_SESSION_ONLY:
            return blocked("session", Reason.OFF_SESSION, f"{closed}, stocks are entered in its session only")
    return _tight_and_fresh(inputs, closed)


def _until(asset_class: AssetClass, now_ms: int) -> str:
    at = opens_at(asset_class, now_ms)
    return "" if at is None else f" until {datetime.fromtimestamp(at / 1000, UTC):%a %H:%M} UTC"


def _tight_and_fresh(inputs: DecisionInputs, closed: str) -> GateResult:
    limits, spread = inputs.limits, spread_of(inputs.snapshot)
    if limits.off_session_spread_frac == 0 or spread is None:
        why = "no entries then" if spread is not None else "and the spread is unknown"
        return blocked("session", Reason.OFF_SESSION, f"{closed}, {why}")
    oldest = max((age for source, age, _ in input_ages(inputs) if source in LIVE_PRICES), default=math.inf)
    freshest = limits.max_input_age_s * limits.off_session_age_share
    if not oldest <= freshest:
        detail = f"{closed} and quote or book are {oldest:.0f} s old, limit {freshest:.0f} s"
        return blocked("session", Reason.OFF_SESSION, detail, limit=freshest)
    return at_most(
        "session", Reason.OFF_SESSION, spread * 100, limits.off_session_spread_frac * 100, "%", f"{closed}: spread"
    )
