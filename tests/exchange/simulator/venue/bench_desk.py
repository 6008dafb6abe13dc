"""A venue on a scripted market with a hand-moved wall clock, and short ways to say what a test does."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from engine.exchange.simulator.faults.catalogue import read_fault
from engine.exchange.simulator.faults.plan import FaultPlan
from engine.exchange.simulator.floor import PrivateEvent
from engine.exchange.simulator.store import StateStore
from engine.exchange.simulator.venue import Venue
from tests.exchange.simulator.venue.scripted_market import BTC, START, ScriptedMarket

Row = dict[str, Any]


class BenchDesk:
    def __init__(self, market: ScriptedMarket | None = None, equity: str = "10000", path: Path | None = None) -> None:
        self.market = market or ScriptedMarket()
        self.wall = 1_000_000
        self.path = path
        self.equity = Decimal(equity)
        self.events: list[PrivateEvent] = []
        self.plan = FaultPlan(7, lambda: self.wall)
        self.venue = self._open()

    def _open(self) -> Venue:
        self.store = StateStore.in_memory() if self.path is None else StateStore.open(self.path, {"seed": "7"})
        venue = Venue(self.market, self.equity, lambda: self.wall, self.store, 7, self.plan)  # type: ignore[arg-type]
        venue.subscribe(self.events.append)
        return venue

    def reopen(self) -> None:
        """As after kill -9: the venue has no last word, the file is simply opened again."""
        self.store.close()
        self.venue = self._open()

    def fault(self, kind: str, **written: Any) -> None:
        """Arms a fault in its written form; an act without `after_s` happens at once."""
        self.plan.arm([read_fault({"kind": kind, **written})])
        self.venue.tick(self.wall)

    # ------------------------------------------------------------ time

    def go(self, seconds: float) -> None:
        """Venue time moves to `seconds` after the start."""
        self.venue.advance(START + int(seconds * 1000))

    def pass_wall(self, ms: int = 100) -> None:
        self.wall += ms
        self.venue.tick(self.wall)

    # ------------------------------------------------------------ trading

    def order(self, side: str, sz: str, inst_id: str = BTC, **more: Any) -> Row:
        kind = "limit" if "px" in more else "market"
        params = {"instId": inst_id, "tdMode": "isolated", "side": side, "ordType": kind, "sz": sz, **more}
        return self.venue.place_order(params)[0]

    def filled(self, side: str, sz: str, inst_id: str = BTC, **more: Any) -> Row:
        """The order's row after a placement that must have been accepted."""
        item = self.order(side, sz, inst_id, **more)
        assert item["sCode"] == "0", item
        return self.venue.order({"instId": inst_id, "ordId": item["ordId"]})[0]

    def algo(self, side: str, ord_type: str, inst_id: str = BTC, **more: Any) -> Row:
        params = {"instId": inst_id, "tdMode": "isolated", "side": side, "ordType": ord_type, **more}
        return self.venue.place_algo(params)[0]

    def oco(self, side: str, sz: str, tp: str, sl: str, inst_id: str = BTC, **more: Any) -> str:
        """The algoId of an accepted reduce-only OCO with market legs."""
        params = {"sz": sz, "tpTriggerPx": tp, "tpOrdPx": "-1", "slTriggerPx": sl, "slOrdPx": "-1", "reduceOnly": True}
        item = self.algo(side, "oco", inst_id, **{**params, **more})
        assert item["sCode"] == "0", item
        return item["algoId"]

    def algo_row(self, algo_id: str) -> Row:
        return self.venue.algo({"algoId": algo_id})[0]

    def position(self, inst_id: str = BTC) -> Row | None:
        rows = self.venue.positions({"instId": inst_id})
        return rows[0] if rows else None

    def contracts(self, inst_id: str = BTC) -> Decimal:
        row = self.position(inst_id)
        return Decimal(row["pos"]) if row else Decimal(0)

    def totals(self) -> dict[str, Decimal]:
        return {name: Decimal(value) for name, value in self.venue.ledger_report()["totals"].items()}


def balances(totals: dict[str, Decimal]) -> bool:
    """The identity every account must keep."""
    booked = totals["initial_equity"] + totals["realised"] + totals["fees"] + totals["funding"]
    return totals["equity"] == booked + totals["unrealised"] and totals["cash"] == booked


def attached(tp: str, sl: str, name: str = "a1") -> list[Row]:
    """attachAlgoOrds with both legs at market."""
    return [{"attachAlgoClOrdId": name, "tpTriggerPx": tp, "tpOrdPx": "-1", "slTriggerPx": sl, "slOrdPx": "-1"}]
