"""One call for all tickers that ask together; a failure is told to all of them once, and asked about again after."""

from __future__ import annotations

import asyncio

import pytest

from engine.exchange.errors import ErrorClass, ExchangeError, Unavailable
from engine.exchange.listing import Listing
from engine.market_lists import SharedList
from tests.hand_clock import HandClock


class Venue:
    """Answers with how often it was asked; `down` refuses, `gate` makes it wait."""

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.asked = 0
        self.down = self.defect = False
        self.gate = asyncio.Event()
        self.gate.set()

    async def read(self) -> int:
        self.asked += 1
        mine = self.asked
        await self.gate.wait()
        if self.defect and mine == 2:
            raise TypeError("what is this?")
        if self.down:
            raise Unavailable("no answer", "50001", ErrorClass.TRANSIENT)
        return mine


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def venue(clock: HandClock) -> Venue:
    return Venue(clock)


@pytest.fixture
def shared(venue: Venue, clock: HandClock) -> SharedList[int]:
    return SharedList(venue.read, clock, 1.0)


async def test_tickers_that_ask_together_share_one_call(shared: SharedList[int], venue: Venue) -> None:
    assert await asyncio.gather(*(shared.get() for _ in range(17))) == [1] * 17
    assert venue.asked == 1


async def test_it_is_read_again_when_it_is_old(shared: SharedList[int], clock: HandClock) -> None:
    assert await shared.get() == 1
    clock.s += 1.0
    assert await shared.get() == 1
    clock.s += 0.1
    assert await shared.get() == 2


async def test_a_market_that_was_stepped_is_read_again(shared: SharedList[int], clock: HandClock) -> None:
    assert await shared.get() == 1
    clock.ms = 1_001
    assert await shared.get() == 2
    clock.pace, clock.ms = 240.0, 1_001 + 200_000
    assert await shared.get() == 2


async def test_who_waited_for_a_call_that_failed_is_told_so_and_does_not_wait_again(
    shared: SharedList[int], venue: Venue, clock: HandClock
) -> None:
    venue.gate.clear()
    venue.down = True
    asking = [asyncio.ensure_future(shared.get()) for _ in range(5)]
    while not venue.asked:
        await asyncio.sleep(0)
    clock.s += 10.0
    venue.gate.set()
    told = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(error, Unavailable) and error.code == "50001" for error in told)
    assert venue.asked == 1
    clock.s += 0.1
    venue.down = False
    assert await shared.get() == 2


async def test_what_was_known_before_a_failure_is_not_told_for_new(
    shared: SharedList[int], venue: Venue, clock: HandClock
) -> None:
    assert await shared.get() == 1
    clock.s, venue.down = clock.s + 5.0, True
    with pytest.raises(ExchangeError):
        await shared.get()
    clock.s += 0.1
    with pytest.raises(ExchangeError):
        await shared.get()
    assert venue.asked == 3


async def test_no_cycle_of_a_fast_market_takes_the_list_of_the_one_before(
    shared: SharedList[int], clock: HandClock
) -> None:
    clock.pace, clock.ms = 240.0, 10 * 900_000 + 1_000
    assert await shared.get() == 1
    clock.s, clock.ms = clock.s + 0.5, 10 * 900_000 + 121_000
    assert await shared.get() == 1
    clock.s, clock.ms = clock.s + 0.4, 11 * 900_000
    assert await shared.get() == 2


async def test_an_answer_on_its_way_while_a_bar_closes_is_of_the_bar_before(
    shared: SharedList[int], venue: Venue, clock: HandClock
) -> None:
    clock.pace, clock.ms = 240.0, 11 * 900_000 - 5_000
    venue.gate.clear()
    asking = asyncio.ensure_future(shared.get())
    while not venue.asked:
        await asyncio.sleep(0)
    clock.pass_(0.03)
    venue.gate.set()
    assert await asking == 1
    assert await shared.get() == 2


@pytest.mark.parametrize("end", ["given up", "a defect"])
async def test_a_read_without_an_end_does_not_make_the_old_list_new(
    shared: SharedList[int], venue: Venue, clock: HandClock, end: str
) -> None:
    assert await shared.get() == 1
    clock.s, clock.ms = clock.s + 900.0, 900_000
    venue.gate.clear()
    venue.defect = end == "a defect"
    first = asyncio.ensure_future(shared.get())
    while venue.asked < 2:
        await asyncio.sleep(0)
    second = asyncio.ensure_future(shared.get())
    await asyncio.sleep(0)
    if end == "given up":
        first.cancel()
    venue.gate.set()
    await asyncio.wait([first])
    venue.defect = False
    assert await second == 3


async def test_a_call_given_up_by_its_asker_leaves_the_list_to_the_next(shared: SharedList[int], venue: Venue) -> None:
    venue.gate.clear()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(shared.get(), 0.01)
    venue.gate.set()
    assert await shared.get() == 2


def test_a_row_that_cannot_be_read_is_its_own_instruments_trouble() -> None:
    def read(row: str) -> int:
        if not row.isdigit():
            raise Unavailable(f"{row!r}, expected a number")
        return int(row)

    listing = Listing("marks", {"A": "1", "B": "x"}, read)
    assert listing.of("A") == 1
    with pytest.raises(Unavailable, match="'x', expected a number"):
        listing.of("B")
    with pytest.raises(Unavailable, match="C is not in the venue's list of marks"):
        listing.of("C")
