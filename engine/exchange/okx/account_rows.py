"""OKX account and trade rows → our frozen types. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

from engine.exchange.okx.wire import (
    ZERO,
    amount,
    decimal,
    flag,
    malformed,
    optional_decimal,
    order_id,
    positive_decimal,
    required_text,
    rows_of,
    text,
    time_ms,
)
from engine.model import (
    AccountConfig,
    Balance,
    Bill,
    BillKind,
    Bracket,
    BracketState,
    ClosedPosition,
    FeeRates,
    Fill,
    Order,
    OrderState,
    Position,
    Side,
)

Known = TypeVar("Known")

SETTLE = "USDT"
FIRST_FORCED_SUBTYPE = 100
"""Fill subTypes from here on are liquidations and auto-deleveraging."""
ADL_SUBTYPES = frozenset({"125", "126", "127", "128"})

BILL_KINDS = {
    "1": BillKind.TRANSFER,
    "2": BillKind.TRADE,
    "5": BillKind.LIQUIDATION,
    "8": BillKind.FUNDING,
    "9": BillKind.ADL,
}
SIDES = {"buy": Side.BUY, "sell": Side.SELL}
ORDER_STATES = {
    "live": OrderState.LIVE,
    "partially_filled": OrderState.PARTIALLY_FILLED,
    "filled": OrderState.FILLED,
    "canceled": OrderState.CANCELED,
    "mmp_canceled": OrderState.CANCELED,
}
BRACKET_STATES = {
    "live": BracketState.LIVE,
    "pause": BracketState.DORMANT,
    "partially_effective": BracketState.TRIGGERED,
    "effective": BracketState.TRIGGERED,
    "canceled": BracketState.CANCELED,
    "order_failed": BracketState.FAILED,
    "partially_failed": BracketState.FAILED,
}
STILL_OPEN = frozenset({"1", "4", "5"})
"""positions-history types that left a remainder: partly closed, partly liquidated, partly deleveraged."""
LIQUIDATED = frozenset({"3", "6"})
DELEVERAGED = "6"


def account_config(row: Any) -> AccountConfig:
    return AccountConfig(
        account_level=required_text(row, "acctLv"),
        net_mode=required_text(row, "posMode") == "net_mode",
        permissions=frozenset(p.strip() for p in text(row, "perm").split(",") if p.strip()),
        ip_bound=bool(text(row, "ip")),
    )


def balance(row: Any) -> Balance:
    """The USDT line. Futures-mode accounts leave the account-level margin ratio blank: then the line's own."""
    line = next((d for d in rows_of(row, "details") if text(d, "ccy") == SETTLE), None)
    if line is None:
        raise malformed("details", [text(d, "ccy") for d in rows_of(row, "details")], f"a line for {SETTLE}")
    equity, cash = decimal(line, "eq"), decimal(line, "cashBal")
    available = optional_decimal(line, "availEq")
    unrealised = optional_decimal(line, "upl")
    return Balance(
        equity=equity,
        cash=cash,
        available=decimal(line, "availBal") if available is None else available,
        unrealised=equity - cash if unrealised is None else unrealised,
        margin_ratio=positive_decimal(row, "mgnRatio") or positive_decimal(line, "mgnRatio"),
        ts=time_ms(row, "uTime"),
    )


def position(row: Any) -> Position | None:
    """None for a flat row: OKX lists some with pos "0"."""
    contracts = optional_decimal(row, "pos") or ZERO
    if contracts == 0:
        return None
    short = text(row, "posSide") == "short"
    return Position(
        inst_id=required_text(row, "instId"),
        position_id=text(row, "posId"),
        contracts=-abs(contracts) if short else contracts,
        entry_price=decimal(row, "avgPx"),
        mark_price=positive_decimal(row, "markPx"),
        unrealised=amount(row, "upl"),
        realised=amount(row, "realizedPnl"),
        fee=amount(row, "fee"),
        funding=amount(row, "fundingFee"),
        margin=optional_decimal(row, "margin"),
        margin_mode=required_text(row, "mgnMode"),
        leverage=positive_decimal(row, "lever"),
        liquidation_price=positive_decimal(row, "liqPx"),
        margin_ratio=positive_decimal(row, "mgnRatio"),
        notional_usd=optional_decimal(row, "notionalUsd"),
        opened_at=time_ms(row, "cTime"),
        updated_at=time_ms(row, "uTime"),
    )


def closed_position(row: Any) -> ClosedPosition | None:
    """None for a row whose position still has a remainder."""
    if text(row, "type") in STILL_OPEN:
        return None
    return ClosedPosition(
        inst_id=required_text(row, "instId"),
        position_id=required_text(row, "posId"),
        entry_price=decimal(row, "openAvgPx"),
        exit_price=decimal(row, "closeAvgPx"),
        contracts=decimal(row, "closeTotalPos"),
        pnl=decimal(row, "pnl"),
        fee=amount(row, "fee"),
        funding=amount(row, "fundingFee"),
        realised=decimal(row, "realizedPnl"),
        liquidated=text(row, "type") in LIQUIDATED,
        opened_at=time_ms(row, "cTime"),
        closed_at=time_ms(row, "uTime"),
        deleveraged=text(row, "type") == DELEVERAGED,
    )


def fee_rates(row: Any, fee_group: str) -> FeeRates:
    """OKX writes costs as negative rates; ours are positive. The instrument's fee group wins."""
    group = next((g for g in rows_of(row, "feeGroup") if fee_group and text(g, "groupId") == fee_group), None)
    return FeeRates(taker=-_first_rate(row, group, "taker"), maker=-_first_rate(row, group, "maker"))


def _first_rate(row: Any, group: Any, name: str) -> Decimal:
    candidates = [(group, name)] if group is not None else []
    candidates += [(row, f"{name}U"), (row, name)]  # makerU, takerU: USDT-margined, where still sent
    for source, field in candidates:
        rate = optional_decimal(source, field)
        if rate is not None:
            return rate
    raise malformed(name, "", "a fee rate")


def order(row: Any) -> Order:
    return Order(
        inst_id=required_text(row, "instId"),
        order_id=required_text(row, "ordId"),
        client_id=text(row, "clOrdId"),
        side=side(row),
        state=_known(ORDER_STATES, row, "state"),
        contracts=decimal(row, "sz"),
        filled=amount(row, "accFillSz"),
        average_price=positive_decimal(row, "avgPx"),
        fee=amount(row, "fee"),
        reduce_only=flag(row, "reduceOnly"),
        category=text(row, "category"),
        algo_id=order_id(row, "algoId"),
        created_at=time_ms(row, "cTime"),
        updated_at=time_ms(row, "uTime"),
        tag=text(row, "tag"),
    )


def fill(row: Any) -> Fill:
    """A price of 0 is none: booked once, a fill is never booked again, so such a row is not read at all (raises) and
    asked for again. A fee in another coin costs no USDT; whatever USDT it cost is in the bills."""
    subtype = text(row, "subType")
    price = positive_decimal(row, "fillPx")
    if price is None:
        raise malformed("fillPx", text(row, "fillPx"), "a price")
    return Fill(
        inst_id=required_text(row, "instId"),
        trade_id=required_text(row, "tradeId"),
        order_id=required_text(row, "ordId"),
        client_id=text(row, "clOrdId"),
        bill_id=required_text(row, "billId"),
        side=side(row),
        price=price,
        contracts=decimal(row, "fillSz"),
        fee=amount(row, "fee") if text(row, "feeCcy") in {"", SETTLE} else ZERO,
        pnl=amount(row, "fillPnl"),
        liquidation=subtype.isdigit() and int(subtype) >= FIRST_FORCED_SUBTYPE,
        ts=time_ms(row, "ts"),
        deleveraged=subtype in ADL_SUBTYPES,
    )


def bill(row: Any) -> Bill:
    return Bill(
        bill_id=required_text(row, "billId"),
        inst_id=text(row, "instId"),
        kind=_bill_kind(row),
        change=decimal(row, "balChg"),
        pnl=amount(row, "pnl"),
        fee=amount(row, "fee"),
        balance=decimal(row, "bal"),
        ts=time_ms(row, "ts"),
    )


def _bill_kind(row: Any) -> BillKind:
    """What other products of the account moved (spot, options) is money put in or taken out, no result of ours."""
    if text(row, "instType") not in {"", "SWAP"}:
        return BillKind.TRANSFER
    return BILL_KINDS.get(text(row, "type"), BillKind.OTHER)


def bracket(row: Any) -> Bracket:
    """Any algo order. A state that we do not know protects nothing, so it shows as FAILED."""
    return Bracket(
        inst_id=required_text(row, "instId"),
        algo_id=required_text(row, "algoId"),
        client_id=text(row, "algoClOrdId"),
        side=side(row),
        contracts=positive_decimal(row, "sz"),
        closes_all=positive_decimal(row, "closeFraction") == 1,
        stop=positive_decimal(row, "slTriggerPx"),
        target=positive_decimal(row, "tpTriggerPx"),
        reduce_only=flag(row, "reduceOnly"),
        state=BRACKET_STATES.get(text(row, "state"), BracketState.FAILED),
        created_at=time_ms(row, "cTime"),
        triggered_leg=text(row, "actualSide"),
        margin_mode=text(row, "tdMode"),
    )


def leverage(rows: Iterable[Any]) -> Decimal:
    """The leverage that leverage-info reads back; hedge mode lists both sides, the higher counts."""
    values = [decimal(row, "lever") for row in rows]
    if not values:
        raise malformed("leverage-info", values, "a row")
    return max(values)


def side(row: Any) -> Side:
    return _known(SIDES, row, "side")


def _known(table: Mapping[str, Known], row: Any, field: str) -> Known:
    value = text(row, field)
    if value not in table:
        raise malformed(field, value, "one of " + ", ".join(table))
    return table[value]
