"""Announced maintenance and the dead-man switch, as OKX words them."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from engine.clock import ManualClock
from engine.exchange.errors import Rejected, Unavailable
from engine.exchange.okx.exchange import OkxExchange
from engine.model import Maintenance, MaintenanceState
from tests.exchange.okx.scripted_venue import HTML, ScriptedVenue, ok, refused
from tests.exchange.okx.test_market_rows import T0

ROW = {
    "title": "Trading system upgrade", "state": "scheduled", "begin": str(T0 + 600_000), "end": str(T0 + 900_000),
    "preOpenBegin": "", "serviceType": "5", "system": "unified", "maintType": "1", "env": "2", "scheDesc": "",
}  # fmt: skip


@pytest.fixture
async def exchange(venue: ScriptedVenue) -> AsyncIterator[OkxExchange]:
    adapter = OkxExchange(venue.endpoint(), ManualClock(T0))
    yield adapter
    await adapter.aclose()


async def test_windows_come_soonest_first_without_those_that_are_over(
    exchange: OkxExchange, venue: ScriptedVenue
) -> None:
    later = {**ROW, "begin": str(T0 + 700_000), "title": "later"}
    venue.on("system/status", ok(later, ROW, {**ROW, "state": "completed"}, {**ROW, "state": "canceled"}))
    found = await exchange.maintenances()
    assert [window.title for window in found] == ["Trading system upgrade", "later"]
    assert found[0] == Maintenance("Trading system upgrade", MaintenanceState.SCHEDULED, T0 + 600_000, T0 + 900_000)
    assert venue.seen[0].target == "/api/v5/system/status"


@pytest.mark.parametrize(
    ("changes", "counts"),
    [
        ({}, True),
        ({"serviceType": "7"}, True),
        ({"serviceType": "99"}, True),
        ({"serviceType": ""}, True),
        ({"serviceType": "0"}, False),
        ({"serviceType": "10"}, False),
        ({"env": "1"}, False),
        ({"env": ""}, True),
        ({"begin": "soon"}, False),
    ],
    ids=str,
)
async def test_only_pauses_of_our_orders_in_our_environment_count(
    exchange: OkxExchange, venue: ScriptedVenue, changes: dict[str, str], counts: bool
) -> None:
    venue.on("system/status", ok({**ROW, **changes}))
    assert bool(await exchange.maintenances()) is counts


@pytest.mark.parametrize("state", ["ongoing", "pre_open", "a word of tomorrow"])
async def test_until_everything_is_taken_again_it_is_under_way(
    exchange: OkxExchange, venue: ScriptedVenue, state: str
) -> None:
    venue.on("system/status", ok({**ROW, "state": state, "begin": "", "end": ""}))
    assert await exchange.maintenances() == (
        Maintenance("Trading system upgrade", MaintenanceState.ONGOING, None, None),
    )


async def test_a_status_that_cannot_be_read_is_no_all_clear(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    venue.on("system/status", HTML)
    with pytest.raises(Unavailable):
        await exchange.maintenances()


async def test_the_dead_man_names_seconds_and_tag(exchange: OkxExchange, venue: ScriptedVenue) -> None:
    venue.on("trade/cancel-all-after", ok({"triggerTime": "0", "tag": "t", "ts": "1"}))
    await exchange.dead_man(30, "cynosure")
    await exchange.dead_man(0, "cynosure")
    assert [seen.json for seen in venue.seen] == [
        {"timeOut": "30", "tag": "cynosure"},
        {"timeOut": "0", "tag": "cynosure"},
    ]
    assert venue.seen[0].path == "/api/v5/trade/cancel-all-after"
    venue.on("trade/cancel-all-after", refused("51000", "Parameter timeOut error", 400))
    with pytest.raises(Rejected):
        await exchange.dead_man(10, "cynosure")


@pytest.mark.parametrize(("seconds", "tag"), [(9, "a"), (121, "a"), (-1, "a"), (30, ""), (30, "a-b"), (30, "a" * 17)])
async def test_a_dead_man_that_okx_would_misread_is_refused(exchange: OkxExchange, seconds: int, tag: str) -> None:
    with pytest.raises(AssertionError):
        await exchange.dead_man(seconds, tag)
