"""Why nothing may open: each source states its whole view, and the first source's reason is the one that is told."""

from __future__ import annotations

from engine.execution.blocks import ACCOUNT, Block, Blocks
from engine.reasons import Reason

BTC, ETH = "BTC-USDT-SWAP", "ETH-USDT-SWAP"
FOREIGN = Block(Reason.FOREIGN_ORDER, "not ours")
UNKNOWN = Block(Reason.UNKNOWN_ORDER, "not known yet")
DOWN = Block(Reason.VENUE_UNAVAILABLE, "away")


def test_a_cause_that_has_gone_takes_its_block_along_and_leaves_the_others() -> None:
    blocks = Blocks()
    assert blocks.replace("guard", {BTC: FOREIGN, ETH: FOREIGN})
    assert blocks.replace("reconcile", {BTC: UNKNOWN})
    assert not blocks.replace("reconcile", {BTC: UNKNOWN}), "told once"
    assert blocks.replace("guard", {ETH: FOREIGN})
    assert blocks.of(BTC) == UNKNOWN
    assert blocks.of(ETH) == FOREIGN


def test_a_block_of_the_account_stops_every_instrument_and_is_shown_as_such() -> None:
    blocks = Blocks()
    blocks.replace("venue", {ACCOUNT: DOWN})
    assert blocks.of(BTC) == blocks.of(ETH) == DOWN
    assert blocks.on(ACCOUNT) == (DOWN,)
    assert blocks.on(BTC) == ()


def test_the_operator_sees_the_reason_that_an_entry_would_be_denied_with() -> None:
    blocks = Blocks()
    blocks.replace("guard", {BTC: FOREIGN})
    blocks.replace("reconcile", {BTC: UNKNOWN, ETH: UNKNOWN})
    assert blocks.all() == {BTC: FOREIGN, ETH: UNKNOWN}
    assert all(blocks.of(inst_id) == block for inst_id, block in blocks.all().items())
