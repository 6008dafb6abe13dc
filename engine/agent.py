"""One ticker, one decision: gather → synthesize → override → gate → size → execute.

The same pure functions decide in live, paper, demo and backtest; this file only fetches their inputs
and carries out their verdict.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

from engine.books_view import BooksView
from engine.challenge import challenged
from engine.clock import Clock
from engine.config import Settings
from engine.events import BriefReady, DecisionMade, Event, GatesEvaluated, StageChanged, Synthesized
from engine.exchange.contracts import contracts_for_notional
from engine.exchange.errors import ExchangeError
from engine.exchange.port import Exchange
from engine.execution.desk import TradingDesk
from engine.execution.entry_plan import EntryPlan
from engine.experts.gather_result import gather, technical_of
from engine.experts.regime import UNKNOWN_SHARE
from engine.experts.signal_board import SignalBoard
from engine.experts.streak import Streak, advance
from engine.fetch import CandleWindows, fetch_snapshot, has_newest_bars
from engine.known_hours import known_correlations
from engine.market_lists import MarketLists
from engine.model import (
    Action,
    Candles,
    DecisionRecord,
    FeeRates,
    GateResult,
    GatherResult,
    Instrument,
    MarketSnapshot,
    Stage,
    Synthesis,
    SynthesisSource,
    Timeframe,
)
from engine.patience import allowed_age_s, input_limits
from engine.reasons import Reason
from engine.risk.decide import forcing_gate
from engine.risk.inputs import DecisionInputs
from engine.risk.limits import RiskLimits
from engine.surroundings import Surroundings
from engine.synthesis.port import Counsel, Performance, SynthesisRequest

log = logging.getLogger(__name__)

SPARKLINE_BARS = 96
CANDLES_WITHIN_S = 5.0
"""How long the tickers wait for each other's candles; decisions are taken without those that come later."""


class AnalysisFailed(Exception):
    """One ticker could not be analysed; the rest of the cycle goes on."""


@dataclass(slots=True)
class StageTimer:
    """Wall milliseconds per stage of one ticker."""

    clock: Clock
    stages_ms: dict[str, float] = field(default_factory=dict)

    def lap(self, stage: Stage, since: float) -> float:
        now = self.clock.monotonic()
        self.stages_ms[stage.value] = (now - since) * 1000
        return now


@dataclass(frozen=True, slots=True)
class Prepared:
    """A ticker whose answer is known and whose decision is not yet taken."""

    cycle: int
    decision_id: str
    snapshot: MarketSnapshot
    gathered: GatherResult
    synthesis: Synthesis
    timer: StageTimer


class Agent:
    """Analyses one ticker at a time; the engine decides the order and what runs side by side."""

    def __init__(
        self,
        settings: Settings,
        limits: RiskLimits,
        exchange: Exchange,
        clock: Clock,
        desk: TradingDesk,
        counsel: Counsel,
        books: BooksView,
        clock_offset_ms: Callable[[], int | None],
        publish: Callable[[Event], None],
        surroundings: Surroundings,
    ) -> None:
        self._settings = settings
        self._limits = limits
        self._exchange = exchange
        self._clock = clock
        self._desk = desk
        self._counsel = counsel
        self._books = books
        self._clock_offset_ms = clock_offset_ms
        self._publish = publish
        self._surroundings = surroundings
        self._graded: tuple[int, Performance | None] | None = None
        self._fees: dict[str, FeeRates] = {}
        self._streaks: dict[str, Streak] = {}
        self.after_decision: Callable[[DecisionInputs], None] | None = None
        self.lists = MarketLists(exchange, clock)
        self.windows = CandleWindows(exchange)
        self.signals = SignalBoard()

    async def load(self) -> None:
        """Reads the streaks that the last run left."""
        self._streaks = dict(await self._desk.streaks.all())

    async def hourly_candles(self, instrument: Instrument) -> Candles:
        """The 1H window of one instrument; raises ExchangeError."""
        return await self.windows.window(instrument.inst_id, Timeframe.H1, self._clock.now_ms())

    async def read_windows(self, watched: Sequence[Instrument]) -> None:
        """Brings the candles up to date, for a few seconds at most; what fails is left for later."""
        await self.windows.read_all(watched, self._clock.now_ms(), CANDLES_WITHIN_S)

    async def refresh_signals(self, watched: Sequence[Instrument]) -> None:
        """What the windows of the whole watchlist say, in one pass; forecasts of them all are asked for, and not waited
        for. A window that was not read by then, and whatever fails, is left to its own ticker, which tells of it."""
        windows = self.windows.of(watched)
        try:
            # On a thread: 15 ms of NumPy for 51 series, and nobody else looks at the board before the cycle goes on.
            await asyncio.to_thread(self.signals.refresh, windows)
            self._surroundings.ask_forecasts(by_instrument(windows))
            await self._surroundings.forecasts_asked()
        except Exception:  # a defect met in one window must not end the cycle of all: each ticker computes its own
            log.exception("computing the watchlist's signals")

    # ------------------------------------------------------------ gather and synthesize

    async def prepare(self, instrument: Instrument, cycle: int) -> Prepared:
        """Everything up to the answer; may run for several tickers side by side.

        Raises AnalysisFailed when not even the price data could be read.
        """
        timer = StageTimer(self._clock)
        began = self._clock.monotonic()
        self._stage(cycle, instrument, Stage.FETCH)
        snapshot = await fetch_snapshot(self._exchange, self.windows, self.lists, instrument, self._clock)
        if not snapshot.candles:
            raise AnalysisFailed("; ".join(sorted(set(snapshot.errors.values()))) or "no candles")
        snapshot = self._surroundings.around(snapshot)
        await self._learn_fees(instrument)
        began = timer.lap(Stage.FETCH, began)
        self._stage(cycle, instrument, Stage.EXPERTS)
        gathered = await self._gather(snapshot)
        began = timer.lap(Stage.EXPERTS, began)
        self._publish_brief(cycle, snapshot, gathered)
        self._stage(cycle, instrument, Stage.SYNTHESIS)
        decision_id = f"{instrument.ticker}{snapshot.bar_ts // 60_000}"
        inputs = self._inputs(cycle, decision_id, snapshot, gathered, None, timer.stages_ms)
        synthesis = await self._synthesize(inputs)
        timer.lap(Stage.SYNTHESIS, began)
        self._publish(Synthesized(cycle, instrument.ticker, synthesis, self._clock.now_ms()))
        return Prepared(cycle, decision_id, snapshot, gathered, synthesis, timer)

    async def _gather(self, snapshot: MarketSnapshot) -> GatherResult:
        """The streak advances first, so that the brief shows the streak that the gates use. Bars that could not
        be read leave it as it is: a venue's silence is no change of direction."""
        ticker = snapshot.instrument.ticker
        freshness = input_limits(self._clock)
        technical = technical_of(snapshot, freshness, self.signals)
        known = self._streaks.get(ticker)
        if has_newest_bars(snapshot):
            streak = advance(known, technical.direction, snapshot.bar_ts)
            if streak != known:
                self._streaks[ticker] = streak
                await self._desk.streaks.put(ticker, streak)
        value = self._streaks[ticker].value if ticker in self._streaks else 0
        size = self._largest_size(snapshot)
        # On a thread: reading the headlines takes longest, and four tickers may come to this at once.
        return await asyncio.to_thread(
            gather, snapshot, value, self._settings.llm.deidentify, freshness, technical, size
        )

    async def _synthesize(self, inputs: DecisionInputs) -> Synthesis:
        """No call is made when the gates already force HOLD; the record then says which gate."""
        forcing = forcing_gate(inputs) if self._settings.llm.skip_when_forced else None
        if forcing is not None:
            return skipped(forcing)
        return await self._counsel.synthesize(self._request(inputs))

    def _request(self, inputs: DecisionInputs) -> SynthesisRequest:
        return SynthesisRequest(
            ticker=inputs.ticker,
            brief=inputs.gathered.brief,
            gathered=inputs.gathered,
            in_position=inputs.held is not None,
            bearish_cycles=max(0, -inputs.streak),
            performance=self._performance(inputs.cycle),
            asset_class=inputs.instrument.asset_class,
        )

    def _performance(self, cycle: int) -> Performance | None:
        """As it stood when the cycle began: all its tickers get the same prompt, which the server then reads once."""
        if self._graded is None or self._graded[0] != cycle:
            self._graded = (cycle, self._books.performance)
        return self._graded[1]

    async def _learn_fees(self, instrument: Instrument) -> None:
        """Fees are the account's and rarely change: read once per fee group and run."""
        key = instrument.fee_group or instrument.inst_id
        if key in self._fees:
            return
        try:
            self._fees[key] = await self._exchange.fee_rates(instrument)
        except ExchangeError as error:
            log.warning("fees of %s unknown: %s", instrument.inst_id, error)

    # ------------------------------------------------------------ decide and execute

    async def conclude(self, prepared: Prepared) -> DecisionRecord:
        """Decides by the books as they stand now and carries the verdict out; one ticker at a time."""
        instrument, timer = prepared.snapshot.instrument, prepared.timer
        self._stage(prepared.cycle, instrument, Stage.RISK)
        inputs = await self._answered(prepared)
        began = self._clock.monotonic()
        record = await self._challenged(inputs)
        began = timer.lap(Stage.RISK, began)
        self._publish(GatesEvaluated(prepared.cycle, instrument.ticker, record.gates, self._clock.now_ms()))
        self._stage(prepared.cycle, instrument, Stage.EXECUTE)
        record = await self._execute(record, prepared)
        timer.lap(Stage.EXECUTE, began)
        record = replace(record, stages_ms=dict(timer.stages_ms))
        await self._desk.decisions.record(record)
        self._publish(DecisionMade(record, self._clock.now_ms()))
        if self.after_decision is not None:
            factor = record.advice.factor if record.advice is not None else None
            self.after_decision(replace(inputs, advocate_factor=factor))
        self._stage(prepared.cycle, instrument, Stage.DONE)
        return record

    async def _answered(self, prepared: Prepared) -> DecisionInputs:
        """The inputs as they stand now. An answer that was skipped because of a gate that has opened since is asked
        for after all; it takes seconds, in which a position may open, a halt fall or the data grow old, so that the
        inputs are then taken once more."""
        inputs = self._inputs_of(prepared)
        if prepared.synthesis.source is not SynthesisSource.SKIPPED or forcing_gate(inputs) is not None:
            return inputs
        began = self._clock.monotonic()
        self._stage(prepared.cycle, inputs.instrument, Stage.SYNTHESIS)
        synthesis = await self._synthesize(inputs)
        prepared.timer.lap(Stage.SYNTHESIS, began)
        self._publish(Synthesized(prepared.cycle, inputs.ticker, synthesis, self._clock.now_ms()))
        self._stage(prepared.cycle, inputs.instrument, Stage.RISK)
        return self._inputs_of(replace(prepared, synthesis=synthesis))

    def _inputs_of(self, prepared: Prepared) -> DecisionInputs:
        return self._inputs(
            prepared.cycle, prepared.decision_id, prepared.snapshot, prepared.gathered, prepared.synthesis,
            prepared.timer.stages_ms,
        )  # fmt: skip

    async def _challenged(self, inputs: DecisionInputs) -> DecisionRecord:
        def anew() -> DecisionInputs:
            return self._inputs(
                inputs.cycle, inputs.decision_id, inputs.snapshot, inputs.gathered, inputs.synthesis, inputs.stages_ms
            )

        return await challenged(inputs, lambda record: self._counsel.review(self._request(inputs), record), anew)

    async def _execute(self, record: DecisionRecord, prepared: Prepared) -> DecisionRecord:
        if record.action is Action.BUY:
            return await self._enter(record, prepared)
        if record.action is Action.SELL:
            return await self._leave(record)
        return record

    async def _enter(self, record: DecisionRecord, prepared: Prepared) -> DecisionRecord:
        sizing, price = record.sizing, record.price
        assert sizing is not None, "a BUY without a size"
        assert sizing.bracket is not None, "a BUY without a stop"
        assert price is not None, "a BUY without a price"
        m15 = prepared.gathered.technical.timeframes.get(Timeframe.M15)
        outcome = await self._desk.entry.enter(
            EntryPlan(
                decision_id=record.decision_id,
                ticker=record.ticker,
                instrument=prepared.snapshot.instrument,
                contracts=sizing.contracts,
                prices=sizing.bracket,
                price=price,
                decided_at=prepared.snapshot.taken_at,
                strength=record.strength,
                atr15_pct=m15.atr_pct if m15 is not None else None,
                trail_pct=self._settings.trading.trail_percent / 100,
                max_age_s=allowed_age_s(self._settings.trading.max_decision_age_s, self._clock),
                cooldown_s=self._limits.cooldown_ms / 1000,
            )
        )
        await self._books.refresh()
        action = Action.BUY if outcome.reason is Reason.ENTERED else Action.HOLD
        return replace(record, action=action, reason=outcome.reason, detail=outcome.detail)

    async def _leave(self, record: DecisionRecord) -> DecisionRecord:
        outcome = await self._desk.exit.close(record.inst_id, Reason.SIGNAL_EXIT, record.decision_id)
        await self._books.refresh()
        action = Action.SELL if outcome.reason is Reason.EXITED else Action.HOLD
        return replace(record, action=action, reason=outcome.reason, detail=outcome.detail)

    # ------------------------------------------------------------ inputs

    def _inputs(
        self,
        cycle: int,
        decision_id: str,
        snapshot: MarketSnapshot,
        gathered: GatherResult,
        synthesis: Synthesis | None,
        stages_ms: Mapping[str, float],
    ) -> DecisionInputs:
        instrument = snapshot.instrument
        fees = self._fees.get(instrument.fee_group or instrument.inst_id)
        return DecisionInputs(
            decision_id=decision_id,
            cycle=cycle,
            decided_at=self._clock.now_ms(),
            limits=self._limits_now(),
            snapshot=snapshot,
            gathered=gathered,
            synthesis=synthesis,
            account=self._books.account,
            controls=self._books.controls(instrument),
            held=self._books.held(instrument.inst_id),
            open_positions=self._books.open_exposures(),
            fees=fees,
            slippage_pct=gathered.book.slippage_pct if gathered.book is not None else None,
            outcomes=self._books.outcomes,
            correlations=self._correlations(snapshot),
            ticker_return_14d=self._books.ticker_returns.get(instrument.ticker),
            clock_offset_ms=self._clock_offset_ms(),
            regime_multiplier=gathered.regime.volatility_multiplier if gathered.regime is not None else UNKNOWN_SHARE,
            tightened=self._books.tightened,
            last_closed_at=self._books.last_closes.get(instrument.ticker),
            stages_ms=dict(stages_ms),
        )

    def _limits_now(self) -> RiskLimits:
        """In a fast simulated market the network takes its share of every age."""
        limits, clock = self._limits, self._clock
        return replace(
            limits,
            max_input_age_s=allowed_age_s(limits.max_input_age_s, clock),
            max_input_ahead_s=allowed_age_s(limits.max_input_ahead_s, clock),
        )

    def _largest_size(self, snapshot: MarketSnapshot) -> Decimal | None:
        """Contracts of the largest position that the limits allow, so that slippage errs on the dear side."""
        quote, account = snapshot.quote, self._books.account
        if quote is None or quote.mid is None or account is None:
            return None
        notional = account.equity * Decimal(str(self._limits.max_position_frac))
        return contracts_for_notional(snapshot.instrument, notional, quote.mid)

    def _correlations(self, snapshot: MarketSnapshot) -> Mapping[str, float | None]:
        own = snapshot.instrument
        others = {t: i for t, i in self._books.open_instruments().items() if t != own.ticker}
        return known_correlations(self.windows, own.ticker, tuple(others), (own, *others.values()))

    # ------------------------------------------------------------ telling

    def _stage(self, cycle: int, instrument: Instrument, stage: Stage) -> None:
        self._publish(StageChanged(cycle, instrument.ticker, stage, "", self._clock.now_ms()))

    def _publish_brief(self, cycle: int, snapshot: MarketSnapshot, gathered: GatherResult) -> None:
        bars = snapshot.candles.get(Timeframe.M15)
        closes = tuple(float(close) for close in bars.close[-SPARKLINE_BARS:]) if bars is not None else ()
        self._publish(
            BriefReady(
                cycle=cycle,
                ticker=snapshot.instrument.ticker,
                brief=gathered.brief,
                tokens=gathered.brief_tokens,
                technical=gathered.technical,
                streak=gathered.direction_streak,
                ages_s=gathered.ages_s,
                closes=closes,
                ts=self._clock.now_ms(),
            )
        )


def by_instrument(windows: Mapping[tuple[str, Timeframe], Candles]) -> dict[str, dict[Timeframe, Candles]]:
    """The windows of each instrument together."""
    grouped: dict[str, dict[Timeframe, Candles]] = {}
    for (inst_id, timeframe), window in windows.items():
        grouped.setdefault(inst_id, {})[timeframe] = window
    return grouped


def skipped(forcing: GateResult) -> Synthesis:
    """No call was made because `forcing` already decides."""
    return Synthesis(
        source=SynthesisSource.SKIPPED,
        action=Action.HOLD,
        signals_aligned=None,
        timeframes_aligned=None,
        reasoning=f"not asked: {forcing.name} already forces HOLD ({forcing.reason})",
        notional=None,
    )
