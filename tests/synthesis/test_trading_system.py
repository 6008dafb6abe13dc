from __future__ import annotations

from engine.config import LlmSettings
from engine.experts.gather_result import gather
from engine.experts.tokens import estimated_tokens
from engine.synthesis.doctrine import Doctrine
from engine.synthesis.parser import KEYS
from engine.synthesis.port import Performance
from engine.synthesis.trading_system import ANSWER_SCHEMA, NO_THINK, system_prompt, user_prompt
from tests.experts.markets import snapshot
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
