"""Scenes of our own positions: what the guard finds, heals, trims, keeps up and closes. A name says what happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from engine.exchange.simulator.faults.acts import SwitchMargin
from engine.execution.ids import bracket_id
from engine.model import Position
from tests.execution.guard_stage import BTC, ETH, D, Stage
from tests.execution.rig import down, passes, refuse

Scene = Callable[[Stage], None]
SCENES: dict[str, Scene] = {}
HOUR_MS = 3_600_000


def scene(act: Scene) -> Scene:
    SCENES[act.__name__.replace("_", " ")] = act
    return act


async def nothing(call: Any, args: Any, kwargs: Any) -> tuple[()]:
    """The venue lists nothing (yet)."""
    return ()


def since(stage: Stage, age_ms: int) -> Callable[[Position], Position]:
    return lambda position: replace(position, opened_at=stage.world.clock.now_ms() - age_ms)


# ---------------------------------------------------------------- covered, or covered again


@scene
def all_is_well(on: Stage) -> None:
    on.enter()
    on.look("two looks change nothing")
    on.look()


@scene
def a_bracket_is_cancelled_by_hand(on: Stage) -> None:
    on.enter()
    on.uncovers()
    on.look("gone")
    on.look("back")


@scene
def two_positions_are_bared_at_once(on: Stage) -> None:
    on.enter()
    on.enter(ETH)
    on.uncovers()
    on.uncovers(ETH)
    on.look()


@scene
def a_bracket_is_made_smaller_by_hand(on: Stage) -> None:
    on.enter()
    on.amends(newSz="1")
    on.look()


@scene
def a_bracket_of_one_leg_is_no_cover(on: Stage) -> None:
    on.enter()
    on.uncovers()
    on.places("2", stop="48000")
    on.look()


@scene
def the_bracket_of_a_young_position_is_waited_for(on: Stage) -> None:
    on.enter(settled=False)
    on.line.faults["brackets"] = [nothing, nothing, nothing]
    on.look("it is listed at the third look")
    on.wait(5)
    on.uncovers()
    on.line.faults["positions"] = [passes, on.altered(since(on, 1999))]
    on.look("1.999 s old: waited for, in vain")
    on.uncovers()
    on.line.faults["positions"] = [passes, on.altered(since(on, 2000))]
    on.look("2.000 s old: not waited for")


@scene
def a_young_position_in_a_fast_market(on: Stage) -> None:
    on.enter()
    on.world.clock.speed = lambda: 20.0  # type: ignore[method-assign]
    for age in (39_980, 40_000):
        on.uncovers()
        on.line.faults["positions"] = [passes, on.altered(since(on, age))]
        on.look(f"venue time is 20 times as fast: {age} ms are {age / 20:.0f} ms")
    on.world.clock.speed = lambda: 0.5  # type: ignore[method-assign]
    on.uncovers()
    on.line.faults["positions"] = [passes, on.altered(since(on, 1900))]
    on.look("a slow market is no excuse: 1.9 s are 1.9 s")


@scene
def the_bracket_of_a_young_position_cannot_be_read(on: Stage) -> None:
    on.enter(settled=False)
    on.uncovers()
    on.line.faults["brackets"] = [passes, passes, *[down] * 6]
    on.look()


@scene
def a_margin_mode_switched_by_hand(on: Stage) -> None:
    on.enter()
    on.world.venue._outside._margin_mode(SwitchMargin(inst=BTC))
    on.look("one of the right mode is placed")
    on.look("the other one is surplus")
    on.line.faults |= {"positions": [passes, on.altered(since(on, 100))], "brackets": [nothing, nothing]}
    on.look("young, and listed at the third look")


@scene
def a_person_raises_the_stop(on: Stage) -> None:
    on.enter()
    on.amends(newSlTriggerPx="48600")
    with on.disk_refuses("UPDATE trades SET stop"):
        on.look("which cannot be written")
    on.look("which is ours from now on")
    on.amends(newSlTriggerPx="48500.5")
    on.look("a lower one is not")


@scene
def the_stop_follows_the_price(on: Stage) -> None:
    on.enter()
    on.world.say(BTC, 51_500.0)
    on.wait(1)
    on.look("3 % up, the trail is 2.5 %")
    on.look()


# ---------------------------------------------------------------- tidiness


@scene
def a_position_is_cut_by_hand(on: Stage) -> None:
    on.enter()
    on.trade("sell", "1", reduceOnly=True)
    on.look()


@scene
def a_second_bracket_of_ours(on: Stage) -> None:
    on.enter()
    on.places("2", "48000", "53000", client_id=bracket_id("d1", 9))
    on.places("3", "47000", "53000", client_id=bracket_id("d1", 10))
    on.look("two beside the one that counts")
    on.look()


@scene
def a_second_bracket_and_a_position_cut_by_hand(on: Stage) -> None:
    on.enter()
    on.places("2", "48000", "53000", client_id=bracket_id("d1", 9))
    on.trade("sell", "1", reduceOnly=True)
    on.look()


@scene
def a_surplus_bracket_that_stays(on: Stage) -> None:
    on.enter()
    on.places("2", "48000", "53000", client_id=bracket_id("d1", 9))
    on.line.faults["cancel_brackets"] = [refuse("50011")]
    on.look("not cancelled")
    on.trade("sell", "1", reduceOnly=True)
    on.line.faults["amend_bracket"] = [refuse("51503")]
    on.look("cancelled, but the other one is not amended")


@scene
def a_position_cut_seven_times_within_a_minute(on: Stage) -> None:
    on.enter(contracts=D(20))
    for _ in range(6):
        on.trade("sell", "1", reduceOnly=True)
        on.run(on.guard.run())
    on.trade("sell", "1", reduceOnly=True)
    on.look("the seventh time: the bracket stays larger for now")
    on.enter(ETH)
    on.trade("sell", "1", ETH, reduceOnly=True)
    on.look("ETH has not been cut before")


# ---------------------------------------------------------------- cannot be covered


@scene
def a_bracket_that_is_refused_closes_the_position(on: Stage) -> None:
    on.enter()
    on.uncovers()
    on.line.always["place_bracket"] = refuse("51000")
    on.look()


@scene
def a_position_that_can_neither_be_covered_nor_closed(on: Stage) -> None:
    on.enter()
    on.uncovers()
    for call in ("place_bracket", "place_order", "close_position"):
        on.line.always[call] = refuse("51000")
    on.look("neither")
    on.line.always.clear()
    on.look("both")


@scene
def a_partly_covered_position_that_cannot_be_closed(on: Stage) -> None:
    on.enter()
    on.amends(newSz="1")
    for call in ("amend_bracket", "place_bracket", "place_order", "close_position"):
        on.line.always[call] = refuse("51000")
    on.look()


@scene
def the_price_has_passed_the_stop(on: Stage) -> None:
    on.enter()
    on.uncovers()
    on.world.say(BTC, 48_000.0)
    on.wait(1)
    on.look()


@scene
def a_position_goes_while_it_is_looked_at(on: Stage) -> None:
    on.enter()
    on.uncovers()
    on.line.faults["brackets"] = [passes, on.before(on.closes)]
    on.look("before the second look")


@scene
def a_position_goes_while_it_is_healed(on: Stage) -> None:
    on.enter()
    on.uncovers()
    on.line.faults["positions"] = [passes, passes, on.before(on.closes)]
    on.look("before a bracket is placed")


@scene
def a_position_whose_size_cannot_be_read_while_it_is_healed(on: Stage) -> None:
    on.enter()
    on.uncovers()
    on.line.faults["positions"] = [passes, passes, down]
    on.look("the size last seen is covered")


@scene
def a_position_of_less_than_one_contract(on: Stage) -> None:
    on.enter(contracts=D("0.5"))
    on.uncovers()
    on.look()


@scene
def a_position_goes_before_it_is_closed(on: Stage) -> None:
    on.enter()
    on.uncovers()
    on.line.always["place_bracket"] = refuse("51000")
    on.line.faults["positions"] = [*[passes] * 4, on.before(on.closes)]
    on.look()


@scene
def an_instrument_that_expires(on: Stage) -> None:
    on.enter()
    on.instruments[BTC] = replace(on.instruments[BTC], expires_at=on.world.clock.now_ms() + 20 * HOUR_MS)
    on.look("in 20 hours")


@scene
def an_instrument_that_expires_and_cannot_be_left(on: Stage) -> None:
    on.enter()
    on.instruments[BTC] = replace(on.instruments[BTC], expires_at=on.world.clock.now_ms() + 20 * HOUR_MS)
    on.line.always["place_order"] = on.line.always["close_position"] = refuse("51000")
    on.look("it stays covered")


@scene
def a_leverage_changed_by_hand(on: Stage) -> None:
    on.enter()
    on.line.faults["positions"] = [on.altered(lambda p: replace(p, leverage=D(5)))]
    on.look()
    on.look("set back")
