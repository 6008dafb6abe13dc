"""The venue's whole story in one document, for tests and benches (GET /sim/ledger)."""

from __future__ import annotations

from typing import Any

from engine.exchange.simulator.account_rows import balance_row, closed_row, position_row
from engine.exchange.simulator.accounts import wallet
from engine.exchange.simulator.floor import Floor
from engine.exchange.simulator.params import Row, plain
from engine.exchange.simulator.protection import Protection
from engine.exchange.simulator.records import Algo, Bill, Fill, Order
from engine.exchange.simulator.rows import algo_row, bill_row, fill_row, order_row
from engine.exchange.simulator.trailing import move_trigger


def totals(floor: Floor) -> Row:
    """equity = initial_equity + realised + fees + funding + unrealised, exactly. Liquidation fees are among the
    fees; `liquidation_fees` says how much of them."""
    account, now = floor.account, wallet(floor)
    return {
        "initial_equity": plain(account.initial),
        "realised": plain(account.realised),
        "fees": plain(account.fees),
        "liquidation_fees": plain(account.penalties),
        "funding": plain(account.funding),
        "unrealised": plain(now.unrealised),
        "cash": plain(account.cash),
        "equity": plain(now.equity),
    }


def ledger_report(floor: Floor, protection: Protection) -> dict[str, Any]:
    """Records oldest first, as OKX rows; protection as `Protection.report` has it."""
    now = wallet(floor)
    return {
        "venue_ms": floor.now_ms,
        "wall_ms": floor.wall_ms(),
        **protection.report(),
        "balance": balance_row(floor),
        "totals": totals(floor),
        "fills": [fill_row(fill) for fill in floor.archive.whole(Fill, floor.fills)],
        "bills": [bill_row(bill) for bill in floor.archive.whole(Bill, floor.bills)],
        "orders": [order_row(order) for order in floor.archive.whole(Order, floor.orders)],
        "algos": [
            algo_row(algo, floor.last(algo.inst_id), move_trigger(algo))
            for algo in floor.archive.whole(Algo, floor.algos)
        ],
        "positions": [position_row(floor, position, now) for position in floor.positions.values()],
        "positions_history": [closed_row(position) for position in floor.lives.values() if position.outcome],
    }
