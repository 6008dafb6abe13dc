"""A desk in virtual time whose guard is asked for each pass, and a record of everything it says, asks and writes.

Execution, adapter and SDK are the product's, the venue is the simulator's own core (tests/properties/world.py). Every
call takes 20 ms, nothing runs by itself, ids are named in the order in which they appear: a record is always the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

from engine.db import Database
from engine.exchange.errors import ExchangeError
from engine.execution.desk import TradingDesk
from engine.execution.entry_plan import EntryPlan
from engine.execution.latch import EntryLatch
from engine.model import Bracket, BracketPrices, Position
from engine.reasons import Reason
from engine.rounding import ceil_to_step, floor_to_step
from tests.execution.guard_record import Record
from tests.execution.rig import Fault, FaultyExchange
from tests.properties.memory_database import connector
from tests.properties.world import TIMING, Engine, World

BTC, ETH = "BTC-USDT-SWAP", "ETH-USDT-SWAP"
LATENCY_S = 0.02
D = Decimal


FREE = frozenset({"bracket_history", "listen"})
"""What is asked of one instrument without its lock. Everything else of one is asked under it."""


class Watched(FaultyExchange):
    """The real adapter; each call is on record, and whether `busy` says that its instrument is locked."""

    def __init__(self, real: Any, record: Record) -> None:
        super().__init__(real)
        self._record = record
        self.busy: Callable[[str], bool] = lambda _: True

    def __getattr__(self, name: str) -> Any:
        call = super().__getattr__(name)
        if name == "listen":
            return call

        async def told(*args: Any, **kwargs: Any) -> Any:
            inst_id = getattr(args[0], "inst_id", args[0]) if args else None
            loose = isinstance(inst_id, str) and name not in FREE and not self.busy(inst_id)
            self._record.call(name, args, kwargs, loose)
            return await call(*args, **kwargs)

        return told


class Refusing:
    """A connection that fails for statements which hold `phrase`; "" = for none."""

    def __init__(self, real: sqlite3.Connection) -> None:
        object.__setattr__(self, "real", real)
        object.__setattr__(self, "phrase", "")

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        if self.phrase and self.phrase in sql:
            raise sqlite3.OperationalError("disk I/O error")
        return self.real.execute(sql, parameters)  # type: ignore[no-any-return]

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "phrase":
            object.__setattr__(self, name, value)
        else:
            setattr(self.real, name, value)


class Stage:
    """`close` must be called. A scene calls what a person, the market and the venue do, and `look`s of the guard."""

    def __init__(self) -> None:
        self.world = World(1)
        self.world.wire.latency = lambda: LATENCY_S  # type: ignore[method-assign]
        self.disk: Any = Refusing(self.world.disk.connection)
        self.world.disk.connection = self.disk
        self.record = Record(self.world.clock, self.disk)
        self.venue = self.world.venue
        self.desk: TradingDesk = self.run(self._begin())
        self.guard = self.desk.guard
        self.line: Watched
        self.decisions = 0

    async def _begin(self) -> TradingDesk:
        world = self.world
        world.engine = engine = Engine(world)
        world._lines.append(engine.line)
        db = await Database.open(world.home / "cynosure.db", connect=connector(world.disk, lambda _: None))
        self.line = Watched(engine.exchange, self.record)
        self.instruments = dict(await engine.instruments())
        self.db = db
        desk = await self._loaded()
        await desk.boot()
        return desk

    async def _loaded(self) -> TradingDesk:
        world = self.world
        desk = TradingDesk(
            self.db, self.line, EntryLatch(world.home / "storage", world.clock.wall_ms), world.clock,  # type: ignore[arg-type]
            self.record.event, self.instruments, world.home / "logs", TIMING,
        )  # fmt: skip
        self.line.busy = desk.shared.locks.busy
        await desk.load()
        return desk

    def new_life(self) -> None:
        """The next run's desk, before it boots: the same disk and venue, nothing remembered."""
        self.desk = self.run(self._loaded())
        self.guard = self.desk.guard

    def close(self) -> None:
        self.world.close()

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.world.loop.run_until_complete(work)

    def wait(self, seconds: float) -> None:
        self.world.run_for(seconds)

    # ---------------------------------------------------------------- the guard

    def look(self, note: str = "") -> None:
        """One pass, on record."""
        self.record.begin(note)
        try:
            report = self.run(self.guard.run())
        except ExchangeError as error:
            self.record.end(self.desk, f"raises {type(error).__name__}: {error}")
        else:
            assert report.positions == self.guard.last
            closed = ", ".join(report.closed) or "none"
            silent = "silent" if report.silent else "not silent"
            self.record.end(self.desk, f"closed {closed}; healed {report.healed}, swept {report.swept}; {silent}")

    def observe(self, note: str = "") -> None:
        """One look without acting, on record."""
        self.record.begin(note or "only looks")
        seen = self.run(self.guard.look())
        assert seen == self.guard.last
        self.record.end(self.desk, "looked")

    # ---------------------------------------------------------------- the program's own trades

    def enter(self, inst_id: str = BTC, settled: bool = True, **change: Any) -> str:
        """A covered entry of 1,000 USDT, long enough ago; its decision."""
        self.decisions += 1
        decision = f"d{self.decisions}"
        self.record.knows(decision)
        outcome = self.run(self.desk.entry.enter(replace(self._plan(decision, inst_id), **change)))
        assert outcome.reason is Reason.ENTERED, outcome
        if settled:
            self.wait(5)
        return decision

    def plan(self, inst_id: str = BTC) -> EntryPlan:
        self.decisions += 1
        self.record.knows(f"d{self.decisions}")
        return self._plan(f"d{self.decisions}", inst_id)

    def _plan(self, decision: str, inst_id: str) -> EntryPlan:
        instrument, price = self.instruments[inst_id], Decimal(repr(self.world.last(inst_id)))
        tick = instrument.tick_size
        prices = BracketPrices(ceil_to_step(price * D("0.97"), tick), floor_to_step(price * D("1.06"), tick))
        contracts = floor_to_step(D(1000) / instrument.notional(D(1), price), instrument.lot_size)
        return EntryPlan(
            decision_id=decision, ticker=instrument.ticker, instrument=instrument, contracts=contracts, prices=prices,
            price=price, decided_at=self.world.clock.now_ms(), strength=0.7, atr15_pct=0.004, trail_pct=0.025,
            max_age_s=120,
        )  # fmt: skip

    # ---------------------------------------------------------------- a person at the venue

    def position(self, inst_id: str = BTC) -> Position | None:
        return self.run(self._position(inst_id))  # type: ignore[no-any-return]

    async def _position(self, inst_id: str) -> Position | None:
        return next((p for p in await self.line._real.positions() if p.inst_id == inst_id), None)

    def brackets(self, inst_id: str = BTC) -> tuple[Bracket, ...]:
        return self.run(self.line._real.brackets(inst_id))  # type: ignore[no-any-return]

    def trade(self, side: str, contracts: str, inst_id: str = BTC, **more: Any) -> None:
        self.world.pulse()
        order = {"instId": inst_id, "tdMode": "isolated", "ordType": "market", "side": side, "sz": contracts}
        [row] = self.venue.place_order({**order, **more})
        assert row["sCode"] == "0", row

    def closes(self, inst_id: str = BTC, cancels: bool = True) -> None:
        """`cancels`: the brackets go with the position, as OKX's own button does it."""
        self.world.pulse()
        self.venue.close_position({"instId": inst_id, "mgnMode": "isolated", "autoCxl": cancels})

    def uncovers(self, inst_id: str = BTC) -> None:
        self.world.pulse()
        for row in [*self._resting("oco", inst_id), *self._resting("conditional", inst_id)]:
            self.venue.cancel_algos([{"instId": inst_id, "algoId": row["algoId"]}])

    def _resting(self, kind: str, inst_id: str) -> Any:
        return self.venue.algos_pending({"ordType": kind, "instId": inst_id})

    def amends(self, inst_id: str = BTC, **change: str) -> None:
        self.world.pulse()
        [row] = self._resting("oco", inst_id)
        [done] = self.venue.amend_algo({"instId": inst_id, "algoId": row["algoId"], **change})
        assert done["sCode"] == "0", done

    def places(
        self, contracts: str, stop: str = "", target: str = "", inst_id: str = BTC, client_id: str = "", **more: Any
    ) -> None:
        """An algo order: an OCO, or one leg."""
        self.world.pulse()
        legs: dict[str, Any] = {}
        legs |= {"slTriggerPx": stop, "slOrdPx": "-1", "slTriggerPxType": "mark"} if stop else {}
        legs |= {"tpTriggerPx": target, "tpOrdPx": "-1", "tpTriggerPxType": "mark"} if target else {}
        algo: dict[str, Any] = {
            "instId": inst_id, "tdMode": "isolated", "side": "sell", "sz": contracts, "reduceOnly": True,
            "ordType": "oco" if stop and target else "conditional",
        } | legs  # fmt: skip
        algo |= {"algoClOrdId": client_id} if client_id else {}
        [row] = self.venue.place_algo({**algo, **more})
        assert row["sCode"] == "0", row

    # ---------------------------------------------------------------- what goes wrong

    @contextmanager
    def disk_refuses(self, phrase: str) -> Iterator[None]:
        self.disk.phrase = phrase
        try:
            yield
        finally:
            self.disk.phrase = ""

    @contextmanager
    def at_work(self, inst_id: str = BTC) -> Iterator[None]:
        """Somebody holds the instrument's lock."""
        lock = self.desk.shared.locks.of(inst_id)
        self.run(lock.acquire())
        try:
            yield
        finally:
            lock.release()

    def before(self, act: Any) -> Fault:
        """A call before which something happens at the venue."""

        async def fault(call: Any, args: Any, kwargs: Any) -> Any:
            act()
            return await call(*args, **kwargs)

        return fault

    def altered(self, change: Any) -> Fault:
        """Positions as `change` makes them."""

        async def fault(call: Any, args: Any, kwargs: Any) -> Any:
            return tuple(change(position) for position in await call(*args, **kwargs))

        return fault
