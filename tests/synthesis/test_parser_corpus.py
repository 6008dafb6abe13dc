"""Answers as models really write them, one file each, named after what must come of it; and a storm of mutations."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.parser import CORPUS, fuzz
from engine.model import Action
from engine.synthesis.parser import AnswerInvalid, Fault, parse_answer

FILES = sorted(CORPUS.glob("*__*.txt"))
LONG = int(os.environ.get("CYNOSURE_FUZZ_INPUTS", "1000000"))


def test_every_fault_but_a_cut_reply_has_a_file() -> None:
    """A cut is told by the server, not by the text."""
    slugs = {fault.value.replace(" ", "_") for fault in Fault} - {Fault.CUT.value}
    assert slugs <= {path.name.partition("__")[0] for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_file_comes_to_what_its_name_says(path: Path) -> None:
    expected = path.name.partition("__")[0]
    try:
        found = parse_answer(path.read_bytes()).action.value
    except AnswerInvalid as refusal:
        found = refusal.fault.value.replace(" ", "_")
    assert found == expected


def test_thousands_of_mutations_bring_no_exception_and_no_action_from_invalid_text() -> None:
    findings = fuzz(4_000, seed=7)
    assert findings.exceptions == [] and findings.from_invalid == []
    assert findings.answers > 100, "an unfit fuzzer meets no valid answer at all"
    assert sum(findings.refusals.values()) + findings.answers == 4_000


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_million_inputs_bring_no_exception_and_no_action_from_invalid_text() -> None:
    """CYNOSURE_FUZZ_INPUTS bounds it."""
    findings = fuzz(LONG, seed=1)
    assert findings.exceptions == [] and findings.from_invalid == []
    assert findings.inputs == LONG


def test_the_oracle_of_the_fuzzer_can_object() -> None:
    from bench.parser import stands_in

    text = (CORPUS / "BUY__plain.txt").read_text()
    answer = parse_answer(text)
    assert answer.action is Action.BUY and stands_in(answer, text)
    assert not stands_in(answer, text.replace("BUY", "SELL"))
    assert not stands_in(answer, text.replace(": 9,", ': "9",'))
