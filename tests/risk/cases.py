"""The sound case, and short ways to change one thing of it."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.model import Action, AssetClass, Candles, Synthesis, SynthesisSource, Timeframe
from engine.reasons import Reason
from engine.risk.inputs import Controls, DecisionInputs, HeldPosition, OpenExposure
from engine.risk.limits import RiskLimits
from engine.risk.sound import ATR, NOW, sound_inputs, timeframe_signals

HELD = HeldPosition(Decimal(3), Decimal(100), NOW - 4 * 3_600_000)


def sound(**changes: Any) -> DecisionInputs:
    """A BUY with the published limits."""
    return replace(sound_inputs(RiskLimits()), **changes)


def with_limits(**changes: Any) -> DecisionInputs:
    return sound(limits=RiskLimits(**changes))


def with_account(**changes: Any) -> DecisionInputs:
    inputs = sound()
    assert inputs.account is not None
    return replace(inputs, account=replace(inputs.account, **changes))


def with_snapshot(**changes: Any) -> DecisionInputs:
    return sound(snapshot=replace(sound().snapshot, **changes))


def with_quote(**changes: Any) -> DecisionInputs:
    quote = sound().snapshot.quote
    assert quote is not None
    return with_snapshot(quote=replace(quote, **changes))


def with_instrument(**changes: Any) -> DecisionInputs:
    return with_snapshot(instrument=replace(sound().instrument, **changes))


def with_controls(**changes: Any) -> DecisionInputs:
    return sound(controls=Controls(**changes))


def with_gathered(**changes: Any) -> DecisionInputs:
    return sound(gathered=replace(sound().gathered, **changes))


def with_technical(**changes: Any) -> DecisionInputs:
    return with_gathered(technical=replace(sound().gathered.technical, **changes))


def with_atr(average: float | None, scale: float = 1.0) -> DecisionInputs:
    """`average` as atr_pct_avg; the 15m ATR scaled."""
    m15 = timeframe_signals(Timeframe.M15)
    m15 = replace(m15, atr=100 * ATR[Timeframe.M15] * scale, atr_pct=ATR[Timeframe.M15] * scale)
    frames = {**sound().gathered.technical.timeframes, Timeframe.M15: m15}
    technical = replace(sound().gathered.technical, timeframes=frames, atr_pct_avg=average)
    return with_gathered(technical=technical, atr_pct_avg=average)


def with_positions(*positions: OpenExposure, **correlations: float | None) -> DecisionInputs:
    inputs = with_account(open_positions=len(positions), margin_ratio=Decimal(5))
    return replace(inputs, open_positions=positions, correlations=correlations)


def exposure(
    ticker: str = "OTHER", notional: str | None = "1000", asset: AssetClass = AssetClass.METAL
) -> OpenExposure:
    return OpenExposure(ticker, asset, None if notional is None else Decimal(notional))


def candles_at(timeframe: Timeframe, last_open: int, volume: float = 10.0) -> Candles:
    base = sound().snapshot.candles[timeframe]
    return replace(base, ts=base.ts - int(base.ts[-1]) + last_open, volume=base.volume * 0 + volume)


def answer(
    action: Action,
    source: SynthesisSource = SynthesisSource.OLLAMA,
    failure: Reason | None = None,
    notional: float | None = 5.0,
) -> Synthesis:
    return Synthesis(source, action, 7, 2, "because", notional, failure)
