"""The gateway is the only way out, and what it lets through depends on the latch alone."""

from __future__ import annotations

import asyncio
import re
import threading
from pathlib import Path

import pytest

from engine.exchange.okx.calls import ACCOUNT_THREADS
from engine.execution.gateway import EntriesLatched
from engine.model import KillState, OrderRequest, OrderType, Side
from tests.execution.rig import Rig

ENGINE = Path(__file__).parents[2] / "engine"
WRITES = re.compile(r"\.(place_order|place_bracket|close_position|amend_bracket|cancel_brackets|set_leverage)\(")


def test_no_other_module_of_the_engine_writes_to_the_venue() -> None:
    callers = {
        str(path.relative_to(ENGINE))
        for path in ENGINE.rglob("*.py")
        if "exchange" not in path.relative_to(ENGINE).parts
        for line in path.read_text(encoding="utf-8").splitlines()
        if WRITES.search(line) and "gateway." not in line
    }
    assert callers == {"execution/gateway.py"}


async def test_latched_gateway_passes_only_what_reduces(rig: Rig) -> None:
    plan = await rig.plan("gw")
    buy = OrderRequest("BTC-USDT-SWAP", "gwbuy", Side.BUY, OrderType.MARKET, plan.contracts)
    await rig.desk.gateway.send("BTC", buy, "entry")
    rig.latch.engage(KillState.LATCHED, "K key")
    with pytest.raises(EntriesLatched, match="latched, by K key"):
        await rig.desk.gateway.send("BTC", buy, "entry")
    sell = OrderRequest("BTC-USDT-SWAP", "gwsell", Side.SELL, OrderType.MARKET, plan.contracts, reduce_only=True)
    await rig.desk.gateway.send("BTC", sell, "exit")
    assert await rig.position() is None


async def test_file_alone_latches(rig: Rig) -> None:
    rig.latch.path.write_text("")
    with pytest.raises(EntriesLatched):
        rig.desk.gateway.check()


async def test_latch_that_falls_while_the_order_waits_for_a_thread_stops_it(rig: Rig) -> None:
    """Slow calls held every thread when the kill switch was pressed: the order behind them never goes out."""
    plan = await rig.plan("gwqueue")
    buy = OrderRequest("BTC-USDT-SWAP", "gwqueue", Side.BUY, OrderType.MARKET, plan.contracts)
    release = threading.Event()
    threads = rig.real._calls._account_threads
    for _ in range(ACCOUNT_THREADS):
        threads.submit(release.wait, 5)
    sending = asyncio.ensure_future(rig.desk.gateway.send("BTC", buy, "entry"))
    await asyncio.sleep(0.05)
    assert not sending.done()
    rig.latch.engage(KillState.LATCHED, "K key")
    release.set()
    with pytest.raises(EntriesLatched):
        await sending
    assert await rig.real.order("BTC-USDT-SWAP", "gwqueue") is None
    assert "order_sent" not in rig.kinds()
