"""One line of the tape for each event that a person would want to re-read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cynosure_tui.format import fixed, latency, price, signed
from cynosure_tui.lines import clean

if TYPE_CHECKING:
    from engine.events import (
        BracketHealed,
        BracketVerified,
        CycleFinished,
        CycleStarted,
        DayReviewed,
        DecisionMade,
        EngineStateChanged,
        Event,
        HaltChanged,
        KillChanged,
        LogLine,
        OrderFilled,
        OrderRefused,
        OrderSent,
        PauseChanged,
        TradeClosed,
    )


@dataclass(frozen=True, slots=True)
class TapeEntry:
    """`role` is the colour role of the text: text, dim, ok, warn, fail, up or down."""

    ts: int
    ticker: str
    text: str
    role: str = "text"


def narrate(event: Event) -> TapeEntry | None:
    """None for what is shown elsewhere or too frequent to tell."""
    teller = TELLERS.get(event.kind)
    return teller(event) if teller else None


def _engine(event: EngineStateChanged) -> TapeEntry:
    role = "fail" if event.state == "failed" else "warn" if event.state == "reducing" else "dim"
    return TapeEntry(event.ts, "", clean(f"engine {event.state}  {event.detail}".rstrip()), role)


def _cycle_started(event: CycleStarted) -> TapeEntry:
    return TapeEntry(event.ts, "", f"cycle {event.cycle} started, {len(event.tickers)} tickers", "dim")


def _cycle_finished(event: CycleFinished) -> TapeEntry:
    text = f"cycle {event.cycle} done, {event.decisions} decisions in {latency(event.wall_ms)}"
    if event.failed:
        text += f", failed: {' '.join(event.failed)}"
    return TapeEntry(event.ts, "", text, "warn" if event.failed else "dim")


def _decision(event: DecisionMade) -> TapeEntry:
    record = event.record
    said = record.synthesis.action
    head = str(record.action) if said == record.action else f"{said} → {record.action}"
    detail = f"  {clean(record.detail)}" if record.detail else ""
    role = {"BUY": "ok", "SELL": "ok"}.get(str(record.action), "text")
    return TapeEntry(event.ts, record.ticker, f"{head}  {record.reason}{detail}", role)


def _sent(event: OrderSent) -> TapeEntry:
    text = f"{event.purpose} sent: {event.side} {event.contracts.normalize():f} contracts"
    return TapeEntry(event.ts, event.ticker, clean(text), "accent")


def _filled(event: OrderFilled) -> TapeEntry:
    text = f"{event.purpose} filled: {event.side} {event.contracts.normalize():f} at {price(event.price)}"
    return TapeEntry(event.ts, event.ticker, clean(f"{text}, fee {fixed(event.fee)}"), "ok")


def _refused(event: OrderRefused) -> TapeEntry:
    return TapeEntry(event.ts, event.ticker, clean(f"{event.purpose} refused {event.code}: {event.detail}"), "fail")


def _verified(event: BracketVerified) -> TapeEntry:
    bare = f", {latency(event.unprotected_ms)} after the fill" if event.unprotected_ms is not None else ""
    text = f"bracket live: SL {price(event.stop)} TP {price(event.target)}{bare}"
    return TapeEntry(event.ts, event.ticker, text, "ok")


def _healed(event: BracketHealed) -> TapeEntry:
    return TapeEntry(event.ts, event.ticker, clean(f"guard {event.action}: {event.detail}"), "warn")


def _closed(event: TradeClosed) -> TapeEntry:
    trade = event.trade
    role = "up" if trade.net > 0 else "down"
    text = f"closed at {price(trade.exit_price)}  net {signed(trade.net)} USDT  {trade.reason}"
    return TapeEntry(event.ts, trade.ticker, text, role)


def _halts(event: HaltChanged) -> TapeEntry:
    if not event.halts:
        return TapeEntry(event.ts, "", "no halt in force", "ok")
    text = "; ".join(f"{halt.reason} {halt.detail}" for halt in event.halts)
    return TapeEntry(event.ts, "", clean(f"HALT {text}"), "fail")


def _pauses(event: PauseChanged) -> TapeEntry:
    entries = "entries stopped" if event.entries_stopped else "entries allowed"
    paused = f", paused: {' '.join(event.tickers)}" if event.tickers else ""
    role = "warn" if event.entries_stopped or event.tickers else "ok"
    return TapeEntry(event.ts, "", clean(f"{entries}{paused}  (by {event.by})"), role)


def _kill(event: KillChanged) -> TapeEntry:
    role = "ok" if event.state == "disengaged" else "fail"
    by = f"by {event.by}" if event.by else ""
    text = "  ".join(part for part in (f"kill switch {str(event.state).upper()}", by, event.detail) if part)
    return TapeEntry(event.ts, "", clean(text), role)


def _reviewed(event: DayReviewed) -> TapeEntry:
    return TapeEntry(event.ts, "", clean(event.lines[0] if event.lines else event.review.day))


def _log(event: LogLine) -> TapeEntry:
    role = {"error": "fail", "warning": "warn"}.get(event.level, "text")
    return TapeEntry(event.ts, event.ticker, clean(event.text), role)


TELLERS: Mapping[str, Callable[[Any], TapeEntry]] = {
    "engine_state": _engine,
    "cycle_started": _cycle_started,
    "cycle_finished": _cycle_finished,
    "decision": _decision,
    "order_sent": _sent,
    "order_filled": _filled,
    "order_refused": _refused,
    "bracket_verified": _verified,
    "bracket_healed": _healed,
    "trade_closed": _closed,
    "halts": _halts,
    "pauses": _pauses,
    "kill": _kill,
    "day_reviewed": _reviewed,
    "log": _log,
}
