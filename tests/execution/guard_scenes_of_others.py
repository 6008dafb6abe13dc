"""Scenes of what is not ours, or not any more: persons, other engines, orphans, lives that followed upon ours."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from engine.execution.ids import bracket_id, entry_id
from engine.model import BracketState, Position
from engine.reasons import Reason
from tests.execution.guard_scenes import nothing, scene
from tests.execution.guard_stage import BTC, ETH, Stage
from tests.execution.rig import down, passes, refuse

SOL = "SOL-USDT-SWAP"


# ---------------------------------------------------------------- what a person opened


@scene
def a_person_opens_a_position(on: Stage) -> None:
    on.trade("buy", "3")
    on.look("it is said once")
    on.look()
    on.places("3", stop="48000", target="53000")
    on.look("under a bracket of their own")


@scene
def a_person_opens_a_short(on: Stage) -> None:
    on.trade("sell", "3")
    on.places("3", stop="52000", side="buy")
    on.places("3", target="47000", side="buy")
    on.look("under one leg and another")


@scene
def a_persons_bracket_that_does_not_rest_is_not_shown(on: Stage) -> None:
    on.trade("buy", "3")
    on.places("3", stop="48000", target="53000")
    on.trade("buy", "3", ETH)
    on.places("3", "1900", "2200", ETH)

    async def dormant(call: Any, args: Any, kwargs: Any) -> Any:
        listed = await call(*args, **kwargs)
        return tuple(replace(b, state=BracketState.DORMANT) if b.inst_id == BTC else b for b in listed)

    on.line.always["brackets"] = dormant
    on.look("BTC's does not, ETH's does")


@scene
def a_persons_orders_and_brackets(on: Stage) -> None:
    on.trade("buy", "1", BTC, ordType="limit", px="45000")
    on.trade("buy", "1", SOL)
    on.places("1", "90", "120", SOL)
    on.closes(SOL, cancels=False)
    on.look("an order on BTC, a bracket without a position on SOL")
    on.trade("buy", "1", ETH)
    on.look("a position on ETH")


@scene
def a_persons_bracket_over_our_position(on: Stage) -> None:
    on.enter()
    on.places("2", "48800", "53000")
    on.look("higher than ours: it counts, ours stays")
    on.places("2", "48700", "53000")
    on.uncovers()
    on.look("all are gone")


@scene
def a_persons_bracket_that_is_larger(on: Stage) -> None:
    on.enter()
    on.uncovers()
    on.places("5", "48800", "53000")
    on.look("it covers; it is not ours to cut")


@scene
def a_persons_bracket_over_a_part(on: Stage) -> None:
    on.enter()
    on.uncovers()
    on.places("1", "48800", "53000")
    on.look("one of ours over the whole is added")


# ---------------------------------------------------------------- other engines


@scene
def another_engine_on_this_account(on: Stage) -> None:
    on.trade("buy", "1", BTC, ordType="limit", px="45000", clOrdId=entry_id("theirs"))
    on.trade("buy", "1", ETH)
    on.places("1", "1900", "2200", ETH, client_id=bracket_id("theirs", 1))
    on.trade("buy", "1", SOL)
    on.places("1", "90", "120", SOL, client_id=bracket_id("theirs too", 1))
    on.closes(SOL, cancels=False)
    with on.disk_refuses("UNION ALL"):
        on.look("whose ids cannot be looked up now")


@scene
def another_engine_that_is_told_from_us(on: Stage) -> None:
    on.trade("buy", "1", BTC, ordType="limit", px="45000", clOrdId=entry_id("theirs"))
    on.trade("buy", "1", ETH)
    on.places("1", "1900", "2200", ETH, client_id=bracket_id("theirs", 1))
    on.enter(SOL)
    on.look("an order on BTC, a position on ETH; SOL is ours")
    on.look("said once")


@scene
def brackets_of_two_engines_without_a_position(on: Stage) -> None:
    on.enter(ETH)
    on.places("1", "1900", "2200", ETH, client_id=bracket_id("theirs", 1))
    on.closes(ETH, cancels=False)
    on.trade("buy", "1", SOL)
    on.places("1", "90", "120", SOL, client_id=bracket_id("theirs too", 1))
    on.closes(SOL, cancels=False)
    on.look("ours on ETH goes, theirs stay")


# ---------------------------------------------------------------- our trade has ended, another position is there


def _reopened(on: Stage, pause: float) -> None:
    """A person closes our position, leaves its bracket, and opens one of their own."""
    on.closes(cancels=False)
    on.wait(pause)
    on.trade("buy", "1")
    on.wait(1)


@scene
def a_person_closes_ours_and_opens_their_own(on: Stage) -> None:
    on.enter()
    _reopened(on, 3)
    on.look("what was ours under it goes")
    on.look()


@scene
def a_person_closes_ours_and_opens_their_own_and_the_venue_does_not_tell(on: Stage) -> None:
    on.enter()
    _reopened(on, 3)
    on.line.always["fills"] = down
    on.look("held for ours: better covered once too often than bare")
    on.line.always.clear()
    on.look("it tells")


@scene
def a_person_closes_ours_and_opens_their_own_and_the_books_cannot_be_read(on: Stage) -> None:
    on.enter()
    _reopened(on, 3)
    with on.disk_refuses("INTO fills"):
        on.look()


@scene
def a_person_closes_ours_and_opens_their_own_and_ours_cannot_be_cancelled(on: Stage) -> None:
    on.enter()
    _reopened(on, 3)
    on.line.faults["cancel_brackets"] = [refuse("50001")]
    on.look("tried")
    on.look("tried again")


@scene
def a_person_turns_ours_into_a_short(on: Stage) -> None:
    on.enter()
    on.trade("sell", "4")
    on.wait(1)
    on.line.faults["fills"] = [down]
    on.look("not known yet: shown, never touched")
    on.look("known")


@scene
def a_position_a_second_younger_than_its_trade(on: Stage) -> None:
    on.enter()
    [trade] = on.run(on.desk.shared.book.open_trades()).values()

    def opened(later_ms: int) -> Any:
        def change(position: Position) -> Position:
            return replace(position, opened_at=trade.opened_at + later_ms)

        return on.altered(change)

    for speed, later in ((1.0, 1000), (1.0, 1001), (20.0, 20_000), (20.0, 20_001), (0.5, 1000), (0.5, 1001)):
        on.world.clock.speed = lambda speed=speed: speed  # type: ignore[misc]
        on.line.always["positions"] = opened(later)
        on.look(f"{later} ms at speed {speed}")


@scene
def a_claimed_position_that_is_dated_late(on: Stage) -> None:
    on.trade("buy", "3")
    on.run(on.desk.claim.take(BTC, "operator", stop_pct=4.0))
    [trade] = on.run(on.desk.shared.book.open_trades()).values()
    on.line.always["positions"] = on.altered(lambda p: replace(p, opened_at=trade.opened_at + 1001))
    on.look("it stays ours")


# ---------------------------------------------------------------- orphans


def _orphaned(on: Stage, inst_id: str = BTC) -> None:
    on.enter(inst_id)
    on.closes(inst_id, cancels=False)
    on.wait(1)


@scene
def a_bracket_without_a_position(on: Stage) -> None:
    _orphaned(on)
    on.look("it goes")
    on.look()


@scene
def brackets_without_positions(on: Stage) -> None:
    on.enter(ETH)
    on.places("1", "1800", "2200", ETH, client_id=bracket_id("d1", 5))
    on.closes(ETH, cancels=False)
    _orphaned(on, BTC)
    on.places("1", "45000", "55000", client_id="byhand")
    on.look("two on ETH, one on BTC and one of a person there")


@scene
def a_bracket_without_a_position_that_stays(on: Stage) -> None:
    _orphaned(on, BTC)
    _orphaned(on, ETH)
    on.line.faults["cancel_brackets"] = [refuse("50001")]
    on.look("BTC's stays, ETH's goes")
    on.look()


@scene
def a_bracket_without_a_position_where_somebody_works(on: Stage) -> None:
    _orphaned(on, BTC)
    _orphaned(on, ETH)
    with on.at_work(BTC):
        on.look("BTC is theirs")
    on.look()


@scene
def a_bracket_whose_position_is_back(on: Stage) -> None:
    _orphaned(on)
    on.line.faults["brackets"] = [passes, on.before(lambda: on.trade("buy", "1"))]
    on.look("before anything is cancelled")


@scene
def a_bracket_that_has_gone_meanwhile(on: Stage) -> None:
    _orphaned(on)
    on.line.faults["brackets"] = [passes, nothing]
    on.look("nothing to cancel")


@scene
def a_close_by_our_own_exit(on: Stage) -> None:
    on.enter()
    on.run(on.desk.exit.close(BTC, Reason.SIGNAL_EXIT, "d1"))
    on.look("closed at the venue, open in the books until they are read")
