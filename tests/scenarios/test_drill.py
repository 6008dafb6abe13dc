"""The drill tells what did not end as its file says: a judge that finds nothing proves nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.drill.drill import Result, drill
from bench.drill.scenario import read_scenario
from bench.drill.table import BEGIN, END, listed, with_table

WRONG = """
row: entry reply
fault: none of it is so
why: Everything that is expected here is wrong.
faults:
  - {kind: lose_reply, when: {method: POST, path: /api/v5/trade/order, inst: ETH-USDT-SWAP}}
do:
  - line: {fault: dns, method: POST, path: /api/v5/trade/order}
  - enter: BTC
  - enter: SOL
  - expect_now: {positions: {SOL: flat}}
expect:
  positions: {BTC: protected, SOL: flat}
  entry: ORDER_REJECTED
  entries: 2
  brackets: {SOL: 3}
  max_unprotected_s: 0
  blocked: {BTC: FOREIGN_ORDER}
  halted: KEY_REFUSED
  closed_trades: [STOP_LOSS]
  logs: the moon is full
  state: running
  latch: flat
"""
TOLD = (
    "half-way: SOL-USDT-SWAP is protected, not flat",
    "BTC-USDT-SWAP is flat, not protected",
    "SOL-USDT-SWAP has 1 live brackets, not 3",
    "the entry ended ENTERED, not ORDER_REJECTED",
    "1 entries were filled, not 2",
    "unprotected for",
    "BTC-USDT-SWAP is blocked by nothing, not FOREIGN_ORDER",
    "halted by nothing, not KEY_REFUSED",
    "trades ended nothing, not STOP_LOSS",
    "nobody said 'the moon is full'",
    "state is '', not 'running'",
    "latch is 'disengaged', not 'flat'",
    "auditor: naked",
    "no fault ever fired",
)


@pytest.mark.slow
async def test_every_miss_is_told(tmp_path: Path) -> None:
    path = tmp_path / "entry_reply__wrong.yaml"
    path.write_text(WRONG)
    result = await drill(read_scenario(path))
    assert not result.passed
    for text in TOLD:
        assert any(text in line for line in result.wrong), f"{text!r} is not among {result.wrong}"
    assert (result.reason, result.end) == ("ENTERED", "protected")


def test_the_table_stands_between_its_markers() -> None:
    results = [
        Result("fills__partial", "fills", "partial", (), 1.5, "protected", "ENTERED", 3.0, 1),
        Result("venue__50001", "venue", "50001", ("a reason",), 0.0, "flat", "", 3.0, 1),
    ]
    old = "| fills | repeated | flat | 0.10 s | `fills__repeated` |"
    gone = "| fills | lost | flat | 0.10 s | `fills__lost` |"
    names = ["fills__partial", "fills__repeated", "venue__50001"]
    page = with_table(f"before\n{BEGIN}\n{gone}\n{old}\n{END}\nafter\n", results, names)
    assert listed(page) == names
    assert old in page
    assert page.startswith("before\n")
    assert page.endswith("\nafter\n")
    assert "| venue | 50001 | flat (FAILED) | 0.00 s | `venue__50001` |" in page
    with pytest.raises(ValueError, match="lacks"):
        with_table("no markers", results, names)
