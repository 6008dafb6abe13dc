"""A trading desk on a real simulator process, for benches that trade: the product's own parts, nothing else."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from engine.config import Settings
from engine.db import Database
from engine.events import Event
from engine.exchange.contracts import contracts_for_notional
from engine.execution.desk import TradingDesk
from engine.execution.entry_plan import EntryPlan
from engine.execution.latch import EntryLatch
from engine.home import Home
from engine.model import BracketPrices, Instrument
from engine.reasons import Reason
from engine.rounding import round_stop_up_to_tick, round_target_down_to_tick
from engine.venue import Venue, open_venue
from engine.works import check_books


@dataclass(slots=True)
class Rig:
    """An open desk; `events` is everything that it published."""

    home: Home
    venue: Venue
    desk: TradingDesk
    instruments: dict[str, Instrument]
    events: list[Event]

    async def enter(self, inst_id: str, decision_id: str, usdt: Decimal, stop_pct: Decimal = Decimal("0.03")) -> Reason:
        """Opens a long of about `usdt` with a stop 3 % below and a target 6 % above, as a decision would."""
        instrument = self.instruments[inst_id]
        quote = (await self.venue.exchange.quotes())[inst_id]
        price = quote.mid or quote.last
        prices = BracketPrices(
            stop=round_stop_up_to_tick(price * (1 - stop_pct), instrument.tick_size),
            target=round_target_down_to_tick(price * (1 + 2 * stop_pct), instrument.tick_size),
        )
        outcome = await self.desk.entry.enter(
            EntryPlan(
                decision_id=decision_id,
                ticker=instrument.ticker,
                instrument=instrument,
                contracts=contracts_for_notional(instrument, usdt, price),
                prices=prices,
                price=price,
                decided_at=self.venue.clock.now_ms(),
                strength=None,
                atr15_pct=None,
                trail_pct=0.025,
                max_age_s=3600.0,
            )
        )
        return outcome.reason

    async def close_all(self, inst_ids: Sequence[str], decision_id: str) -> None:
        """Closes, then lets the guard see that it is flat, as the engine does between cycles."""
        for inst_id in inst_ids:
            await self.desk.exit.close(inst_id, Reason.OPERATOR_CLOSE, f"{decision_id}{inst_id.split('-')[0]}")
        await self.desk.guard_pass()


@asynccontextmanager
async def open_rig(
    speed: float = 1.0,
    seed: int = 7,
    home: Path | None = None,
    keep_venue: bool = False,
    settings: Settings | None = None,
) -> AsyncIterator[Rig]:
    """A fresh home (or `home`), its embedded venue (or that of `settings`) and a booted desk; everything is stopped
    at the end, but for the venue when it is to be kept."""
    with tempfile.TemporaryDirectory(prefix="cynosure-bench-") as folder:
        place = Home(home or Path(folder)).prepare()
        settings = settings or Settings.model_validate({"demo": {"seed": seed, "speed": speed, "equity_usdt": 100_000}})
        venue = open_venue(settings, place)
        events: list[Event] = []
        db = await Database.open(place.database)
        try:
            await check_books(db, settings, place)
            instruments = dict(await venue.exchange.instruments())
            desk = TradingDesk(
                db, venue.exchange, EntryLatch(place.storage), venue.clock, events.append, instruments, place.logs
            )
            await desk.load()
            await desk.boot()
            yield Rig(place, venue, desk, instruments, events)
        finally:
            await db.close()
            await venue.close(stop_embedded=not keep_venue)


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest rank, so that a printed p99 is a value that occurred."""
    ordered = sorted(values)
    rank = min(len(ordered) - 1, max(0, -(-int(share * len(ordered) * 1000) // 1000) - 1))
    return ordered[rank]
