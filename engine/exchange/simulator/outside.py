"""Acts upon the venue from outside, as ordered: the market gaps, the operator changes terms, a person trades.

Whatever a client could have asked for itself goes the way of a request and may be refused like one; that is noted
and nothing more. Everything done is kept as a deed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from engine.exchange.simulator import liquidation
from engine.exchange.simulator.account_desk import AccountDesk
from engine.exchange.simulator.executions import Executions
from engine.exchange.simulator.faults import acts
from engine.exchange.simulator.faults.spec import Fault, FaultKind
from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.okx_errors import OkxError
from engine.exchange.simulator.order_desk import OrderDesk
from engine.exchange.simulator.params import Params, floor_to, plain
from engine.exchange.simulator.positions import money
from engine.exchange.simulator.records import Position
from engine.exchange.simulator.timeline import Timeline
from engine.exchange.simulator.world import Maintenance, Terms

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Outside:
    """`act` does what a fault says and notes it."""

    floor: Floor
    executions: Executions
    orders: OrderDesk
    account: AccountDesk
    timeline: Timeline

    def act(self, fault: Fault) -> None:
        params: Any = fault.params
        inst_id = getattr(params, "inst", "")
        detail = params.model_dump_json(exclude={"inst"}, exclude_none=True)
        try:
            if inst_id:
                self.floor.spec(inst_id)
            self._doings()[fault.kind](params)
        except OkxError as refused:
            detail += f" refused: {refused}"
        self.floor.note(str(fault.kind), inst_id, detail)

    def _doings(self) -> dict[FaultKind, Callable[[Any], None]]:
        return {
            FaultKind.GAP: self._gap,
            FaultKind.LIQUIDATE: self._liquidate,
            FaultKind.ADL: self._deleverage,
            FaultKind.SUSPEND: self._suspend,
            FaultKind.RESUME: self._resume,
            FaultKind.RESPEC: self._respec,
            FaultKind.FUNDING_INTERVAL: self._funding_interval,
            FaultKind.DELIST: self._delist,
            FaultKind.MAINTENANCE: self._maintenance,
            FaultKind.POS_MODE: lambda act: self._ask(self.account.set_position_mode, posMode=act.mode),
            FaultKind.LEVERAGE: self._leverage,
            FaultKind.MARGIN_MODE: self._margin_mode,
            FaultKind.PERMISSION_LOST: self._permission_lost,
            FaultKind.CLOCK_SKEW: self._clock_skew,
            FaultKind.MANUAL_TRADE: self._manual_trade,
            FaultKind.FOREIGN_ORDER: self._foreign_order,
            FaultKind.USER_CANCELS_ALGO: self._user_cancels_algo,
            FaultKind.USER_CLOSES: self._user_closes,
            FaultKind.FREEZE_ALGOS: self._freeze_algos,
        }

    # ------------------------------------------------------------ the market

    def _gap(self, act: acts.Gap) -> None:
        shifts = self.floor.world.shifts.setdefault(act.inst, [])
        factor = (shifts[-1][1] if shifts else 1.0) * (1 + act.pct / 100)
        shifts.append([self.floor.now_ms, factor])
        self._changed()
        self.timeline.strike(act.inst)

    def _freeze_algos(self, act: acts.FreezeAlgos) -> None:
        self.floor.world.deaf_until = self.floor.wall_ms() + round(act.for_s * 1000)
        self._changed()

    # ------------------------------------------------------------ the operator

    def _liquidate(self, act: acts.Forced) -> None:
        for position in self.floor.positions_of(act.inst):
            liquidation.liquidate(
                self.floor, self.executions, position, self._part(position, act.share), push=act.push
            )  # fmt: skip

    def _deleverage(self, act: acts.Forced) -> None:
        for position in self.floor.positions_of(act.inst):
            liquidation.deleverage(
                self.floor, self.executions, position, self._part(position, act.share), push=act.push
            )  # fmt: skip

    def _part(self, position: Position, share: float) -> Decimal:
        lot = self.floor.spec(position.inst_id).lot_sz
        part = max(lot, floor_to(position.size * Decimal(repr(share)), lot))
        return position.size if share == 1 else min(part, position.size)

    def _suspend(self, act: acts.Suspend) -> None:
        self.floor.world.closed[act.inst] = act.code
        self._changed()

    def _resume(self, act: acts.Resume) -> None:
        self.floor.world.closed.pop(act.inst, None)
        self._changed()
        self.timeline.strike(act.inst)

    def _respec(self, act: acts.Respec) -> None:
        spec = self.floor.spec(act.inst)
        lot = act.lot or spec.lot_sz
        smallest = act.min or (lot if spec.min_sz == spec.lot_sz else max(lot, spec.min_sz))
        terms = Terms(self.floor.now_ms, act.tick or spec.tick_sz, lot, smallest)
        self.floor.world.terms.setdefault(act.inst, []).append(terms)
        self._changed()

    def _funding_interval(self, act: acts.FundingInterval) -> None:
        self.floor.world.intervals.setdefault(act.inst, []).append([self.floor.now_ms, act.hours])
        self._changed()
        self.timeline.reschedule(act.inst)

    def _delist(self, act: acts.Delist) -> None:
        self.floor.world.expiries[act.inst] = self.floor.now_ms + round(act.in_s * 1000)
        self._changed()
        self.timeline.expire()

    def _maintenance(self, act: acts.Maintenance) -> None:
        now = self.floor.now_ms
        begin, end = now + round(act.begin_s * 1000), now + round(act.end_s * 1000)
        code = act.code if act.hard else ""
        self.floor.world.maintenances.append(Maintenance("Trading system upgrade", begin, end, code))
        self._changed()

    def _clock_skew(self, act: acts.ClockSkew) -> None:
        self.floor.world.skew_ms = act.ms
        self._changed()

    def _permission_lost(self, act: acts.PermissionLost) -> None:
        world = self.floor.world
        world.permission = act.code
        world.permission_until = 0 if act.for_s is None else self.floor.wall_ms() + round(act.for_s * 1000)
        self._changed()

    def _changed(self) -> None:
        self.floor.keep(self.floor.world)

    # ------------------------------------------------------------ a person, another bot

    def _ask(self, handler: Callable[[Params], object], **params: Any) -> None:
        handler(params)

    def _leverage(self, act: acts.Leverage) -> None:
        sides = {position.pos_side for position in self.floor.positions_of(act.inst)} - {"net"}
        for side in sides or {""}:
            self._ask(
                self.account.set_leverage, instId=act.inst, lever=plain(act.lever), mgnMode=act.mode, posSide=side
            )  # fmt: skip

    def _margin_mode(self, act: acts.SwitchMargin) -> None:
        """Unless both modes are in use: two positions do not become one."""
        for position in self.floor.positions_of(act.inst):
            if (position.inst_id, act.mode, position.pos_side) in self.floor.positions:
                continue
            del self.floor.positions[(position.inst_id, position.mgn_mode, position.pos_side)]
            position.mgn_mode = act.mode
            isolated = act.mode == "isolated"
            position.margin = money(position.cost * position.units / position.lever) if isolated else ZERO
            position.u_time = self.floor.now_ms
            self.floor.keep(position)
            self.floor.touched.add(act.inst)

    def _manual_trade(self, act: acts.ManualTrade) -> None:
        sizes = [position.size for position in self.floor.positions_of(act.inst)]
        lot = self.floor.spec(act.inst).lot_sz
        size = act.contracts or max(lot, floor_to(sum(sizes, ZERO) * Decimal(repr(act.share)), lot))
        self._trade(act.inst, act.mode, act.side, size)

    def _trade(self, inst_id: str, mode: str, side: str, size: Decimal) -> None:
        hedged = self.floor.account.pos_mode != "net_mode"
        pos_side = ("long" if side == "buy" else "short") if hedged else ""
        self._ask(
            self.orders.place, instId=inst_id, tdMode=mode, side=side, posSide=pos_side, ordType="market",
            sz=plain(size),
        )  # fmt: skip

    def _foreign_order(self, act: acts.ForeignOrder) -> None:
        spec = self.floor.spec(act.inst)
        away = Decimal(repr(act.pct_away)) / 100 * (-1 if act.side == "buy" else 1)
        price = {} if act.market else {"px": plain(floor_to(self.floor.mark(act.inst) * (1 + away), spec.tick_sz))}
        self._ask(
            self.orders.place, instId=act.inst, tdMode=act.mode, side=act.side, sz=plain(act.contracts),
            ordType="market" if act.market else "limit", clOrdId=act.client_id, **price,
        )  # fmt: skip

    def _user_cancels_algo(self, act: acts.UserCancelsAlgo) -> None:
        live = list(self.floor.armed[act.inst].values())
        for algo in live[-1:] if act.newest else live:
            self.executions.end_algo(algo, "canceled", "1")

    def _user_closes(self, act: acts.UserCloses) -> None:
        for position in self.floor.positions_of(act.inst):
            side = "" if position.pos_side == "net" else position.pos_side
            self._ask(
                self.orders.close_position, instId=act.inst, mgnMode=position.mgn_mode, posSide=side, autoCxl=True
            )  # fmt: skip
