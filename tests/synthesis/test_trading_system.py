from __future__ import annotations

import pytest

from engine.config import LlmSettings
from engine.experts.gather_result import gather
from engine.experts.tokens import estimated_tokens
from engine.synthesis.doctrine import Doctrine
from engine.synthesis.parser import KEYS
from engine.synthesis.port import Performance
from engine.synthesis.trading_system import ANSWER_SCHEMA, NO_THINK, system_prompt, user_prompt
from tests.experts.markets import snapshot
from tests.synthesis.golden_prompts import GOLDEN, prompts
from tests.synthesis.requests import request

POOR = Performance(30, -1.0, 0.4)


def test_the_prompt_states_every_threshold_of_the_doctrine() -> None:
    text = system_prompt(Doctrine())
    for phrase in (
        "at least 5 of 15",
        "at least 2 of 3",
        "+2 or more",
        "2 or more bearish",
        "0.10%",
        "0.30%",
        "2.5",
        "25 or less",
    ):
        assert phrase in text
    for topic in ("FUNDING", "CROWDING", "LIQUIDATIONS", "FEAR GREED", "metal", "stock", "crypto"):
        assert topic in text


def test_thresholds_come_from_the_doctrine() -> None:
    assert "at least 8 of 15" in system_prompt(Doctrine(min_signals=8))


def test_the_prompt_is_the_same_bytes_for_every_ticker() -> None:
    assert system_prompt(Doctrine(), POOR) == system_prompt(Doctrine(), Performance(30, -1.0, 0.4))


def test_poor_results_tighten_it_from_20_trades_on() -> None:
    assert system_prompt(Doctrine(), Performance(19, -1.0, 0.4)) == system_prompt(Doctrine())
    tightened = system_prompt(Doctrine(), POOR)
    assert "at least 6 of 15" in tightened
    assert "PERFORMANCE. Over the last 20 or more closed trades" in tightened


def test_the_user_turn_ends_with_the_brief() -> None:
    text = user_prompt(request(in_position=True, streak=-2))
    assert text.startswith(f"{NO_THINK}\nPOSITION in position, bearish cycles 2\n")
    assert text.endswith(request().brief)


def test_prompt_brief_and_answer_fit_the_context() -> None:
    settings = LlmSettings()
    text = system_prompt(Doctrine(), POOR) + user_prompt(request(brief=gather(snapshot(), 3).brief))
    assert estimated_tokens(text) <= 2600
    assert estimated_tokens(text) + settings.num_predict <= settings.num_ctx


def test_schema_and_parser_want_the_same_keys() -> None:
    assert tuple(ANSWER_SCHEMA["required"]) == KEYS  # type: ignore[arg-type]


@pytest.mark.parametrize(("file", "text"), prompts(), ids=[file for file, _ in prompts()])
def test_each_prompt_is_the_one_that_was_read_and_approved(file: str, text: str) -> None:
    """A deliberate change: raise PROMPT_VERSION, then python -m tests.synthesis.golden_prompts."""
    assert (GOLDEN / file).read_text(encoding="utf-8") == text


def test_all_classes_of_a_cycle_share_the_prefix_and_the_suffix_makes_the_only_other() -> None:
    systems = {text.partition("=== USER")[0] for _, text in prompts()}
    assert len(systems) == 2
    usual, tightened = sorted(systems, key=len)
    assert len(systems) == len({usual, tightened}) and "PERFORMANCE" in tightened and "PERFORMANCE" not in usual


def test_one_trade_more_does_not_change_the_bytes() -> None:
    assert system_prompt(Doctrine(), POOR) == system_prompt(Doctrine(), Performance(31, -1.0, 0.4))
