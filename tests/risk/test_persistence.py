"""Persistence: one cycle is noise, in and out."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from engine.model import Action, Verdict
from engine.reasons import Reason
from engine.risk.gates import first_block
from engine.risk.inputs import HeldPosition
from engine.risk.persistence import path_of, persistence_gates
from engine.risk.sound import NOW
from tests.risk.cases import HELD, sound, with_gathered


def reason_of(path: Action, streak: int, held: HeldPosition | None) -> Reason | None:
    inputs = replace(with_gathered(direction_streak=streak), held=held)
    block = first_block(persistence_gates(inputs, path))
    return None if block is None else block.reason


@pytest.mark.parametrize("streak", [-5, -1, 0, 1])
def test_a_buy_holds_under_two_bullish_cycles(streak: int) -> None:
    assert reason_of(Action.BUY, streak, None) is Reason.STREAK_TOO_SHORT


@pytest.mark.parametrize("streak", [2, 3, 100])
def test_a_buy_passes_from_two_bullish_cycles_on(streak: int) -> None:
    assert reason_of(Action.BUY, streak, None) is None


def test_positions_are_never_added_to() -> None:
    assert reason_of(Action.BUY, 5, HELD) is Reason.ALREADY_IN_POSITION


@pytest.mark.parametrize(
    ("streak", "reason"),
    [
        (3, Reason.STILL_BULLISH),
        (2, Reason.STILL_BULLISH),
        (1, Reason.EXIT_NOT_CONFIRMED),
        (0, Reason.EXIT_NOT_CONFIRMED),
        (-1, Reason.EXIT_NOT_CONFIRMED),
        (-2, None),
        (-9, None),
    ],
)
def test_a_sell_needs_two_bearish_cycles(streak: int, reason: Reason | None) -> None:
    assert reason_of(Action.SELL, streak, HELD) is reason


@pytest.mark.parametrize("held", [None, replace(HELD, contracts=Decimal(-3))])
def test_a_sell_without_a_long_has_nothing_to_close(held: HeldPosition | None) -> None:
    assert reason_of(Action.SELL, -5, held) is Reason.SELL_WHEN_FLAT


@pytest.mark.parametrize(("minutes", "reason"), [(179, Reason.MIN_HOLD), (180, None), (181, None)])
def test_a_young_position_is_left_to_its_bracket(minutes: int, reason: Reason | None) -> None:
    held = replace(HELD, opened_at=NOW - minutes * 60_000)
    assert reason_of(Action.SELL, -3, held) is reason


def test_a_hold_is_shown_the_gates_of_what_could_be_done() -> None:
    assert path_of(sound(), Action.HOLD) is Action.BUY
    assert path_of(sound(held=HELD), Action.HOLD) is Action.SELL
    assert path_of(sound(), Action.SELL) is Action.SELL


@pytest.mark.parametrize(("path", "idle"), [(Action.BUY, 4), (Action.SELL, 2)])
def test_the_other_paths_gates_are_not_applicable(path: Action, idle: int) -> None:
    results = persistence_gates(sound(held=HELD), path)
    assert len(results) == 6
    assert sum(result.verdict is Verdict.NOT_APPLICABLE for result in results) == idle


def test_holding_time_of_a_flat_ticker_is_not_applicable() -> None:
    result = persistence_gates(sound(), Action.SELL)[-1]
    assert (result.name, result.verdict) == ("min_hold", Verdict.NOT_APPLICABLE)
