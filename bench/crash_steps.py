"""The process that dies at a chosen step: `python -m bench.crash_steps HOME NUMBER WHERE`.

It runs one whole trade with the product's own desk (entry, guard, trailing, books, exit) and ends itself with SIGKILL
at the boundary WHERE: "commit:before:N" and "commit:after:N" are the Nth transaction of the run, "write:before:N" and
"write:after:N" the Nth order, bracket, amendment or cancel, before it is sent and with the answer in hand but unread.
Most have a name, too: "commit:after:filled", "write:before:trade/order"; "#2" is the second of that name (the exit's).
With WHERE "count" it lives, and prints what there is.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.crash_home import STEPS, arm
from engine.config import load_settings
from engine.db import Database
from engine.events import Event
from engine.exchange.contracts import contracts_for_notional
from engine.exchange.okx.endpoints import Endpoint
from engine.exchange.okx.session import OkxSession
from engine.execution.desk import TradingDesk
from engine.execution.entry_plan import EntryPlan
from engine.execution.journal import Journal
from engine.execution.latch import EntryLatch
from engine.execution.trade_book import TradeBook
from engine.home import Home
from engine.model import BracketPrices
from engine.reasons import Reason
from engine.rounding import round_stop_up_to_tick, round_target_down_to_tick
from engine.venue import Venue, open_venue

NOT_ENTERED = 3
"""Exit code: an earlier run's order is still unknown, so that nothing may open on this instrument."""
TRAIL = 0.005
"""Half of the gain that the market is made to jump by: the stop follows, and is not hit at once."""


@dataclass(slots=True)
class Fuse:
    """Counts the boundaries that are passed and ends the process at the chosen one."""

    at: str
    passed: Counter[str] = field(default_factory=Counter)
    names: list[str] = field(default_factory=list)
    lit: bool = False
    doing: str = ""
    """What the next transaction is for, in the journal's word."""

    def passes(self, kind: str, side: str, name: str) -> None:
        if not self.lit:
            return
        key = f"{kind}:{side}"
        self.passed.update((key, f"{key}:{name}"))
        number, again = self.passed[key], self.passed[f"{key}:{name}"]
        called = name if again == 1 else f"{name}#{again}"
        if side == "before":
            self.names.append(f"{kind} {number} {called if name else ''}".strip())
        if self.at in (f"{key}:{number}", f"{key}:{called}"):
            os.kill(os.getpid(), signal.SIGKILL)


def wire_fuse(fuse: Fuse) -> None:
    """Puts the fuse between the product and its disk, and between the product and its venue."""
    finish, send = Database._finish, OkxSession._send

    async def burning_finish(self: Database, statement: str) -> None:
        if statement == "COMMIT":
            fuse.passes("commit", "before", fuse.doing)
        await finish(self, statement)
        if statement == "COMMIT":
            fuse.passes("commit", "after", fuse.doing)

    def burning_send(self: OkxSession, endpoint: Endpoint, params: Mapping[str, Any], *more: Any) -> Any:
        if endpoint.write:
            fuse.passes("write", "before", endpoint.path)
        answer = send(self, endpoint, params, *more)
        if endpoint.write:
            fuse.passes("write", "after", endpoint.path)
        return answer

    _name(fuse, Journal, "record", lambda *_: "intended")
    _name(fuse, Journal, "move", lambda _, after, *__: str(after.value))
    _name(fuse, TradeBook, "open", lambda *_: "booked")
    Database._finish = burning_finish  # type: ignore[method-assign]
    OkxSession._send = burning_send  # type: ignore[method-assign,assignment]


def _name(fuse: Fuse, owner: type, method: str, word: Callable[..., str]) -> None:
    """The transaction of this method is called by a word."""
    plain = getattr(owner, method)

    async def named(self: Any, *args: Any, **more: Any) -> Any:
        fuse.doing = word(*args)
        try:
            return await plain(self, *args, **more)
        finally:
            fuse.doing = ""

    setattr(owner, method, named)


async def whole_trade(home: Path, number: int, fuse: Fuse) -> None:
    place = Home(home).prepare()
    venue = await asyncio.to_thread(open_venue, load_settings(home, {}).settings, place, 60.0)
    db = await Database.open(place.database)
    instruments = dict(await venue.exchange.instruments())
    seen: list[Event] = []
    desk = TradingDesk(db, venue.exchange, EntryLatch(place.storage), venue.clock, seen.append, instruments, place.logs)
    try:
        await desk.load()
        await desk.boot()
        await _clear(desk, number)
        fuse.lit = True
        await _trade(home, desk, venue, instruments, number)
    finally:
        await db.close()
        await venue.close(stop_embedded=False)


async def _clear(desk: TradingDesk, number: int) -> None:
    """What an earlier run, dead since, has left open on these instruments."""
    for ticker in STEPS:
        await desk.exit.close(f"{ticker}-USDT-SWAP", Reason.OPERATOR_CLOSE, f"{ticker}clear{number}")
    await desk.guard_pass()
    await desk.sync_outcomes()


async def _trade(home: Path, desk: TradingDesk, venue: Venue, instruments: Mapping[str, Any], number: int) -> None:
    """Enters, lets the stop trail, books, closes, books."""
    inst_id = f"{STEPS[number % len(STEPS)]}-USDT-SWAP"
    plan = await _plan(venue, instruments[inst_id], f"{inst_id.split('-', maxsplit=1)[0]}step{number}")
    outcome = await desk.entry.enter(plan)
    if outcome.reason is not Reason.ENTERED:
        sys.stderr.write(f"not entered: {outcome.reason} {outcome.detail}\n")
        raise SystemExit(NOT_ENTERED)
    await asyncio.to_thread(arm, home, {"kind": "gap", "inst": inst_id, "pct": 1.0})
    await asyncio.sleep(0.2)
    await desk.guard_pass()
    await desk.sync_outcomes()
    await desk.exit.close(inst_id, Reason.OPERATOR_CLOSE, f"{plan.decision_id}x")
    await desk.guard_pass()
    await desk.sync_outcomes()


async def _plan(venue: Venue, instrument: Any, decision_id: str) -> EntryPlan:
    quote = (await venue.exchange.quotes())[instrument.inst_id]
    price = quote.mid or quote.last
    prices = BracketPrices(
        stop=round_stop_up_to_tick(price * Decimal("0.97"), instrument.tick_size),
        target=round_target_down_to_tick(price * Decimal("1.10"), instrument.tick_size),
    )
    contracts = contracts_for_notional(instrument, Decimal(2_000), price)
    return EntryPlan(
        decision_id, instrument.ticker, instrument, contracts, prices, price, venue.clock.now_ms(), None, None, TRAIL,
        3600.0,
    )  # fmt: skip


def main() -> None:
    home, number, at = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    fuse = Fuse(at)
    wire_fuse(fuse)
    asyncio.run(whole_trade(home, number, fuse))
    passed = {kind: fuse.passed[f"{kind}:after"] for kind in ("commit", "write")}
    print(json.dumps({"names": fuse.names, **passed}, allow_nan=False))


if __name__ == "__main__":
    main()
