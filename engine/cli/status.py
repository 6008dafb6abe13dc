"""--status: what the engine says of itself, or, when none runs, what the venue and the books say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from engine.bus import EventBus
from engine.cli.arguments import Arguments
from engine.cli.health_lines import NO_ENGINE, health_lines
from engine.cli.prepare import Prepared
from engine.cli.say import say
from engine.cli.worth_text import worth_document, worth_lines
from engine.clock import utc
from engine.engine import Engine
from engine.events import (
    AccountChanged,
    ClockChanged,
    CycleFinished,
    EngineStateChanged,
    Event,
    HaltChanged,
    HealthChanged,
    PauseChanged,
    PositionsChanged,
    WorthMeasured,
)
from engine.exchange.simulator.embedded import EmbeddedVenue
from engine.execution.latch import EntryLatch
from engine.forecast.service import NOT_STARTED
from engine.home import StorageLock
from engine.model import AccountView, Halt, ProtectedPosition
from engine.options import EngineOptions
from engine.status_file import SILENT_AFTER_S, read_process, read_status
from engine.surroundings import BESIDE


@dataclass(frozen=True, slots=True)
class Gathered:
    """Events to read the state from, and the venue's own ledger where the venue is ours."""

    running: bool
    silent: bool
    heartbeat_age_s: float | None
    mode: str
    venue: str
    events: tuple[Event, ...]
    ledger: dict[str, Any] | None
    process: dict[str, Any] = field(default_factory=dict)


def run_status(prepared: Prepared, arguments: Arguments) -> int:
    """0 when all is well or nothing runs; 1 when a running engine is silent, or its guard or cycle hangs."""
    gathered = _of_running(prepared) or asyncio.run(_of_stopped(prepared))
    document = _document(gathered, EntryLatch(prepared.home.storage))
    say(json.dumps(document, allow_nan=False) if arguments.json else "\n".join(_lines(document)))
    return 1 if gathered.silent or _stuck(gathered) else 0


def _of_running(prepared: Prepared) -> Gathered | None:
    if StorageLock(prepared.home).holder() is None:
        return None
    found = read_status(prepared.home)
    mode = prepared.settings.goals.mode.value
    if found is None:
        return Gathered(True, True, None, mode, "", (), None)
    snapshot, age_s = found
    silent, process = age_s > SILENT_AFTER_S, read_process(prepared.home)
    return Gathered(
        True, silent, round(age_s, 1), snapshot.mode, snapshot.venue, snapshot.events, _ledger(prepared), process
    )


def _ledger(prepared: Prepared) -> dict[str, Any] | None:
    venue = EmbeddedVenue.find(prepared.home.root)
    return venue.ledger()["totals"] if venue is not None else None


async def _of_stopped(prepared: Prepared) -> Gathered:
    """Opens the venue with time standing still, reads, and closes it again."""
    lock = StorageLock(prepared.home)
    lock.acquire()
    bus = EventBus()
    # A market that survived its engine's death goes on, as a real one would: looking must not stop it.
    survivor = await asyncio.to_thread(EmbeddedVenue.find, prepared.home.root)
    speed = 0.0 if survivor is None else (await asyncio.to_thread(survivor.clock))[1]
    options = EngineOptions(
        speed=speed, scheduled=False, retry_venue=False, keep_venue=survivor is not None, observe=True
    )
    engine = Engine(prepared.settings, prepared.home, bus, EntryLatch(prepared.home.storage), options)
    try:
        await engine.start()
        embedded = engine.opened().venue.embedded
        ledger = await asyncio.to_thread(embedded.ledger) if embedded is not None else None
        _, events = bus.latest()
        totals = ledger["totals"] if ledger is not None else None
        return Gathered(False, False, None, prepared.settings.goals.mode.value, engine.venue_name, events, totals)
    finally:
        await engine.close()
        lock.release()


def _latest(events: Iterable[Event], kind: type[Any]) -> Any:
    return next((event for event in reversed(tuple(events)) if isinstance(event, kind)), None)


def _document(gathered: Gathered, latch: EntryLatch) -> dict[str, Any]:
    events = gathered.events
    state: EngineStateChanged | None = _latest(events, EngineStateChanged)
    clock: ClockChanged | None = _latest(events, ClockChanged)
    account: AccountChanged | None = _latest(events, AccountChanged)
    positions: PositionsChanged | None = _latest(events, PositionsChanged)
    halts: HaltChanged | None = _latest(events, HaltChanged)
    pauses: PauseChanged | None = _latest(events, PauseChanged)
    cycle: CycleFinished | None = _latest(events, CycleFinished)
    worth: WorthMeasured | None = _latest(events, WorthMeasured)
    kill = latch.status()
    engine = state.state.value if state is not None and gathered.running else "stopped"
    return {
        "type": "status",
        "running": gathered.running,
        "engine": "silent" if gathered.silent else "stuck" if _stuck(gathered) else engine,
        "engine_detail": state.detail if state is not None and gathered.running else "",
        "heartbeat_age_s": gathered.heartbeat_age_s,
        "mode": gathered.mode,
        "venue": gathered.venue,
        "venue_time": utc(clock.venue_ms).isoformat() if clock is not None else None,
        "speed": clock.speed if clock is not None else None,
        "kill": {"state": kill.state.value, "by": kill.by, "since": kill.since},
        "halts": [{"reason": h.reason.value, "detail": h.detail, "lifts": h.lifts} for h in halts.halts]
        if halts
        else [],
        "paused": list(pauses.tickers) if pauses else [],
        "entries_stopped": pauses.entries_stopped if pauses else False,
        "cycle": _cycle(cycle),
        "positions": [_position(p) for p in positions.positions] if positions else None,
        "account": _account(account.account) if account else None,
        "worth": worth_document(worth.worth) if worth else None,
        "venue_ledger": gathered.ledger,
        "process": gathered.process,
        "health": {told.source: _health(told, gathered.running) for told in _healths(events)},
    }


def _health(told: HealthChanged, running: bool) -> dict[str, Any]:
    """Without an engine nobody reads a feed or makes a forecast: what is left is the age of what the last one read."""
    idle = not running and told.source in BESIDE and (told.status != "off" or told.detail == NOT_STARTED)
    return {
        "status": NO_ENGINE if idle else told.status,
        "age_s": told.age_s,
        "detail": "" if idle else told.detail,
    }


def _stuck(gathered: Gathered) -> bool:
    return gathered.running and any(health.status == "stuck" for health in _healths(gathered.events))


def _halt(halt: Halt) -> dict[str, Any]:
    return {"reason": halt.reason.value, "detail": halt.detail, "lifts": halt.lifts}


def _healths(events: Iterable[Event]) -> list[HealthChanged]:
    return [event for event in events if isinstance(event, HealthChanged)]


def _cycle(cycle: CycleFinished | None) -> dict[str, Any] | None:
    if cycle is None:
        return None
    return {
        "number": cycle.cycle,
        "bar_ts": cycle.bar_ts,
        "decisions": cycle.decisions,
        "failed": dict(cycle.failed),
        "wall_ms": round(cycle.wall_ms, 1),
    }


def _text(value: Decimal | None) -> str | None:
    return format(value, "f") if value is not None else None


def _position(protected: ProtectedPosition) -> dict[str, Any]:
    position = protected.position
    return {
        "ticker": protected.ticker,
        "contracts": str(position.contracts),
        "entry": str(position.entry_price),
        "mark": _text(position.mark_price),
        "unrealised": str(position.unrealised),
        "protection": protected.protection.value,
        "stop": _text(protected.stop),
        "target": _text(protected.target),
        "bracket": protected.bracket_id,
        "verified_at": protected.verified_at,
        "opened_at": position.opened_at,
    }


def _account(account: AccountView) -> dict[str, Any]:
    """Since the first start: equity_change = realised + unrealised + fees + funding, `difference` is what is left."""
    return {
        "equity": _text(account.equity),
        "equity_change": _text(account.total_pnl),
        "realised": _text(account.total_realised),
        "unrealised": _text(account.unrealised),
        "fees": _text(account.total_fees),
        "funding": _text(account.total_funding),
        "difference": _text(account.balanced_to),
        "day": account.day,
        "day_pnl": _text(account.day_pnl),
        "day_pnl_pct": round(account.day_pnl_pct, 4),
        "entries_today": account.entries_today,
        "consecutive_losses": account.consecutive_losses,
        "margin_ratio": _text(account.margin_ratio),
    }


MONEY = ("equity", "equity_change", "realised", "unrealised", "fees", "funding", "difference", "day_pnl")


def _cents(text: str) -> str:
    """Money for a person; the JSON keeps every digit. A difference too small to show is 0.00 without a sign."""
    return f"{round(Decimal(text), 2) + 0:,.2f}"


def process_lines(process: dict[str, Any]) -> list[str]:
    """One line of what it uses, and one of what went not as planned since it started."""
    if not process:
        return []
    used = {name: "n/a" if value is None else value for name, value in process.items()}
    line = "process   {rss_mb} MB, {threads} threads, {tasks} tasks, {open_files} files; database {database_mb} MB, "
    counted = ", ".join(f"{name} {count}x" for name, count in sorted(process["counted"].items()))
    return [(line + "logs {logs_mb} MB").format(**used), *([f"counted   {counted}"] if counted else [])]


def _lines(document: dict[str, Any]) -> list[str]:
    account, positions = document["account"], document["positions"]
    heartbeat = document["heartbeat_age_s"]
    alive = f"heartbeat {heartbeat} s ago" if heartbeat is not None else "no heartbeat"
    lines = [
        f"engine    {document['engine']} ({alive}) {document['engine_detail']}".rstrip()
        if document["running"]
        else "engine    not running",
        f"mode      {document['mode']} on {document['venue'] or 'n/a'}",
        f"time      {document['venue_time'] or 'n/a'} x{document['speed'] if document['speed'] is not None else 'n/a'}",
        f"kill      {document['kill']['state']} {document['kill']['by']}".rstrip(),
    ]
    lines += process_lines(document["process"])
    lines += health_lines(document["health"])
    lines += [f"halt      {halt['reason']}: {halt['detail']}; lifts: {halt['lifts']}" for halt in document["halts"]]
    if document["paused"]:
        lines.append(f"paused    {', '.join(document['paused'])}")
    if account is None:
        lines.append("account   n/a")
    else:
        cents = {name: _cents(account[name]) for name in MONEY}
        lines.append(
            "equity    {equity} USDT, change {equity_change} = realised {realised} + unrealised {unrealised} "
            "+ fees {fees} + funding {funding} (difference {difference})".format(**cents)
        )
        lines.append(
            f"today     {cents['day_pnl']} USDT ({account['day_pnl_pct']:+.2%}), {account['entries_today']} entries"
        )
    lines += worth_lines(document["worth"])
    if positions is None:
        lines.append("positions n/a")
    elif not positions:
        lines.append("positions none")
    for p in positions or ():
        lines.append(
            f"position  {p['ticker']:<6} {p['contracts']} @ {p['entry']}  uPnL {_cents(p['unrealised'])}  "
            f"{p['protection']}  stop {p['stop'] or 'n/a'}  target {p['target'] or 'n/a'}"
        )
    return lines
