"""Plays a story in a world: each step acts, and then its pause passes."""

from __future__ import annotations

import sqlite3
from decimal import Decimal
from typing import Any

from engine.execution.entry_plan import EntryPlan
from engine.model import BracketPrices
from engine.reasons import Reason
from engine.rounding import ceil_to_step, floor_to_step
from tests.properties.story import (
    CALLS,
    INSTRUMENTS,
    QUIET_STEPS,
    Crash,
    Dark,
    Disturb,
    Enter,
    FailAttached,
    Guard,
    Hand,
    Kill,
    Leave,
    Move,
    NoDisk,
    Part,
    Reconcile,
    Step,
    Story,
    Thin,
    Wait,
)
from tests.properties.wire import Order
from tests.properties.world import World, _listed, quietly


class Player:
    """Plays one story in one world."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.decisions = 0
        self.killed = False

    def play(self, story: Story) -> None:
        self.world.start()
        self.world.run_for(2.0)
        for step in story.steps:
            self.act(step)
            self.world.run_for(step.pause)

    def act(self, step: Step) -> None:
        """Trouble is remembered with the time that it takes; a spoiled call is, when it is made."""
        if not isinstance(step, QUIET_STEPS | Disturb):
            began = self.world.loop.time()
            lasts = step.down if isinstance(step, Crash) else step.seconds if isinstance(step, Dark | NoDisk) else 0.0
            self.world.troubles.append((began, began + lasts))
        getattr(self, f"_{type(step).__name__.lower()}")(step)

    # ---------------------------------------------------------------- the engine

    def _desk(self) -> Any:
        engine = self.world.engine
        return engine.desk if engine is not None and engine.booted else None

    def _enter(self, step: Enter) -> None:
        desk, engine = self._desk(), self.world.engine
        if desk is None or engine is None:
            return
        if not (step.again and self.decisions):
            self.decisions += 1
        engine.spawn("enter", desk.entry.enter(self._plan(INSTRUMENTS[step.which], step.lots)))

    def _plan(self, inst_id: str, lots: int) -> EntryPlan:
        instrument = _listed[inst_id]
        price = Decimal(repr(self.world.last(inst_id)))
        stop = ceil_to_step(price * Decimal("0.97"), instrument.tick_size)
        target = floor_to_step(price * Decimal("1.06"), instrument.tick_size)
        size = floor_to_step(Decimal(100 * lots) / instrument.notional(Decimal(1), price), instrument.lot_size)
        return EntryPlan(
            decision_id=f"d{self.decisions}", ticker=instrument.ticker, instrument=instrument,
            contracts=max(size, instrument.min_size), prices=BracketPrices(stop, target), price=price,
            decided_at=self.world.clock.now_ms(), strength=0.7, atr15_pct=0.004, trail_pct=0.025, max_age_s=120,
        )  # fmt: skip

    def _leave(self, step: Leave) -> None:
        desk, engine = self._desk(), self.world.engine
        if desk is None or engine is None:
            return
        self.decisions += 1
        engine.spawn("leave", self._leaving(desk, INSTRUMENTS[step.which], f"x{self.decisions}"))

    async def _leaving(self, desk: Any, inst_id: str, decision: str) -> None:
        """As a cycle does it: reconciled first, and only a trade that is open in the books."""
        await desk.reconcile()
        try:
            held = inst_id in await desk.shared.book.open_trades()
        except sqlite3.Error:
            return
        if held:
            await desk.exit.close(inst_id, Reason.SIGNAL_EXIT, decision)

    def _part(self, step: Part) -> None:
        desk, engine = self._desk(), self.world.engine
        if desk is not None and engine is not None:
            self.decisions += 1
            engine.spawn("part", self._parting(desk, step, f"p{self.decisions}"))

    async def _parting(self, desk: Any, step: Part, decision: str) -> None:
        inst_id = INSTRUMENTS[step.which]
        await desk.reconcile()
        try:
            held = inst_id in await desk.shared.book.open_trades()
        except sqlite3.Error:
            return
        if held:
            await desk.reduce.part(inst_id, step.share, Reason.REDUCED, decision)

    def _guard(self, _: Guard) -> None:
        desk, engine = self._desk(), self.world.engine
        if desk is not None and engine is not None:
            engine.spawn("pass", desk.guard_pass())

    def _reconcile(self, _: Reconcile) -> None:
        desk, engine = self._desk(), self.world.engine
        if desk is not None and engine is not None:
            engine.spawn("reconcile", desk.reconcile())
            engine.spawn("outcomes", quietly(desk.sync_outcomes()))

    def _crash(self, step: Crash) -> None:
        self.world.crash()
        self.world.run_for(step.down)
        self.world.start()

    # ---------------------------------------------------------------- the market and the person

    def _move(self, step: Move) -> None:
        inst_id = INSTRUMENTS[step.which]
        before = self.world.last(inst_id)
        after = before * (1 + step.pct)
        self.world.say(inst_id, after, mark=before + (after - before) * step.share)

    def _thin(self, step: Thin) -> None:
        self.world.market.level_size = Decimal(step.lots) / 100
        self.world.market.levels = 3

    def _failattached(self, _: FailAttached) -> None:
        self.world.venue.fail_attached("51008")

    def _hand(self, step: Hand) -> None:
        self.world.pulse()
        inst_id, venue = INSTRUMENTS[step.which], self.world.venue
        rows = venue.positions({"instId": inst_id})
        size = Decimal(rows[0]["pos"]) if rows else Decimal(0)
        order = {"instId": inst_id, "tdMode": "isolated", "ordType": "market"}
        part = str(max(_listed[inst_id].min_size, floor_to_step(abs(size) / 2, _listed[inst_id].lot_size)))
        match step.deed:
            case "buy":
                venue.place_order({**order, "side": "buy", "sz": part})
            case "reduce" if size:
                side = "sell" if size > 0 else "buy"
                venue.place_order({**order, "side": side, "sz": part, "reduceOnly": True})
            case "close" if size:
                venue.close_position({"instId": inst_id, "mgnMode": "isolated", "autoCxl": True})
            case "reverse" if size > 0:
                venue.place_order({**order, "side": "sell", "sz": str(size * 2)})
            case "limit":
                price = floor_to_step(Decimal(repr(self.world.last(inst_id))) * Decimal("0.9"), _tick(inst_id))
                venue.place_order({**order, "ordType": "limit", "side": "buy", "sz": part, "px": str(price)})
            case "uncover":
                for row in venue.algos_pending({"ordType": "oco", "instId": inst_id})[:1]:
                    venue.cancel_algos([{"instId": inst_id, "algoId": row["algoId"]}])

    # ---------------------------------------------------------------- trouble

    def _disturb(self, step: Disturb) -> None:
        self.world.wire.order(Order(step.fate, *CALLS[step.call], step.times, step.seconds))

    def _dark(self, step: Dark) -> None:
        self.world.wire.dark_until = self.world.loop.time() + step.seconds

    def _nodisk(self, step: NoDisk) -> None:
        self.world.refusing_until = self.world.loop.time() + step.seconds

    def _kill(self, step: Kill) -> None:
        self.killed = True
        self.world.kill(step.flatten)

    def _wait(self, _: Wait) -> None:
        return


def _tick(inst_id: str) -> Decimal:
    return _listed[inst_id].tick_size
