"""The latest of everything that the engine told, and nothing that it did not. Pure Python, no painting.

Dispatch is by `kind`, so that the first paint needs neither the domain model nor NumPy.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from cynosure_tui.format import decimals_of
from cynosure_tui.narrate import TapeEntry, narrate

if TYPE_CHECKING:
    from engine.events import (
        AccountChanged,
        BriefReady,
        ClockChanged,
        CycleFinished,
        CycleStarted,
        DecisionMade,
        EngineSnapshot,
        EngineStateChanged,
        Event,
        GatesEvaluated,
        HaltChanged,
        HealthChanged,
        KillChanged,
        PauseChanged,
        PositionsChanged,
        QuotesChanged,
        StageChanged,
        StartupStep,
        Synthesized,
        WatchlistRanked,
        WorthMeasured,
    )
    from engine.model import AccountView, DecisionRecord, GateResult, Halt, ProtectedPosition, Quote, Synthesis
    from engine.model.worth import Worth

TAPE_LENGTH = 500
# Three rounds of the guard.
UNVERIFIED_AFTER_S = 45.0
STALE_AFTER_S = 20.0
FINISHED_STAGES = frozenset({"done", "failed", "paused"})


@dataclass(slots=True)
class TickerState:
    """What is known of one ticker; None = not told yet."""

    quote: Quote | None = None
    quoted_at: float = 0.0
    decimals: int = 0
    stage: StageChanged | None = None
    brief: BriefReady | None = None
    synthesis: Synthesis | None = None
    gates: tuple[GateResult, ...] = ()
    gates_cycle: int = 0
    record: DecisionRecord | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """What a batch touched: slices of the store, and the tickers concerned."""

    slices: frozenset[str] = frozenset()
    tickers: frozenset[str] = frozenset()

    def __or__(self, other: Changes) -> Changes:
        return Changes(self.slices | other.slices, self.tickers | other.tickers)


@dataclass(slots=True)
class Clock:
    """Venue time between two events: an anchor and a speed."""

    venue_ms: int
    monotonic: float
    speed: float
    offset_ms: int | None

    def at(self, monotonic: float) -> int:
        return self.venue_ms + int((monotonic - self.monotonic) * 1000 * self.speed)


@dataclass(slots=True)
class Store:
    """`monotonic` is injected so that tests and screenshots stand still."""

    monotonic: Callable[[], float] = time.monotonic
    mode: str = ""
    venue: str = ""
    home: str = ""
    pid: int | None = None
    risk_limits: Mapping[str, float] = field(default_factory=dict)
    watchlist: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    scores: Mapping[str, float | None] = field(default_factory=dict)
    engine: EngineStateChanged | None = None
    startup: dict[str, StartupStep] = field(default_factory=dict)
    clock: Clock | None = None
    tickers: dict[str, TickerState] = field(default_factory=dict)
    cycle: CycleStarted | None = None
    last_cycle: CycleFinished | None = None
    positions: tuple[ProtectedPosition, ...] | None = None
    positions_at: float = 0.0
    account: AccountView | None = None
    health: dict[str, HealthChanged] = field(default_factory=dict)
    halts: tuple[Halt, ...] = ()
    pauses: PauseChanged | None = None
    kill: KillChanged | None = None
    worth: Worth | None = None
    tape: deque[TapeEntry] = field(default_factory=lambda: deque(maxlen=TAPE_LENGTH))
    link_error: str = ""
    joined: bool = False

    # ------------------------------------------------------------ reading

    def ticker(self, name: str) -> TickerState:
        return self.tickers.setdefault(name, TickerState())

    def venue_now(self) -> int | None:
        return self.clock.at(self.monotonic()) if self.clock else None

    @property
    def speed(self) -> float:
        return self.clock.speed if self.clock else 1.0

    def age_s(self, ts: int | None) -> float | None:
        """Venue seconds since `ts`."""
        now = self.venue_now()
        return None if now is None or ts is None else max(0.0, (now - ts) / 1000)

    def position(self, ticker: str) -> ProtectedPosition | None:
        return next((held for held in self.positions or () if held.ticker == ticker), None)

    def paused(self, ticker: str) -> bool:
        return self.pauses is not None and ticker in self.pauses.tickers

    @property
    def entries_stopped(self) -> bool:
        return self.pauses is not None and self.pauses.entries_stopped

    @property
    def kill_state(self) -> str:
        return str(self.kill.state) if self.kill else "disengaged"

    @property
    def engine_state(self) -> str:
        return str(self.engine.state) if self.engine else "starting"

    @property
    def offline(self) -> bool:
        return bool(self.link_error) or self.engine_state in {"stopped", "failed"}

    def quote_is_stale(self, state: TickerState) -> bool:
        """Nothing new for `STALE_AFTER_S` wall seconds of a moving market."""
        if self.offline:
            return True
        return self.speed > 0 and self.monotonic() - state.quoted_at > STALE_AFTER_S

    @property
    def venue_is_silent(self) -> bool:
        """The venue does not answer: what stands on the screen was true once."""
        okx = self.health.get("okx")
        return self.offline or (okx is not None and okx.status == "down")

    @property
    def positions_are_stale(self) -> bool:
        """Nobody has compared positions with brackets for `UNVERIFIED_AFTER_S` wall seconds, or nobody can."""
        if self.venue_is_silent:
            return True
        return self.speed > 0 and self.monotonic() - self.positions_at > UNVERIFIED_AFTER_S

    def cycle_progress(self) -> tuple[int, int, tuple[str, str] | None]:
        """Tickers finished, tickers in all, and the one that is being worked on with its stage."""
        if self.cycle is None:
            return 0, 0, None
        finished, busy = 0, None
        for name in self.cycle.tickers:
            stage = self.ticker(name).stage
            if stage is None or stage.cycle != self.cycle.cycle:
                continue
            if stage.stage in FINISHED_STAGES:
                finished += 1
            elif stage.stage != "queued":
                busy = (name, str(stage.stage))
        return finished, len(self.cycle.tickers), busy

    @property
    def cycle_running(self) -> bool:
        if self.cycle is None:
            return False
        return self.last_cycle is None or self.last_cycle.cycle < self.cycle.cycle

    # ------------------------------------------------------------ writing

    def load(self, snapshot: EngineSnapshot) -> Changes:
        """A late joiner's start: identity, limits and the latest event of each kind."""
        self.joined = True
        self.mode, self.venue, self.home, self.pid = snapshot.mode, snapshot.venue, snapshot.home, snapshot.pid
        self.risk_limits = snapshot.risk_limits
        self.watchlist = self.watchlist or snapshot.watchlist
        return self.apply(snapshot.events, tell=not self.tape) | Changes(frozenset({"identity", "rank"}))

    def apply(self, events: Iterable[Event], *, tell: bool = True) -> Changes:
        """Fold a batch in; says what it changed. Without `tell` nothing goes to the tape."""
        slices: set[str] = set()
        tickers: set[str] = set()
        for event in events:
            handler = HANDLERS.get(event.kind)
            if handler is not None:
                slices.add(event.kind)
                tickers |= handler(self, event) or set()
            entry = narrate(event) if tell else None
            if entry is not None:
                self.tape.append(entry)
                slices.add("tape")
        return Changes(frozenset(slices), frozenset(tickers))

    def _on_engine_state(self, event: EngineStateChanged) -> None:
        self.engine = event

    def _on_startup_step(self, event: StartupStep) -> None:
        self.startup[event.step] = event

    def _on_clock(self, event: ClockChanged) -> None:
        self.clock = Clock(event.venue_ms, self.monotonic(), event.speed, event.offset_ms)

    def _on_watchlist_ranked(self, event: WatchlistRanked) -> None:
        self.watchlist, self.scores, self.skipped = event.order, event.scores, event.skipped

    def _on_quotes(self, event: QuotesChanged) -> set[str]:
        now = self.monotonic()
        for name, quote in event.quotes.items():
            state = self.ticker(name)
            state.quote, state.quoted_at = quote, now
            state.decimals = max(state.decimals, decimals_of(quote.last))
        return set(event.quotes)

    def _on_cycle_started(self, event: CycleStarted) -> None:
        self.cycle = event

    def _on_cycle_finished(self, event: CycleFinished) -> None:
        self.last_cycle = event

    def _on_stage(self, event: StageChanged) -> set[str]:
        self.ticker(event.ticker).stage = event
        return {event.ticker}

    def _on_brief(self, event: BriefReady) -> set[str]:
        self.ticker(event.ticker).brief = event
        return {event.ticker}

    def _on_synthesized(self, event: Synthesized) -> set[str]:
        self.ticker(event.ticker).synthesis = event.synthesis
        return {event.ticker}

    def _on_gates(self, event: GatesEvaluated) -> set[str]:
        state = self.ticker(event.ticker)
        state.gates, state.gates_cycle = event.gates, event.cycle
        return {event.ticker}

    def _on_decision(self, event: DecisionMade) -> set[str]:
        state = self.ticker(event.record.ticker)
        state.record, state.synthesis = event.record, event.record.synthesis
        state.gates, state.gates_cycle = event.record.gates, event.record.cycle
        return {event.record.ticker}

    def _on_positions(self, event: PositionsChanged) -> set[str]:
        before = {held.ticker for held in self.positions or ()}
        self.positions = event.positions
        self.positions_at = self.monotonic()
        return before | {held.ticker for held in event.positions}

    def _on_account(self, event: AccountChanged) -> None:
        self.account = event.account

    def _on_health(self, event: HealthChanged) -> None:
        self.health[event.source] = event

    def _on_halts(self, event: HaltChanged) -> None:
        self.halts = event.halts

    def _on_pauses(self, event: PauseChanged) -> set[str]:
        before = set(self.pauses.tickers) if self.pauses else set()
        self.pauses = event
        return before ^ set(event.tickers)

    def _on_kill(self, event: KillChanged) -> None:
        self.kill = event

    def _on_worth(self, event: WorthMeasured) -> None:
        self.worth = event.worth


HANDLERS: Mapping[str, Callable[[Store, Any], set[str] | None]] = {
    "engine_state": Store._on_engine_state,
    "startup_step": Store._on_startup_step,
    "clock": Store._on_clock,
    "watchlist_ranked": Store._on_watchlist_ranked,
    "quotes": Store._on_quotes,
    "cycle_started": Store._on_cycle_started,
    "cycle_finished": Store._on_cycle_finished,
    "stage": Store._on_stage,
    "brief": Store._on_brief,
    "synthesized": Store._on_synthesized,
    "gates": Store._on_gates,
    "decision": Store._on_decision,
    "positions": Store._on_positions,
    "account": Store._on_account,
    "health": Store._on_health,
    "halts": Store._on_halts,
    "pauses": Store._on_pauses,
    "kill": Store._on_kill,
    "worth": Store._on_worth,
}
