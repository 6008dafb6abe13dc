"""A synthetic moment at which every gate passes: the base that the self-test breaches, one gate at a time."""

from __future__ import annotations

from decimal import Decimal

import numpy as np

from engine.model import (
    AccountView,
    Action,
    AssetClass,
    Candles,
    Direction,
    FeeRates,
    Funding,
    GatherResult,
    Instrument,
    InstrumentState,
    MarketSnapshot,
    MarketStats,
    Quote,
    Synthesis,
    SynthesisSource,
    TechnicalSignals,
    Timeframe,
    TimeframeSignals,
)
from engine.risk.inputs import Controls, DecisionInputs
from engine.risk.limits import RiskLimits

NOW = 1_760_000_400_000 - 1_760_000_400_000 % Timeframe.H4.ms + 5_000
ATR = {Timeframe.M15: 0.008, Timeframe.H1: 0.016, Timeframe.H4: 0.030}

INSTRUMENT = Instrument(
    inst_id="TEST-USDT-SWAP",
    ticker="TEST",
    asset_class=AssetClass.CRYPTO,
    contract_value=Decimal(1),
    contract_multiplier=Decimal(1),
    lot_size=Decimal("0.01"),
    min_size=Decimal("0.01"),
    tick_size=Decimal("0.01"),
    max_market_size=Decimal(100_000),
    max_leverage=Decimal(50),
    state=InstrumentState.LIVE,
)


def candles(timeframe: Timeframe, bars: int = 3) -> Candles:
    """Quiet confirmed bars around 100 USDT, the last one just closed."""
    last = NOW - NOW % timeframe.ms - timeframe.ms
    ts = last - timeframe.ms * np.arange(bars - 1, -1, -1, dtype=np.int64)
    price = np.full(bars, 100.0)
    return Candles(ts, price, price + 0.5, price - 0.5, price, np.full(bars, 10.0))


def timeframe_signals(timeframe: Timeframe) -> TimeframeSignals:
    """All five votes bullish."""
    return TimeframeSignals(
        timeframe=timeframe,
        bar_ts=int(candles(timeframe).ts[-1]),
        close=100.0,
        ema9=None,
        ema20=None,
        ema50=None,
        rsi=None,
        macd=None,
        macd_signal=None,
        macd_histogram=None,
        bollinger_position=None,
        bollinger_width_pct=None,
        atr=100 * ATR[timeframe],
        atr_pct=ATR[timeframe],
        ofi_bar=None,
        vpin=None,
        toxicity=None,
        realised_vol=None,
        jump_z=None,
        jump=None,
        vwap_deviation_pct=None,
        vwap_deviation_sigma=None,
        vote_ema=1,
        vote_rsi=1,
        vote_macd=1,
        vote_ofi=1,
        vote_vwap=1,
        score=0.8,
    )


def technical(strength: float = 0.9) -> TechnicalSignals:
    """15 of 15 signals, 3 of 3 timeframes."""
    return TechnicalSignals(
        timeframes={timeframe: timeframe_signals(timeframe) for timeframe in Timeframe},
        bullish_count=15,
        bearish_count=0,
        timeframes_aligned=3,
        score=2 * strength - 1,
        strength=strength,
        direction=Direction.BULLISH,
        atr_pct_avg=sum(ATR.values()) / len(ATR),
    )


def gathered(strength: float = 0.9, streak: int = 3) -> GatherResult:
    signals = technical(strength)
    return GatherResult(
        brief="TEST: all bullish",
        brief_tokens=5,
        atr_pct_avg=signals.atr_pct_avg,
        tf_alignment=15,
        dominant_direction=Direction.BULLISH,
        direction_streak=streak,
        technical=signals,
        book=None,
        stats=MarketStats(0.0001, 8.0, 4.0, None, None, None),
        ages_s={"quote": 1.0},
    )


def snapshot() -> MarketSnapshot:
    return MarketSnapshot(
        instrument=INSTRUMENT,
        taken_at=NOW,
        bar_ts=int(candles(Timeframe.M15).ts[-1]),
        candles={timeframe: candles(timeframe) for timeframe in Timeframe},
        quote=Quote(INSTRUMENT.inst_id, Decimal("99.99"), Decimal("100.00"), Decimal("99.99"), None, None, NOW),
        book=None,
        mark_price=Decimal("99.99"),
        funding=Funding(INSTRUMENT.inst_id, 0.0001, NOW + 4 * 3_600_000, 8 * 3_600_000, NOW),
        open_interest=None,
        long_short=None,
    )


def account(equity: Decimal = Decimal(10_000)) -> AccountView:
    """Flat, nothing done today."""
    zero = Decimal(0)
    return AccountView(
        equity=equity,
        cash=equity,
        available=equity,
        day="2025-10-09",
        day_baseline=equity,
        day_pnl=zero,
        day_pnl_pct=0.0,
        day_realised=zero,
        day_unrealised=zero,
        day_fees=zero,
        day_funding=zero,
        total_baseline=equity,
        total_pnl=zero,
        total_realised=zero,
        total_fees=zero,
        total_funding=zero,
        unrealised=zero,
        balanced_to=zero,
        entries_today=0,
        consecutive_losses=0,
        open_positions=0,
        margin_ratio=None,
        ts=NOW,
    )


def buy() -> Synthesis:
    return Synthesis(SynthesisSource.RULES, Action.BUY, 15, 3, "all bullish", 5.0)


def sound_inputs(limits: RiskLimits) -> DecisionInputs:
    """Flat, healthy, all signals bullish: with the published limits this is a BUY."""
    return DecisionInputs(
        decision_id="selftest",
        cycle=0,
        decided_at=NOW,
        limits=limits,
        snapshot=snapshot(),
        gathered=gathered(),
        synthesis=buy(),
        account=account(),
        controls=Controls(),
        held=None,
        open_positions=(),
        fees=FeeRates(Decimal("0.0005"), Decimal("0.0002")),
        slippage_pct=0.0002,
        outcomes=(),
        correlations={},
        ticker_return_14d=0.0,
        clock_offset_ms=0,
        regime_multiplier=1.0,
    )
