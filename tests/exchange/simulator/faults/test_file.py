"""A fault file is right, or one line says what is wrong with it."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from engine.exchange.simulator.faults.catalogue import PARAMS
from engine.exchange.simulator.faults.file import FaultFileError, read_fault_file
from engine.exchange.simulator.faults.spec import FaultKind
from tests.simulator_process import REPOSITORY, simulator, simulator_command

GOOD = """
seed: 7
faults:
  - kind: lose_reply
    when: {method: POST, path: /api/v5/trade/order, inst: BTC-USDT-SWAP, body: {side: buy}, call: 1}
  - kind: refuse
    code: 51008
    item: true
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "faults.yaml"
    path.write_text(text)
    return path


def test_a_file_in_yaml_or_json(tmp_path: Path) -> None:
    seed, faults = read_fault_file(written(tmp_path, GOOD))
    assert seed == 7
    assert [fault.kind for fault in faults] == [FaultKind.LOSE_REPLY, FaultKind.REFUSE]
    assert faults[1].params.code == "51008"  # type: ignore[attr-defined]
    document = {"faults": [{"kind": "late", "delay_ms": 30_000, "after_s": 2}]}
    assert read_fault_file(written(tmp_path, json.dumps(document)))[1][0].after_s == 2.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a list", "expected an object with 'seed' and 'faults'"),
        ("seed: [1]", "'seed': expected a whole number"),
        ("fault: []", "'fault': unknown key; allowed: seed, faults"),
        ("faults: {}x: {", "line 1: neither YAML nor JSON"),
        ("faults: [hello]", "fault 1: expected an object with a 'kind'"),
        ("faults: [{kind: explode}]", "fault 1: 'kind': 'explode' is no kind of fault; allowed: "),
        ("faults: [{kind: [late]}]", "is no kind of fault"),
        ("faults: [{kind: late}]", "fault 1 (late): 'delay_ms': field required"),
        ("faults: [{kind: late, delay_ms: -1}]", "'delay_ms': input should be greater than or equal to 0, got -1"),
        ("faults: [{kind: late, delay_ms: 1, dealy: 2}]", "'dealy': unknown key; allowed: delay_ms, kind"),
        ("faults: [{kind: lose_reply, after_s: soon}]", "'after_s': expected seconds in 0 … 86400, got 'soon'"),
        ("faults: [{kind: lose_reply, when: {cal: 1}}]", "(lose_reply): when: 'cal': unknown key; allowed: method"),
        ("faults: [{kind: lose_reply, when: {call: 1, every: 2}}]", "call and every exclude each other"),
        ("faults: [{kind: lose_reply, when: 5}]", "when: "),
        ("faults: [{kind: duplicate, twice: never}]", "'twice': input should be 'answer' or 'request', got 'never'"),
        ("faults: 5", "'faults': expected a list, got 5"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_one_clear_line(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(FaultFileError) as caught:
        read_fault_file(written(tmp_path, text))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_program_refuses_a_wrong_file(tmp_path: Path) -> None:
    for path, said in ((tmp_path / "none.yaml", "cannot be read"), (written(tmp_path, "faults: 5"), "expected a list")):
        ended = subprocess.run(
            simulator_command(tmp_path, faults=path), cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        assert (ended.returncode, ended.stdout) == (2, "")
        assert said in ended.stderr.strip()
        assert len(ended.stderr.strip().splitlines()) == 1


def test_the_program_plays_a_file(tmp_path: Path) -> None:
    with simulator(tmp_path, forked=False, faults=written(tmp_path, GOOD)) as running:
        assert [row["kind"] for row in running.faults()] == ["lose_reply", "refuse"]


def test_the_manual_tells_every_kind() -> None:
    manual = (REPOSITORY / "docs" / "simulator.md").read_text(encoding="utf-8")
    assert [str(kind) for kind in FaultKind if f"`{kind}`" not in manual] == []


def test_every_kind_can_be_ordered() -> None:
    assert set(PARAMS) == set(FaultKind)
