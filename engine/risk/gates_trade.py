"""Gates that ask whether this very trade is worth making: range, signals, confidence, value, size."""

from __future__ import annotations

from engine.model import GateResult, Timeframe
from engine.reasons import Reason
from engine.risk.inputs import DecisionInputs
from engine.risk.setup import Setup, usable
from engine.risk.verdicts import at_least, blocked, not_applicable, passed

FROZEN_BARS = 2


def atr(inputs: DecisionInputs, _: Setup) -> GateResult:
    """No range, no stop distance. A 15m range under 3 ticks, or two bars without a trade, is a closed or stale
    market (D29)."""
    average = inputs.gathered.atr_pct_avg
    signals = inputs.gathered.technical.timeframes.get(Timeframe.M15)
    if not usable(average) or average <= 0 or signals is None or signals.atr is None:
        return blocked("atr", Reason.ATR_ZERO, "no average true range: there is no stop distance", average)
    if traded_volume(inputs) == 0:
        return blocked("atr", Reason.FROZEN_PRICE, f"no trade within the last {FROZEN_BARS} bars of 15m")
    ticks, limit = signals.atr / float(inputs.instrument.tick_size), inputs.limits.min_atr_ticks
    return at_least("atr", Reason.FROZEN_PRICE, ticks, limit, "ticks", "ATR of 15m")


def traded_volume(inputs: DecisionInputs) -> float:
    """Base units traded within the last two confirmed 15m bars. Raises ValueError without bars; the gate blocks."""
    candles = inputs.snapshot.candles.get(Timeframe.M15)
    if candles is None:
        raise ValueError("the 15m candles are unknown")
    return float(candles.volume[-FROZEN_BARS:].sum())


def min_signals(inputs: DecisionInputs, _: Setup) -> GateResult:
    count, limit = inputs.gathered.technical.bullish_count, inputs.min_signals
    return at_least("min_signals", Reason.MIN_SIGNALS, count, limit, "of 15", "bullish signals")


def min_timeframes(inputs: DecisionInputs, _: Setup) -> GateResult:
    count, limit = inputs.gathered.technical.timeframes_aligned, inputs.limits.min_timeframes_aligned
    return at_least("min_timeframes", Reason.MIN_TIMEFRAMES, count, limit, "of 3", "aligned timeframes")


def min_confidence(inputs: DecisionInputs, setup: Setup) -> GateResult:
    limit = inputs.limits.min_confidence
    return at_least("min_confidence", Reason.MIN_CONFIDENCE, setup.confidence, limit, "", "confidence")


def expected_value(inputs: DecisionInputs, setup: Setup) -> GateResult:
    """Net of costs, % of notional. Without a bracket there is no value, and the bracket's reason is told."""
    limit = inputs.limits.min_ev_frac * 100
    if setup.bet is None:
        if setup.refusal is None:
            raise ValueError("the expected value is unknown")
        return blocked("expected_value", setup.refusal.reason, setup.refusal.detail, limit=limit)
    start = "cold start, " if setup.win.trades == 0 else ""
    what = f"{start}p_win {setup.win.p_win:.3f}: EV"
    return at_least("expected_value", Reason.EV_TOO_LOW, setup.bet.ev * 100, limit, "%", what)


def sizing(inputs: DecisionInputs, setup: Setup) -> GateResult:
    """A tradable size within every cap, under a valid bracket."""
    if setup.sizing is None or setup.bet is None:
        if setup.refusal is None:
            raise ValueError("the size is unknown")
        return blocked("sizing", setup.refusal.reason, setup.refusal.detail)
    notional = float(setup.sizing.notional)
    least = float(inputs.instrument.notional(inputs.instrument.min_size, setup.bet.price))
    if setup.refusal is not None:
        return blocked("sizing", setup.refusal.reason, setup.refusal.detail, notional, least)
    return at_least("sizing", Reason.MIN_SIZE, notional, least, "USDT", "notional")


def devils_advocate(inputs: DecisionInputs, _: Setup) -> GateResult:
    """The second opinion on a borderline buy: only lowers. 0 or an unusable factor aborts."""
    factor = inputs.advocate_factor
    if factor is None:
        return not_applicable("devils_advocate", "not asked")
    if not 0 < factor <= 1:
        return blocked("devils_advocate", Reason.DA_ABORT, "the devil's advocate aborted, or did not answer", factor)
    return passed("devils_advocate", "proceed" if factor == 1 else f"size × {factor:g}", factor)
