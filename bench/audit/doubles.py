"""Entries that came twice: the same client id filled as two orders, or two entries of ours in one position."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from bench.audit.findings import Finding, Kind
from bench.audit.lives import Lives, is_ours
from bench.audit.state import State


def duplicate_findings(state: State, lives: Lives) -> Iterator[Finding]:
    by_client: defaultdict[str, list[str]] = defaultdict(list)
    orders = state.rows.get("Order", {})
    for order in state.of("Order"):
        if order["client_id"] and is_ours(order) and order["filled"] and not order["reduce_only"]:
            by_client[order["client_id"]].append(order["ord_id"])
    for client_id, ids in by_client.items():
        if len(ids) > 1:
            where = orders[ids[0]]["inst_id"]
            yield Finding(Kind.DUPLICATE, where, f"client id {client_id} was filled as {len(ids)} orders: {ids}")
    for life in lives.all:
        if len(life.entries) > 1:
            names = ", ".join(orders[ord_id]["client_id"] or ord_id for ord_id in life.entries)
            what = f"{len(life.entries)} entries of ours in one position: {names}"
            yield Finding(Kind.DUPLICATE, life.inst_id, what, None, life.opened_ms)
