"""Stories that once broke, kept as their seeds told them: latencies that a seed draws are part of what went wrong."""

from __future__ import annotations

import pytest

from tests.properties.invariants import check
from tests.properties.story import Disturb, Enter, FailAttached, Hand, Leave, Move, Story
from tests.properties.wire import Fate

FOUND: dict[str, Story] = {
    "an exit meets what a person bought after closing ours, the ledger unreadable": Story(2741, (
        Enter(0, 25, 0.1), Disturb(Fate.REFUSED, "bills", 3, 0.1, 3.0), Hand(0, "close", 0.05), Hand(0, "buy", 8.0),
        Leave(0, 16.0),
    )),
    "the same while nobody can read who traded": Story(2741, (
        Enter(0, 25, 0.1), Disturb(Fate.REFUSED, "fills", 3, 0.1, 3.0), Hand(0, "close", 0.05), Hand(0, "buy", 8.0),
        Leave(0, 16.0),
    )),
    "a person buys before an entry that is lost, and the fills cannot be read": Story(3880, (
        Disturb(Fate.DOWN, "order", 2, 25.0, 0.0), Disturb(Fate.DOWN, "fills", 1, 12.0, 0.5), Enter(0, 26, 0.1),
        Hand(0, "buy", 0.2), Move(0, 0.03, 1.0, 8.0), Enter(0, 13, 8.0, True),
    )),
    "a person buys while an entry's leverage is being set": Story(4067, (
        Enter(2, 4, 0.5), Enter(0, 13, 0.1), Disturb(Fate.SLOW, "leverage", 2, 25.0, 0.1), Hand(0, "buy", 0.0),
        Disturb(Fate.REFUSED, "algo", 2, 1.0, 0.0), Enter(0, 28, 16.0), FailAttached(16.0),
    )),
    "a person trades and is flat again half a second before an entry": Story(6249, (
        Hand(0, "buy", 0.05), Hand(0, "close", 0.5), Enter(0, 11, 0.5), Leave(0, 0.02),
    )),
    "the bracket closes a trade whose entry is still being looked for": Story(5608, (
        Disturb(Fate.SLOW, "ask", 3, 12.0, 3.0), Enter(1, 13, 0.2, True), Disturb(Fate.HTML, "algo", 3, 12.0, 16.0),
        Move(1, 0.08, 1.0, 0.2), Leave(2, 0.5),
    )),
    "a person closes an entry within a second and opens their own, and no bracket can be placed": Story(2, (
        Disturb(Fate.LOST, "algo", 2, 0.1, 0.0), Enter(0, 10, 0.5), Hand(0, "close", 0.2), Hand(0, "buy", 16.0),
    )),
}  # fmt: skip


@pytest.mark.parametrize("name", FOUND)
def test_what_a_seed_found_ends_well(name: str) -> None:
    check(FOUND[name])
