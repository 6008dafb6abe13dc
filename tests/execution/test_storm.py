"""Random faults and crashes over random work, by seed: whatever came, at rest nothing is naked, doubled or orphaned."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from engine.model import BracketState, Protection
from engine.reasons import Reason
from tests.execution.rig import Fault, Rig, down, lose_reply, lose_request, passes, refuse, without_bracket

INSTRUMENTS = ["BTC-USDT-SWAP", "ETH-USDT-SWAP", "SOL-USDT-SWAP"]
FAULTS: dict[str, list[Fault]] = {
    "place_order": [lose_reply, lose_request, without_bracket, refuse("50001"), passes],
    "place_bracket": [lose_reply, lose_request, refuse("51000"), passes],
    "close_position": [lose_reply, lose_request, passes],
    "cancel_brackets": [lose_reply, lose_request, passes],
    "order": [down, passes],
    "positions": [down, passes],
    "brackets": [down, passes],
    "fills": [down, passes],
}


async def one_step(rig: Rig, rng: np.random.Generator, step: int, seed: int) -> None:
    inst_id = str(rng.choice(INSTRUMENTS))
    name = str(rng.choice(list(FAULTS)))
    rig.venue.faults.setdefault(name, []).append(FAULTS[name][int(rng.integers(len(FAULTS[name])))])
    match int(rng.integers(6)):
        case 0 | 1:
            await rig.desk.entry.enter(await rig.plan(f"storm-{seed}-{step}", inst_id))
        case 2:
            await rig.desk.exit.close(inst_id, Reason.SIGNAL_EXIT, f"storm-{seed}-{step}-x")
        case 3:
            for bracket in (await rig.brackets(inst_id))[:1]:
                await rig.real.cancel_brackets(inst_id, [bracket.algo_id])
        case 4:
            await asyncio.gather(rig.desk.guard_pass(), rig.desk.reconcile())
        case 5:
            await rig.restart()
            await rig.desk.boot()


@pytest.mark.parametrize("seed", [1, 2, *(pytest.param(n, marks=pytest.mark.slow) for n in range(3, 23))])
async def test_at_rest_nothing_is_naked_doubled_or_orphaned(rig: Rig, seed: int) -> None:
    rng = np.random.default_rng(seed)
    await rig.desk.boot()
    for step in range(12):
        await one_step(rig, rng, step, seed)
    rig.venue.faults.clear()
    for _ in range(12):
        await rig.desk.reconcile()
        await rig.desk.guard_pass()
        if not await rig.desk.journal.unresolved():
            break
        await asyncio.sleep(0.1)
    for position in await rig.real.positions():
        live = [b for b in await rig.brackets(position.inst_id) if b.state is BracketState.LIVE]
        assert len(live) == 1
        assert live[0].covers(position.contracts)
        assert live[0].contracts == position.contracts
    held = {p.inst_id for p in await rig.real.positions()}
    assert {b.inst_id for b in await rig.real.brackets()} <= held
    assert {view.protection for view in rig.desk.guard.last} <= {Protection.PROTECTED}
    assert rig.sim.ledger()["duplicates"] == 0
    await rig.desk.reconcile()
    assert (await rig.desk.reconcile()).silent
    assert (await rig.desk.guard.run()).silent
    assert abs((await rig.desk.tracker.account()).balanced_to) < 1
