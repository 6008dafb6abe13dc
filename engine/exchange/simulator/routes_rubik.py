"""`/api/v5/rubik/stat/*`: open interest history, long/short ratios, taker volume (okx.md §6). Arrays, newest first.

Metals, indices and stocks have no rows here: an empty list means missing, not neutral.
"""

from __future__ import annotations

from collections.abc import Sequence

from engine.exchange.simulator.envelope import text
from engine.exchange.simulator.okx_errors import parameter
from engine.exchange.simulator.routing import Desk, Params, Route, Routes, limit, listed, required, whole

ArrayRow = list[str]

_UNIT_COIN, _UNIT_CONTRACTS, _UNIT_USD = "0", "1", "2"
_SPAN = 1440
"""Points that exist; `begin` and `end` select among them."""


def _period(params: Params, default: str = "5m") -> str:
    return str(params.get("period") or default)


def _page(params: Params, rows: Sequence[ArrayRow]) -> list[ArrayRow]:
    """Inclusive `begin` and `end`, then `limit`."""
    begin, end = whole(params, "begin"), whole(params, "end")
    inside = [row for row in rows if (begin is None or int(row[0]) >= begin) and (end is None or int(row[0]) <= end)]
    return inside[: limit(params, 100, 100)]


def _reach(params: Params) -> int:
    bounded = params.get("begin") or params.get("end")
    return _SPAN if bounded else limit(params, 100, 100)


def open_interest_history(desk: Desk, params: Params) -> list[ArrayRow]:
    """`[ts, contracts, base, USD]`."""
    inst_id = listed(desk, params)
    try:
        rows = desk.market.open_interest_history(inst_id, _period(params), desk.now_ms, _reach(params))
    except KeyError:
        raise parameter("period") from None
    shown = [[str(row.ts), text(row.contracts), text(row.base), text(row.usd)] for row in rows]
    return _page(params, shown)


def _ratios(desk: Desk, params: Params, subject: str) -> list[ArrayRow]:
    try:
        rows = desk.market.long_short_ratio(subject, _period(params), desk.now_ms, _reach(params))
    except KeyError:
        raise parameter("period") from None
    return _page(params, [[str(row.ts), text(round(row.ratio, 6))] for row in rows])


def account_ratio_contract(desk: Desk, params: Params) -> list[ArrayRow]:
    """`[ts, accounts net long / accounts net short]` of one contract."""
    return _ratios(desk, params, listed(desk, params))


def account_ratio_currency(desk: Desk, params: Params) -> list[ArrayRow]:
    return _ratios(desk, params, required(params, "ccy"))


def taker_volume_contract(desk: Desk, params: Params) -> list[ArrayRow]:
    """`[ts, sell volume, buy volume]`: sell first. `unit` 0 coin, 1 contracts (default), 2 USD."""
    return _taker(desk, params, listed(desk, params), str(params.get("unit") or _UNIT_CONTRACTS))


def taker_volume_currency(desk: Desk, params: Params) -> list[ArrayRow]:
    """`[ts, sell volume, buy volume]` in coin."""
    inst_id = f"{required(params, 'ccy')}-USDT-SWAP"
    required(params, "instType")
    return _taker(desk, params, inst_id, _UNIT_COIN) if inst_id in desk.market.specs else []


def _taker(desk: Desk, params: Params, inst_id: str, unit: str) -> list[ArrayRow]:
    try:
        rows = desk.market.taker_volume(inst_id, _period(params), desk.now_ms, _reach(params))
    except KeyError:
        raise parameter("period") from None
    shown = []
    for ts, sell, buy in rows:
        scale = _scale(desk, inst_id, unit, ts)
        shown.append([str(ts), text(round(sell * scale, 6)), text(round(buy * scale, 6))])
    return _page(params, shown)


def _scale(desk: Desk, inst_id: str, unit: str, ts: int) -> float:
    if unit == _UNIT_CONTRACTS:
        return 1.0
    units = float(desk.market.specs[inst_id].units)
    if unit == _UNIT_COIN:
        return units
    if unit == _UNIT_USD:
        return units * float(desk.market.last_price(inst_id, min(ts, desk.now_ms)))
    raise parameter("unit")


_BASE = "/api/v5/rubik/stat"
ROUTES: Routes = {
    ("GET", f"{_BASE}/contracts/open-interest-history"): Route(open_interest_history, signed=False),
    ("GET", f"{_BASE}/contracts/long-short-account-ratio-contract"): Route(account_ratio_contract, signed=False),
    ("GET", f"{_BASE}/contracts/long-short-account-ratio"): Route(account_ratio_currency, signed=False),
    ("GET", f"{_BASE}/taker-volume-contract"): Route(taker_volume_contract, signed=False),
    ("GET", f"{_BASE}/taker-volume"): Route(taker_volume_currency, signed=False),
}
