"""What counts as cover: one live, reduce-only bracket of both legs over the whole position, and nothing less."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from engine.execution.cover import assess, is_whole, ours_on
from engine.execution.ids import bracket_id
from engine.model import Bracket, BracketState, Protection, Side

D = Decimal
OURS = Bracket(
    "BTC-USDT-SWAP", "1", bracket_id("d", 0), Side.SELL, D(5), False, D(90), D(120), True, BracketState.LIVE, 1
)


@pytest.mark.parametrize(
    ("change", "protection"),
    [
        ({}, Protection.PROTECTED),
        ({"contracts": D(6)}, Protection.PROTECTED),
        ({"contracts": None, "closes_all": True}, Protection.PROTECTED),
        ({"contracts": D("4.99")}, Protection.PARTIAL),
        ({"stop": None}, Protection.PARTIAL),
        ({"target": None}, Protection.PARTIAL),
        ({"reduce_only": False}, Protection.PARTIAL),
        ({"state": BracketState.DORMANT}, Protection.MISSING),
        ({"state": BracketState.TRIGGERED}, Protection.MISSING),
        ({"state": BracketState.CANCELED}, Protection.MISSING),
        ({"state": BracketState.FAILED}, Protection.MISSING),
        ({"inst_id": "ETH-USDT-SWAP"}, Protection.MISSING),
    ],
)
def test_only_a_whole_live_bracket_protects(change: dict[str, object], protection: Protection) -> None:
    assert assess("BTC-USDT-SWAP", D(5), [replace(OURS, **change)]).protection is protection  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "change", [{"stop": None}, {"target": None}, {"reduce_only": False}, {"state": BracketState.DORMANT}]
)
def test_what_lacks_one_thing_is_not_whole(change: dict[str, object]) -> None:
    assert is_whole(OURS)
    assert not is_whole(replace(OURS, **change))  # type: ignore[arg-type]


def test_of_two_with_the_same_stop_the_older_one_counts() -> None:
    newer = replace(OURS, algo_id="new", created_at=2)
    cover = assess("BTC-USDT-SWAP", D(5), [newer, OURS])
    assert (cover.bracket, cover.surplus) == (OURS, (newer,))


def test_what_covers_a_part_is_told() -> None:
    smaller = replace(OURS, contracts=D(3))
    cover = assess("BTC-USDT-SWAP", D(5), [smaller])
    assert (cover.bracket, cover.surplus, cover.resizable) == (smaller, (), smaller)


def test_no_bracket_is_missing() -> None:
    assert assess("BTC-USDT-SWAP", D(5), []).protection is Protection.MISSING


def test_highest_stop_counts_and_our_others_are_surplus() -> None:
    low = replace(OURS, algo_id="low", stop=D(85))
    cover = assess("BTC-USDT-SWAP", D(5), [low, OURS])
    assert cover.bracket == OURS
    assert cover.surplus == (low,)


def test_strangers_brackets_are_never_surplus() -> None:
    stranger = replace(OURS, algo_id="2", client_id="grid7", stop=D(80))
    assert assess("BTC-USDT-SWAP", D(5), [OURS, stranger]).surplus == ()


def test_larger_bracket_covers_and_is_offered_for_resizing() -> None:
    larger = replace(OURS, contracts=D(8))
    cover = assess("BTC-USDT-SWAP", D(5), [larger])
    assert cover.protection is Protection.PROTECTED
    assert cover.resizable == larger


def test_smaller_bracket_of_ours_is_offered_for_resizing() -> None:
    assert assess("BTC-USDT-SWAP", D(9), [OURS]).resizable == OURS


def test_only_ours_that_rest_are_ours_to_sweep() -> None:
    gone = replace(OURS, algo_id="3", state=BracketState.CANCELED)
    stranger = replace(OURS, algo_id="2", client_id="grid7")
    assert ours_on("BTC-USDT-SWAP", [OURS, gone, stranger]) == (OURS,)


def test_ours_stays_beside_a_strangers_bracket_that_counts() -> None:
    stranger = replace(OURS, algo_id="2", client_id="grid7", stop=D(95))
    cover = assess("BTC-USDT-SWAP", D(5), [OURS, stranger])
    assert cover.bracket == stranger
    assert cover.surplus == ()
