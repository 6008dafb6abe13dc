"""Trading records as OKX writes them: every value a string, "" where it does not apply (okx.md §§8-9)."""

from __future__ import annotations

from decimal import Decimal

from engine.exchange.simulator.params import Row, plain, yes
from engine.exchange.simulator.records import Algo, Attachment, Bill, Fill, Leg, Order

MARKET_PX = "-1"
_CANCEL_REASONS = {
    "0": "Canceled by the system.",
    "1": "Order canceled by user.",
    "6": "Canceled because of auto-deleveraging.",
    "2": "Canceled because of a reduction of positions after liquidation.",
    "14": "IOC or FOK order could not be filled at once; the rest was canceled.",
    "17": "Canceled because the position was closed by a market order.",
    "20": "Cancel all after triggered.",
    "21": "The TP/SL order was canceled because the position had been closed.",
    "22": "Reduce-only order canceled: the position is closed.",
    "27": "Canceled by the slippage guard: price differs by more than 5 % from the best one.",
    "31": "Post-only order would have taken liquidity.",
    "32": "Self trade prevention.",
}


def leg_row(prefix: str, leg: Leg | None) -> Row:
    """`tp` or `sl` fields of a leg."""
    if leg is None:
        return {f"{prefix}TriggerPx": "", f"{prefix}TriggerPxType": "", f"{prefix}OrdPx": ""}
    order_px = MARKET_PX if leg.order_px is None else plain(leg.order_px)
    return {
        f"{prefix}TriggerPx": plain(leg.trigger_px),
        f"{prefix}TriggerPxType": leg.px_type,
        f"{prefix}OrdPx": order_px,
    }


def attachment_row(attachment: Attachment) -> Row:
    return {
        "attachAlgoId": attachment.attach_algo_id,
        "attachAlgoClOrdId": attachment.client_id,
        **leg_row("tp", attachment.tp),
        **leg_row("sl", attachment.sl),
        "tpOrdKind": "condition" if attachment.tp else "",
        "sz": plain(attachment.sz),
        "amendPxOnTriggerType": "0",
        "callbackRatio": "",
        "callbackSpread": "",
        "activePx": "",
        "failCode": attachment.fail_code,
        "failReason": attachment.fail_reason,
    }


def order_row(order: Order) -> Row:
    linked = next((attachment.algo_id for attachment in order.attachments if attachment.algo_id), "")
    single = order.attachments[0] if len(order.attachments) == 1 else None
    return {
        "instType": "SWAP",
        "instId": order.inst_id,
        "ordId": order.ord_id,
        "clOrdId": order.client_id,
        "tag": order.tag,
        "px": plain(order.px),
        "pxUsd": "",
        "pxVol": "",
        "pxType": "",
        "sz": plain(order.sz),
        "ordType": order.ord_type,
        "side": order.side,
        "posSide": order.pos_side,
        "tdMode": order.td_mode,
        "ccy": "",
        "tgtCcy": "",
        "accFillSz": plain(order.filled),
        "avgPx": plain(order.avg_px),
        "fillPx": plain(order.fill_px),
        "fillSz": plain(order.fill_sz),
        "fillTime": str(order.fill_time) if order.fill_time else "",
        "tradeId": order.trade_id,
        "state": order.state,
        "lever": plain(order.lever),
        "fee": plain(order.fee),
        "feeCcy": order.fee_ccy,
        "rebate": "0",
        "rebateCcy": "USDT",
        "pnl": plain(order.pnl),
        "source": order.source,
        "category": order.category,
        "reduceOnly": yes(order.reduce_only),
        "cancelSource": order.cancel_source,
        "cancelSourceReason": _CANCEL_REASONS.get(order.cancel_source, ""),
        "quickMgnType": "",
        "stpId": "",
        "stpMode": "cancel_maker",
        "algoId": order.algo_id,
        "algoClOrdId": order.algo_client_id,
        "isTpLimit": "false",
        "attachAlgoClOrdId": single.client_id if single else "",
        "attachAlgoOrds": [attachment_row(attachment) for attachment in order.attachments],
        "linkedAlgoOrd": {"algoId": linked},
        **leg_row("tp", single.tp if single else None),
        **leg_row("sl", single.sl if single else None),
        "cTime": str(order.c_time),
        "uTime": str(order.u_time),
    }


def order_push(order: Order, units: Decimal, last: Decimal, request_id: str = "", amend_result: str = "") -> Row:
    """The orders channel's row."""
    filled_now = order.fill_sz if order.state in {"filled", "partially_filled"} else Decimal(0)
    notional = filled_now * units * (order.fill_px or Decimal(0))
    return {
        **order_row(order),
        "execType": order.exec_type,
        "fillFee": "",
        "fillFeeCcy": "USDT",
        "fillNotionalUsd": plain(notional) if filled_now else "",
        "fillPnl": "",
        "notionalUsd": plain(order.sz * units * (order.px or last)),
        "lastPx": plain(last),
        "reqId": request_id,
        "amendResult": amend_result,
        "amendSource": "1" if amend_result else "",
        "code": "0",
        "msg": "",
    }


def algo_row(algo: Algo, last: Decimal, move_trigger_px: Decimal | None = None) -> Row:
    trigger = leg_row("trigger", algo.trigger)
    return {
        "instType": "SWAP",
        "instId": algo.inst_id,
        "algoId": algo.algo_id,
        "algoClOrdId": algo.client_id,
        "clOrdId": "",
        "tag": algo.tag,
        "ccy": "",
        "ordId": algo.ord_ids[0] if algo.ord_ids else "",
        "ordIdList": list(algo.ord_ids),
        "ordType": algo.ord_type,
        "side": algo.side,
        "posSide": algo.pos_side,
        "tdMode": algo.td_mode,
        "tgtCcy": "",
        "sz": plain(algo.sz),
        "closeFraction": "1" if algo.close_all else "",
        "state": algo.state,
        "lever": plain(algo.lever),
        **leg_row("tp", algo.tp),
        **leg_row("sl", algo.sl),
        "triggerPx": trigger["triggerTriggerPx"],
        "triggerPxType": trigger["triggerTriggerPxType"],
        "ordPx": trigger["triggerOrdPx"],
        "actualSz": plain(algo.actual_sz) if algo.trigger_time else "",
        "actualPx": plain(algo.actual_px),
        "actualSide": algo.actual_side,
        "triggerTime": str(algo.trigger_time) if algo.trigger_time else "",
        "failCode": algo.fail_code or "0",
        "reduceOnly": yes(algo.reduce_only),
        "cxlOnClosePos": yes(algo.cxl_on_close),
        "callbackRatio": plain(algo.callback_ratio),
        "callbackSpread": plain(algo.callback_spread),
        "activePx": plain(algo.active_px),
        "moveTriggerPx": plain(move_trigger_px),
        "amendPxOnTriggerType": "0",
        "attachAlgoOrds": [attachment_row(attachment) for attachment in algo.attachments],
        "linkedOrd": {"ordId": algo.linked_ord_id},
        "isTradeBorrowMode": "",
        "quickMgnType": "",
        "last": plain(last),
        "cTime": str(algo.c_time),
        "uTime": str(algo.u_time),
    }


def fill_row(fill: Fill) -> Row:
    return {
        "instType": "SWAP",
        "instId": fill.inst_id,
        "tradeId": fill.trade_id,
        "ordId": fill.ord_id,
        "clOrdId": fill.client_id,
        "billId": fill.bill_id,
        "subType": fill.sub_type,
        "tag": fill.tag,
        "fillPx": plain(fill.px),
        "fillSz": plain(fill.sz),
        "fillPnl": plain(fill.pnl),
        "fillMarkPx": plain(fill.mark_px),
        "fillIdxPx": plain(fill.idx_px),
        "fillPxVol": "",
        "fillPxUsd": "",
        "fillMarkVol": "",
        "fillFwdPx": "",
        "side": fill.side,
        "posSide": fill.pos_side,
        "execType": fill.exec_type,
        "feeCcy": fill.fee_ccy,
        "fee": plain(fill.fee),
        "feeRate": plain(fill.fee_rate),
        "ts": str(fill.ts),
        "fillTime": str(fill.ts),
    }


def bill_row(bill: Bill) -> Row:
    return {
        "instType": "SWAP",
        "instId": bill.inst_id,
        "billId": bill.bill_id,
        "type": bill.type,
        "subType": bill.sub_type,
        "ccy": "USDT",
        "mgnMode": bill.mgn_mode,
        "sz": plain(bill.sz),
        "px": plain(bill.px),
        "pnl": plain(bill.pnl),
        "fee": plain(bill.fee),
        "balChg": plain(bill.bal_chg),
        "bal": plain(bill.bal),
        "posBal": "0",
        "posBalChg": "0",
        "interest": "0",
        "ordId": bill.ord_id,
        "clOrdId": bill.client_id,
        "tradeId": bill.trade_id,
        "execType": bill.exec_type,
        "tag": bill.tag,
        "from": "",
        "to": "",
        "notes": "",
        "fillTime": str(bill.ts) if bill.trade_id else "",
        "fillMarkPx": plain(bill.mark_px),
        "fillIdxPx": "",
        "ts": str(bill.ts),
    }
