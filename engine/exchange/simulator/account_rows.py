"""Account and position rows as OKX writes them in futures mode: "" where acctLv 2 knows no value (okx.md §7)."""

from __future__ import annotations

from decimal import Decimal

from engine.exchange.simulator.accounts import TAKER, Wallet, liquidation_price, margin_ratio, wallet
from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.params import Row, plain
from engine.exchange.simulator.records import Position
from engine.exchange.simulator.rows import leg_row
from engine.exchange.simulator.tiers import maintenance_rate

_PLACES = Decimal("1e-16")


def _fine(value: Decimal | None) -> str:
    return "" if value is None else plain(value.quantize(_PLACES))


def balance_row(floor: Floor) -> Row:
    now = wallet(floor)
    stamp = str(floor.now_ms)
    ratio = _fine(now.cross_ratio)
    detail = {
        "ccy": "USDT",
        "eq": _fine(now.equity),
        "eqUsd": _fine(now.equity),
        "disEq": _fine(now.equity),
        "cashBal": _fine(now.cash),
        "availBal": _fine(now.available),
        "availEq": _fine(now.available),
        "frozenBal": _fine(now.isolated_margin + now.frozen + now.cross_imr),
        "ordFrozen": _fine(now.frozen),
        "upl": _fine(now.unrealised),
        "isoEq": _fine(now.isolated_equity),
        "isoUpl": _fine(now.isolated_unrealised),
        "imr": _fine(now.cross_imr) if now.has_cross else "",
        "mmr": _fine(now.cross_mmr) if now.has_cross else "",
        "mgnRatio": ratio,
        "notionalLever": _fine(now.notional / now.equity) if now.equity > 0 else "",
        "liab": "",
        "interest": "",
        "crossLiab": "",
        "isoLiab": "",
        "uplLiab": "",
        "maxLoan": "",
        "twap": "0",
        "stgyEq": "0",
        "fixedBal": "0",
        "spotInUseAmt": "",
        "borrowFroz": "",
        "uTime": stamp,
    }
    return {
        "uTime": stamp,
        "totalEq": _fine(now.equity),
        "isoEq": _fine(now.isolated_equity),
        "adjEq": "",
        "availEq": "",
        "ordFroz": "",
        "imr": "",
        "mmr": "",
        "borrowFroz": "",
        "mgnRatio": "",
        "notionalUsd": "",
        "upl": "",
        "details": [detail],
    }


def position_row(floor: Floor, position: Position, wallet_now: Wallet) -> Row:
    """An open position, or the `pos: "0"` row of one that has just closed."""
    flat = not position.contracts
    mark, last = floor.mark(position.inst_id), floor.last(position.inst_id)
    unrealised = position.unrealised(mark)
    value = position.value(mark)
    cross = position.mgn_mode == "cross"
    base = position.cost * position.units / position.lever
    mmr = value * maintenance_rate(floor.spec(position.inst_id), position.size)
    ratio = None if flat else margin_ratio(floor, position, wallet_now)
    liquidation = None if flat else liquidation_price(floor, position, wallet_now)
    contracts = position.contracts if position.pos_side == "net" else position.size
    return {
        "instType": "SWAP",
        "instId": position.inst_id,
        "posId": position.pos_id,
        "posSide": position.pos_side,
        "pos": plain(contracts),
        "availPos": plain(position.size),
        "posCcy": "",
        "avgPx": "" if flat else _fine(position.avg_px),
        "markPx": plain(mark),
        "last": plain(last),
        "idxPx": plain(floor.index(position.inst_id)),
        "lever": plain(position.lever),
        "mgnMode": position.mgn_mode,
        "margin": "" if cross or flat else _fine(position.margin),
        "imr": _fine(value / position.lever) if cross and not flat else "",
        "mmr": "" if flat else _fine(mmr),
        "mgnRatio": _fine(ratio),
        "liqPx": _fine(liquidation),
        "upl": _fine(unrealised),
        "uplRatio": "" if flat else _fine(unrealised / base),
        "uplLastPx": _fine(position.unrealised(last)),
        "uplRatioLastPx": "" if flat else _fine(position.unrealised(last) / base),
        "notionalUsd": _fine(value),
        "adl": "" if flat else "1",
        "ccy": "USDT",
        "tradeId": position.trade_id,
        "fee": plain(position.fee),
        "fundingFee": plain(position.funding),
        "liqPenalty": plain(position.penalty),
        "pnl": plain(position.pnl),
        "realizedPnl": plain(position.realised),
        "settledPnl": "",
        "bePx": "" if flat else _fine(_break_even(position)),
        "interest": "",
        "liab": "",
        "liabCcy": "",
        "optVal": "",
        "closeOrderAlgo": _whole_closes(floor, position),
        "cTime": str(position.c_time),
        "uTime": str(position.u_time),
    }


def _break_even(position: Position) -> Decimal:
    """The price at which closing everything leaves nothing: costs so far and the closing fee are paid."""
    base = position.size * position.units
    return (position.cost * position.units - position.realised * position.sign) / (base * (1 - TAKER * position.sign))


def _whole_closes(floor: Floor, position: Position) -> list[Row]:
    return [
        {"algoId": algo.algo_id, **leg_row("sl", algo.sl), **leg_row("tp", algo.tp), "closeFraction": "1"}
        for algo in floor.armed[position.inst_id].values()
        if algo.close_all and algo.td_mode == position.mgn_mode and algo.pos_side == position.pos_side
    ]


def closed_row(position: Position) -> Row:
    """A row of positions-history."""
    size = position.closed * position.units
    open_avg = position.opened_value / position.opened
    base = open_avg * size / position.lever
    return {
        "instType": "SWAP",
        "instId": position.inst_id,
        "posId": position.pos_id,
        "mgnMode": position.mgn_mode,
        "type": position.outcome,
        "posSide": position.pos_side,
        "direction": position.direction,
        "lever": plain(position.lever),
        "openAvgPx": _fine(open_avg),
        "closeAvgPx": _fine(position.closed_value / position.closed),
        "openMaxPos": plain(position.open_max),
        "closeTotalPos": plain(position.closed),
        "pnl": plain(position.pnl),
        "fee": plain(position.fee),
        "fundingFee": plain(position.funding),
        "liqPenalty": plain(position.penalty),
        "realizedPnl": plain(position.realised),
        "pnlRatio": _fine(position.realised / base),
        "settledPnl": "",
        "nonSettleAvgPx": "",
        "triggerPx": "",
        "ccy": "USDT",
        "uly": position.inst_id.removesuffix("-SWAP"),
        "cTime": str(position.c_time),
        "uTime": str(position.u_time),
    }


def flash_row(floor: Floor, event: str, positions: list[Position], trades: list[Row]) -> Row:
    """The balance_and_position channel's row: `event` is snapshot, filled, funding_fee or liquidation."""
    stamp = str(floor.now_ms)
    return {
        "pTime": stamp,
        "eventType": event,
        "balData": [{"ccy": "USDT", "cashBal": plain(floor.account.cash), "uTime": stamp}],
        "posData": [
            {
                "posId": position.pos_id,
                "tradeId": position.trade_id,
                "instId": position.inst_id,
                "instType": "SWAP",
                "mgnMode": position.mgn_mode,
                "posSide": position.pos_side,
                "pos": plain(position.contracts if position.pos_side == "net" else position.size),
                "ccy": "USDT",
                "posCcy": "",
                "avgPx": _fine(position.avg_px) if position.contracts else "",
                "uTime": str(position.u_time),
            }
            for position in positions
        ],
        "trades": trades,
    }
