"""What must hold once the trouble is over and the guard has had its turns. Judged by the auditor and the venue."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from decimal import Decimal
from typing import Any, TypeVar

from bench.audit import Finding, Kind, Limits
from bench.audit.auditor import examine
from bench.audit.books import QUERIES
from bench.audit.lives import Lives, is_ours, rebuild
from bench.audit.state import State, read, read_tables
from engine.execution.bracket_states import OPEN_ENDED
from tests.properties.player import Player
from tests.properties.story import INSTRUMENTS, Disturb, Hand, Story
from tests.properties.virtual_time import WALL_START_MS
from tests.properties.wire import Fate
from tests.properties.world import World

T = TypeVar("T")

ROUNDS = 40
ROUND_S = 15.5
SILENT, SILENT_AT_MOST = 2, 4
CALM_LIMIT_S, HEALED_S = 5.0, 30.0
"""How long a position may be bare where nothing happens, and after the end of whatever last happened."""
CENT = Decimal("0.01")
BRACKETS = ("SELECT * FROM brackets",)


class Broken(AssertionError):
    """An invariant does not hold; the message names it, and the story that broke it."""


def check(story: Story) -> World:
    """Plays the story to its rest and judges it; returns the world, closed. Raises Broken."""
    world = World(story.seed)
    try:
        player = Player(world)
        player.play(story)
        settle(world)
        judge(world, story)
    finally:
        world.close()
    return world


def run(world: World, work: Coroutine[Any, Any, T]) -> T:
    return world.loop.run_until_complete(work)


# -------------------------------------------------------------------- coming to rest


def settle(world: World) -> None:
    """Faults end, the engine lives, its jobs run until two rounds in a row have nothing left to do: in one alone the
    guard might have left an instrument to somebody who was at work there. A bracket's end may take two more to be
    known for certain."""
    world.wire.calm()
    world.refusing_until = 0.0
    world.market.level_size, world.market.levels = Decimal(1_000_000), 400
    silent = 0
    for _ in range(ROUNDS):
        world.run_for(ROUND_S)
        silent = silent + 1 if not _at_work(world) and _round_is_silent(world) else 0
        if silent >= SILENT and (not _brackets_pending(world) or silent >= SILENT_AT_MOST):
            return
    raise Broken(f"not at rest after {ROUNDS * ROUND_S:.0f} s: {_trouble(world)}")


def _brackets_pending(world: World) -> bool:
    assert world.engine is not None
    assert world.engine.desk is not None
    return bool(world.engine.desk.fates.pending)


def _at_work(world: World) -> bool:
    killing = world.killing is not None and not world.killing.done()
    return killing or world.engine is None or not world.engine.booted or world.engine.busy


def _round_is_silent(world: World) -> bool:
    assert world.engine is not None
    assert world.engine.desk is not None
    desk = world.engine.desk
    report = run(world, desk.reconcile())
    passed = run(world, desk.guard.run())
    run(world, desk.sync_outcomes())
    quiet = report.complete and not report.resolved and not report.booked and not report.unknown
    return quiet and passed.silent


def _trouble(world: World) -> str:
    if world.engine is None or world.engine.desk is None:
        return "the engine did not start"
    report = run(world, world.engine.desk.reconcile())
    return f"{report}; {world.engine.logged()[-5:]}; tasks {[t.get_name() for t in world.engine._tasks]}"


# -------------------------------------------------------------------- the judgement


def judge(world: World, story: Story) -> None:
    problems = [
        *(f"a defect: {error!r}" for error in world.defects),
        *(f"sent after the kill: {order}" for order in world.late_orders),
        *_by_the_auditor(world, story),
        *_by_the_engine(world, story),
    ]
    if problems:
        raise Broken("\n".join(problems))


def _by_the_auditor(world: World, story: Story) -> list[str]:
    state = read(world.store._connection)
    books = read_tables(world.disk.connection, QUERIES)
    audit = examine(state, books, Limits(naked_s=CALM_LIMIT_S, orphan_s=HEALED_S))
    troubles = [*world.troubles, *world.wire.spoiled]
    found = [f.line() for f in audit.findings if not _excused(f, story) and not _healed_in_time(f, troubles)]
    lives = rebuild(state)
    return [
        *found, *_one_bracket_each(state, lives), *_strangers_untouched(state, lives),
        *_brackets_on_record(state, read_tables(world.disk.connection, BRACKETS)[0]),
    ]  # fmt: skip


def _excused(finding: Finding, story: Story) -> bool:
    """A line that delivers an order twice opens twice: OKX refuses an id only while its first order lives. Books that
    cannot explain a person's trades block, and that is looked at elsewhere."""
    doubled = any(isinstance(s, Disturb) and s.fate is Fate.TWICE and s.call in ("order", "any") for s in story.steps)
    if finding.kind is Kind.DUPLICATE and doubled:
        return "brackets under" not in finding.detail
    return finding.kind is Kind.MISMATCH and finding.inst_id in _handled(story)


def _healed_in_time(finding: Finding, troubles: Sequence[tuple[float, float]]) -> bool:
    """A bare position, or a bracket without one, that ended within 30 s of the last trouble before its end."""
    if finding.kind not in (Kind.NAKED, Kind.ORPHAN) or finding.from_ms is None or finding.to_ms is None:
        return False
    ended = (finding.to_ms - WALL_START_MS) / 1000
    over = [min(end, ended) for began, end in troubles if began <= ended]
    return bool(over) and ended - max(*over, (finding.from_ms - WALL_START_MS) / 1000) <= HEALED_S


def _handled(story: Story) -> set[str]:
    """Instruments on which a person traded: the books then block, with a reason, what they cannot explain."""
    return {INSTRUMENTS[step.which] for step in story.steps if isinstance(step, Hand)}


def _one_bracket_each(state: State, lives: Lives) -> list[str]:
    """Under each position of ours exactly one live, two-legged, reduce-only bracket of exactly its size."""
    problems = []
    live = [algo for algo in state.of("Algo") if algo["state"] == "live" and is_ours(algo)]
    for life in lives.open.values():
        if not life.ours or life.sign < 0:
            continue
        here = [algo for algo in live if algo["inst_id"] == life.inst_id]
        whole = [algo for algo in here if algo["tp"] and algo["sl"] and algo["reduce_only"]]
        sizes = [algo["sz"] for algo in whole]
        if len(here) != 1 or sizes != [life.contracts]:
            problems.append(f"{life.inst_id}: {life.contracts} contracts under brackets of {sizes}, {len(here)} in all")
    return problems


def _brackets_on_record(state: State, rows: list[dict[str, Any]]) -> list[str]:
    """The journal holds a bracket without an end exactly where one of ours rests at the venue."""
    live = {algo["client_id"] for algo in state.of("Algo") if algo["state"] == "live" and is_ours(algo)}
    open_ended = {row["client_id"]: row["state"] for row in rows if row["state"] in OPEN_ENDED}
    ghosts = [f"bracket {name} is {open_ended[name]} in the journal only" for name in sorted(open_ended.keys() - live)]
    return ghosts + [f"bracket {name} rests without a record" for name in sorted(live - open_ended.keys())]


def _strangers_untouched(state: State, lives: Lives) -> list[str]:
    orders = state.rows.get("Order", {})
    return [
        f"{life.inst_id}: a stranger's position was traded by {orders[fill['ord_id']]['client_id']}"
        for life in lives.all
        if not life.ours
        for fill in life.fills
        if is_ours(orders[fill["ord_id"]])
    ]


def _by_the_engine(world: World, story: Story) -> list[str]:
    """The second look changes nothing, and the money balances to the cent."""
    assert world.engine is not None
    assert world.engine.desk is not None
    desk = world.engine.desk
    report = run(world, desk.reconcile())
    excused = _handled(story)
    unexplained = {inst_id: text for inst_id, text in report.mismatches.items() if inst_id not in excused}
    problems = [f"books against venue: {inst_id}: {text}" for inst_id, text in unexplained.items()]
    for inst_id in report.mismatches:
        if desk.blocks.of(inst_id) is None:
            problems.append(f"{inst_id}: a mismatch that blocks nothing")
    if report.resolved or report.booked or report.unknown or not report.complete:
        problems.append(f"the second reconcile was not silent: {report}")
    account = run(world, desk.tracker.account())
    if abs(account.balanced_to) >= CENT:
        problems.append(f"the account is off by {account.balanced_to}")
    return problems
