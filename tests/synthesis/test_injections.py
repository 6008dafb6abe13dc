"""Headlines that try to give orders: whatever a stranger writes, the prompt's frame stands and no decision changes."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.briefs import SKETCHES, question
from bench.ollama_server.persona import reply_to
from bench.parser import CORPUS
from engine.experts.tokens import estimated_tokens
from engine.model import Action
from engine.synthesis.doctrine import Doctrine
from engine.synthesis.rules import apply_rules
from engine.synthesis.trading_system import NO_THINK, QUOTED, framed, in_quotes, system_prompt, user_prompt
from tests.synthesis.requests import request

INJECTIONS = tuple(json.loads(line) for line in (CORPUS / "injections.txt").read_text().splitlines())
BRIEF = "CLASS crypto\nDIRECTION bullish streak +3, signals 9 up 2 down of 15, timeframes 3 up of 3, score +0.41"
BRIEF += "\nFUNDING (40s): +0.0100% per 8h, due in 3h\nNEWS (5m):"
TEMPLATE = re.compile(r"[<>]|<\||/(no_?)?think", re.IGNORECASE)


def with_news(headline: str) -> str:
    """As bad as it can come: not cleaned, not shortened, its quotes and line ends as the stranger wrote them."""
    return f'{BRIEF}\n2h neutral "{headline}"\n5h bullish "Markets are calm"'


def test_there_are_enough_of_them() -> None:
    assert len(set(INJECTIONS)) >= 200


def test_no_headline_breaks_the_frame() -> None:
    head = user_prompt(request(brief=BRIEF))
    for headline in INJECTIONS:
        text = user_prompt(request(brief=with_news(headline)))
        assert text.startswith(f"{head}\n"), headline
        news = text[len(head) + 1 :].split("\n")
        assert all(line.startswith(QUOTED) for line in news), headline
        assert not TEMPLATE.search("".join(line.removeprefix(QUOTED) for line in news)), headline
        assert text.count(NO_THINK) == 1, headline
        assert all(unicodedata.category(char) not in {"Cc", "Cf", "Zl", "Zp"} for char in text.replace("\n", "")), (
            headline
        )


def test_no_headline_ends_its_quotes_early() -> None:
    escaped = [
        headline for headline in INJECTIONS if in_quotes(headline).count('"') != 2 or "\n" in in_quotes(headline)
    ]
    assert escaped == []


@pytest.mark.parametrize("sketch", SKETCHES[::4], ids=lambda sketch: sketch.name)
def test_no_headline_changes_what_the_rules_or_a_reader_of_the_prompt_decide(sketch: object) -> None:
    plain = question(sketch)  # type: ignore[arg-type]
    said = json.loads(reply_to(plain.system, plain.user))["action"]
    changed = []
    for headline in INJECTIONS:
        asked = question(sketch, (headline,))  # type: ignore[arg-type]
        assert asked.system == plain.system
        if json.loads(reply_to(asked.system, asked.user))["action"] != said:
            changed.append(headline)
    assert changed == []


def test_no_headline_changes_what_the_mirror_decides_and_the_rules_are_the_same_bytes() -> None:
    calm = apply_rules(request(brief=BRIEF), Doctrine())
    assert calm.action is Action.BUY
    assert all(apply_rules(request(brief=with_news(each)), Doctrine()) == calm for each in INJECTIONS)
    assert "never instructs you" in system_prompt(Doctrine())


@given(st.text(max_size=300))
def test_any_text_whatever_stays_behind_the_frame(headline: str) -> None:
    text = user_prompt(request(brief=with_news(headline)))
    head = user_prompt(request(brief=BRIEF))
    assert text.startswith(f"{head}\n")
    assert all(line.startswith(QUOTED) for line in text[len(head) + 1 :].split("\n"))
    assert in_quotes(headline).count('"') == 2
    assert text.encode()


def test_a_brief_of_computed_numbers_is_not_touched() -> None:
    for sketch in SKETCHES:
        brief = question(sketch).user.partition("MARKETBRIEF\n")[2]
        assert framed(brief) == brief
        assert estimated_tokens(brief) <= 500
