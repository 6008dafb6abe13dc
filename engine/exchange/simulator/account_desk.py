"""The account's settings and what it may do: position mode, leverage, sizes, margin, positions."""

from __future__ import annotations

from decimal import Decimal

from engine.exchange.simulator.account_rows import closed_row, position_row
from engine.exchange.simulator.accounts import MAKER, TAKER, wallet
from engine.exchange.simulator.door import lost_permission
from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.okx_errors import refusal
from engine.exchange.simulator.orders import MODES, position_side, price_band
from engine.exchange.simulator.params import (
    Params,
    Row,
    choice,
    flag,
    floor_to,
    number,
    plain,
    positive,
    required,
    text,
)
from engine.exchange.simulator.positions import money
from engine.exchange.simulator.queries import matching, page, swaps
from engine.exchange.simulator.records import Position
from engine.exchange.simulator.specs import InstrumentSpec
from engine.exchange.simulator.tiers import max_contracts, tiers

ZERO = Decimal(0)
HEADROOM = Decimal("1.002")
"""max-size leaves this much room, so that an order of that size is still accepted after walking the book."""


class AccountDesk:
    def __init__(self, floor: Floor) -> None:
        self._floor = floor

    # ------------------------------------------------------------ reads

    def config(self) -> list[Row]:
        return [
            {
                "uid": "100000000000000001",
                "mainUid": "100000000000000001",
                "acctLv": "2",
                "posMode": self._floor.account.pos_mode,
                "autoLoan": False,
                "greeksType": "PA",
                "level": "Lv1",
                "levelTmp": "",
                "ctIsoMode": "automatic",
                "mgnIsoMode": "automatic",
                "spotOffsetType": "",
                "roleType": "0",
                "traderInsts": [],
                "spotRoleType": "0",
                "spotTraderInsts": [],
                "opAuth": "0",
                "kycLv": "3",
                "label": "cynosure simulator",
                "ip": "127.0.0.1",
                "perm": "read_only" if lost_permission(self._floor) else "read_only,trade",
                "discountType": "0",
                "acctStpMode": "cancel_maker",
                "enableSpotBorrow": False,
                "spotBorrowAutoRepay": False,
                "settleCcy": "USDT",
                "type": "0",
            }
        ]

    def positions(self, params: Params) -> list[Row]:
        """Newest created first."""
        if not swaps(params):
            return []
        fields = {"instId": "inst_id", "posId": "pos_id"}
        found = matching(self._floor.positions.values(), params, fields)
        found.sort(key=lambda position: int(position.life_id), reverse=True)
        now = wallet(self._floor)
        return [position_row(self._floor, position, now) for position in found]

    def positions_history(self, params: Params) -> list[Row]:
        """One row a life of a position, once part of it was closed; pages by uTime."""
        if not swaps(params):
            return []
        closed = [position for position in self._floor.lives.values() if position.outcome]
        fields = {"instId": "inst_id", "posId": "pos_id", "mgnMode": "mgn_mode", "type": "outcome"}
        found = page(matching(closed, params, fields), params, lambda position: position.u_time)
        return [closed_row(position) for position in found]

    def trade_fee(self, params: Params) -> list[Row]:
        """Negative = paid; one schedule for every group."""
        required(params, "instType")
        taker, maker = plain(-TAKER), plain(-MAKER)
        groups = sorted({spec.fee_group for spec in self._floor.market.specs.values()})
        return [
            {
                "instType": "SWAP",
                "level": "Lv1",
                "category": "",
                "taker": taker,
                "maker": maker,
                "takerU": taker,
                "makerU": maker,
                "takerUSDC": "",
                "makerUSDC": "",
                "delivery": "",
                "exercise": "",
                "feeGroup": [{"groupId": group, "taker": taker, "maker": maker} for group in groups],
                "ruleType": "normal",
                "fiat": [],
                "ts": str(self._floor.now_ms),
            }
        ]

    def price_limit(self, params: Params) -> list[Row]:
        spec = self._floor.spec_of(params)
        highest, lowest = price_band(self._floor, spec)
        return [
            {
                "instType": "SWAP",
                "instId": spec.inst_id,
                "buyLmt": plain(highest),
                "sellLmt": plain(lowest),
                "enabled": True,
                "ts": str(self._floor.now_ms),
            }
        ]

    def position_tiers(self, params: Params) -> list[Row]:
        """By `instFamily`, `uly` or `instId`."""
        family = text(params, "instFamily") or text(params, "uly") or text(params, "instId").removesuffix("-SWAP")
        spec = self._floor.spec(f"{family}-SWAP")
        return [
            {
                "instFamily": family,
                "uly": family,
                "instId": "",
                "tier": str(row.number),
                "minSz": plain(row.min_sz),
                "maxSz": plain(row.max_sz),
                "mmr": plain(row.mmr),
                "imr": plain(row.imr),
                "maxLever": plain(row.max_lever),
                "optMgnFactor": "0",
                "quoteMaxLoan": "",
                "baseMaxLoan": "",
            }
            for row in tiers(spec)
        ]

    # ------------------------------------------------------------ sizes

    def max_size(self, params: Params) -> list[Row]:
        """Contracts one may still buy and sell, what closes the other side included; up to five instruments."""
        mode = choice(params, "tdMode", MODES)
        price = number(params, "px")
        return [
            {"instId": spec.inst_id, "ccy": "USDT", **self._sizes(spec, mode, price, number(params, "leverage"))}
            for spec in (self._floor.spec(inst_id) for inst_id in required(params, "instId").split(",")[:5])
        ]

    def _sizes(self, spec: InstrumentSpec, mode: str, price: Decimal | None, leverage: Decimal | None) -> Row:
        lever = leverage or self._floor.leverage(spec.inst_id, mode, "net")
        reference = (price or self._floor.last(spec.inst_id)) * HEADROOM
        per_contract = spec.units * reference * (1 / lever + TAKER)
        affordable = floor_to(wallet(self._floor).available / per_contract, spec.lot_sz)
        ceiling = max_contracts(spec, lever)
        held = {sign: self._held(spec.inst_id, mode, sign) for sign in (1, -1)}
        return {
            "maxBuy": plain(min(affordable, max(ZERO, ceiling - held[1])) + held[-1]),
            "maxSell": plain(min(affordable, max(ZERO, ceiling - held[-1])) + held[1]),
        }

    def _held(self, inst_id: str, mode: str, sign: int) -> Decimal:
        return sum(
            (
                position.size
                for position in self._floor.positions_of(inst_id)
                if position.mgn_mode == mode and position.sign == sign
            ),
            ZERO,
        )

    def max_avail_size(self, params: Params) -> list[Row]:
        """Margin money in USDT; with `reduceOnly` the contracts that can be closed."""
        mode = choice(params, "tdMode", MODES)
        reduce_only = flag(params, "reduceOnly")
        free = plain(wallet(self._floor).available)
        rows = []
        for inst_id in required(params, "instId").split(",")[:5]:
            spec = self._floor.spec(inst_id)
            buy = plain(self._held(spec.inst_id, mode, -1)) if reduce_only else free
            sell = plain(self._held(spec.inst_id, mode, 1)) if reduce_only else free
            rows.append({"instId": inst_id, "availBuy": buy, "availSell": sell})
        return rows

    # ------------------------------------------------------------ settings

    def set_position_mode(self, params: Params) -> list[Row]:
        """Only while nothing is open. Raises 59000."""
        mode = choice(params, "posMode", frozenset({"net_mode", "long_short_mode"}))
        floor = self._floor
        busy = floor.positions or any(floor.resting.values()) or any(floor.armed.values())
        if busy and mode != floor.account.pos_mode:
            raise refusal("59000")
        floor.account.pos_mode = mode
        floor.keep(floor.account)
        return [{"posMode": mode}]

    def set_leverage(self, params: Params) -> list[Row]:
        """Raises 59102 out of range, 59101 and 59107 with resting orders, 59108 without margin to lower it."""
        spec = self._floor.spec_of(params)
        mode = choice(params, "mgnMode", MODES)
        side = position_side(self._floor, params) if mode == "isolated" else "net"
        lever = positive(params, "lever")
        if not 1 <= lever <= spec.max_lever:
            raise refusal("59102")
        if any(order.td_mode == mode for order in self._floor.resting[spec.inst_id].values()):
            raise refusal("59107" if mode == "isolated" else "59101")
        for position in self._floor.positions_of(spec.inst_id):
            if position.mgn_mode == mode and (mode == "cross" or position.pos_side == side):
                self._relever(position, lever)
        self._floor.account.leverage[f"{spec.inst_id}|{mode}|{side}"] = lever
        self._floor.keep(self._floor.account)
        return [
            {"instId": spec.inst_id, "lever": plain(lever), "mgnMode": mode, "posSide": side if side != "net" else ""}
        ]

    def _relever(self, position: Position, lever: Decimal) -> None:
        """An open position takes the new leverage: its margin changes with it."""
        available = wallet(self._floor).available
        value = position.cost * position.units
        change = money(value / lever) - money(value / position.lever)
        if change > available:
            raise refusal("59108")
        if position.mgn_mode == "isolated":
            if position.margin + change <= 0:
                raise refusal("59102")
            position.margin += change
        position.lever = lever
        position.u_time = self._floor.now_ms
        self._floor.keep(position)
        self._floor.touched.add(position.inst_id)

    def leverage_info(self, params: Params) -> list[Row]:
        mode = choice(params, "mgnMode", MODES)
        sides = ["net"]
        if mode == "isolated" and self._floor.account.pos_mode == "long_short_mode":
            sides = ["long", "short"]
        return [
            {
                "instId": inst_id,
                "ccy": "",
                "mgnMode": mode,
                "posSide": side,
                "lever": plain(self._floor.leverage(self._floor.spec(inst_id).inst_id, mode, side)),
            }
            for inst_id in required(params, "instId").split(",")
            for side in sides
        ]

    def margin_balance(self, params: Params) -> list[Row]:
        """Adds to or takes from an isolated position's margin. Raises 59300, 59301."""
        spec = self._floor.spec_of(params)
        kind = choice(params, "type", frozenset({"add", "reduce"}))
        amount = positive(params, "amt")
        position = self._floor.position(spec.inst_id, "isolated", position_side(self._floor, params))
        if position is None:
            raise refusal("59300")
        if amount > (wallet(self._floor).available if kind == "add" else self._spare(position)):
            raise refusal("59301")
        position.margin += money(amount if kind == "add" else -amount)
        position.u_time = self._floor.now_ms
        self._floor.keep(position)
        self._floor.touched.add(position.inst_id)
        return [
            {
                "instId": spec.inst_id,
                "posSide": position.pos_side,
                "type": kind,
                "amt": plain(amount),
                "leverage": plain(position.lever),
                "ccy": "USDT",
            }
        ]

    def _spare(self, position: Position) -> Decimal:
        """Margin beyond what its leverage asks for at mark."""
        mark = self._floor.mark(position.inst_id)
        equity = position.margin + min(ZERO, position.unrealised(mark))
        return max(ZERO, equity - position.value(mark) / position.lever)
