"""`/api/v5/public/*` and `/api/v5/system/status`: instruments, funding, interest, limits, time (okx.md §6)."""

from __future__ import annotations

from engine.exchange.simulator.envelope import Row, text
from engine.exchange.simulator.routing import Desk, Params, Route, Routes, chosen, limit, listed, swap_only, whole
from engine.exchange.simulator.specs import InstrumentSpec
from engine.exchange.simulator.timekeeper import wall_ms
from engine.model import AssetClass

_INTEREST_CRYPTO = 0.0001


def instrument_row(spec: InstrumentSpec) -> Row:
    """One row of `public/instruments` and `account/instruments`."""
    return {
        "instType": "SWAP",
        "instId": spec.inst_id,
        "instIdCode": spec.inst_id_code,
        "instFamily": spec.uly,
        "uly": spec.uly,
        "instCategory": spec.inst_category,
        "category": "1",
        "groupId": spec.fee_group,
        "baseCcy": "",
        "quoteCcy": "",
        "settleCcy": "USDT",
        "ctVal": text(spec.ct_val),
        "ctMult": text(spec.ct_mult),
        "ctValCcy": spec.base,
        "ctType": "linear",
        "tickSz": text(spec.tick_sz),
        "lotSz": text(spec.lot_sz),
        "minSz": text(spec.min_sz),
        "lever": text(spec.max_lever),
        "state": spec.state,
        "ruleType": "normal",
        "listTime": str(spec.list_time),
        "expTime": "" if spec.exp_time is None else str(spec.exp_time),
        "contTdSwTime": "",
        "auctionEndTime": "",
        "openType": "",
        "alias": "",
        "stk": "",
        "optType": "",
        "futureSettlement": False,
        "tradeQuoteCcyList": [],
        "upcChg": [],
        "posLmtAmt": "",
        "posLmtPct": "",
        "maxPlatOILmt": "",
    } | _size_limits(spec)


def _size_limits(spec: InstrumentSpec) -> Row:
    resting, market = text(spec.max_lmt_sz), text(spec.max_mkt_sz)
    return {
        "maxLmtSz": resting,
        "maxMktSz": market,
        "maxTwapSz": resting,
        "maxIcebergSz": resting,
        "maxTriggerSz": resting,
        "maxStopSz": market,
        "maxLmtAmt": text(spec.max_lmt_amt),
        "maxMktAmt": "",
    }


def instruments(desk: Desk, params: Params) -> list[Row]:
    """Swaps only; every other `instType` is an empty list, as this venue lists none. What has expired is gone."""
    if not swap_only(params):
        return []
    specs = [desk.market.specs[inst_id] for inst_id in chosen(desk, params)]
    return [instrument_row(spec) for spec in specs if spec.exp_time is None or desk.now_ms < spec.exp_time]


def server_time(desk: Desk, _: Params) -> list[Row]:
    """`gatewayTs` is a field of ours: time stamps are judged by the wall, whatever the venue's own time is."""
    return [{"ts": str(desk.now_ms), "gatewayTs": str(wall_ms() + desk.venue.skew_ms)}]


def mark_price_row(desk: Desk, inst_id: str) -> Row:
    mark = desk.market.mark_price(inst_id, desk.now_ms)
    return {"instType": "SWAP", "instId": inst_id, "markPx": text(mark), "ts": str(desk.now_ms)}


def mark_price(desk: Desk, params: Params) -> list[Row]:
    """`instType` is documented as required; clients that name only the instrument are answered all the same."""
    if not params.get("instId") and not swap_only(params):
        return []
    return [mark_price_row(desk, inst_id) for inst_id in chosen(desk, params)]


def price_limit(desk: Desk, params: Params) -> list[Row]:
    listed(desk, params)
    return desk.venue.price_limit(dict(params))


def position_tiers(desk: Desk, params: Params) -> list[Row]:
    return desk.venue.position_tiers(dict(params)) if swap_only(params) else []


def funding_row(desk: Desk, inst_id: str) -> Row:
    """`fundingRate` is the running interval's estimate, charged at `fundingTime`."""
    spec = desk.market.specs[inst_id]
    view = desk.market.funding(inst_id, desk.now_ms)
    interest = _INTEREST_CRYPTO if spec.asset_class is AssetClass.CRYPTO else 0.0
    return {
        "instType": "SWAP",
        "instId": inst_id,
        "method": "current_period",
        "formulaType": "withRate",
        "fundingRate": text(round(view.rate, 10)),
        "fundingTime": str(view.funding_time),
        "nextFundingRate": "",
        "nextFundingTime": str(view.next_funding_time),
        "prevFundingTime": str(view.prev_time),
        "minFundingRate": text(-spec.funding_cap),
        "maxFundingRate": text(spec.funding_cap),
        "interestRate": text(interest),
        "premium": text(round(view.rate - interest, 10)),
        "impactValue": "",
        "settState": "settled",
        "settFundingRate": text(round(view.prev_rate, 10)),
        "ts": str(desk.now_ms),
    }


def funding_rate(desk: Desk, params: Params) -> list[Row]:
    if params.get("instId") == "ANY":
        return [funding_row(desk, inst_id) for inst_id in desk.market.specs]
    return [funding_row(desk, listed(desk, params))]


def funding_rate_history(desk: Desk, params: Params) -> list[Row]:
    inst_id = listed(desk, params)
    before, after, count = whole(params, "before"), whole(params, "after"), limit(params, 400, 400)
    settled = desk.market.funding_history(inst_id, desk.now_ms, before_ms=before, after_ms=after, limit=count)
    return [
        {
            "instType": "SWAP",
            "instId": inst_id,
            "method": "current_period",
            "formulaType": "withRate",
            "fundingRate": text(round(row.rate, 10)),
            "realizedRate": text(round(row.rate, 10)),
            "fundingTime": str(row.funding_time),
        }
        for row in settled
    ]


def open_interest_row(desk: Desk, inst_id: str) -> Row:
    contracts = desk.market.open_interest(inst_id, desk.now_ms)
    base = contracts * desk.market.specs[inst_id].units
    usd = base * desk.market.mark_price(inst_id, desk.now_ms)
    row = {"instType": "SWAP", "instId": inst_id, "oi": text(contracts), "oiCcy": text(base), "oiUsd": text(usd)}
    return row | {"ts": str(desk.now_ms)}


def open_interest(desk: Desk, params: Params) -> list[Row]:
    return [open_interest_row(desk, inst_id) for inst_id in chosen(desk, params)] if swap_only(params) else []


def system_status(desk: Desk, params: Params) -> list[Row]:
    """Maintenance windows in venue time; none but those that a fault has ordered."""
    return desk.venue.system_status(dict(params))


ROUTES: Routes = {
    ("GET", "/api/v5/public/instruments"): Route(instruments, signed=False),
    ("GET", "/api/v5/public/time"): Route(server_time, signed=False),
    ("GET", "/api/v5/public/mark-price"): Route(mark_price, signed=False),
    ("GET", "/api/v5/public/price-limit"): Route(price_limit, signed=False),
    ("GET", "/api/v5/public/position-tiers"): Route(position_tiers, signed=False),
    ("GET", "/api/v5/public/funding-rate"): Route(funding_rate, signed=False),
    ("GET", "/api/v5/public/funding-rate-history"): Route(funding_rate_history, signed=False),
    ("GET", "/api/v5/public/open-interest"): Route(open_interest, signed=False),
    ("GET", "/api/v5/system/status"): Route(system_status, signed=False),
    ("GET", "/api/v5/account/instruments"): Route(instruments),
}
