"""A synthetic but realistic recording: one finished cycle over the 17 tickers, another one under way."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import numpy as np

from engine import events, wire
from engine.events import EngineSnapshot, Event
from engine.model import (
    AccountView,
    Action,
    BracketPrices,
    ClosedTrade,
    DecisionRecord,
    Direction,
    EngineState,
    GateResult,
    Halt,
    KillState,
    Override,
    Position,
    ProtectedPosition,
    Protection,
    Quote,
    Sizing,
    Stage,
    Synthesis,
    SynthesisSource,
    TechnicalSignals,
    Timeframe,
    TimeframeSignals,
    Verdict,
)
from engine.model.worth import Answerer, Comparison, Policy, PolicyTally, Worth
from engine.reasons import Reason

NOW = 1_750_000_327_000  # 2025-06-15 15:12:07 UTC
BAR = NOW - NOW % 900_000
CYCLE = 412

# ticker, last, tick digits, 24 h change in %, RS, streak, bullish signals
MARKET: tuple[tuple[str, str, float, int, int, int], ...] = (
    ("BTC", "67412.1", 1.21, 88, 1, 11),
    ("ETH", "3512.44", 0.87, 81, 2, 9),
    ("SOL", "171.83", 2.40, 79, 4, 12),
    ("NVDA", "142.07", 0.33, 74, 2, 8),
    ("XAU", "2391.6", 0.12, 66, 1, 6),
    ("META", "502.18", -0.20, 61, 0, 4),
    ("QQQ", "478.90", 0.05, 58, 1, 6),
    ("SPY", "551.02", 0.00, 55, 0, 5),
    ("MSFT", "431.55", -0.31, 52, -1, 3),
    ("AAPL", "226.40", 0.18, 50, 1, 5),
    ("AMZN", "184.12", -0.44, 47, -2, 2),
    ("GOOGL", "177.30", -0.12, 44, -1, 4),
    ("XAG", "28.114", -0.65, 40, -2, 2),
    ("XRP", "0.5871", -1.02, 33, -3, 1),
    ("TSLA", "219.80", -1.37, 29, -3, 1),
    ("PLTR", "29.65", -1.80, 22, -4, 0),
    ("SUI", "0.9120", -2.75, 18, -5, 0),
)
TICKERS = tuple(row[0] for row in MARKET)
LIMITS = {
    "daily_loss_limit_pct": 35.0,
    "max_daily_trades": 20,
    "max_open_positions": 10,
    "max_consecutive_losses": 5,
    "min_margin_ratio": 1.2,
}


def inst(ticker: str) -> str:
    return f"{ticker}-USDT-SWAP"


def quotes(at: int = NOW, shift: Sequence[tuple[str, str]] = ()) -> events.QuotesChanged:
    moved = dict(shift)
    found = {}
    for ticker, last, change, *_ in MARKET:
        price = Decimal(moved.get(ticker, last))
        open_24h = (Decimal(last) / (1 + Decimal(str(change)) / 100)).quantize(Decimal("0.00001"))
        found[ticker] = Quote(inst(ticker), price, price, price, open_24h, Decimal(120_000), at)
    return events.QuotesChanged(found, at)


def timeframe(tf: Timeframe, bulls: int, seed: int, close: float) -> TimeframeSignals:
    votes = [1] * bulls + [0, -1, 0, -1, -1][: 5 - bulls]
    wave = math.sin(seed)
    return TimeframeSignals(
        timeframe=tf,
        bar_ts=BAR,
        close=close,
        ema9=close,
        ema20=close,
        ema50=close,
        rsi=50 + 4.2 * (bulls - 2),
        macd=0.1,
        macd_signal=0.08,
        macd_histogram=0.02,
        bollinger_position=0.6,
        bollinger_width_pct=0.02,
        atr=close * 0.009,
        atr_pct=0.0092,
        ofi_bar=0.08 * (bulls - 2),
        vpin=0.31,
        toxicity=0.4,
        realised_vol=0.34,
        jump_z=0.3,
        jump=False,
        vwap_deviation_pct=0.0012 * wave,
        vwap_deviation_sigma=wave,
        vote_ema=votes[0],
        vote_rsi=votes[1],
        vote_macd=votes[2],
        vote_ofi=votes[3],
        vote_vwap=votes[4],
        score=round((bulls - 2.2) / 2.8, 2),
    )


def technical(count: int, close: float) -> TechnicalSignals:
    shares = [count // 3 + (1 if index < count % 3 else 0) for index in range(3)]
    frames = {
        tf: timeframe(tf, min(n, 5), index + count, close)
        for index, (tf, n) in enumerate(zip(Timeframe, shares, strict=True))
    }
    direction = Direction.BULLISH if count >= 7 else Direction.BEARISH if count <= 2 else Direction.NEUTRAL
    score = round((count - 6) / 9, 2)
    return TechnicalSignals(
        timeframes=frames,
        bullish_count=count,
        bearish_count=max(0, 7 - count),
        timeframes_aligned=sum(n >= 3 for n in shares),
        score=score,
        strength=round((1 + score) / 2, 2),
        direction=direction,
        atr_pct_avg=0.0092,
    )


BRIEF = """{ticker} perp, class {kind}. 15m EMA9>20>50 stacked, RSI 58, MACD +, OFI +0.08, VWAP +0.1%.
1H EMA stacked, RSI 61, MACD +, OFI +0.22. 4H mixed, RSI 49, MACD -.
ATR 0.92%, realised vol 21%, no jump. VPIN 0.31 low.
Book: imbalance +0.18, spread 0.01%, bid wall -0.4%, slippage 0.02%.
Funding +0.010% / 8h (in 3.2 h). OI +1.1% 24h. L/S 1.34 crowded long.
Forecast n/a (no weights). Regime TREND x1.00. F&G 38 fear (3h).
News 24h: + chip export rule eased (6h); - insider sale filing (19h)."""
AGES = {
    "candles": 4.0,
    "book": 2.0,
    "quote": 1.0,
    "funding": 41.0,
    "open_interest": 660.0,
    "news": 10_800.0,
    "forecast": None,
}


def closes(seed: int, base: float) -> tuple[float, ...]:
    generator = np.random.default_rng(seed)
    path = base * np.exp(np.cumsum(generator.normal(0.0002, 0.002, 96)))
    return tuple(round(float(value), 4) for value in path)


@cache  # a recording is told some eight hundred times, and events are frozen
def brief(index: int, cycle: int = CYCLE) -> events.BriefReady:
    ticker, last, _, _, streak, count = MARKET[index]
    kind = "crypto" if ticker in {"BTC", "ETH", "SOL", "XRP", "SUI"} else "stock"
    return events.BriefReady(
        cycle,
        ticker,
        BRIEF.format(ticker=ticker, kind=kind),
        487,
        technical(count, float(last)),
        streak,
        AGES,
        closes(index, float(last)),
        NOW,
    )


def synthesis(index: int) -> Synthesis:
    ticker, _, _, _, streak, count = MARKET[index]
    if ticker == "QQQ":
        return Synthesis(
            SynthesisSource.OLLAMA,
            Action.HOLD,
            None,
            None,
            "",
            None,
            failure=Reason.LLM_INVALID,
            model="qwen3.5:4b",
            attempts=2,
        )
    if streak < 1:
        return Synthesis(SynthesisSource.SKIPPED, Action.HOLD, None, None, "", None)
    action = Action.BUY if count >= 8 else Action.HOLD
    said = min(15, count + 3)
    counts = f'"signals_aligned":{said},"timeframes_aligned":3'
    raw = f'{{"action":"{action}",{counts},"reasoning":"1H+4H EMA bullish...","notional":5.0}}'
    reasoning = "1H and 4H EMA bullish, OFI +0.22 buy pressure, funding neutral; [risk] of crowding noted."
    return Synthesis(
        SynthesisSource.OLLAMA,
        action,
        said,
        3,
        reasoning,
        5.0,
        model="qwen3.5:4b",
        raw=raw,
        prompt_tokens=1512,
        completion_tokens=88,
        attempts=1,
        latency_ms=6100.0,
    )


def gates(index: int) -> tuple[GateResult, ...]:
    ticker, _, _, _, streak, count = MARKET[index]
    confidence = 0.3 + count / 25

    def gate(
        name: str,
        value: float | None,
        limit: float | None,
        ok: bool | None,
        reason: Reason,
        unit: str = "",
        detail: str = "",
    ) -> GateResult:
        verdict = Verdict.NOT_APPLICABLE if ok is None else Verdict.PASS if ok else Verdict.BLOCK
        margin = None if value is None or limit is None else round(value - limit, 4)
        return GateResult(name, value, limit, margin, verdict, reason if ok is False else None, unit, detail)

    correlated = ticker == "NVDA"
    return (
        gate("streak", float(streak), 2.0, streak >= 2, Reason.STREAK_TOO_SHORT, detail=f"streak {streak:+d} < +2"),
        gate("exit_streak", None, 2.0, None, Reason.STILL_BULLISH),
        gate("min_hold", None, 180.0, None, Reason.MIN_HOLD),
        gate("kill", None, None, True, Reason.KILL_ENGAGED),
        gate("entries_stopped", None, None, True, Reason.ENTRIES_PAUSED),
        gate("ticker_paused", None, None, True, Reason.TICKER_PAUSED),
        gate("venue", None, None, True, Reason.VENUE_UNAVAILABLE),
        gate("ledger", None, None, True, Reason.LEDGER_MISMATCH),
        gate("data_fresh", 4.0, 120.0, True, Reason.DATA_STALE, "s"),
        gate("daily_loss", 0.4, 35.0, True, Reason.DAILY_LOSS, "%"),
        gate("daily_trades", 6.0, 20.0, True, Reason.DAILY_TRADES),
        gate("open_positions", 3.0, 10.0, True, Reason.MAX_POSITIONS),
        gate("loss_streak", 1.0, 5.0, True, Reason.CONSECUTIVE_LOSSES),
        gate("margin_ratio", 8.42, 1.2, True, Reason.MARGIN_RATIO),
        gate("ticker_loss", 1.9, 10.0, True, Reason.TICKER_LOSS, "%"),
        gate(
            "correlation",
            0.91 if correlated else 0.42,
            0.85,
            not correlated,
            Reason.CORRELATION,
            detail="0.91 with QQQ, limit 0.85",
        ),
        gate("atr", 0.92, 0.0, True, Reason.ATR_ZERO, "%"),
        gate("signals", float(count), 5.0, count >= 5, Reason.MIN_SIGNALS, detail=f"{count} of 15 bullish, 5 needed"),
        gate(
            "timeframes",
            float(count // 4),
            2.0,
            count >= 8,
            Reason.MIN_TIMEFRAMES,
            detail=f"{count // 4} of 3 bullish, 2 needed",
        ),
        gate("confidence", confidence, 0.65, confidence >= 0.65, Reason.MIN_CONFIDENCE),
        gate("expected_value", 1.12 if count >= 8 else 0.31, 0.5, count >= 8, Reason.EV_TOO_LOW, "%"),
        gate("sizing", None, None, None if count < 8 else True, Reason.MIN_SIZE),
    )


def sizing(price: Decimal) -> Sizing:
    stop, target = (price * Decimal("0.983")).quantize(price), (price * Decimal("1.034")).quantize(price)
    return Sizing(
        p_win=0.452,
        confidence=0.69,
        ev_pct=0.0112,
        edge=0.162,
        odds=2.08,
        half_kelly=0.081,
        conf_scale=0.845,
        regime_multiplier=1.0,
        advocate_factor=1.0,
        stop_distance_pct=0.0161,
        target_distance_pct=0.0335,
        cost_pct=0.0014,
        notional_raw=Decimal("700.95"),
        notional=Decimal("696.10"),
        contracts=Decimal("4.9"),
        risk_usdt=Decimal("12.18"),
        capped_by=None,
        bracket=BracketPrices(stop, target),
    )


@cache
def decision(index: int, cycle: int = CYCLE) -> events.DecisionMade:
    ticker, last, _, _, streak, count = MARKET[index]
    said, found = synthesis(index), gates(index)
    blocked = next((gate for gate in found if gate.verdict is Verdict.BLOCK), None)
    signals = technical(count, float(last))
    enters = said.action is Action.BUY and blocked is None
    reason = said.failure or (
        Reason.ENTERED if enters else blocked.reason if blocked and blocked.reason else Reason.LLM_HOLD
    )
    record = DecisionRecord(
        decision_id=f"d{cycle}{index:02d}",
        cycle=cycle,
        ticker=ticker,
        inst_id=inst(ticker),
        bar_ts=BAR,
        decided_at=NOW - 40_000,
        action=Action.BUY if enters else Action.HOLD,
        reason=reason,
        detail=blocked.detail if blocked and not said.failure else "",
        price=Decimal(last),
        signals_aligned=count,
        timeframes_aligned=signals.timeframes_aligned,
        strength=signals.strength,
        confidence=round(0.3 + count / 25, 2),
        p_win=0.45,
        direction=signals.direction,
        direction_streak=streak,
        synthesis=said,
        overrides=(
            Override(
                "signals_aligned",
                None if said.signals_aligned is None else str(said.signals_aligned),
                str(count),
                said.signals_aligned != count,
            ),
            Override(
                "timeframes_aligned",
                None if said.timeframes_aligned is None else "3",
                str(signals.timeframes_aligned),
                signals.timeframes_aligned != 3,
            ),
            Override("confidence", None, f"{0.3 + count / 25:.2f}", False),
            Override(
                "notional",
                None if said.notional is None else "5.00",
                "696.10" if count >= 8 else "0.00",
                said.notional is not None,
            ),
        ),
        gates=found,
        sizing=sizing(Decimal(last)) if count >= 8 else None,
        brief=brief(index, cycle).brief,
        ages_s=AGES,
        stages_ms={"fetch": 412.0, "experts": 18.0, "synthesis": 6100.0, "risk": 3.0},
    )
    return events.DecisionMade(record, NOW - 60_000 + index * 1000)


def held(
    ticker: str,
    contracts: str,
    entry: str,
    mark: str,
    pnl: str,
    notional: str,
    stop: str | None,
    target: str | None,
    protection: Protection,
    detail: str = "",
) -> ProtectedPosition:
    position = Position(
        inst(ticker),
        f"p-{ticker}",
        Decimal(contracts),
        Decimal(entry),
        Decimal(mark),
        Decimal(pnl),
        Decimal(0),
        Decimal("-0.4"),
        Decimal(0),
        Decimal(notional),
        "isolated",
        Decimal(1),
        None,
        Decimal("8.42"),
        Decimal(notional),
        NOW - 11_520_000,
        NOW,
    )
    return ProtectedPosition(
        ticker,
        position,
        protection,
        Decimal(stop) if stop else None,
        Decimal(target) if target else None,
        f"algo-{ticker}",
        NOW - 9000,
        f"t-{ticker}",
        detail,
    )


def positions(missing: bool = True) -> events.PositionsChanged:
    eth = ("3411.20", "3690.00", Protection.PROTECTED, "")
    if missing:
        eth = ("", "", Protection.MISSING, "re-placing, attempt 2 of 3")
    return events.PositionsChanged(
        (
            held("SOL", "6.1", "168.20", "171.83", "22.10", "1024.10", "163.91", "176.84", Protection.PROTECTED),
            held("XRP", "7.0", "0.5933", "0.5871", "-4.28", "410.00", "0.5790", "0.6180", Protection.PROTECTED),
            held("ETH", "2.8", "3480.10", "3512.44", "9.28", "998.40", eth[0] or None, eth[1] or None, eth[2], eth[3]),
        ),
        NOW,
    )


def account(day_pnl: str = "43.01", losses: int = 1) -> events.AccountChanged:
    pnl = Decimal(day_pnl)
    baseline = Decimal("10198.17")
    return events.AccountChanged(
        AccountView(
            equity=baseline + pnl,
            cash=Decimal("10214.08"),
            available=Decimal("7781.50"),
            day="2025-06-15",
            day_baseline=baseline,
            day_pnl=pnl,
            day_pnl_pct=float(pnl / baseline),
            day_realised=Decimal("18.20"),
            day_unrealised=Decimal("27.10"),
            day_fees=Decimal("-2.09"),
            day_funding=Decimal("-0.20"),
            total_baseline=Decimal(10_000),
            total_pnl=Decimal("241.18"),
            total_realised=Decimal("230.00"),
            total_fees=Decimal("-12.30"),
            total_funding=Decimal("-3.62"),
            unrealised=Decimal("27.10"),
            balanced_to=Decimal(0),
            entries_today=6,
            consecutive_losses=losses,
            open_positions=3,
            margin_ratio=Decimal("8.42"),
            ts=NOW,
        ),
        NOW,
    )


def health() -> list[Event]:
    return [
        events.HealthChanged("okx", "ok", 1.0, 84.0, "", NOW),
        events.HealthChanged("llm", "ok", 6.0, 6100.0, "qwen3.5:4b", NOW),
        events.HealthChanged("forecast", "off", None, None, "no weights", NOW),
    ]


def worth() -> events.WorthMeasured:
    """Half a year measured, and still nothing to tell model and rules apart by."""
    against = [
        Comparison(Policy.RULES, -0.0002, -0.0031, 0.0025, 214, 0, 0, "not distinguishable from rules"),
        Comparison(Policy.HOLD, 0.0004, -0.0019, 0.0027, 214, 0, 0, "not distinguishable from always HOLD"),
        Comparison(Policy.RANDOM, 0.0031, 0.0004, 0.0058, 214, 0, 0, "better than random entry"),
    ]
    tallies = (PolicyTally(Policy.MODEL, 0.084, 131, 52, 3), PolicyTally(Policy.RULES, 0.121, 140, 61, 2))
    answers = {"by_model": 4120, "by_rules": 0, "failed": 31, "skipped": 345_000}
    return events.WorthMeasured(Worth("2024-11-13", Answerer.MODEL, tuple(against), tallies, answers, 12), NOW)


def startup(upto: int = 6) -> list[Event]:
    steps = (
        ("config", "demo, 17 tickers"),
        ("database", "42 trades"),
        ("venue", "84 ms"),
        ("reconcile", "3 positions"),
        ("llm", "qwen3.5:4b"),
        ("forecast", "no weights"),
    )
    status = ("ok", "ok", "ok", "ok", "ok", "skipped")
    return [
        events.StartupStep(name, status[i] if i < upto else "running", text, NOW - 60_000)
        for i, (name, text) in enumerate(steps[: upto + 1])
    ]


def head(speed: float = 0.0) -> list[Event]:
    return [
        *startup(),
        events.ClockChanged(NOW, speed, 12, NOW),
        events.EngineStateChanged(EngineState.RUNNING, "", NOW - 59_000),
        events.WatchlistRanked(TICKERS, {row[0]: float(row[3]) for row in MARKET}, (), NOW - 58_000),
        quotes(),
        *health(),
        account(),
        worth(),
    ]


def cycle() -> list[Event]:
    """Cycle 412 done for the first four, the fifth with the model, the rest waiting, one failed."""
    found: list[Event] = [events.CycleStarted(CYCLE - 1, BAR - 900_000, TICKERS, NOW - 900_000)]
    for index in range(len(TICKERS)):
        found += [brief(index, CYCLE - 1), decision(index, CYCLE - 1)]
        found.append(events.StageChanged(CYCLE - 1, TICKERS[index], Stage.DONE, "", NOW - 880_000))
    stages = {"fetch": 7100.0, "experts": 300.0, "synthesis": 54_000.0, "risk": 51.0, "execute": 900.0}
    found.append(
        events.CycleFinished(CYCLE - 1, BAR - 900_000, 64_000.0, stages, 17, 17, {}, BAR + 905_000, NOW - 830_000)
    )
    found.append(events.CycleStarted(CYCLE, BAR, TICKERS, NOW - 75_000))
    found += [events.StageChanged(CYCLE, ticker, Stage.QUEUED, "", NOW - 75_000) for ticker in TICKERS]
    for index in range(4):
        found += [brief(index), decision(index), events.StageChanged(CYCLE, TICKERS[index], Stage.DONE, "", NOW)]
    found += [brief(4), events.StageChanged(CYCLE, "XAU", Stage.SYNTHESIS, "", NOW)]
    found.append(events.StageChanged(CYCLE, "SUI", Stage.FAILED, "429 too many requests", NOW))
    return found


def trades() -> list[Event]:
    bracket = events.BracketVerified("SOL", "algo-SOL", Decimal("163.91"), Decimal("176.84"), 380.0, NOW - 30_000)
    trade = ClosedTrade(
        "t-9",
        "AAPL",
        inst("AAPL"),
        Decimal(3),
        Decimal("224.10"),
        Decimal("226.90"),
        Decimal("8.40"),
        Decimal("-0.67"),
        Decimal("-0.03"),
        Decimal("7.70"),
        Decimal("672.30"),
        0.66,
        Reason.TAKE_PROFIT,
        NOW - 9_000_000,
        NOW - 33_000,
    )
    return [
        events.TradeClosed(trade, NOW - 33_000),
        events.OrderSent("SOL", "c1", "buy", Decimal("6.1"), "entry", NOW - 31_000),
        events.OrderFilled(
            "SOL", "c1", "buy", Decimal("6.1"), Decimal("168.20"), Decimal("-0.51"), "entry", NOW - 30_500
        ),
        bracket,
        events.LogLine("warning", "fetch", "fetch failed 429, retry in 20s (2/3)", NOW - 20_000, "SUI"),
        events.BracketHealed("ETH", "re-places the bracket", "it was missing at the venue", NOW - 5_000),
    ]


def no_pauses(*tickers: str, stopped: bool = False) -> events.PauseChanged:
    return events.PauseChanged(tickers, stopped, "key", NOW)


def kill(state: KillState, results: dict[str, str] | None = None, detail: str = "") -> events.KillChanged:
    return events.KillChanged(state, "key", NOW - 41_000, detail, results or {}, NOW)


def running(speed: float = 0.0) -> list[Event]:
    return [*head(speed), *cycle(), *trades(), positions(), no_pauses("PLTR")]


def paused() -> list[Event]:
    return [*head(), *cycle(), positions(missing=False), no_pauses("PLTR", "TSLA", stopped=True)]


def halted() -> list[Event]:
    halt = Halt(Reason.DAILY_LOSS, "-35.2% of the day's start, limit 35%", NOW - 3_600_000, "00:00 UTC")
    return [*head(), *cycle(), positions(missing=False), account("-3590.00", 4), events.HaltChanged((halt,), NOW)]


def killed() -> list[Event]:
    results = {
        "SOL-USDT-SWAP": "closed at 171.80",
        "XRP-USDT-SWAP": "closing, 40% filled",
        "ETH-USDT-SWAP": "refused 51008, retrying",
    }
    return [*head(), *cycle(), positions(), kill(KillState.FLATTENING, results, "2 of 3 orders sent")]


def stale() -> list[Event]:
    down = events.HealthChanged("okx", "down", 42.0, None, "no answer, retry in 8 s", NOW)
    return [
        *head(),
        *cycle(),
        positions(missing=False),
        down,
        events.EngineStateChanged(EngineState.STOPPED, "engine thread ended", NOW),
    ]


def empty() -> list[Event]:
    return [events.ClockChanged(NOW, 0.0, None, NOW), *startup(3)]


SCENES = {"running": running, "paused": paused, "halt": halted, "kill": killed, "stale": stale, "empty": empty}


def snapshot(mode: str = "demo", watchlist: tuple[str, ...] = TICKERS) -> EngineSnapshot:
    return EngineSnapshot(0, mode, "simulator", "", 4711, watchlist, LIMITS)


def recording(path: Path, stream: Iterable[Event], mode: str = "demo", *, watchlist: tuple[str, ...] = TICKERS) -> Path:
    """Write snapshot and events as the engine's log would."""
    lines = [wire.snapshot_line(snapshot(mode, watchlist)), *(wire.event_line(event) for event in stream)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def moving(seconds: int, per_second: int = 1) -> list[Event]:
    """The running scene followed by `seconds` of moving prices: for benches."""
    generator = np.random.default_rng(5)
    stream = [replace(event, ts=NOW) for event in running(1.0)]
    for step in range(seconds * per_second):
        picks = generator.choice(len(MARKET), 6, replace=False)
        shift = []
        for index in picks:
            ticker, last, *_ = MARKET[int(index)]
            price = Decimal(last) * Decimal(str(round(1 + float(generator.normal(0, 0.0008)), 6)))
            shift.append((ticker, str(price.quantize(Decimal(last)))))
        at = NOW + (step + 1) * 1000 // per_second
        stream.append(quotes(at, shift))
    return stream
