"""Entries stop before an announced maintenance and until it is over; what cannot be read is no all-clear."""

from __future__ import annotations

import pytest

from engine.clock import ManualClock
from engine.exchange.errors import Unavailable
from engine.execution.blocks import ACCOUNT, Blocks
from engine.maintenance import MaintenanceWatch, is_near
from engine.model import Maintenance, MaintenanceState
from engine.reasons import Reason

NOON = 1_700_000_000_000
MINUTE = 60_000
S = MaintenanceState


def window(begins: int | None, ends: int | None, state: MaintenanceState = S.SCHEDULED) -> Maintenance:
    def moment(minutes: int | None) -> int | None:
        return None if minutes is None else NOON + minutes * MINUTE

    return Maintenance("upgrade", state, moment(begins), moment(ends))


@pytest.mark.parametrize(
    ("announced", "near"),
    [
        (window(31, 60), False),
        (window(30, 60), True),
        (window(-5, 10), True),
        (window(-60, 0), False),
        (window(-60, None), True),
        (window(None, 10), True),
        (window(None, None), True),
        (window(60, 90, S.ONGOING), True),
        (window(-90, -60, S.ONGOING), True),
        (window(-5, 10, S.OVER), False),
    ],
    ids=str,
)
def test_from_a_while_before_it_begins_until_the_venue_says_that_it_is_over(announced: Maintenance, near: bool) -> None:
    assert is_near(announced, NOON, 30 * MINUTE) is near


class StatusPage:
    def __init__(self) -> None:
        self.windows: tuple[Maintenance, ...] = ()
        self.down = False

    async def maintenances(self) -> tuple[Maintenance, ...]:
        if self.down:
            raise Unavailable("status page down")
        return self.windows


async def test_it_blocks_entries_on_every_ticker_and_lifts_its_block_itself() -> None:
    page, blocks, clock = StatusPage(), Blocks(), ManualClock(NOON)
    watch = MaintenanceWatch(page, blocks, clock, lead_minutes=30)  # type: ignore[arg-type]
    assert watch.assess() == ""
    page.windows = (window(40, 60),)
    await watch.look()
    assert watch.assess() == ""
    clock.advance(10 * MINUTE)
    assert "22:53 to 23:13 UTC, scheduled (upgrade)" in watch.assess()
    block = blocks.of("BTC-USDT-SWAP")
    assert block is not None
    assert block.reason is Reason.MAINTENANCE
    page.down = True
    with pytest.raises(Unavailable):
        await watch.look()
    assert watch.assess(), "what was announced still counts"
    clock.advance(50 * MINUTE)
    assert watch.assess() == ""
    assert blocks.on(ACCOUNT) == ()


def test_a_window_without_a_name_or_times_is_told_all_the_same() -> None:
    blocks = Blocks()
    watch = MaintenanceWatch(StatusPage(), blocks, ManualClock(NOON), 30)  # type: ignore[arg-type]
    watch._windows = (Maintenance("", S.ONGOING, None, None),)
    assert watch.assess() == "maintenance of the venue ? to ? UTC, ongoing"
