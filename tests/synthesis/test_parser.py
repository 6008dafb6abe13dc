from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.model import Action
from engine.synthesis.parser import KEYS, AnswerInvalid, parse_answer
from engine.synthesis.port import Answer

GOOD = {"action": "BUY", "signals_aligned": 7, "timeframes_aligned": 2, "reasoning": "1H+4H up", "notional": 5.0}
PARSED = Answer(Action.BUY, 7, 2, "1H+4H up", 5.0)
TEXT = json.dumps(GOOD)
FULL_WIDTH = TEXT.translate({ord(c): ord(c) + 0xFEE0 for c in '{}:,"'})


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"  \n{TEXT}\n",
        json.dumps(GOOD, indent=4),
        f"```json\n{TEXT}\n```",
        f"Here is my decision:\n{TEXT}\nGood luck!",
        f"<think>maybe {{\"action\": \"SELL\"}}</think>{TEXT}",
        f"no opening tag, just a thought</think>\n{TEXT}",
        f"{TEXT}<think>and now I ramble {{",
        f"{TEXT}{json.dumps(GOOD | {'reasoning': 'once more'})}",
        f"{TEXT} {{not an object}} {{\"note\": 1}}",
        FULL_WIDTH,
        TEXT.replace('"', "“", 1).replace('"', "”", 1),
        TEXT.encode(),
        b"\xff\xfe" + TEXT.encode(),
        "\ufeff" + TEXT,
        "[note] " + TEXT,
    ],
    ids=[
        "plain", "blanks", "indented", "fence", "prose", "thinking", "half thinking", "thinking after", "two objects",
        "braces after", "full width", "curly quotes", "bytes", "bad bytes", "byte order mark", "bracket in prose",
    ],
)  # fmt: skip
def test_a_valid_answer_is_found(text: str | bytes) -> None:
    assert parse_answer(text) == PARSED


def changed(**changes: Any) -> str:
    return json.dumps(GOOD | changes)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no JSON object"),
        ("HOLD", "no JSON object"),
        ("<think>for ever", "no JSON object"),
        (TEXT[:-1], "never ends"),
        ('{"a": ' + TEXT, "never ends"),
        (f"[{TEXT}]", "array"),
        ("[1, 2, 3]", "no JSON object"),
        ("{thinking} " + TEXT, "not JSON"),
        (f"{TEXT}{json.dumps(GOOD | {'action': 'SELL'})}", "second object says action 'SELL' after 'BUY'"),
        (f"{TEXT}\n{{ {TEXT.replace('BUY', 'HOLD')}", "second object"),
        (TEXT + TEXT.replace("BUY", "HOLD").translate({ord(c): ord(c) + 0xFEE0 for c in '{}:,"'}), "second object"),
        ("{" * 60_000 + "}" * 5_000, "never ends"),
        ('{"a":' * 9_000 + "1" + "}" * 9_000, "not JSON"),
        ("x" * 70_000, "characters"),
        (changed(action="buy"), "action"),
        (changed(action="LONG"), "action"),
        (changed(action=None), "action"),
        (changed(action=["BUY"]), "action"),
        (changed(signals_aligned="7"), "signals_aligned"),
        (changed(signals_aligned=7.0), "signals_aligned"),
        (changed(signals_aligned=True), "signals_aligned"),
        (changed(signals_aligned=16), "0 to 15"),
        (changed(signals_aligned=-1), "signals_aligned"),
        (changed(timeframes_aligned=4), "0 to 3"),
        (changed(timeframes_aligned=[1, 2]), "timeframes_aligned"),
        (changed(reasoning=""), "reasoning"),
        (changed(reasoning=" \n"), "reasoning"),
        (changed(reasoning="x" * 2001), "reasoning"),
        (changed(reasoning=7), "reasoning"),
        (changed(notional="5"), "notional"),
        (changed(notional=-1), "notional"),
        (changed(notional=10**400), "notional"),
        (changed(notional=math.nan), "NaN"),
        (changed(notional=math.inf), "Infinity"),
        (TEXT.replace("5.0", "1e999"), "notional"),
        (TEXT.replace("5.0", "9" * 5000), "not JSON"),
        (changed(confidence=0.9), "unknown keys"),
        (json.dumps({k: v for k, v in GOOD.items() if k != "notional"}), "missing keys"),
        (TEXT[:-1] + ', "action": "SELL"}', "twice"),
        (TEXT.replace('"', "'"), "not JSON"),
        ("{}", "missing keys"),
    ],
)
def test_anything_else_is_refused_with_what_was_expected(text: str, why: str) -> None:
    with pytest.raises(AnswerInvalid, match=why) as refusal:
        parse_answer(text)
    assert len(str(refusal.value)) < 400


def test_reasoning_is_made_printable() -> None:
    answer = parse_answer(changed(reasoning="up\x1b[31m\x00\u202enow \ud800!"))
    assert answer.reasoning == "up [31m now ?!"
    assert answer.reasoning.encode()


@given(st.binary(max_size=400))
@settings(max_examples=400, deadline=None)
def test_any_bytes_are_an_answer_or_a_refusal(data: bytes) -> None:
    _whole_or_refused(data)


SIGNS = ["{", "}", '"', "\\", "[", "]", ",", ":", " ", "```", "<think>", "</think>", "NaN", "BUY", "1e9", "\ud800"]


@given(st.lists(st.sampled_from([TEXT, FULL_WIDTH, *SIGNS, *KEYS]), max_size=30))
@settings(max_examples=400, deadline=None)
def test_any_mixture_of_grammar_is_an_answer_or_a_refusal(pieces: list[str]) -> None:
    _whole_or_refused("".join(pieces))


@given(st.integers(0, len(TEXT) - 1), st.characters())
@settings(max_examples=400, deadline=None)
def test_one_wrong_character_never_raises_and_never_gives_a_part(at: int, char: str) -> None:
    _whole_or_refused(TEXT[:at] + char + TEXT[at + 1 :])


@given(st.integers(0, len(TEXT) - 1))
def test_no_truncation_is_ever_an_answer(length: int) -> None:
    with pytest.raises(AnswerInvalid):
        parse_answer(TEXT[:length])


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.fixed_dictionaries(dict.fromkeys(KEYS, json_values)))
@settings(max_examples=300, deadline=None)
def test_any_values_under_the_right_keys_are_an_answer_or_a_refusal(fields: dict[str, Any]) -> None:
    _whole_or_refused(json.dumps(fields))


def _whole_or_refused(data: str | bytes) -> None:
    try:
        answer = parse_answer(data)
    except AnswerInvalid:
        return
    assert isinstance(answer.action, Action)
    assert 0 <= answer.signals_aligned <= 15 and 0 <= answer.timeframes_aligned <= 3
    assert answer.reasoning.strip() and answer.reasoning.encode()
    assert math.isfinite(answer.notional) and answer.notional >= 0
